/** The pictures on their mat: one large, all of them small below where there are several, the pages of documents too. */
import { thumbnailOf } from './picture.js'

/** `remove` is asked to take a picture away. Returns `{ show, see }`. */
export function createGallery({ frame, preview, caption, strip, thumbTemplate, remove }) {
  const firstWords = caption.textContent
  let pictures = []
  /** What the service showed of each picture; pages of a document. */
  let seen = new Map()
  let views = []
  let chosen = 0

  /** A new list; the newest of it is shown large. */
  function show(list) {
    const added = list.find((one) => !pictures.includes(one))
    pictures = list
    seen = new Map([...seen].filter(([picture]) => list.includes(picture)))
    draw(added ?? views[chosen]?.picture)
  }

  /** What the model will see: the only sight there is of what the browser can't show. */
  function see(list, images) {
    list.forEach((picture, index) => {
      seen.set(picture, images[index])
      if (!picture.thumbnail && images[index][0]) addThumbnail(picture, images[index][0].preview)
    })
    draw(views[chosen]?.picture)
  }

  async function addThumbnail(picture, source) {
    const image = new Image()
    image.src = source
    await image.decode().catch(() => {})
    if (image.width > 0) picture.thumbnail = thumbnailOf(image)
  }

  function draw(picture) {
    views = pictures.flatMap(viewsOf)
    const same = views[chosen]?.picture === picture
    if (!same)
      chosen = Math.max(
        0,
        views.findIndex((one) => one.picture === picture),
      )
    drawLarge()
    drawStrip()
  }

  function viewsOf(picture) {
    const images = seen.get(picture) ?? []
    if (!picture.isDocument) {
      return [{ picture, source: picture.shown ? picture.url : images[0]?.preview, name: picture.name }]
    }
    return (images.length > 0 ? images : [{ page: 1 }]).map(({ preview: source, page }) => ({
      picture,
      source,
      name: `${picture.name}, page ${page}`,
      page,
    }))
  }

  function drawLarge() {
    const view = views[chosen]
    frame.dataset.state = view ? (view.source ? 'shown' : 'unshown') : 'empty'
    preview.hidden = !view?.source
    if (view?.source) preview.src = view.source
    else preview.removeAttribute('src')
    preview.alt = view ? `Chosen picture: ${view.name}` : ''
    caption.textContent = captionOf(view)
  }

  function captionOf(view) {
    if (!view) return firstWords
    return view.page ? `${view.picture.caption} · page\u00a0${view.page}` : view.picture.caption
  }

  function drawStrip() {
    strip.hidden = views.length < 2
    const focused = [...strip.querySelectorAll('button')].indexOf(document.activeElement)
    strip.replaceChildren(...(strip.hidden ? [] : views.map(thumbOf)))
    if (focused === -1) return
    const buttons = [...strip.querySelectorAll('button')]
    const next = buttons[Math.min(focused, buttons.length - 1)]
    if (next) next.focus()
    else document.getElementById('add').focus()
  }

  function thumbOf(view, index) {
    const element = thumbTemplate.content.firstElementChild.cloneNode(true)
    const [open, away] = element.querySelectorAll('button')
    const image = open.querySelector('img')
    if (view.source) image.src = view.source
    else image.remove()
    open.setAttribute('aria-label', `Show ${view.name}`)
    open.setAttribute('aria-pressed', String(index === chosen))
    open.addEventListener('click', () => {
      chosen = index
      drawLarge()
      drawStrip()
    })
    away.setAttribute('aria-label', `Remove ${view.picture.name}`)
    away.addEventListener('click', () => remove(view.picture))
    // A document goes with all of its pages.
    if (view.page > 1) away.remove()
    return element
  }

  return { show, see }
}
