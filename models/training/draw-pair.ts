/**
 * Draws training pictures into raw arrays, as the engine would hand them to the vision tower:
 *   tsx draw.ts OUT FIRST_SEED COUNT [PROCESSES]
 * Writes OUT/pixels-N.bin (128 x 128 x 3 bytes a picture), OUT/masks-N.bin (32 x 32 bytes: 0 for the
 * background, else 1 + the object's index) and OUT/scenes-N.jsonl (a line a picture).
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { encodeScene, objectElement, renderScene } from '../drawings/pictures.ts'
import { trainingQuestions } from '../drawings/questions.ts'
import { Random } from '../drawings/random.ts'
import { drawScene, FIRST_HELD_OUT_SEED, type Scene } from '../drawings/scene.ts'

const SIDE = 128
const MASK_SIDE = 32
const QUESTIONS_A_SCENE = 12
/** The engine fills what a picture leaves of the square with this grey. */
const PADDING = { r: 127, g: 127, b: 127 }

/** Where the engine puts a picture in the square, in pixels of the square. */
function letterbox(scene: Scene): { width: number; height: number; left: number; top: number } {
  const scale = Math.min(SIDE / scene.width, SIDE / scene.height)
  const width = Math.min(SIDE, Math.ceil(scene.width * scale))
  const height = Math.min(SIDE, Math.ceil(scene.height * scale))
  return { width, height, left: Math.floor((SIDE - width) / 2), top: Math.floor((SIDE - height) / 2) }
}

async function drawPixels(scene: Scene, random: Random): Promise<Buffer> {
  const { width, height, left, top } = letterbox(scene)
  // The engine's kernel is bicubic; others now and then keep the model from leaning on its edges.
  const kernel = random.chance(0.75)
    ? 'cubic'
    : random.pick(['linear', 'lanczos2', 'lanczos3', 'mitchell'] as const)
  const { data, ...size } = await renderScene(scene)
  const source =
    scene.format === 'png'
      ? sharp(data, { raw: { ...size, channels: 3 } })
      : sharp(await encodeScene(scene, scene.format))
  const resized = await source.resize(width, height, { fit: 'fill', kernel }).raw().toBuffer()
  const square = Buffer.alloc(SIDE * SIDE * 3, PADDING.r)
  for (let row = 0; row < height; row++) {
    resized.copy(square, ((top + row) * SIDE + left) * 3, row * width * 3, (row + 1) * width * 3)
  }
  return square
}

/** Which object is where; outlines count as filled, since the inside belongs to the shape too. */
async function drawMask(scene: Scene): Promise<Buffer> {
  const { left, top } = letterbox(scene)
  const scale = Math.min(SIDE / scene.width, SIDE / scene.height)
  const elements = scene.objects.map((object, index) => {
    const line = typeof object.what === 'number' ? object.line : 0
    return objectElement(object, `rgb(${Array(3).fill((index + 1) * 50)})`, line)
  })
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${MASK_SIDE}" height="${MASK_SIDE}" ` +
    `viewBox="0 0 ${SIDE} ${SIDE}" shape-rendering="crispEdges"><rect width="100%" height="100%"/>` +
    `<g transform="translate(${left} ${top}) scale(${scale})">${elements.join('')}</g></svg>`
  const grey = await sharp(Buffer.from(svg)).removeAlpha().extractChannel(0).raw().toBuffer()
  return grey.map((value) => Math.round(value / 50)) as Buffer
}

async function drawShare(out: string, share: string, seeds: Iterable<number>): Promise<void> {
  const files = ['pixels', 'masks', 'scenes'].map((name) =>
    createWriteStream(join(out, `${name}-${share}.${name === 'scenes' ? 'jsonl' : 'bin'}`)),
  )
  for (const seed of seeds) {
    const scene = drawScene(seed)
    const random = new Random(seed ^ 0x7ea)
    const line = {
      seed,
      tone: scene.background.tone,
      objects: scene.objects.map(({ what, colour }) => ({ what, colour })),
      questions: trainingQuestions(scene, QUESTIONS_A_SCENE, random),
    }
    const parts = [await drawPixels(scene, random), await drawMask(scene), `${JSON.stringify(line)}\n`]
    for (const [index, file] of files.entries()) {
      if (!file.write(parts[index])) await once(file, 'drain')
    }
  }
  await Promise.all(files.map((file) => once(file.end(), 'finish')))
}

function* everyNth(first: number, count: number, step: number, offset: number): Generator<number> {
  for (let index = offset; index < count; index += step) yield first + index
}

const [out = '', first = '', count = '', processes = '2', share] = process.argv.slice(2)
if (!out || Number(first) + Number(count) > FIRST_HELD_OUT_SEED) {
  throw new RangeError('usage: draw.ts OUT FIRST_SEED COUNT [PROCESSES], seeds below the held-out ones')
}
if (share === undefined) {
  mkdirSync(out, { recursive: true })
  const children = Array.from({ length: Number(processes) }, (_, index) =>
    spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1, 5), processes, String(index)], {
      stdio: 'inherit',
    }),
  )
  const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0] as number))
  process.exitCode = Math.max(...codes)
} else {
  sharp.cache(false)
  sharp.concurrency(1)
  await drawShare(
    out,
    `${first}-${share}`,
    everyNth(Number(first), Number(count), Number(processes), Number(share)),
  )
}
