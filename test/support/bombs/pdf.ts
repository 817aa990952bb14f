/** PDFs of a few KB that ask for much. */
import { deflateSync } from 'node:zlib'

/** From the bodies of its objects, numbered from 1; the first is the catalogue. */
export function pdfOf(objects: (string | Buffer)[]): Buffer {
  const parts = [Buffer.from('%PDF-1.7\n')]
  let length = parts[0]?.length ?? 0
  const offsets = objects.map((object, index) => {
    const part = Buffer.concat([
      Buffer.from(`${index + 1} 0 obj\n`),
      Buffer.from(object),
      Buffer.from('\nendobj\n'),
    ])
    const offset = length
    parts.push(part)
    length += part.length
    return `${String(offset).padStart(10, '0')} 00000 n \n`
  })
  const size = objects.length + 1
  const end = `xref\n0 ${size}\n0000000000 65535 f \n${offsets.join('')}trailer << /Size ${size} /Root 1 0 R >>\n`
  return Buffer.concat([...parts, Buffer.from(`${end}startxref\n${length}\n%%EOF\n`)])
}

export function stream(dictionary: string, content: string | Buffer): Buffer {
  const bytes = Buffer.from(content)
  return Buffer.concat([
    Buffer.from(`<< ${dictionary} /Length ${bytes.length} >>\nstream\n`),
    bytes,
    Buffer.from('\nendstream'),
  ])
}

/** One page of `points` x `points` that draws object 5, called X, and holds what else is given from there on. */
function pageThat(
  drawing: string,
  points: number,
  resources: string,
  ...further: (string | Buffer)[]
): Buffer {
  return pdfOf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${points} ${points}] /Contents 4 0 R /Resources << ${resources} >> >>`,
    stream('', drawing),
    ...further,
  ])
}

export const pdfWithoutPages = (): Buffer =>
  pdfOf(['<< /Type /Catalog /Pages 2 0 R >>', '<< /Type /Pages /Kids [] /Count 0 >>'])

/** Groups within groups: each wants a picture of the whole page for itself, `times` times over. */
export function nestedForms(depth: number, times = 1, points = 10_000): Buffer {
  const bounds = `/Type /XObject /Subtype /Form /BBox [0 0 ${points} ${points}]`
  const group = '/Group << /S /Transparency /I true /K true >>'
  const state = '/ExtGState << /G << /ca 0.5 /BM /Multiply >> >>'
  const forms = Array.from({ length: depth }, (_, index) =>
    index === depth - 1
      ? stream(`${bounds} ${group}`, `1 0 0 rg 0 0 ${points} ${points} re f`)
      : stream(
          `${bounds} ${group} /Resources << /XObject << /X ${index + 6} 0 R >> ${state} >>`,
          `/G gs ${'/X Do '.repeat(times)}`,
        ),
  )
  return pageThat('/G gs /X Do', points, `/XObject << /X 5 0 R >> ${state}`, ...forms)
}

/** A picture of `side` x `side` points in one colour, packed `wrappings` times. */
export function packedImage(side: number, wrappings = 1, points = 500): Buffer {
  let content: Buffer = Buffer.alloc(side * Math.ceil(side / 8))
  for (let wrapping = 0; wrapping < wrappings; wrapping += 1) content = deflateSync(content, { level: 9 })
  const filters = '/FlateDecode '.repeat(wrappings)
  const dictionary = `/Type /XObject /Subtype /Image /Width ${side} /Height ${side} /ColorSpace /DeviceGray /BitsPerComponent 1`
  return pageThat(
    `${points} 0 0 ${points} 0 0 cm /X Do`,
    points,
    '/XObject << /X 5 0 R >>',
    stream(`${dictionary} /Filter [${filters}]`, content),
  )
}

/** A pattern of so tiny tiles that they are without number. */
export const tinyTiles = (points = 10_000): Buffer =>
  pageThat(
    `/Pattern cs /X scn 0 0 ${points} ${points} re f`,
    points,
    '/Pattern << /X 5 0 R >>',
    stream(
      '/Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 1 1] /XStep 0.001 /YStep 0.001 /Resources << >>',
      '1 0 0 rg 0 0 1 1 re f',
    ),
  )

/** A large page with nothing on it. */
export const vastPage = (points: number): Buffer => pageThat('', points, '')
