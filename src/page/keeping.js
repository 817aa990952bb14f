/**
 * Pictures and talk, kept in this browser over a reload and a closed tab. Each tab has its own; a new one begins with
 * the newest. Where a browser keeps nothing, as in private windows of some, the page works without.
 */

const database = 'llama-vision'
const store = 'tabs'
const tabName = 'llama-vision-tab'
const mostTabs = 3
const newTab = String(Math.random())

/** `{ save, load, forget }`; none of them rejects. */
export function createKeeping() {
  const opened = open().catch(() => undefined)
  /** One after the other, and of several that wait only the last. */
  let saving = Promise.resolve()
  let waiting

  const inStore = async (mode, work) => {
    const kept = await opened
    if (!kept) return undefined
    try {
      const transaction = kept.transaction(store, mode)
      const result = await work(transaction.objectStore(store))
      await done(transaction)
      return result
    } catch {
      // Full, or blocked by its user.
      return undefined
    }
  }

  return {
    save(record) {
      waiting = record
      saving = saving.then(async () => {
        if (!waiting) return
        const kept = { ...waiting, tab: tab(), savedAt: Date.now() }
        waiting = undefined
        await inStore('readwrite', async (tabs) => {
          tabs.put(kept)
          const newest = (await answer(tabs.index('savedAt').getAllKeys())).reverse()
          for (const old of newest.slice(mostTabs)) tabs.delete(old)
        })
      })
      return saving
    },
    load: () =>
      inStore('readonly', async (tabs) => {
        const own = await answer(tabs.get(tab()))
        if (own) return own
        const cursor = await answer(tabs.index('savedAt').openCursor(null, 'prev'))
        return cursor?.value
      }),
    forget() {
      waiting = undefined
      saving = saving.then(() => inStore('readwrite', (tabs) => answer(tabs.clear())))
      return saving
    },
  }
}

/** The name of this tab, which outlives a reload. */
function tab() {
  const name = ofTab(tabName) ?? newTab
  keepForTab(tabName, name)
  return name
}

/** A text that was kept for as long as the tab lives. */
export function ofTab(name) {
  try {
    return sessionStorage.getItem(name)
  } catch {
    return null
  }
}

export function keepForTab(name, text) {
  try {
    sessionStorage.setItem(name, text)
  } catch {
    // Then it is for this visit alone.
  }
}

async function open() {
  const request = indexedDB.open(database, 1)
  request.onupgradeneeded = () => {
    request.result.createObjectStore(store, { keyPath: 'tab' }).createIndex('savedAt', 'savedAt')
  }
  return answer(request)
}

const answer = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })

const done = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onabort = () => reject(transaction.error)
  })
