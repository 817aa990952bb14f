/** The page: choose pictures, ask, hear the answer come, ask again. Puts its parts together. */
import { takeArrivals } from './arrivals.js'
import { createCode } from './code.js'
import { createDesk, numberIn } from './desk.js'
import { createGallery } from './gallery.js'
import { watchHealth } from './health.js'
import { createKeeping } from './keeping.js'
import { createKey } from './key.js'
import { createOutlook } from './outlook.js'
import { createPictures } from './pictures.js'
import { limitsOfService } from './service.js'
import { ask } from './stream.js'
import { createTalk } from './talk.js'

const byId = (id) => document.getElementById(id)
const question = byId('question')
const pages = byId('pages')
const usualQuestion = 'Describe this image in detail'

/** Aborts the request under way; undefined while there is none. */
let running
const limits = limitsOfService()
const keeping = createKeeping()
const key = createKey({ field: byId('key'), row: byId('key-row') })

const gallery = createGallery({
  frame: byId('frame'),
  preview: byId('preview'),
  caption: byId('caption'),
  strip: byId('strip'),
  thumbTemplate: byId('thumb-template'),
  remove: (picture) => pictures.remove(picture),
})
const pictures = createPictures({
  limits,
  key: key.value,
  changed: picturesChanged,
  refused: tellRefused,
  opening: (name) => {
    if (name) byId('caption').textContent = `Opening ${name}`
    else gallery.show(pictures.current())
  },
})
const outlook = createOutlook({
  key: key.value,
  request: async () => {
    const list = pictures.current()
    return list.length > 0 ? { pictures: list, body: await requestOf(list, usualQuestion, []) } : undefined
  },
  seen: (list, images) => gallery.see(list, images),
  told: (sentence) => {
    byId('outlook').textContent = sentence
  },
  refused: pictureRefused,
})
const talk = createTalk({
  turns: byId('turns'),
  opening: byId('opening'),
  desk: byId('desk'),
  turnTemplate: byId('turn-template'),
  subjectTemplate: byId('subject-template'),
  announce,
})
const desk = createDesk({
  form: byId('ask'),
  question,
  complaint: byId('complaint'),
  settings: byId('settings'),
  submit: byId('submit'),
  stopButton: byId('stop'),
  missing: () =>
    pictures.current().length === 0
      ? { sentence: 'Choose a picture first.', field: byId('choose') }
      : undefined,
  ask: askNow,
  stop: () => running?.abort(),
})
const showCode = createCode({
  code: byId('code'),
  copied: byId('copied'),
  buttons: document.querySelectorAll('[data-language]'),
  request: codeRequest,
})
const lookAtHealth = watchHealth({
  panel: byId('health'),
  state: byId('health-state'),
  model: byId('health-model'),
  detail: byId('health-detail'),
  version: byId('version'),
  ready: outlook.look,
})

takeArrivals({
  file: byId('file'),
  choosers: [
    [byId('choose'), { replace: false }],
    [byId('add'), { replace: false }],
    [byId('choose-other'), { replace: true }],
  ],
  frame: byId('frame'),
  files: (list, options) => pictures.add(list, { replace: talk.isAbout(pictures.current()), ...options }),
  address: (text) => {
    pictures.addAddress(text, { replace: talk.isAbout(pictures.current()) }).then(() => {
      if (question.value.trim() === text && pictures.current().length > 0) question.value = ''
    })
  },
  wantsAddress: (field) => field === question && field.value === '' && pictures.current().length === 0,
})
offerSuggestions()
offerBeginnings()
heedSettings()
restoreTalk()

async function requestOf(list, prompt, history) {
  const images = await Promise.all(list.map((picture) => picture.base64()))
  return {
    ...desk.settings(),
    prompt,
    ...(images.length === 1 ? { image: images[0] } : { images }),
    ...(list.some(({ isDocument }) => isDocument) && { pdf_pages: numberIn(pages) }),
    ...(history.length > 0 && { history }),
  }
}

async function askNow(text) {
  const list = pictures.current()
  const history = talk.history(list)
  const expected = history.length === 0 ? outlook.seconds(list) : undefined
  const turn = talk.begin({ question: text, pictures: list, expected, isFirst: history.length === 0 })
  question.value = ''
  setRunning(new AbortController())
  const { signal } = running
  try {
    const request = await requestOf(list, text, history)
    for await (const { event, data } of ask(request, { key: key.value(), signal })) {
      talk.keepInSight(turn.element, () => turn.hear(event, data))
    }
  } catch (error) {
    if (signal.aborted) turn.stop()
    else talk.keepInSight(turn.element, () => turn.fail(error))
    // To be asked again, unless it is forgotten or another one was begun meanwhile.
    if (turn.element.isConnected) question.value ||= text
    if (error.status === 401) {
      // The question stays in its field, so its turn says nothing more.
      talk.withdraw(turn)
      desk.complain(key.demand())
    }
    lookAtHealth()
  } finally {
    setRunning(undefined)
    showCode()
    keep()
  }
}

