/**
 * One question on its way to its answer: what is under way, for how long, and what came of it. Texts of the service
 * are only ever set as text. `announce` tells screen readers of each stage and of the whole answer, never of a word.
 */

const tickMs = 200
const stageNames = ['prepare', 'wait', 'read', 'write']

export function createTurn({ template, question, announce }) {
  const element = template.content.firstElementChild.cloneNode(true)
  const part = (name) => element.querySelector(`.turn-${name}`)
  const stages = stageNames.map((name) => element.querySelector(`[data-stage="${name}"]`))
  const began = performance.now()
  let stage = -1
  let stageBegan = began
  let ahead = 0
  let prepared = false
  let reading = 'Reading'
  let filled = 0

  part('question').textContent = question
  enter('prepare', 'Sending the picture')
  const timer = setInterval(() => showTime(stages[stage], performance.now() - stageBegan), tickMs)

  /** What each event of the stream means here. */
  const hearing = {
    queued: ({ position }) => {
      ahead = position
      if (prepared && ahead > 0) enter('wait', waiting(ahead))
      else if (!prepared) enter('prepare', 'Preparing the picture')
    },
    progress: (data) => hearingStage[data.stage]?.(data),
    token: ({ text }) => {
      enter('write', 'Writing the answer')
      part('answer').append(text)
    },
    done: finish,
  }

  const hearingStage = { image: hearImage, picture: hearPicture, prompt: hearPrompt }

  function hearImage({ done, total, image }) {
    prepared = done === total
    reading = `Reading the picture, ${described(image)}`
    if (!prepared) enter('prepare', `Prepared ${done} of ${counted(total, 'picture')}`)
    else if (ahead > 0) enter('wait', waiting(ahead))
    else enter('read', reading)
  }

  function hearPrompt({ processed, cached, total }) {
    enter('read', `${reading} · ${processed} of ${counted(total, 'token')}`)
    // What was known from before is no progress.
    fill(total > cached ? (processed - cached) / (total - cached) : 1)
  }

  function hearPicture({ done, total, seconds_left }) {
    enter('read', `${reading} · ${duration(seconds_left * 1000)} left`)
    fill(done / total)
  }

  /** The picture's layers come before most of its prompt's tokens: the bar only grows. */
  function fill(share) {
    filled = Math.max(filled, share)
    bar(stages[stage]).style.width = `${Math.round(filled * 100)}%`
  }

  /** Stages never go back: a word of the queue that comes late changes nothing. */
  function enter(name, sentence) {
    const next = stageNames.indexOf(name)
    if (next < stage) return
    part('state').textContent = sentence
    if (next === stage) return
    const now = performance.now()
    stages.forEach((one, index) => {
      if (index < next) one.dataset.phase = 'done'
      one.toggleAttribute('aria-current', index === next)
    })
    if (stage >= 0) showTime(stages[stage], now - stageBegan)
    stages[next].setAttribute('aria-current', 'step')
    stage = next
    stageBegan = now
    announce(sentence)
  }

  function end(outcome) {
    clearInterval(timer)
    showTime(stages[stage], performance.now() - stageBegan)
    element.dataset.outcome = outcome
    for (const one of stages) one.removeAttribute('aria-current')
  }

  function finish({ response_text, token_usage, metadata }) {
    end('answered')
    for (const one of stages) one.dataset.phase = 'done'
    const { image, queue, prompt, generation } = metadata.timings_ms
    ;[image, queue, prompt, generation].forEach((ms, index) => {
      showTime(stages[index], ms)
    })
    part('answer').textContent = response_text
    part('state').textContent = account(token_usage, metadata)
    const cut = metadata.finish_reason === 'length'
    if (cut)
      hint('The answer was cut off. A greater “Longest answer” in the settings lets it go on for longer.')
    part('copy').hidden = false
    announce(`Answer: ${response_text}${cut ? ' The answer was cut off.' : ''}`)
  }

  function stop() {
    end('stopped')
    part('state').textContent = `Stopped after ${duration(performance.now() - began)}`
    announce('Stopped')
  }

  function fail({ message, code, retryAfterSeconds }) {
    end('failed')
    const again = retryAfterSeconds ? ` Try again in ${duration(retryAfterSeconds * 1000)}.` : ''
    const sentence = `${message.replace(/[.!?]?$/, '.')}${again}`
    part('state').textContent = code ? `Not answered: ${code}` : 'Not answered'
    hint(sentence)
    announce(`Not answered. ${sentence}`)
  }

  function hint(sentence) {
    part('hint').textContent = sentence
    part('hint').hidden = false
  }

  return {
    element,
    copyButton: part('copy'),
    answer: () => part('answer').textContent,
    hear: (event, data) => hearing[event]?.(data),
    stop,
    fail,
  }
}

const bar = (stage) => stage.querySelector('.stage-bar span')

function showTime(stage, ms) {
  stage.querySelector('.stage-time').textContent = duration(ms)
}

const sides = ({ width, height }) => `${width}\u00a0×\u00a0${height}`

const waiting = (ahead) => `Waiting at position ${ahead}: ${counted(ahead, 'request')} ahead`

function described({ sent, tiles, ...received }) {
  return [
    sides(received),
    ...(sides(sent) === sides(received) ? [] : [`scaled to ${sides(sent)}`]),
    ...(tiles ? [`in ${counted(tiles, 'tile')}`] : []),
  ].join(', ')
}

function account({ prompt_tokens, completion_tokens }, metadata) {
  const { timings_ms, cached_prompt_tokens, tokens_per_second } = metadata
  const known = cached_prompt_tokens > 0 ? `, ${cached_prompt_tokens} of them known from before` : ''
  const speed =
    tokens_per_second > 0 ? `, ${tokens_per_second.toFixed(tokens_per_second < 10 ? 1 : 0)} a second` : ''
  return [
    `${duration(timings_ms.total)} in all`,
    `${counted(prompt_tokens, 'token')} read${known}`,
    `${completion_tokens} written${speed}`,
  ].join(' · ')
}

const counted = (count, noun) => `${count} ${noun}${count === 1 ? '' : 's'}`

/** With a space that does not break, so that no unit stands alone on a line. */
function duration(ms) {
  if (ms < 100) return `${Math.round(ms)}\u00a0ms`
  if (ms < 9950) return `${(ms / 1000).toFixed(1)}\u00a0s`
  const seconds = Math.round(ms / 1000)
  return seconds < 60 ? `${seconds}\u00a0s` : `${Math.floor(seconds / 60)}\u00a0min ${seconds % 60}\u00a0s`
}
