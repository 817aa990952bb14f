import { Failure } from '../../../src/errors.ts'
import { readJpeg2000Header } from '../../../src/image/jpeg2000-header.ts'
import { codestreamClaiming, codestreams, jp2 } from '../../support/jpeg2000.ts'
import { must, type Target, typedOnly } from '../target.ts'

export const target: Target = {
  async run(bytes) {
    const header = await typedOnly([Failure], () => readJpeg2000Header(bytes))
    if (!header) return
    const { size, reach, halvings } = header
    must(size.width >= 1 && size.height >= 1, 'a picture has pixels')
    must(size.width <= reach.width && size.height <= reach.height, 'it lies within its reach')
    must(Number.isInteger(halvings) && halvings >= 0, 'halvings are a count')
  },
  seeds: [
    codestreams.index,
    codestreams.shifted.subarray(0, 200),
    codestreamClaiming(60_000, 60_000),
    jp2(codestreams.index),
    Buffer.from('\0\0\0\x01jp2c', 'latin1'),
  ],
  tokens: [
    '\xff\x4f\xff\x51',
    '\xff\x52',
    '\xff\x53',
    '\xff\x90',
    'jP  \r\n\x87\n',
    'ftypjp2 ',
    'jp2h',
    'jp2c',
  ],
  mostBytes: 512,
}
