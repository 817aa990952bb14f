/**
 * What comes to the page: files that are chosen, dropped anywhere or pasted, and addresses of pictures, which a browser
 * hands over when a link or a picture is dragged from another site.
 */

/**
 * Calls `files(list, { replace })` and `address(text)`. `wantsAddress` tells whether an address that is pasted into the
 * question is meant as its picture.
 */
export function takeArrivals({ file, choosers, frame, files, address, wantsAddress }) {
  takeChosen()
  takeDrops()
  takePastes()

  function takeChosen() {
    let meant = {}
    for (const [button, options] of choosers) {
      button.addEventListener('click', () => {
        meant = options
        file.click()
      })
    }
    file.addEventListener('change', () => {
      files([...file.files], meant)
      // Otherwise choosing the same file again would be no change.
      file.value = ''
    })
  }

  function takeDrops() {
    document.addEventListener('dragover', (event) => {
      if (!isForUs(event)) return
      event.preventDefault()
      frame.toggleAttribute('data-over', true)
    })
    document.addEventListener('dragleave', (event) => {
      // Without a target to go to, the pointer has left the window.
      if (!event.relatedTarget) frame.removeAttribute('data-over')
    })
    document.addEventListener('drop', (event) => {
      frame.removeAttribute('data-over')
      if (!isForUs(event)) return
      event.preventDefault()
      const { items, files: dropped } = event.dataTransfer
      const folders = [...items].flatMap((item) => {
        const entry = item.kind === 'file' ? item.webkitGetAsEntry?.() : undefined
        return entry?.isDirectory ? entry.name : []
      })
      if (dropped.length > 0) files([...dropped], { folders })
      else address(addressIn(event.dataTransfer))
    })
  }

  function takePastes() {
    document.addEventListener('paste', (event) => {
      const { clipboardData, target } = event
      if (clipboardData.files.length > 0) {
        event.preventDefault()
        files([...clipboardData.files])
        return
      }
      const text = clipboardData.getData('text/plain').trim()
      const inField = target.matches?.('input, textarea')
      if (isAddress(text) && (!inField || wantsAddress(target))) address(text)
    })
  }
}

/** A link that is dropped into a field is text for it. */
function isForUs({ dataTransfer, target }) {
  const types = dataTransfer?.types ?? []
  if (types.includes('Files')) return true
  return types.includes('text/uri-list') && !target.closest?.('input, textarea')
}

const isAddress = (text) => /^(https?:\/\/|data:image\/)\S+$/i.test(text)

/** That of a picture rather than that of the link around it. */
function addressIn(dataTransfer) {
  const markup = new DOMParser().parseFromString(dataTransfer.getData('text/html'), 'text/html')
  const [link = ''] = dataTransfer
    .getData('text/uri-list')
    .split(/\r?\n/)
    .filter((line) => !line.startsWith('#'))
  return markup.querySelector('img[src]')?.getAttribute('src') || link
}
