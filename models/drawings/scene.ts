import { Random } from './random.ts'

/** Seeds below this number are for training; evaluation, tests and samples use seeds from here upwards. */
export const FIRST_HELD_OUT_SEED = 1_000_000_000

export const SHAPES = ['circle', 'square', 'triangle', 'star', 'cross'] as const
export const COLOURS = ['red', 'green', 'blue', 'yellow', 'purple', 'orange', 'white', 'black'] as const

export type Shape = (typeof SHAPES)[number]
export type Colour = (typeof COLOURS)[number]
export type Place = 'left' | 'right' | 'top' | 'bottom' | 'centre'
/** Red, green and blue, each 0 to 255. */
export type Rgb = readonly [number, number, number]
export type Format = 'png' | 'jpeg' | 'webp'

export interface SceneObject {
  /** A shape's name, or a digit as a number from 0 to 9. */
  readonly what: Shape | number
  readonly colour: Colour
  readonly rgb: Rgb
  /** Pixels from the left and the top edge. */
  readonly x: number
  readonly y: number
  /** Half of the extent, in pixels. */
  readonly radius: number
  /** Degrees clockwise. */
  readonly rotation: number
  /** Width of the line as a part of the radius; 0 means filled. */
  readonly line: number
  /** Undefined where a person could argue about it. */
  readonly place: Place | undefined
}

export interface Background {
  readonly tone: 'dark' | 'light'
  /** A gradient runs from one to the other; a plain one has both equal. */
  readonly from: Rgb
  readonly to: Rgb
  /** Direction of the gradient in degrees. */
  readonly angle: number
  /** Largest change of a colour value by noise, 0 to 45. */
  readonly noise: number
}

/** Everything there is to know about a picture, as plain data. */
export interface Scene {
  readonly seed: number
  readonly width: number
  readonly height: number
  readonly format: Format
  readonly background: Background
  /** From left to right; 1 to 4 shapes, or one digit. */
  readonly objects: readonly SceneObject[]
}

const PAINT: Record<Colour, Rgb> = {
  red: [218, 36, 42],
  green: [38, 165, 62],
  blue: [48, 88, 228],
  yellow: [240, 208, 22],
  purple: [146, 56, 184],
  orange: [245, 128, 24],
  white: [246, 246, 246],
  black: [16, 16, 16],
}

/** Up to this many pixels a side there is just one tile, so objects have to be larger in proportion. */
const ONE_TILE = 56
/** Taller than any ordinary picture: its objects share a narrow column. */
const TALL = 2.03

type Size = { readonly width: number; readonly height: number }

function drawSize(random: Random): Size {
  // Small pictures are much quicker to draw and the model sees 128 pixels anyway.
  const long = Math.round(random.chance(0.75) ? random.between(96, 280) : random.between(280, 641))
  if (random.chance(0.35)) return { width: long, height: long }
  const short = Math.round(Math.max(64, long * random.between(0.5, 1)))
  return random.chance(0.5) ? { width: long, height: short } : { width: short, height: long }
}

/** Sizes for every canvas of a model that cuts pictures into up to four tiles of 56 pixels a side. */
function drawAnySize(random: Random): Size {
  const kind = random.next()
  if (kind < 0.3) return drawSize(random)
  const drawSides = (): [number, number] => {
    if (kind < 0.47) {
      const long = random.between(40, ONE_TILE)
      return [long, long * random.between(0.72, 1)]
    }
    if (kind < 0.65) {
      const long = random.between(64, 2 * ONE_TILE)
      return [long, random.between(Math.max(36, 0.4 * long), ONE_TILE)]
    }
    const long = random.chance(0.75) ? random.between(150, 320) : random.between(320, 641)
    return [long, long / (random.chance(0.5) ? random.between(2.05, 3) : random.between(3, 4.5))]
  }
  const [long = 0, short = 0] = drawSides().map(Math.round)
  return random.chance(0.5) ? { width: long, height: short } : { width: short, height: long }
}

function drawBackground(random: Random): Background {
  const tone = random.chance(0.5) ? 'dark' : 'light'
  const drawShade = (): Rgb => {
    const grey = tone === 'dark' ? random.between(5, 62) : random.between(202, 250)
    const tint = (): number => Math.round(Math.min(255, Math.max(0, grey + random.between(-14, 14))))
    return [tint(), tint(), tint()]
  }
  const extreme: Rgb = tone === 'dark' ? [0, 0, 0] : [255, 255, 255]
  const from = random.chance(0.15) ? extreme : drawShade()
  const to = random.chance(0.4) ? drawShade() : from
  const noise = random.chance(0.3) ? 0 : random.chance(0.7) ? random.between(2, 18) : random.between(18, 45)
  return { tone, from, to, angle: Math.round(random.between(0, 360)), noise }
}

function drawColour(random: Random, tone: Background['tone'], neutral: number): { colour: Colour; rgb: Rgb } {
  const chosen = random.chance(neutral)
    ? tone === 'dark'
      ? 'white'
      : 'black'
    : random.pick(COLOURS.slice(0, 6))
  const jitter = (value: number): number =>
    Math.round(Math.min(255, Math.max(0, value + random.between(-9, 9))))
  const [red, green, blue] = PAINT[chosen]
  return { colour: chosen, rgb: [jitter(red), jitter(green), jitter(blue)] }
}

