/** The engine's stream -> the whole answer, and what is told while it is made. */
import type { ChatEvent } from '../engine/wire.ts'
import { hundredths } from '../hundredths.ts'
import type { InferenceEvent } from './question.ts'

export type Collected = { text: string; end: Extract<ChatEvent, { type: 'end' }> }

/** `promptSeconds` are those to expect until the first word. */
export async function collect(
  events: AsyncGenerator<ChatEvent>,
  tell: (event: InferenceEvent) => void,
  promptSeconds: number | undefined,
): Promise<Collected> {
  const began = performance.now()
  const passed = () => (performance.now() - began) / 1000
  const secondsLeft = () =>
    promptSeconds === undefined ? null : hundredths(Math.max(0, promptSeconds - passed()))
  let text = ''
  let end: Collected['end'] | undefined
  for await (const event of events) {
    switch (event.type) {
      case 'text':
        text += event.text
        tell({ type: 'token', text: event.text })
        break
      case 'prompt':
        tell({ ...event, secondsLeft: secondsLeft() })
        break
      case 'picture':
        tell({ ...event, secondsLeft: hundredths((passed() / event.done) * (event.total - event.done)) })
        break
      case 'end':
        end = event
    }
  }
  if (!end) throw new Error('The engine client ended a chat without its end event')
  return { text, end }
}
