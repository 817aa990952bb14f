/** Figures as words. Spaces that do not break keep a number and its unit on one line. */

export const counted = (count, noun) => `${count} ${noun}${count === 1 ? '' : 's'}`

export const sidesOf = ({ width, height }) => `${width}\u00a0×\u00a0${height}`

export function sizeOf(bytes) {
  if (bytes < 1000) return `${bytes}\u00a0bytes`
  return bytes < 1_000_000
    ? `${Math.round(bytes / 1000)}\u00a0KB`
    : `${(bytes / 1_000_000).toFixed(1)}\u00a0MB`
}

export function duration(ms) {
  if (ms < 100) return `${Math.round(ms)}\u00a0ms`
  if (ms < 9950) return `${(ms / 1000).toFixed(1)}\u00a0s`
  return inSeconds(Math.round(ms / 1000))
}

/** What lies ahead is a guess, and told as one: whole seconds. */
export const ahead = (seconds) => `about ${inSeconds(Math.max(1, Math.ceil(seconds)))}`

function inSeconds(seconds) {
  return seconds < 60 ? `${seconds}\u00a0s` : `${Math.floor(seconds / 60)}\u00a0min ${seconds % 60}\u00a0s`
}

/** How the model is shown a picture. */
export function described({ sent, tiles, ...received }) {
  return [
    sidesOf(received),
    ...(sidesOf(sent) === sidesOf(received) ? [] : [`scaled to ${sidesOf(sent)}`]),
    ...(tiles ? [`in ${counted(tiles, 'tile')}`] : []),
  ].join(', ')
}

/** What an answer took. */
export function account({ prompt_tokens, completion_tokens }, metadata) {
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
