/** PNGs of a few hundred KB at most that ask for much. */
import { crc32, deflateSync } from 'node:zlib'

const signature = Buffer.from('89504e470d0a1a0a', 'hex')

export function pngChunk(type: string, content: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), content])
  const frame = Buffer.alloc(8)
  frame.writeUInt32BE(content.length, 0)
  frame.writeUInt32BE(crc32(typed), 4)
  return Buffer.concat([frame.subarray(0, 4), typed, frame.subarray(4)])
}

function pngHeader(width: number, height: number, interlaced: boolean): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, interlaced ? 1 : 0], 8)
  return pngChunk('IHDR', header)
}

/** Black, with further chunks before its pixels. */
export function blackPng(
  width: number,
  height: number,
  { interlaced = false, extras = [] as Buffer[] } = {},
) {
  // Each of the seven passes of an interlaced one has filter bytes of its own.
  const rows = deflateSync(Buffer.alloc((width * 3 + 1) * height + (interlaced ? 8 * height : 0)))
  const end = pngChunk('IEND', Buffer.alloc(0))
  return Buffer.concat([
    signature,
    pngHeader(width, height, interlaced),
    ...extras,
    pngChunk('IDAT', rows),
    end,
  ])
}

/** A PNG that claims a size and holds next to nothing of it. */
export const pngClaiming = (width: number, height: number): Buffer =>
  Buffer.concat([signature, pngHeader(width, height, false), pngChunk('IDAT', deflateSync(Buffer.alloc(64)))])

/** Texts of 7.9 MB each, 7.7 KB packed, as many as libpng takes. */
export function textBomb(kind: 'zTXt' | 'iTXt', texts: number): Buffer {
  const packed = deflateSync(Buffer.alloc(7_900_000, 'a'), { level: 9 })
  const keyEnd = kind === 'zTXt' ? '\0\0' : '\0\u0001\0\0\0'
  const extras = Array.from({ length: texts }, (_, index) =>
    pngChunk(kind, Buffer.concat([Buffer.from(`key ${index}${keyEnd}`, 'latin1'), packed])),
  )
  return blackPng(64, 64, { extras })
}

/** A profile that unpacks to as much as libpng takes. */
export const profileBomb = (): Buffer =>
  blackPng(64, 64, {
    extras: [
      pngChunk(
        'iCCP',
        Buffer.concat([
          Buffer.from('profile\0\0', 'latin1'),
          deflateSync(Buffer.alloc(7_900_000), { level: 9 }),
        ]),
      ),
    ],
  })

/** Nothing but chunks that mean nothing. */
export const chunkBomb = (chunks: number): Buffer => {
  const chunk = pngChunk('abCd', Buffer.from('v'))
  return blackPng(64, 64, { extras: [Buffer.concat(Array.from({ length: chunks }, () => chunk))] })
}
