/**
 * The pictures to ask about, as many as a request takes. Each list of them is new, so that a conversation can tell its
 * own by identity. What is not taken is told with the reason.
 */
import { picture, pictureOf } from './picture.js'
import { plan } from './service.js'
import { counted, sizeOf } from './wording.js'

/** Room in a body for all that is no picture. */
const bytesForWords = 100_000

/**
 * `limits` is a promise. `changed` hears each new list, `refused` why something is not in it, `opening` what is being read,
 * or that nothing more is.
 */
export function createPictures({ limits, key, changed, refused, opening }) {
  let list = []
  /** Counts beginnings, so that a large picture that is ready late does not join newer ones. */
  let beginnings = 0
  /** One after the other: they keep their order, and large ones take memory. */
  let work = Promise.resolve()

  function set(next) {
    const gone = list.filter((one) => !next.includes(one))
    list = next
    changed(list)
    for (const { url } of gone) URL.revokeObjectURL(url)
  }

  /** `replace` begins a new list; `folders` are names among the files that hold no bytes. */
  function add(files, { replace = false, folders = [] } = {}) {
    const beginning = replace ? ++beginnings : beginnings
    work = work.then(async () => {
      const { max_images, max_body_bytes } = await limits
      const reasons = []
      let next = replace ? [] : list
      for (const file of files) {
        if (beginning !== beginnings) return
        const reason = folders.includes(file.name) ? 'is a folder' : strange(file)
        if (reason) {
          reasons.push(`${file.name} ${reason}.`)
          continue
        }
        if (next.length >= max_images) {
          reasons.push(`${file.name} is one too many: a question takes ${counted(max_images, 'picture')}.`)
          continue
        }
        opening(file.name)
        const opened = await pictureOf(file).catch(({ message }) => ({ message }))
        const bytes = [...next, opened].reduce((sum, { blob }) => sum + (blob?.size ?? 0), 0)
        if (opened.message) reasons.push(`${file.name}: ${opened.message}`)
        else if ((bytes * 4) / 3 + bytesForWords > max_body_bytes)
          reasons.push(
            `${file.name} is too large: a request holds ${sizeOf(max_body_bytes * 0.75)} of pictures.`,
          )
        else next = [...next, opened]
      }
      if (beginning !== beginnings) return
      refused(reasons)
      opening(undefined)
      // Nothing that was refused costs what was there.
      if (next.length > 0 && next !== list) set(next)
    })
    return work
  }

  /** The service fetches it, where it may: the page has no right to. What it was shown is the picture from then on. */
  async function addAddress(address, options) {
    const beginning = beginnings
    const name = nameIn(address)
    if (!name) return refused(['What was dropped is no picture.'])
    try {
      if (isDataUrl(address)) return await add([fileOf(address, name)], options)
      opening(name)
      const request = { prompt: name, image: address, image_detail: 'high', max_tokens: 1 }
      const { images } = await plan(request, { key: key(), signal: undefined })
      if (beginning !== beginnings) return
      return await add(
        images.map(({ preview }) => fileOf(preview, name)),
        options,
      )
    } catch (error) {
      refused([`${name} was not taken. ${whyNot(error)}`])
      opening(undefined)
    }
  }

  return {
    add,
    addAddress,
    current: () => list,
    remove: (picture) => set(list.filter((one) => one !== picture)),
    /** The same pictures, of which another part is looked at. */
    renew: () => set([...list]),
    clear() {
      beginnings += 1
      refused([])
      set([])
    },
    record: () => list.map(({ base64, url, ...kept }) => kept),
    /** Returns those of an earlier visit as the list of now; `changed` does not hear of it. */
    restore(kept) {
      list = kept.map(({ blob, ...facts }) => picture(blob, facts))
      return list
    },
  }
}

/** Types that a browser does not know may be pictures that the service does. */
function strange({ type }) {
  if (type === '' || type === 'application/pdf' || type.startsWith('image/')) return undefined
  return `is no picture or PDF, but ${type}`
}

function whyNot({ code, message }) {
  if (code !== 'image_is_url') return message
  return 'This service fetches no pictures from addresses: save the picture, then drop the file here.'
}

const isDataUrl = (address) => /^data:image\//i.test(address)

/** Undefined for what is no address of a picture. */
function nameIn(address) {
  if (isDataUrl(address)) return 'picture'
  try {
    const { protocol, host, pathname } = new URL(address)
    if (!/^https?:$/.test(protocol)) return undefined
    const last = pathname.slice(pathname.lastIndexOf('/') + 1)
    return (last.replace(/%[\da-f]{2}/gi, '-') || host).slice(0, 100)
  } catch {
    return undefined
  }
}

/** A data URL as a file. To fetch it is not what a page under our policy may do. */
function fileOf(dataUrl, name) {
  const [head, text = ''] = dataUrl.split(',', 2)
  const type = /^data:([^;]*)/.exec(head)?.[1] ?? ''
  try {
    const decoded = /;base64$/i.test(head) ? atob(text) : decodeURIComponent(text)
    return new File([Uint8Array.from(decoded, (letter) => letter.charCodeAt(0))], name, { type })
  } catch {
    throw new Error('Its data URL cannot be read.')
  }
}
