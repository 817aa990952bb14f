/**
 * Draws training pictures and writes them to the standard output, for pack.py:
 *   tsx draw.ts FIRST_SEED COUNT [AUTO]
 * AUTO is the share of pictures sent with `image_detail: auto`. A picture is a line of JSON, then its pixels
 * (three bytes each) and its mask: a byte for each square of two by two pixels of the canvas, 0 for the
 * background, else 1 + the object's index.
 */
import { once } from 'node:events'
import sharp from 'sharp'
import { type ImageDetail, type Size, sizeForDetail } from '../../src/image/tiles.ts'
import { encodeScene, objectElement, renderScene } from '../drawings/pictures.ts'
import { trainingQuestions } from '../drawings/questions.ts'
import { Random } from '../drawings/random.ts'
import { drawScene, FIRST_HELD_OUT_SEED, type Scene } from '../drawings/scene.ts'
import { type Layout, layOut, MOST_TILES, TILE } from './canvas.ts'

const QUESTIONS_A_SCENE = 12
const CELLS = TILE / 2
/** Long pictures show nothing any more on a single tile. */
const LONGEST_LOW_DETAIL = 2.1
const KERNELS = ['linear', 'linear', 'linear', 'lanczos3'] as const

interface Framing extends Size {
  readonly detail: ImageDetail
}

/** The size a picture is sent with: the service's default most often, else one of the other two settings. */
function frame({ width, height }: Scene, random: Random, auto: number): Framing {
  const wanted = random.chance(auto) ? 'auto' : random.chance(0.25) ? 'low' : 'high'
  const long = Math.max(width, height) > LONGEST_LOW_DETAIL * Math.min(width, height)
  const detail = wanted === 'low' && long ? 'auto' : wanted
  return { detail, ...sizeForDetail({ width, height }, detail, { side: TILE, most: MOST_TILES }) }
}

/** Which object is where; outlines count as filled, since the inside belongs to the shape too. */
async function drawMask(scene: Scene, layout: Layout): Promise<Buffer> {
  const elements = scene.objects.map((object, index) => {
    const line = typeof object.what === 'number' ? object.line : 0
    return objectElement(object, `rgb(${Array(3).fill((index + 1) * 50)})`, line)
  })
  const [width, height] = [layout.columns * TILE, layout.rows * TILE]
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${layout.columns * CELLS}" height="${layout.rows * CELLS}" ` +
    `viewBox="0 0 ${width} ${height}" shape-rendering="crispEdges"><rect width="100%" height="100%"/>` +
    `<g transform="scale(${layout.width / scene.width} ${layout.height / scene.height})">${elements.join('')}</g></svg>`
  const grey = await sharp(Buffer.from(svg)).removeAlpha().extractChannel(0).raw().toBuffer()
  return grey.map((value) => Math.round(value / 50)) as Buffer
}

async function drawPixels(scene: Scene, { width, height }: Size, random: Random): Promise<Buffer> {
  const { data, ...size } = await renderScene(scene)
  const same = width === size.width && height === size.height
  if (scene.format === 'png' && same) return data
  const source =
    scene.format === 'png'
      ? sharp(data, { raw: { ...size, channels: 3 } })
      : sharp(await encodeScene(scene, scene.format))
  const kernel = random.pick(KERNELS)
  return (same ? source : source.resize(width, height, { fit: 'fill', kernel })).raw().toBuffer()
}

async function drawOne(seed: number): Promise<Buffer> {
  const scene = drawScene(seed, 'any-shape')
  const random = new Random(seed ^ 0x7ea)
  const { detail, ...sent } = frame(scene, random, auto)
  const { width, height } = sent
  const layout = layOut(width, height)
  const line = {
    seed,
    source: [width, height],
    size: [layout.width, layout.height],
    tiles: [layout.rows, layout.columns],
    aspect: layout.aspect,
    detail,
    tone: scene.background.tone,
    // Middles are parts of the picture's own sides.
    objects: scene.objects.map(({ what, colour, x, y, place }) => ({
      what,
      colour,
      middle: [x / scene.width, y / scene.height],
      place: place ?? null,
    })),
    questions: trainingQuestions(scene, QUESTIONS_A_SCENE, random),
  }
  return Buffer.concat([
    Buffer.from(`${JSON.stringify(line)}\n`),
    await drawPixels(scene, sent, random),
    await drawMask(scene, layout),
  ])
}

const [first = NaN, count = NaN, auto = 0.5] = process.argv.slice(2).map(Number)
if (!(first + count <= FIRST_HELD_OUT_SEED)) {
  throw new RangeError('usage: draw.ts FIRST_SEED COUNT [AUTO], seeds below the held-out ones')
}
sharp.cache(false)
sharp.concurrency(1)
for (let seed = first; seed < first + count; seed++) {
  if (!process.stdout.write(await drawOne(seed))) await once(process.stdout, 'drain')
}
