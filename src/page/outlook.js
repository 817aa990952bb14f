/**
 * What the service would make of the pictures, asked before anybody asks it a question: how the model sees them, whether
 * they fit, and when the first word could come. Asked anew whenever something changes that bears on it.
 */
import { plan } from './service.js'
import { ahead, counted, sidesOf } from './wording.js'

const pauseMs = 150

/**
 * `request` gives what would be asked, or undefined; `seen` hears the plan's pictures, `told` the sentence about them,
 * `refused` a refusal. Returns `{ look, seconds }`.
 */
export function createOutlook({ request, key, seen, told, refused }) {
  let looking
  let known

  async function look() {
    looking?.abort()
    looking = new AbortController()
    const { signal } = looking
    known = undefined
    told('')
    // Several changes in a row are one.
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
    if (signal.aborted) return
    try {
      const asked = await request()
      if (!asked || signal.aborted) return
      const found = await plan(asked.body, { key: key(), signal })
      if (signal.aborted) return
      known = { pictures: asked.pictures, seconds: found.expected_seconds }
      seen(asked.pictures, byPicture(asked.pictures, found.images))
      told(sentenceOf(found))
    } catch (error) {
      if (!signal.aborted && isAboutPictures(error)) refused(error)
    }
  }

  return {
    look,
    /** Until the first word about these pictures; undefined when nobody knows. */
    seconds: (pictures) =>
      known?.pictures === pictures && known.seconds ? known.seconds.queue + known.seconds.prompt : undefined,
  }
}

/** Other troubles are told when somebody asks: a service that is not ready, or wants a key. */
const isAboutPictures = ({ status }) => [400, 413, 415, 422].includes(status)

/** The pages of a document follow each other; all else is one picture each. */
function byPicture(pictures, images) {
  const rest = [...images]
  return pictures.map(() => {
    const views = rest.splice(0, 1)
    while (rest[0]?.page > 1) views.push(...rest.splice(0, 1))
    return views
  })
}

function sentenceOf({ images, fits, prompt_tokens, context_size, expected_seconds }) {
  const [image] = images
  const shown =
    images.length === 1
      ? `The model sees ${sidesOf(image.sent)}${image.tiles ? ` in ${counted(image.tiles, 'tile')}` : ''}`
      : `The model sees ${counted(images.length, 'picture')}`
  const first = expected_seconds && expected_seconds.queue + expected_seconds.prompt
  return [
    shown,
    ...(first ? [`first word in ${ahead(first)}`] : []),
    ...(fits ? [] : [`little room for an answer: ${prompt_tokens} of ${context_size} tokens are taken`]),
  ].join(' · ')
}
