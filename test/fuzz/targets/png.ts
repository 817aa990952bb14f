import { Failure } from '../../../src/errors.ts'
import { withoutExtras } from '../../../src/image/png-chunks.ts'
import { recognise } from '../../../src/image/recognise.ts'
import { must, type Target, typedOnly } from '../target.ts'

const signature = '\x89PNG\r\n\x1a\n'
const chunk = (type: string, body = '') => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length)
  return `${length.toString('latin1')}${type}${body}CRC.`
}
const file = (...chunks: string[]) => Buffer.from(signature + chunks.join(''), 'latin1')

export const target: Target = {
  async run(bytes) {
    const format = await typedOnly([Failure], () => recognise(bytes))
    if (format !== 'PNG') return
    const lean = await typedOnly([Failure], () => withoutExtras(bytes))
    if (!lean) return
    must(lean.length <= bytes.length, 'nothing is added')
    must(withoutExtras(lean).length === lean.length, 'nothing is left to take away')
  },
  seeds: [
    file(chunk('IHDR', 'x'.repeat(13)), chunk('tEXt', 'a\0b'), chunk('IDAT', 'pixels'), chunk('IEND')),
    file(chunk('IHDR', 'x'.repeat(13)), chunk('acTL'), chunk('zTXt'), chunk('iCCP')),
    Buffer.from('GIF89a'),
    Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'),
    Buffer.from('%PDF-1.7'),
  ],
  tokens: [signature, 'IHDR', 'IDAT', 'tEXt', 'IEND', '\0\0\0\0', 'ftypheic', 'RIFF', 'WEBP', 'II*\0'],
  mostBytes: 512,
}
