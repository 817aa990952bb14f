/** One question on its way to its answer, and what came of it. Texts of the service are only ever set as text. */
import { createAnswer } from './answer.js'
import { copy } from './clipboard.js'
import { createStages } from './stages.js'
import { account, ahead, counted, described, duration } from './wording.js'

/** What becomes of a conversation that goes on and on. */
const tooLong = ['context_exceeded', 'prompt_too_long']

/** `expected`: seconds until the first word, if known. `announce` never tells a single word of the answer. */
export function createTurn({ template, question, expected, isFirst, announce }) {
  const { element, part, answer } = drawn(template, question)
  const began = performance.now()
  const stages = createStages({ list: part('stages'), sentence: part('state'), announce })
  let position = 0
  let prepared = false
  let reading = 'Reading'
  let outcome

  stages.enter('prepare', 'Sending the picture')
  stages.expect(expected)

  /** What each event of the stream means here. */
  const hearing = {
    queued: (data) => {
      position = data.position
      if (prepared && position > 0) stages.enter('wait', waiting(position))
      else if (!prepared) stages.enter('prepare', 'Preparing the picture')
      stages.expect(data.seconds_left)
    },
    progress: (data) => hearingStage[data.stage]?.(data),
    token: ({ text }) => {
      stages.enter('write', 'Writing the answer')
      answer.add(text)
    },
    done: finish,
  }

  const hearingStage = { image: hearImage, picture: hearPicture, prompt: hearPrompt }

  function hearImage({ done, total, image }) {
    prepared = done === total
    reading = total > 1 ? `Reading ${counted(total, 'picture')}` : `Reading the picture, ${described(image)}`
    if (!prepared) stages.enter('prepare', `Prepared ${done} of ${counted(total, 'picture')}`)
    else if (position > 0) stages.enter('wait', waiting(position))
    else stages.enter('read', reading)
  }

  function hearPrompt({ processed, cached, total, seconds_left }) {
    stages.enter('read', `${reading} · ${processed} of ${counted(total, 'token')}`)
    // What was known from before is no progress.
    stages.fill(total > cached ? (processed - cached) / (total - cached) : 1)
    stages.expect(seconds_left)
  }

  function hearPicture({ done, total, seconds_left }) {
    stages.enter('read', reading)
    stages.fill(done / total)
    stages.expect(seconds_left)
  }

  function end(how, sentence, timings) {
    outcome = how
    element.dataset.outcome = how
    answer.draw()
    stages.end(sentence, timings)
  }

  function finish({ response_text, token_usage, metadata }) {
    answer.settle(response_text)
    end('answered', account(token_usage, metadata), metadata.timings_ms)
    const cut = metadata.finish_reason === 'length'
    if (cut)
      hint('The answer was cut off. A greater “Longest answer” in the settings lets it go on for longer.')
    part('copy').hidden = false
    announce(`Answer: ${answer.heard()}${cut ? ' The answer was cut off.' : ''}`)
  }

  function stop() {
    end('stopped', `Stopped after ${duration(performance.now() - began)}`)
    announce('Stopped')
  }

  function fail({ message, code, retryAfterSeconds }) {
    end('failed', code ? `Not answered: ${code}` : 'Not answered')
    const again = retryAfterSeconds ? ` Try again in ${ahead(retryAfterSeconds)}.` : ''
    const anew =
      !isFirst && tooLong.includes(code) ? ' A new conversation about the same pictures has room again.' : ''
    const sentence = `${message.replace(/[.!?]?$/, '.')}${again}${anew}`
    hint(sentence)
    announce(`Not answered. ${sentence}`)
  }

  function hint(sentence) {
    part('hint').textContent = sentence
    part('hint').hidden = false
  }

  return {
    element,
    hear: (event, data) => hearing[event]?.(data),
    stop,
    fail,
    /** What is kept of it. */
    record: () => ({ question, answer: answer.text(), outcome, account: part('state').textContent }),
  }
}

/** A turn of an earlier visit, which is over. */
export function restoredTurn({ template, record }) {
  const { element, part, answer } = drawn(template, record.question)
  element.dataset.outcome = record.outcome
  part('stages').remove()
  part('state').textContent = record.account
  answer.settle(record.answer)
  part('copy').hidden = record.answer === ''
  return element
}

function drawn(template, question) {
  const element = template.content.firstElementChild.cloneNode(true)
  const part = (name) => element.querySelector(`.turn-${name}`)
  const answer = createAnswer(part('answer'))
  const button = part('copy')
  part('question').textContent = question
  button.addEventListener('click', async () => {
    button.textContent = (await copy(answer.text())) ? 'Copied' : 'Could not copy'
    setTimeout(() => {
      button.textContent = 'Copy answer'
    }, 2000)
  })
  return { element, part, answer }
}

const waiting = (position) => `Waiting at position ${position}: ${counted(position, 'request')} ahead`
