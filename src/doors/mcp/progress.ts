/** What happens on the way to an answer -> sentences that an MCP client is told as progress. */

/** As much of an `InferenceEvent` as is told; a command hears the same from its service. */
export type Step =
  | { type: 'queued'; position: number; secondsLeft: number | null }
  | { type: 'image'; done: number; total: number }
  | { type: 'prompt'; secondsLeft: number | null }
  | { type: 'picture'; done: number; total: number; secondsLeft: number }
  | { type: 'token' }
  /** Before there is a service to ask. */
  | { type: 'waiting'; sentence: string }

/** MCP wants a number that rises; how far that will be nobody knows. */
export type Progress = { progress: number; message: string }

/** The client gets the answer whole, so its tokens are only counted. */
const tokensAtOnce = 16
const pictureSteps = 10
/** Clients that wait as long as they hear of progress give up after 60 s of none, and a picture may take minutes. */
const silenceMs = 10_000

/** Tells a client what is new, and what holds still when nothing is. To be ended. */
export function progressTeller(send: (progress: Progress) => void) {
  let sent = 0
  let tokens = 0
  let message = 'The question has come in'
  let timer = setTimeout(sendMessage, silenceMs)

  function sendMessage(): void {
    clearTimeout(timer)
    timer = setTimeout(sendMessage, silenceMs)
    sent += 1
    send({ progress: sent, message })
  }

  function sentenceOf(step: Step): string | undefined {
    switch (step.type) {
      case 'waiting':
        return step.sentence
      case 'queued':
        return step.position === 0
          ? 'The service takes the question'
          : `Waiting, ${step.position} come first${about(step.secondsLeft)}`
      case 'image':
        return `${step.done} of ${step.total} pictures prepared`
      case 'prompt':
        return `Looking at the picture and reading the question${about(step.secondsLeft)}`
      case 'picture': {
        const percent = (100 / pictureSteps) * Math.floor((pictureSteps * step.done) / step.total)
        return percent === 0
          ? undefined
          : `${percent} % of the picture seen, ${Math.ceil(step.secondsLeft)} s left`
      }
      case 'token':
        tokens += 1
        return tokens % tokensAtOnce === 1 ? `Writing the answer, token ${tokens}` : undefined
    }
  }

  return {
    tell(step: Step): void {
      const sentence = sentenceOf(step)
      if (sentence === undefined || sentence === message) return
      message = sentence
      sendMessage()
    },
    end: () => clearTimeout(timer),
  }
}

const about = (seconds: number | null): string =>
  seconds === null ? '' : `, about ${Math.ceil(seconds)} s left`
