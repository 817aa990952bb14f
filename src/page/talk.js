/** The talk: questions and answers below the pictures they are about, and what of them the model is told again. */
import { createTurn, restoredTurn } from './turn.js'

/** As many turns as a request takes. */
const mostTold = 100
const mostKept = 200

/** `pictures` is a list that is never changed: another list is another conversation. */
export function createTalk({ turns, opening, desk, turnTemplate, subjectTemplate, announce }) {
  /** What stands in the talk, in its order: subjects and turns. */
  let entries = []
  /** The pictures of the conversation that goes on. */
  let subject

  function begin({ question, pictures, expected, isFirst }) {
    if (subject !== pictures) addSubject(pictures)
    const turn = createTurn({ template: turnTemplate, question, expected, isFirst, announce })
    entries.push({ turn: turn.record, element: turn.element })
    show(turn.element)
    window.scrollBy(0, Math.max(0, overhang(turn.element)))
    return turn
  }

  /** Heads the questions about the same pictures, so that it stays clear which ones they were about. */
  function addSubject(pictures) {
    subject = pictures
    const names = pictures.map(({ name }) => name)
    const title = `About ${names.length > 3 ? `${names[0]} and ${names.length - 1} others` : names.join(', ')}`
    const thumbnails = pictures.slice(0, 4).flatMap(({ thumbnail }) => thumbnail ?? [])
    show(heading({ title, thumbnails }))
  }

  function heading(about) {
    const element = subjectTemplate.content.firstElementChild.cloneNode(true)
    const title = element.querySelector('span')
    for (const thumbnail of about.thumbnails) {
      const image = document.createElement('img')
      image.alt = ''
      image.draggable = false
      image.src = thumbnail
      title.before(image)
    }
    title.textContent = about.title
    entries.push({ subject: about, element })
    return element
  }

  function show(element) {
    opening.classList.add('unseen')
    turns.append(element)
  }

  /** Answered or broken off: what the model has said it is told again. */
  function history(pictures) {
    if (subject !== pictures) return []
    const start = entries.findLastIndex((entry) => entry.subject)
    return entries
      .slice(start + 1)
      .map(({ turn }) => turn())
      .filter(({ outcome, answer }) => outcome && answer.trim() !== '')
      .map(({ question, answer }) => ({ prompt: question, response_text: answer }))
      .slice(-mostTold)
  }

  /** Pixels of an element that are hidden by the desk or the end of the window. */
  function overhang(element) {
    const limit = Math.min(desk.getBoundingClientRect().top, window.innerHeight)
    return element.getBoundingClientRect().bottom - limit
  }

  return {
    begin,
    history,
    /** Follows a growing answer, unless the reader has scrolled away from its end. */
    keepInSight(element, change) {
      const wasInSight = overhang(element) < 40
      change()
      if (wasInSight) window.scrollBy(0, Math.max(0, overhang(element)))
    },
    /** Takes a turn back, as if it had not been asked. */
    withdraw({ element }) {
      element.remove()
      entries = entries.filter((entry) => entry.element !== element)
    },
    isAbout: (pictures) => subject === pictures,
    newest: () => entries.findLast(({ turn }) => turn)?.turn(),
    isEmpty: () => entries.length === 0,
    startAnew() {
      subject = undefined
    },
    clear() {
      subject = undefined
      entries = []
      turns.replaceChildren()
      opening.classList.remove('unseen')
    },
    /** What is kept over a reload; `goesOn` tells whether the last conversation is about these pictures. */
    record: (pictures) => ({
      goesOn: subject === pictures,
      entries: entries
        .slice(-mostKept)
        .map(({ subject, turn }) => (subject ? { subject } : { turn: turn() }))
        .filter(({ subject, turn }) => subject || turn.outcome),
    }),
    restore({ goesOn, entries: kept }, pictures) {
      for (const entry of kept) {
        if (entry.subject) show(heading(entry.subject))
        else {
          const element = restoredTurn({ template: turnTemplate, record: entry.turn })
          entries.push({ turn: () => entry.turn, element })
          show(element)
        }
      }
      if (goesOn) subject = pictures
      const last = entries.at(-1)?.element
      if (last) window.scrollBy(0, Math.max(0, overhang(last)))
    },
  }
}
