/** The picture to ask about: chosen, dropped anywhere on the page or pasted, then shown on its mat. */
import { pictureOf } from './picture.js'

/** Returns a function that gives the picture of now; `changed` is called when there is a new one. */
export function createChooser({ file, frame, preview, caption, choose, chooseOther, changed }) {
  let picture
  /** Counts choices, so that a large picture that is ready late does not replace a newer one. */
  let choices = 0

  for (const button of [choose, chooseOther]) button.addEventListener('click', () => file.click())
  file.addEventListener('change', async () => {
    await use(file.files)
    // Otherwise choosing the same file again would be no change.
    file.value = ''
  })
  takeDrops()
  takePastes()

  function takeDrops() {
    const carriesFiles = (event) => event.dataTransfer?.types.includes('Files')
    document.addEventListener('dragover', (event) => {
      if (!carriesFiles(event)) return
      event.preventDefault()
      frame.toggleAttribute('data-over', true)
    })
    document.addEventListener('dragleave', (event) => {
      // Without a target to go to, the pointer has left the window.
      if (!event.relatedTarget) frame.removeAttribute('data-over')
    })
    document.addEventListener('drop', (event) => {
      frame.removeAttribute('data-over')
      if (!carriesFiles(event)) return
      event.preventDefault()
      use(event.dataTransfer.files)
    })
  }

  function takePastes() {
    document.addEventListener('paste', (event) => {
      const { files } = event.clipboardData
      if (files.length === 0) return
      event.preventDefault()
      use(files)
    })
  }

  async function use([chosen]) {
    if (!chosen) return
    choices += 1
    const choice = choices
    caption.textContent = `Opening ${chosen.name}`
    try {
      const opened = await pictureOf(chosen)
      if (choice === choices) show(opened)
    } catch (error) {
      if (choice === choices) caption.textContent = error.message
    }
  }

  function show(opened) {
    picture = opened
    frame.dataset.state = picture.shown ? 'shown' : 'unshown'
    preview.hidden = !picture.shown
    if (picture.shown) preview.src = picture.url
    preview.alt = `Chosen picture: ${picture.name}`
    caption.textContent = picture.caption
    const focusMoves = document.activeElement === choose
    chooseOther.hidden = false
    if (focusMoves) chooseOther.focus()
    changed(picture)
  }

  return () => picture
}
