import { Failure } from '../../../src/errors.ts'
import { parseBody, parseJson } from '../../../src/http/json.ts'
import { must, type Target, typedOnly } from '../target.ts'

export const target: Target = {
  async run(bytes) {
    const read = await typedOnly([Failure], () => ({ value: parseJson(bytes) }))
    const apart = await typedOnly([Failure], async () => ({ value: await parseBody(bytes, 1) }))
    must(JSON.stringify(apart) === JSON.stringify(read), 'texts taken out are put back')
    if (!read) return
    must(
      JSON.stringify(read.value) ===
        JSON.stringify(JSON.parse(bytes.toString('utf8').replace(/^\ufeff/, ''))),
      'what is read is what is written',
    )
  },
  seeds: [
    '{"prompt":"a \\"quoted\\" word","image":"AAAA","stop":["a","b"]}',
    '[[[[[[[[[[]]]]]]]]]]',
    '{"a":{"b":[1,-2.5e3,true,false,null,"\\u00e9\\ud83e\\udd99"]}}',
    '"\\\\\\""',
  ],
  tokens: ['{', '}', '[', ']', '"', '\\"', '\\\\', ',', ':', '\\u', 'null', '1e999', '\xef\xbb\xbf'],
  mostBytes: 1024,
}
