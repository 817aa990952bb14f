import { Failure } from '../../../src/errors.ts'
import { readForm } from '../../../src/http/form.ts'
import { must, type Target, typedOnly } from '../target.ts'

const maxFields = 8

const part = (name: string, body: string, more = '') =>
  `--b\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${body}\r\n`

export const target: Target = {
  async run(bytes) {
    const form = await typedOnly([Failure], () =>
      readForm(bytes, 'multipart/form-data; boundary=b', maxFields),
    )
    if (!form) return
    must(form.fields.size <= maxFields, 'fields are bounded')
    must(
      form.files.every((file) => file.length <= bytes.length),
      'a file is a part of the form',
    )
  },
  seeds: [
    `${part('prompt', 'hello')}${part('image', 'PNG', '; filename="a.png"')}--b--\r\n`,
    `${part('prompt', 'a')}${part('prompt', 'b')}${part('json_schema', '{}')}--b--`,
    `preamble\r\n${part('x', '', "; filename*=UTF-8''%41.png")}--b--epilogue`,
    '--b\r\nContent-Type: application/json\r\nContent-Disposition: form-data; name=prompt\r\n\r\n{"a":\r\n--b--',
  ],
  tokens: [
    '--b',
    '--b--',
    '\r\n',
    '\r\n\r\n',
    'name="',
    'filename="',
    '__proto__',
    'Content-Type: ',
    '; ',
    '\0',
  ],
  mostBytes: 2048,
}
