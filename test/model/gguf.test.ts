import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readHeader } from '../../src/model/gguf.ts'
import { tensorBytes, text, whole, wholes } from '../../src/model/header.ts'
import { layerTensors, type Tensor, type Value, writeGguf } from '../support/gguf.ts'

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
const uint64 = (value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}
const named = (name: string): Buffer => Buffer.concat([uint64(Buffer.byteLength(name)), Buffer.from(name)])
const pair = (key: string, type: number, ...value: Buffer[]): Buffer =>
  Buffer.concat([named(key), uint32(type), ...value])
const architecture = pair('general.architecture', 8, named('llama'))

/** A header that says what no writer would. */
function written(
  t: Test,
  pieces: Buffer[],
  {
    version = 3,
    tensors = 0,
    keys = pieces.length,
  }: { version?: number; tensors?: number; keys?: number } = {},
): string {
  const path = join(t.testdir(), 'x.gguf')
  const start = [Buffer.from('GGUF'), uint32(version), uint64(tensors), uint64(keys)]
  writeFileSync(path, Buffer.concat([...start, ...pieces]))
  return path
}

t.test('keys of every type are read, and tensors in the order of their bytes', async (t) => {
  const float64 = Buffer.alloc(8)
  float64.writeDoubleLE(0.5)
  const path = written(t, [
    architecture,
    pair('u8', 0, Buffer.from([255])),
    pair('i8', 1, Buffer.from([255])),
    pair('u16', 2, Buffer.from([0, 1])),
    pair('i16', 3, Buffer.from([255, 255])),
    pair('u32', 4, uint32(2 ** 32 - 1)),
    pair('i32', 5, uint32(2 ** 32 - 1)),
    pair('f32', 6, Buffer.from([0, 0, 0, 0x40])),
    pair('bool', 7, Buffer.from([1])),
    pair('u64', 10, uint64(2 ** 40)),
    pair('i64', 11, uint64(2n ** 64n - 1n)),
    pair('f64', 12, float64),
    pair('list', 9, uint32(2), uint64(2), Buffer.from([1, 0, 2, 0])),
    pair('texts', 9, uint32(8), uint64(2), named('a'), named('ü')),
  ])
  const { metadata, fileBytes } = await readHeader(path)
  const found = Object.fromEntries(metadata)
  t.match(found, { u8: 255, i8: -1, u16: 256, i16: -1, u32: 2 ** 32 - 1, i32: -1, f32: 2, bool: true })
  t.match(found, { u64: 2 ** 40, i64: -1, f64: 0.5, list: [1, 2], texts: ['a', 'ü'] })
  t.ok(fileBytes > 200)
  const tensors: Tensor[] = [
    { name: 'v.a', dims: [8], type: 'f32' },
    { name: 'b', dims: [9], type: 'f32' },
  ]
  writeGguf(path, { 'general.architecture': 'llama' }, tensors)
  const header = await readHeader(path)
  t.equal(
    tensorBytes(header, (name) => name === 'v.a'),
    32,
  )
  t.equal(
    tensorBytes(header, () => true),
    96,
  )
})

t.test('what nobody asks for is walked over: long texts, long lists', async (t) => {
  const path = join(t.testdir(), 'long.gguf')
  writeGguf(
    path,
    {
      'tokenizer.chat_template': 'x'.repeat(300_000),
      'tokenizer.ggml.merges': Array.from({ length: 50_000 }, (_, index) => `${index} ${index}`),
      'tokenizer.ggml.scores': Array.from({ length: 50_000 }, () => 0),
      'general.architecture': 'llama',
    },
    layerTensors(2),
  )
  const { metadata, tensors } = await readHeader(path)
  t.strictSame([...metadata.values()], [undefined, undefined, undefined, 'llama'])
  t.equal(tensors.length, 2)
})

t.test('numbers are what was asked for, or the file is broken', async (t) => {
  const metadata: Record<string, Value> = {
    'general.architecture': 'llama',
    seven: 7,
    float: { float: 7.5 },
    list: [1, 2],
    words: ['a'],
    word: 'a',
  }
  const path = join(t.testdir(), 'numbers.gguf')
  writeGguf(path, metadata)
  const header = await readHeader(path)
  t.equal(whole(header, 'seven', [7, 7]), 7)
  t.equal(whole(header, 'absent', [7, 7]), 0)
  t.strictSame(wholes(header, 'list', [1, 2]), [1, 2])
  t.equal(wholes(header, 'seven', [1, 2]), undefined)
  t.equal(text(header, 'seven'), undefined)
  for (const [key, range, found] of [
    ['seven', [1, 6], '7'],
    ['seven', [8, 9], '7'],
    ['float', [1, 9], '7.5'],
    ['list', [1, 9], 'no number'],
    ['word', [1, 9], 'no number'],
  ] as const) {
    t.throws(() => whole(header, key, range), {
      name: 'ModelProblem',
      message: `${path} is broken: ${key} is ${found}, expected a whole number from ${range[0]} to ${range[1]}`,
    })
  }
  t.throws(() => wholes(header, 'list', [1, 1]), { message: /list is 2, expected/ })
  t.throws(() => wholes(header, 'words', [1, 1]), { message: /words is no number, expected/ })
})

