import { Failure } from '../../../src/errors.ts'
import { receive } from '../../../src/image/receive.ts'
import { must, type Target, typedOnly } from '../target.ts'

const never = new AbortController().signal
const alphabet = /^[A-Za-z0-9+/_-]+={0,2}$/

export const target: Target = {
  async run(input) {
    const text = input.toString('latin1')
    const bytes = await typedOnly([Failure], () => receive(text, undefined, never))
    if (!bytes) return
    const body = text.replace(/\s+/g, '').replace(/^data:[^,]*,/i, '')
    must(alphabet.test(body), 'what is accepted is base64')
    must(bytes.length === Math.floor((body.replace(/=+$/, '').length * 3) / 4), 'and read to its end')
  },
  seeds: [
    'AAAA',
    'AAA=',
    'AA==',
    '_-8\nAA',
    'data:image/png;base64,AAAA',
    ' DATA:image/svg+xml;charset=utf-8; Base64 ,AAAA',
    'https://example.com/a.png',
  ],
  tokens: ['data:', ';base64,', 'http://', '==', '\r\n', ',', '\0', '\xff', '%41'],
  mostBytes: 1024,
}
