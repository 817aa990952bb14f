/** The request of the page as code, to be copied. */
import { copy } from './clipboard.js'
import { snippets } from './snippets.js'

/** `request` gives what would be asked. Returns a function that shows it anew. */
export function createCode({ code, copied, buttons, request }) {
  let language = 'curl'

  for (const button of buttons) {
    button.addEventListener('click', async () => {
      language = button.dataset.language
      for (const one of buttons) one.setAttribute('aria-pressed', String(one === button))
      copied.textContent = (await copy(show())) ? 'Copied' : 'Select the code to copy it'
    })
  }

  function show() {
    const text = snippets[language](request())
    code.textContent = text
    copied.textContent = ''
    return text
  }

  return show
}
