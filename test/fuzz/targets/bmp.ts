import { Failure } from '../../../src/errors.ts'
import { bmpSize } from '../../../src/image/bmp.ts'
import { bmpClaiming, inColour } from '../../support/bmp.ts'
import { must, type Target, typedOnly } from '../target.ts'

export const target: Target = {
  async run(bytes) {
    const size = await typedOnly([Failure], () => bmpSize(bytes))
    if (!size) return
    must(size.width >= 1 && size.height >= 1, 'a picture has pixels')
    must(size.width < 2 ** 31 && size.height <= 2 ** 31, 'as many as the header can tell')
  },
  seeds: [...Object.values(inColour).map((bytes) => bytes.subarray(0, 200)), bmpClaiming(60_000, 60_000, 12)],
  tokens: ['BM', '\x0c\0\0\0', '\x28\0\0\0', '\x7c\0\0\0'],
  mostBytes: 256,
}