t.test('a header that claims what cannot be is refused before anything is made of it', async (t) => {
  const huge = 2n ** 63n
  const cases: [what: RegExp, pieces: Buffer[], counts?: Parameters<typeof written>[2]][] = [
    [/claims 1099511627776 keys, more than its 45 bytes can hold/, [architecture], { keys: 2 ** 40 }],
    [/claims 4294967296 tensors, more than/, [architecture], { tensors: 2 ** 32 }],
    [/claims 10001 keys, expected 10000 at most/, [Buffer.alloc(200_000)], { keys: 10_001 }],
    [/version is 1, expected 2 or 3/, [architecture], { version: 1 }],
    [/version is 50331648, expected/, [architecture], { version: 0x3000000 }],
    [/names no architecture/, [pair('a', 7, Buffer.from([1]))]],
    [/a key is empty/, [pair('', 7, Buffer.from([1, 0]))]],
    [/general\.architecture is there twice/, [architecture, architecture]],
    [
      /a name has 9223372036854775807 bytes|a name has 9223372036854776000 bytes/,
      [uint64(huge), Buffer.alloc(20)],
    ],
    [/of an unknown type, 13/, [pair('a', 13, uint32(1))]],
    [/a is a list of an unknown type, 9/, [pair('a', 9, uint32(9), uint64(1), uint32(9), uint64(0))]],
    [/claims 9223372036854776000 entries of a, more than/, [pair('a', 9, uint32(0), uint64(huge))]],
    [
      /claims 1048577 entries of tokenizer\.ggml\.token_type, expected 1048576 at most/,
      [pair('tokenizer.ggml.token_type', 9, uint32(0), uint64(2 ** 20 + 1), Buffer.alloc(2 ** 20 + 1))],
    ],
    [/it ends in the middle/, [pair('a', 8, uint64(10n * 1024n ** 3n))]],
    [/it ends in the middle/, [architecture, pair('general.alignment', 4)]],
    [/general\.alignment is no power of 2/, [architecture, pair('general.alignment', 4, uint32(0))]],
    [/general\.alignment is no power of 2/, [architecture, pair('general.alignment', 4, uint32(24))]],
    [/a name has 64 bytes/, [architecture, named('x'.repeat(64)), Buffer.alloc(30)], { keys: 1, tensors: 1 }],
    [/x has 5 dimensions/, [architecture, named('x'), uint32(5), Buffer.alloc(60)], { keys: 1, tensors: 1 }],
  ]
  for (const [what, pieces, counts] of cases) {
    await t.rejects(
      readHeader(written(t, pieces, counts)),
      { name: 'ModelProblem', message: what },
      String(what),
    )
    await t.rejects(readHeader(written(t, pieces, counts)), {
      message: /^\/.*x\.gguf has an unreadable GGUF header/,
    })
  }
})

t.test('a file that ends before its weights do is told as cut off', async (t) => {
  await t.rejects(
    readHeader(
      written(t, [architecture, named('x'), uint32(0), uint32(0), uint64(2n ** 63n)], {
        keys: 1,
        tensors: 1,
      }),
    ),
    {
      name: 'ModelProblem',
      message: /x\.gguf is cut off: it ends before its weights do/,
    },
  )
})

t.test('of an endless file only so much is read', async (t) => {
  const merges = pair('tokenizer.ggml.merges', 9, uint32(8), uint64(8_380_000))
  const path = written(t, [architecture, merges], { keys: 2, tensors: 90_000 })
  truncateSync(path, 2 ** 36)
  await t.rejects(readHeader(path), { message: /it has more than 67108864 bytes/ })
})

t.test('no key reaches beyond the header', async (t) => {
  const path = written(t, [
    architecture,
    pair('__proto__', 8, named('x')),
    pair('constructor', 8, named('y')),
  ])
  const { metadata } = await readHeader(path)
  t.equal(metadata.get('__proto__'), 'x')
  t.equal(Object.getPrototypeOf(metadata), Map.prototype)
})
