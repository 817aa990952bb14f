/**
 * A file as a picture to ask about: what to show of it and what to send. Large ones are scaled down here, since the
 * model sees no more of them and the way to the service may be long. What the browser can't read is sent as it is:
 * the service knows more formats, and says what is wrong with a broken file.
 */

const maxBytes = 15_000_000
const maxSide = 4096
const jpegQuality = 0.92

/** `{ name, url, caption, shown, base64() }` */
export async function pictureOf(file) {
  const name = file.name || 'picture.png'
  const bitmap = await createImageBitmap(file).catch(() => undefined)
  if (!bitmap) return picture(file, { name, shown: false, caption: `${name} · ${sizeOf(file.size)}` })
  const { width, height } = bitmap
  const original = `${name} · ${sidesOf(bitmap)} · ${sizeOf(file.size)}`
  try {
    if (file.size <= maxBytes && Math.max(width, height) <= maxSide)
      return picture(file, { name, shown: true, caption: original })
    const smaller = await scaledDown(bitmap)
    const caption = `${original}. Sent as a JPEG of ${sidesOf(smaller)}, ${sizeOf(smaller.blob.size)}.`
    return picture(smaller.blob, { name, shown: true, caption })
  } finally {
    bitmap.close()
  }
}

function picture(blob, { name, shown, caption }) {
  let base64
  return {
    name,
    caption,
    shown,
    url: URL.createObjectURL(blob),
    // Kept, because people ask more than once about a picture.
    base64: () => {
      base64 ??= base64Of(blob)
      return base64
    },
  }
}

async function scaledDown(bitmap) {
  const scale = Math.min(1, maxSide / Math.max(bitmap.width, bitmap.height))
  const canvas = document.createElement('canvas')
  canvas.width = Math.max(1, Math.round(bitmap.width * scale))
  canvas.height = Math.max(1, Math.round(bitmap.height * scale))
  const context = canvas.getContext('2d')
  // JPEG has no transparency; without a ground it would become black.
  context.fillStyle = '#fff'
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.imageSmoothingQuality = 'high'
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height)
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', jpegQuality))
  if (!blob) throw new Error('This browser could not scale the picture down.')
  return { blob, width: canvas.width, height: canvas.height }
}

function base64Of(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(',') + 1))
    reader.onerror = () => reject(new Error('The file can no longer be read. Choose it again.'))
    reader.readAsDataURL(blob)
  })
}

/** With spaces that do not break, as below. */
function sizeOf(bytes) {
  if (bytes < 1000) return `${bytes}\u00a0bytes`
  return bytes < 1_000_000
    ? `${Math.round(bytes / 1000)}\u00a0KB`
    : `${(bytes / 1_000_000).toFixed(1)}\u00a0MB`
}

const sidesOf = ({ width, height }) => `${width}\u00a0×\u00a0${height}`
