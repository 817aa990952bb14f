/** Pictures made on the spot, so that no binaries lie in the repository. */
import sharp from 'sharp'

const size = { width: 40, height: 20 }

/** Red on the left, blue on the right: which way up it is can be read from two pixels. */
export function twoColours(width = size.width, height = size.height) {
  const pixels = Buffer.alloc(width * height * 3)
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    pixels.set(pixel % width < width / 2 ? [208, 32, 32] : [32, 32, 208], pixel * 3)
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
}

export const png = () => twoColours().png().toBuffer()
export const jpeg = () => twoColours().jpeg({ quality: 90 }).toBuffer()

/** Noise does not compress: `pixels` of it make a JPEG or PNG of a known order of size. */
export function noise(width: number, height: number) {
  return sharp({
    create: {
      width,
      height,
      channels: 3,
      background: '#808080',
      noise: { type: 'gaussian', mean: 128, sigma: 60 },
    },
  })
}

export async function pixelAt(bytes: Buffer, left: number, top: number): Promise<number[]> {
  const { data } = await sharp(bytes)
    .extract({ left, top, width: 1, height: 1 })
    .raw()
    .toBuffer({ resolveWithObject: true })
  return [...data]
}

/** First bytes of a phone's HEIC file. */
export const heicHeader = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftypheic\0\0\0\0mif1heic')])

/** Left half red, right half blue, 64x48: made with libheif's heif-enc, since sharp cannot write HEVC. */
export const heic = Buffer.from(
  [
    'AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAa1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAA',
    'AA5waXRtAAAAAAACAAAAEGlkYXQAAAAAAEAAMAAAADhpbG9jAQAAAERAAAIAAQAAAAAAAAHRAAEAAAAAAAAAZQACAAEAAAAAAAAA',
    'AQAAAAAAAAAIAAAAOGlpbmYAAAAAAAIAAAAVaW5mZQIAAAEAAQAAaHZjMQAAAAAVaW5mZQIAAAAAAgAAZ3JpZAAAAADYaXBycAAA',
    'ALZpcGNvAAAAdmh2Y0MBA3AAAAAAAAAAAAAe8AD8/fj4AAAPAyAAAQAYQAEMAf//A3AAAAMAkAAAAwAAAwAeugJAIQABACpCAQED',
    'cAAAAwCQAAADAAADAB6gIIEFlurkprm4EBAwIAAAAwAgAAADACEiAAEABkQBwXPAiQAAABRpc3BlAAAAAAAAAEAAAABAAAAAFGlz',
    'cGUAAAAAAAAAQAAAADAAAAAQcGl4aQAAAAADCAgIAAAAGmlwbWEAAAAAAAAAAgABAoECAAICA4QAAAAaaXJlZgAAAAAAAAAOZGlt',
    'ZwACAAEAAQAAAG1tZGF0AAAAYSgBrxOA+BDhp//8H6j/+HfPD8t6uYn/+Ms5H9ZVD/8uyQ7u9hMUwPFqsOB7xw5sEmLDYS40YhlY',
    'mTuH2qAf+R+GkxTchPAhQKuIFW5AiClT9PnLcy+AJH9a8qti3A8++/c=',
  ].join(''),
  'base64',
)

/** So many pages of 100x200 points, each with a red square in its lower half. */
export function pdf(pages: number): Buffer {
  const drawing = '1 0 0 rg 20 20 60 60 re f'
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${'3 0 R '.repeat(pages)}] /Count ${pages} >>`,
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 200] /Contents 4 0 R >>',
    `<< /Length ${drawing.length} >>\nstream\n${drawing}\nendstream`,
  ]
  let text = '%PDF-1.4\n'
  const offsets = objects.map((object, index) => {
    const offset = text.length
    text += `${index + 1} 0 obj\n${object}\nendobj\n`
    return `${String(offset).padStart(10, '0')} 00000 n \n`
  })
  const table = text.length
  text += `xref\n0 5\n0000000000 65535 f \n${offsets.join('')}trailer << /Size 5 /Root 1 0 R >>\nstartxref\n${table}\n%%EOF\n`
  return Buffer.from(text)
}
