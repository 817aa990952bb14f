/**
 * A file as a picture to ask about: what to show of it and what to send. Large ones are scaled down here, since the
 * model sees no more of them and the way to the service may be long. What the browser can't read is sent as it is:
 * the service knows more formats, and says what is wrong with a broken file.
 */
import { sidesOf, sizeOf } from './wording.js'

const maxBytes = 15_000_000
const maxSide = 4096
const jpegQuality = 0.92
const thumbnailSide = 96

/** What is known of a picture besides its bytes: `{ name, caption, shown, isDocument, thumbnail }`. */
export async function pictureOf(file) {
  const name = file.name || 'picture.png'
  const isDocument = await startsAsPdf(file)
  const bitmap = isDocument ? undefined : await createImageBitmap(file).catch(() => undefined)
  if (!bitmap)
    return picture(file, { name, isDocument, shown: false, caption: `${name} · ${sizeOf(file.size)}` })
  const { width, height } = bitmap
  const original = `${name} · ${sidesOf(bitmap)} · ${sizeOf(file.size)}`
  try {
    const facts = { name, isDocument, shown: true, thumbnail: thumbnailOf(bitmap) }
    if (file.size <= maxBytes && Math.max(width, height) <= maxSide)
      return picture(file, { ...facts, caption: original })
    const smaller = await scaledDown(bitmap)
    const caption = `${original}. Sent as a JPEG of ${sidesOf(smaller)}, ${sizeOf(smaller.blob.size)}.`
    return picture(smaller.blob, { ...facts, caption })
  } finally {
    bitmap.close()
  }
}

/** As it is above, and from what was kept of it. */
export function picture(blob, facts) {
  let base64
  return {
    ...facts,
    blob,
    url: URL.createObjectURL(blob),
    // Kept, because people ask more than once about a picture.
    base64: () => {
      base64 ??= base64Of(blob)
      return base64
    },
  }
}

/** Bytes tell, as they do to the service: a name or a type may be missing. */
const startsAsPdf = async (file) =>
  (await file.slice(0, 5).text().catch(unreadable)) === '%PDF-' || file.type === 'application/pdf'

async function scaledDown(bitmap) {
  const canvas = drawn(bitmap, maxSide)
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', jpegQuality))
  if (!blob) throw new Error('This browser could not scale the picture down.')
  return { blob, width: canvas.width, height: canvas.height }
}

/** A small data URL, of anything that can be drawn. */
export const thumbnailOf = (drawable) => drawn(drawable, thumbnailSide).toDataURL('image/jpeg', jpegQuality)

function drawn(drawable, side) {
  const scale = Math.min(1, side / Math.max(drawable.width, drawable.height))
  const canvas = document.createElement('canvas')
  canvas.width = Math.max(1, Math.round(drawable.width * scale))
  canvas.height = Math.max(1, Math.round(drawable.height * scale))
  const context = canvas.getContext('2d')
  // JPEG has no transparency; without a ground it would become black.
  context.fillStyle = '#fff'
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.imageSmoothingQuality = 'high'
  context.drawImage(drawable, 0, 0, canvas.width, canvas.height)
  return canvas
}

function base64Of(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(',') + 1))
    reader.onerror = () => reject(new Error('The file can no longer be read. Choose it again.'))
    reader.readAsDataURL(blob)
  })
}

function unreadable() {
  throw new Error('The file cannot be read.')
}