/** The side an object is clearly on, seen from the middle of the picture. */
export function placeOf(x: number, y: number, width: number, height: number): Place | undefined {
  const across = (2 * x) / width - 1
  const down = (2 * y) / height - 1
  const [wide, tall] = [Math.abs(across), Math.abs(down)]
  if (wide < 0.1 && tall < 0.1) return 'centre'
  const ratio = (wide * width) / (tall * height + 1e-9)
  if (wide > 0.3 && wide > 2 * tall && ratio > 1.7) return across < 0 ? 'left' : 'right'
  if (tall > 0.3 && tall > 2 * wide && ratio < 1 / 1.7) return down < 0 ? 'top' : 'bottom'
  return undefined
}

function drawLook(random: Random, what: Shape | number): { rotation: number; line: number } {
  const rotation = Math.round(random.between(-14, 14))
  if (typeof what === 'number') return { rotation, line: random.between(0.2, 0.42) }
  return { rotation, line: random.chance(0.3) ? random.between(0.16, 0.3) : 0 }
}

/** One object by itself: always at a place that has a name, if the picture leaves room there. */
function drawSingle(random: Random, size: Size, tone: Background['tone'], what: Shape | number): SceneObject {
  const { width, height } = size
  const long = Math.max(width, height)
  const wanted = random.pick(['left', 'right', 'top', 'bottom', 'centre'] as const)
  for (;;) {
    const drawn = random.between(0.1, 0.36) * Math.min(width, height) + 0.03 * long
    // Ordinary pictures never reach these limits.
    const least = long <= ONE_TILE ? 0.18 : 0
    const radius = Math.min(Math.max(drawn, least * long), 0.43 * Math.min(width, height))
    const x = random.between(radius * 1.1, width - radius * 1.1)
    const y = random.between(radius * 1.1, height - radius * 1.1)
    const place = placeOf(x, y, width, height)
    if (place !== wanted) continue
    return { what, ...drawColour(random, tone, 0.2), x, y, radius, ...drawLook(random, what), place }
  }
}

/** The radius of one shape out of several. */
function drawRadius(random: Random, { width, height }: Size, count: number): number {
  const long = Math.max(width, height)
  if (height > TALL * width) return random.between(0.18, 0.26) * width
  const [least, most] =
    long <= ONE_TILE ? [0.15, count === 2 ? 0.22 : 0.18] : [0.09, count === 2 ? 0.19 : 0.15]
  return Math.min(random.between(least, most) * long, 0.4 * Math.min(width, height))
}

/** Several shapes that keep clear of each other; undefined if they did not fit. */
function drawSeveral(random: Random, size: Size, tone: Background['tone'], count: number) {
  const { width, height } = size
  const long = Math.max(width, height)
  const column = height > TALL * width ? 0.15 * width : 0.1 * long
  const objects: SceneObject[] = []
  for (let attempt = 0; attempt < 60 && objects.length < count; attempt++) {
    const radius = drawRadius(random, size, count)
    const x = random.between(radius * 1.1, width - radius * 1.1)
    const y = random.between(radius * 1.1, height - radius * 1.1)
    // Shapes are listed from left to right, so up to three need columns of their own.
    const clear = objects.every(
      (other) =>
        Math.hypot(x - other.x, y - other.y) > 1.15 * (radius + other.radius) &&
        (count === 4 || Math.abs(x - other.x) > column),
    )
    if (!clear) continue
    const what = random.pick(SHAPES)
    const place = placeOf(x, y, width, height)
    objects.push({ what, ...drawColour(random, tone, 0.1), x, y, radius, ...drawLook(random, what), place })
  }
  return objects.length === count ? objects.sort((one, other) => one.x - other.x) : undefined
}

/**
 * `ordinary`: sides of 64 to 641 pixels, up to twice as long as wide. `any-shape`: also small pictures from
 * 29 pixels and long ones up to 4.5 times as long as wide.
 */
export type Sizes = 'ordinary' | 'any-shape'

/** The scene of a seed: about 30 % one shape, 25 % one digit, 45 % two to four shapes. */
export function drawScene(seed: number, sizes: Sizes = 'ordinary'): Scene {
  const random = new Random(seed)
  const kind = random.next()
  const format = random.pick(['png', 'jpeg', 'webp'] as const)
  const background = drawBackground(random)
  for (;;) {
    const size = sizes === 'ordinary' ? drawSize(random) : drawAnySize(random)
    const drawObjects = (): SceneObject[] | undefined => {
      if (kind < 0.3) return [drawSingle(random, size, background.tone, random.pick(SHAPES))]
      if (kind < 0.55) return [drawSingle(random, size, background.tone, random.below(10))]
      return drawSeveral(random, size, background.tone, kind < 0.75 ? 2 : kind < 0.9 ? 3 : 4)
    }
    const objects = drawObjects()
    if (objects) return { seed, ...size, format, background, objects }
  }
}
