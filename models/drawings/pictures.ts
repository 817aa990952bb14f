import sharp from 'sharp'
import { Random } from './random.ts'
import type { Format, Scene, SceneObject, Shape } from './scene.ts'

export { drawScene, FIRST_HELD_OUT_SEED, type Scene } from './scene.ts'

/** Raw pixels: rows from top to bottom, three bytes (red, green, blue) a pixel. */
export interface Pixels {
  readonly data: Buffer
  readonly width: number
  readonly height: number
}

/** Outlines within a circle of radius 1 around the origin. */
const SHAPE_PATHS: Record<Shape, string> = {
  circle: 'M.95 0A.95 .95 0 1 1 -.95 0A.95 .95 0 1 1 .95 0Z',
  square: 'M-.8 -.8L.8 -.8L.8 .8L-.8 .8Z',
  triangle: 'M0 -1.05L.95 .65L-.95 .65Z',
  star: 'M0 -1.08L.26 -.36L1.03 -.33L.43 .14L.63 .87L0 .45L-.63 .87L-.43 .14L-1.03 -.33L-.26 -.36Z',
  cross: 'M-.34 -1L.34 -1L.34 -.34L1 -.34L1 .34L.34 .34L.34 1L-.34 1L-.34 .34L-1 .34L-1 -.34L-.34 -.34Z',
}

/** Digits are strokes, not letters of a font: a bare machine has no fonts. */
const DIGIT_PATHS = [
  'M.58 0A.58 .95 0 1 1 -.58 0A.58 .95 0 1 1 .58 0Z',
  'M-.35 -.6L.1 -.95L.1 .95',
  'M-.55 -.5C-.5 -1.1 .6 -1.15 .55 -.45C.5 .1 -.4 .45 -.6 .95L.6 .95',
  'M-.5 -.8C0 -1.15 .6 -.9 .5 -.5C.45 -.15 .1 -.05 -.1 -.05C.3 -.05 .65 .15 .6 .5C.5 1.05 -.3 1.1 -.6 .75',
  'M.3 .95L.3 -.95L-.6 .4L.65 .4',
  'M.5 -.95L-.4 -.95L-.5 -.1C0 -.4 .65 -.2 .6 .4C.55 1.05 -.3 1.1 -.6 .75',
  'M.45 -.9C-.3 -.9 -.6 -.2 -.6 .38A.6 .57 0 1 0 .6 .38A.6 .55 0 0 0 -.57 .25',
  'M-.6 -.95L.6 -.95L-.15 .95',
  'M0 -.08A.46 .44 0 1 1 .01 -.08ZM0 -.08A.58 .52 0 1 0 .01 -.08Z',
  'M-.45 .9C.3 .9 .6 .2 .6 -.38A.6 .57 0 1 0 -.6 -.38A.6 .55 0 0 0 .57 -.25',
]

/** One object as an SVG element, painted in a CSS colour. */
export function objectElement(object: SceneObject, paint: string, line = object.line): string {
  const path = typeof object.what === 'number' ? DIGIT_PATHS[object.what] : SHAPE_PATHS[object.what]
  const style =
    line > 0
      ? `fill="none" stroke="${paint}" stroke-width="${line}" stroke-linejoin="round" stroke-linecap="round"`
      : `fill="${paint}"`
  const move = `translate(${object.x} ${object.y}) rotate(${object.rotation}) scale(${object.radius})`
  return `<path d="${path}" transform="${move}" ${style}/>`
}

function sceneSvg(scene: Scene): string {
  const { width, height, background } = scene
  const box = `width="${width}" height="${height}"`
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" ${box} viewBox="0 0 ${width} ${height}"><defs>` +
    `<linearGradient id="g" gradientTransform="rotate(${background.angle} .5 .5)">` +
    `<stop offset="0" stop-color="rgb(${background.from})"/><stop offset="1" stop-color="rgb(${background.to})"/>` +
    `</linearGradient></defs><rect ${box} fill="url(#g)"/>` +
    `${scene.objects.map((object) => objectElement(object, `rgb(${object.rgb})`)).join('')}</svg>`
  )
}

/** Paints a scene; the noise comes from the scene's seed, so the pixels are always the same. */
export async function renderScene(scene: Scene): Promise<Pixels> {
  const { width, height } = scene
  const data = await sharp(Buffer.from(sceneSvg(scene)))
    .removeAlpha()
    .raw()
    .toBuffer()
  const { noise } = scene.background
  if (noise > 0) {
    const random = new Random(scene.seed ^ 0x5eed)
    for (let index = 0; index < data.length; index++) {
      const value = (data[index] ?? 0) + (random.next() + random.next() - 1) * noise
      data[index] = Math.min(255, Math.max(0, Math.round(value)))
    }
  }
  return { data, width, height }
}

/** The picture as a file's bytes; JPEG and WebP at quality 80. */
export async function encodeScene(scene: Scene, format: Format = scene.format): Promise<Buffer> {
  const { data, width, height } = await renderScene(scene)
  const picture = sharp(data, { raw: { width, height, channels: 3 } })
  if (format === 'png') return picture.png({ compressionLevel: 6 }).toBuffer()
  return format === 'jpeg'
    ? picture.jpeg({ quality: 80 }).toBuffer()
    : picture.webp({ quality: 80 }).toBuffer()
}
