/** The page: choose a picture, ask, hear the answer come, ask again. */
import { createChooser } from './chooser.js'
import { copy } from './clipboard.js'
import { watchHealth } from './health.js'
import { snippets } from './snippets.js'
import { ask } from './stream.js'
import { createTurn } from './turn.js'

const byId = (id) => document.getElementById(id)
const question = byId('question')
const turns = byId('turns')
const key = byId('key')
const keyName = 'llama-vision-key'

/** The picture of the newest turn. */
let subject
/** Aborts the request under way; undefined while there is none. */
let running
let language = 'curl'

const lookAtHealth = watchHealth({
  panel: byId('health'),
  state: byId('health-state'),
  model: byId('health-model'),
  detail: byId('health-detail'),
  version: byId('version'),
})
const picture = createChooser({
  file: byId('file'),
  frame: byId('frame'),
  preview: byId('preview'),
  caption: byId('caption'),
  choose: byId('choose'),
  chooseOther: byId('choose-other'),
  changed: ({ caption }) => {
    complain('')
    announce(`Picture chosen: ${caption}`)
    showCode()
  },
})
restoreKey()
offerSuggestions()
askOnSubmit()
stopOnClick()
offerCode()

function offerSuggestions() {
  byId('suggestions').addEventListener('click', ({ target }) => {
    if (!target.matches('button')) return
    question.value = target.textContent
    question.focus()
    showCode()
  })
}

function askOnSubmit() {
  if (/Mac|iPhone|iPad/.test(navigator.platform)) byId('modifier').textContent = '⌘'
  question.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey) || event.isComposing) return
    event.preventDefault()
    byId('ask').requestSubmit()
  })
  byId('ask').addEventListener('submit', (event) => {
    event.preventDefault()
    if (!running && isComplete()) askNow(question.value.trim())
  })
}

function stopOnClick() {
  byId('stop').addEventListener('click', () => running?.abort())
}

/** Says what is missing, and goes there. */
function isComplete() {
  complain('')
  if (!picture()) {
    complain('Choose a picture first.')
    byId('choose').focus()
    return false
  }
  if (question.value.trim() === '') {
    complain('Write a question first.')
    question.focus()
    return false
  }
  // Closed settings could not show which of them is wrong.
  if (!byId('ask').checkValidity()) byId('settings').open = true
  return byId('ask').reportValidity()
}

async function askNow(text) {
  const turn = addTurn(text)
  question.value = ''
  setRunning(new AbortController())
  const { signal } = running
  try {
    const request = { ...settings(), prompt: text, image: await subject.base64() }
    for await (const { event, data } of ask(request, { key: key.value, signal })) {
      keepInSight(turn.element, () => turn.hear(event, data))
    }
  } catch (error) {
    if (signal.aborted) turn.stop()
    else keepInSight(turn.element, () => turn.fail(error))
    // To be asked again, unless another one was begun meanwhile.
    question.value ||= text
    if (error.status === 401) askForKey(turn)
    lookAtHealth()
  } finally {
    setRunning(undefined)
    showCode()
  }
}

function addTurn(text) {
  byId('opening').classList.add('unseen')
  if (subject !== picture()) addSubject()
  const turn = createTurn({ template: byId('turn-template'), question: text, announce })
  turn.copyButton.addEventListener('click', async () => {
    turn.copyButton.textContent = (await copy(turn.answer())) ? 'Copied' : 'Could not copy'
    setTimeout(() => {
      turn.copyButton.textContent = 'Copy answer'
    }, 2000)
  })
  turns.append(turn.element)
  window.scrollBy(0, Math.max(0, overhang(turn.element)))
  return turn
}

/** Heads the questions about one picture, so that it stays clear which one they were about. */
function addSubject() {
  subject = picture()
  const element = byId('subject-template').content.firstElementChild.cloneNode(true)
  const thumbnail = element.querySelector('img')
  if (subject.shown) thumbnail.src = subject.url
  else thumbnail.remove()
  element.querySelector('span').textContent = `About ${subject.name}`
  turns.append(element)
}

/** Follows a growing answer, unless the reader has scrolled away from its end. */
function keepInSight(element, change) {
  const wasInSight = overhang(element) < 40
  change()
  if (wasInSight) window.scrollBy(0, Math.max(0, overhang(element)))
}

/** Pixels of an element that are hidden by the desk or the end of the window. */
function overhang(element) {
  const limit = Math.min(byId('desk').getBoundingClientRect().top, window.innerHeight)
  return element.getBoundingClientRect().bottom - limit
}

/** Ask and Stop take turns at one place; the focus goes along. */
function setRunning(controller) {
  running = controller
  const [shown, hidden] = running ? [byId('stop'), byId('submit')] : [byId('submit'), byId('stop')]
  const focusMoves = document.activeElement === hidden
  shown.hidden = false
  hidden.hidden = true
  if (focusMoves) shown.focus()
}

/** A wrong number is never asked with; the code shows the usual one in its place. */
function numberIn(field) {
  return field.validity.valid ? field.valueAsNumber : Number(field.defaultValue)
}

function settings() {
  return {
    max_tokens: numberIn(byId('max-tokens')),
    temperature: numberIn(byId('temperature')),
    image_detail: document.querySelector('input[name="detail"]:checked').value,
  }
}

function offerCode() {
  const buttons = document.querySelectorAll('[data-language]')
  for (const button of buttons) {
    button.addEventListener('click', async () => {
      language = button.dataset.language
      for (const one of buttons) one.setAttribute('aria-pressed', String(one === button))
      byId('copied').textContent = (await copy(showCode())) ? 'Copied' : 'Select the code to copy it'
    })
  }
  byId('ask').addEventListener('input', showCode)
  showCode()
}

/** Shows and returns the code that asks the question in the field or, when that is empty, the newest one. */
function showCode() {
  const newest = turns.lastElementChild?.querySelector('.turn-question')?.textContent
  const code = snippets[language]({
    ...settings(),
    url: new URL('infer', document.baseURI).href,
    file: picture()?.name ?? 'picture.jpg',
    prompt: question.value.trim() || newest || 'Describe this image in detail',
    needsKey: key.value !== '',
  })
  byId('code').textContent = code
  byId('copied').textContent = ''
  return code
}

/** The key lives as long as the tab. */
function restoreKey() {
  key.value = sessionStorage.getItem(keyName) ?? ''
  byId('key-row').hidden = key.value === ''
  key.addEventListener('input', () => sessionStorage.setItem(keyName, key.value))
}

/** The question stays in its field, so its turn says nothing more. */
function askForKey(turn) {
  turn.element.remove()
  complain(key.value ? 'The service does not know this key.' : 'The service asks for an API key.')
  byId('key-row').hidden = false
  key.focus()
}

function complain(sentence) {
  byId('complaint').textContent = sentence
}

/** For screen readers, which would otherwise have to hear every word as it comes, or nothing. */
function announce(sentence) {
  byId('news').textContent = sentence
}
