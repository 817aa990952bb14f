/**
 * The four stages between a question and its answer: which is under way, for how long, and for how long still. They
 * never go back: a word of the queue that comes late changes nothing.
 */
import { ahead, duration } from './wording.js'

const tickMs = 200
const names = ['prepare', 'wait', 'read', 'write']
/** A guess may be wrong, so a bar that follows it does not fill. */
const mostByGuess = 0.96

/** `sentence` is the line below; `announce` tells screen readers of each stage once. */
export function createStages({ list, sentence, announce }) {
  const stages = names.map((name) => list.querySelector(`[data-stage="${name}"]`))
  let stage = -1
  let began = performance.now()
  let said = ''
  let filled = 0
  /** When the first word is expected; undefined when nobody knows. */
  let due
  const timer = setInterval(tick, tickMs)

  function enter(name, what) {
    const next = names.indexOf(name)
    if (next < stage) return
    said = what
    if (next > stage) begin(next)
    tick()
  }

  function begin(next) {
    const now = performance.now()
    stages.forEach((one, index) => {
      if (index < next) one.dataset.phase = 'done'
      one.removeAttribute('aria-current')
    })
    if (stage >= 0) showTime(stages[stage], now - began)
    stages[next].setAttribute('aria-current', 'step')
    stage = next
    began = now
    filled = 0
    if (names[next] === 'write') due = undefined
    announce(said)
  }

  function tick() {
    const now = performance.now()
    showTime(stages[stage], now - began)
    const left = due === undefined ? 0 : due - now
    sentence.textContent = left > 0 ? `${said} · ${ahead(left / 1000)} left` : said
    if (left > 0 && names[stage] !== 'prepare')
      fill(Math.min(mostByGuess, (now - began) / (now - began + left)))
  }

  /** A share of the stage; the bar only grows. */
  function fill(share) {
    filled = Math.max(filled, share)
    stages[stage].querySelector('.stage-bar span').style.width = `${Math.round(filled * 100)}%`
  }

  return {
    enter,
    fill,
    /** Seconds until the first word, as far as somebody knows: without a number, what was known before holds. */
    expect(seconds) {
      if (typeof seconds !== 'number') return
      due = performance.now() + seconds * 1000
      tick()
    },
    /** What came of it; with the service's own times if it was answered. */
    end(outcome, timings) {
      clearInterval(timer)
      showTime(stages[stage], performance.now() - began)
      for (const one of stages) one.removeAttribute('aria-current')
      sentence.textContent = outcome
      if (!timings) return
      const { image, queue, prompt, generation } = timings
      ;[image, queue, prompt, generation].forEach((ms, index) => {
        stages[index].dataset.phase = 'done'
        showTime(stages[index], ms)
      })
    },
  }
}

function showTime(stage, ms) {
  stage.querySelector('.stage-time').textContent = duration(ms)
}
