import fc from 'fast-check'
import t from 'tap'
import { type FetchImage, receive } from '../../src/image/receive.ts'
import { FetchProblem } from '../../src/net/guarded-fetch.ts'
import { png } from '../support/images.ts'

const never = new AbortController().signal
const received = (image: string | Buffer, fetchImage?: FetchImage) => receive(image, fetchImage, never)

t.test('base64 in all its spellings gives the same bytes', async (t) => {
  const bytes = await png()
  const plain = bytes.toString('base64')
  const spellings = {
    plain,
    'without padding': plain.replace(/=+$/, ''),
    base64url: bytes.toString('base64url'),
    'with line breaks': plain.replace(/.{76}/g, '$&\r\n'),
    'data URL': `data:image/png;base64,${plain}`,
    'data URL with parameters': `data:image/png;charset=utf-8;name=a.png;base64,${plain}`,
    'data URL without a type': `data:;base64,${plain}`,
    'data URL that claims another type': `data:image/jpeg;base64,${plain}`,
    'data URL in capitals': `DATA:image/png;BASE64,${plain}`,
  }
  for (const [name, text] of Object.entries(spellings)) t.strictSame(await received(text), bytes, name)
  t.equal(await received(bytes), bytes)
})

t.test('whatever the bytes, they come back', () =>
  fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1 }), fc.boolean(), async (array, url) => {
      const bytes = Buffer.from(array)
      return (await received(bytes.toString(url ? 'base64url' : 'base64'))).equals(bytes)
    }),
  ),
)

t.test('addresses are fetched where that is allowed, and nothing else is', async (t) => {
  const asked: string[] = []
  const fetchImage: FetchImage = async (address) => {
    asked.push(address)
    return Buffer.from('fetched')
  }
  t.equal(String(await received('https://example.org/a.png', fetchImage)), 'fetched')
  t.equal(String(await received('aHR0cHM6Ly8', fetchImage)), 'https://')
  t.equal(String(await received(Buffer.from('https://example.org'), fetchImage)), 'https://example.org')
  t.same(asked, ['https://example.org/a.png'])
})

t.test('why an address gives no picture is told in the words of pictures', async (t) => {
  const cause = new Error('ECONNRESET')
  const failing = (error: unknown) => received('https://example.org/a.png', () => Promise.reject(error))
  for (const kind of ['refused', 'failed'] as const) {
    await t.rejects(failing(new FetchProblem(kind, 'its host is odd', cause)), {
      name: 'Failure',
      code: `image_url_${kind}`,
      status: 400,
      facts: { reason: 'its host is odd' },
      cause,
    })
  }
  await t.rejects(failing(cause), cause, 'what else goes wrong stays as it is')
})

t.test('what is not base64 is refused, never decoded as far as it goes', async (t) => {
  const faults: [string, string][] = [
    ['', 'empty_image'],
    ['  \n ', 'empty_image'],
    ['data:image/png;base64,', 'empty_image'],
    ['AAAA!!!!', 'invalid_base64'],
    ['AAAA=AAAA', 'invalid_base64'],
    ['AAA*', 'invalid_base64'],
    ['<svg xmlns=""></svg>', 'invalid_base64'],
    ['/home/me/photo.jpg?', 'invalid_base64'],
    ['AAAAA', 'truncated_base64'],
    ['data:image/svg+xml,<svg/>', 'invalid_data_url'],
    ['data:image/png;base64', 'invalid_data_url'],
    ['https://example.org/a.png', 'image_is_url'],
    ['  HTTP://example.org/a.png', 'image_is_url'],
  ]
  for (const [text, code] of faults) {
    await t.rejects(received(text), { code, status: 400 }, JSON.stringify(text))
  }
})