function setRunning(controller) {
  running = controller
  desk.setRunning(Boolean(controller))
  showBeginnings()
}

function picturesChanged(list) {
  gallery.show(list)
  byId('pages-row').hidden = !list.some(({ isDocument }) => isDocument)
  const focusMoves = [byId('choose'), byId('forget')].includes(document.activeElement)
  showBeginnings()
  if (focusMoves) byId(list.length > 0 ? 'add' : 'choose').focus()
  desk.complain('')
  if (list.length > 0) announce(`Pictures chosen: ${list.map(({ caption }) => caption).join('; ')}`)
  outlook.look()
  showCode()
  keep()
}

/** One that the service can't read would spoil every question about the others. */
function pictureRefused({ field = '', message }) {
  const list = pictures.current()
  const [, index] = /^images?(?:\/(\d+))?$/.exec(field) ?? []
  const picture = field.startsWith('image') ? list[Number(index ?? 0)] : undefined
  if (!picture) {
    byId('outlook').textContent = message
    return
  }
  tellRefused([`${picture.name} was not taken. ${message.replace(/[.!?]?$/, '.')}`])
  pictures.remove(picture)
}

function tellRefused(reasons) {
  byId('refused').replaceChildren(
    ...reasons.map((reason) => Object.assign(document.createElement('p'), { textContent: reason })),
  )
}

function offerSuggestions() {
  byId('suggestions').addEventListener('click', ({ target }) => {
    if (!target.matches('button')) return
    question.value = target.textContent
    question.focus()
    showCode()
  })
}

function offerBeginnings() {
  byId('anew').addEventListener('click', () => {
    talk.startAnew()
    showBeginnings()
    announce('A new conversation about the same pictures')
    question.focus()
    showCode()
    keep()
  })
  byId('forget').addEventListener('click', () => {
    running?.abort()
    talk.clear()
    pictures.clear()
    question.value = ''
    announce('Pictures and conversation are forgotten')
  })
}

/** Only what would change something is offered. */
function showBeginnings() {
  const list = pictures.current()
  byId('picture-actions').hidden = list.length === 0 && talk.isEmpty()
  for (const id of ['add', 'choose-other']) byId(id).hidden = list.length === 0
  byId('anew').hidden = Boolean(running) || talk.history(list).length === 0
}

function heedSettings() {
  byId('ask').addEventListener('input', showCode)
  byId('ask').addEventListener('change', ({ target }) => {
    if (target.name === 'detail' || target.id === 'key') outlook.look()
  })
  pages.addEventListener('change', () => pictures.renew())
  limits.then(({ max_images }) => {
    if (max_images) pages.max = max_images
  })
}

/** The question in the field or, when that is empty, the newest one. */
function codeRequest() {
  const list = pictures.current()
  const written = question.value.trim()
  const newest = talk.newest()
  const history = talk.history(list)
  return {
    ...desk.settings(),
    url: new URL('infer', document.baseURI).href,
    files: list.length > 0 ? list.map(({ name }) => name) : ['picture.jpg'],
    prompt: written || newest?.question || usualQuestion,
    history: written || !newest?.answer ? history : history.slice(0, -1),
    ...(list.some(({ isDocument }) => isDocument) && { pdf_pages: numberIn(pages) }),
    needsKey: key.value() !== '',
  }
}

function keep() {
  const list = pictures.current()
  if (list.length === 0 && talk.isEmpty()) keeping.forget()
  else keeping.save({ pictures: pictures.record(), pages: numberIn(pages), talk: talk.record(list) })
}

async function restoreTalk() {
  const kept = await keeping.load()
  // Who was quicker has begun already.
  if (!kept || pictures.current().length > 0 || !talk.isEmpty()) return
  pages.value = kept.pages
  talk.restore(kept.talk, pictures.restore(kept.pictures))
  picturesChanged(pictures.current())
}

/** For screen readers, which would otherwise have to hear every word as it comes, or nothing. */
function announce(sentence) {
  byId('news').textContent = sentence
}
