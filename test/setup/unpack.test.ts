/** What an archive may hold, and that nothing else of it reaches the disk. */
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { unpack } from '../../src/setup/unpack.ts'
import { archiveOf, madeUpEngine, type Packed } from '../support/engine-archive.ts'

function unpacked(t: Test, archive: Buffer) {
  const outside = t.testdir()
  const folder = join(outside, 'folder')
  mkdirSync(folder)
  return { outside, folder, done: unpack(() => Readable.from([archive]), folder) }
}

t.test('an engine is unpacked with its links, and may be run', async (t) => {
  const { folder, done } = unpacked(t, archiveOf(madeUpEngine()))
  await done
  t.same(readdirSync(folder).sort(), ['bin', 'build.json', 'confine', 'licenses'])
  t.equal(readlinkSync(join(folder, 'bin/libggml.so')), 'libggml.so.0.1')
  t.equal(readFileSync(join(folder, 'bin/libggml.so'), 'utf8'), 'code')
  t.equal(statSync(join(folder, 'bin/llama-server')).mode & 0o777, 0o755)
  t.equal(statSync(join(folder, 'build.json')).mode & 0o777, 0o644)
})

const hostile: Packed[] = [
  { path: '/tmp/escaped', text: 'x' },
  { path: '../escaped', text: 'x' },
  { path: 'bin/../../escaped', text: 'x' },
  { path: 'bin/deep/er', text: 'x' },
  { path: 'bin/.hidden', text: 'x' },
  { path: 'bin/..', text: 'x' },
  { path: 'README', text: 'x' },
  { path: 'bin\\..\\..\\escaped', text: 'x' },
  { path: 'other/', type: 'Directory' },
  { path: 'bin', type: 'SymbolicLink', linkpath: '..' },
  { path: 'confine', type: 'SymbolicLink', linkpath: 'build.json' },
  { path: 'bin/a', type: 'SymbolicLink', linkpath: '/etc/passwd' },
  { path: 'bin/a', type: 'SymbolicLink', linkpath: '../build.json' },
  { path: 'bin/a', type: 'SymbolicLink', linkpath: '..' },
  { path: 'bin/a', type: 'Link', linkpath: '/etc/passwd' },
  { path: 'bin/a', type: 'Link', linkpath: 'bin/llama-server' },
  { path: 'bin/a', type: 'CharacterDevice' },
  { path: 'bin/a', type: 'BlockDevice' },
  { path: 'bin/a', type: 'FIFO' },
]

t.test('what is not of an engine is refused by its name', async (t) => {
  for (const entry of hostile) {
    const { outside, folder, done } = unpacked(t, archiveOf([...madeUpEngine(), entry]))
    const what = `${entry.type} ${entry.path} ${entry.linkpath ?? ''}`
    await t.rejects(
      done,
      {
        name: 'SetUpProblem',
        message: /^The archive is no engine that .* made: (it has "|bin\/a is a link)/,
      },
      what,
    )
    t.same(readdirSync(outside), ['folder'], what)
    t.same(readdirSync(folder), [], 'not even what comes before it')
    t.notOk(existsSync('/tmp/escaped'))
  }
})

t.test('what is too much is refused', async (t) => {
  const many = Array.from({ length: 1001 }, (_, index) => ({ path: `bin/file-${index}` }))
  await t.rejects(unpacked(t, archiveOf(many)).done, { message: /it has more than 1000 files/ })
  const large = [{ path: 'bin/large', size: 3 * 1024 ** 3 }]
  await t.rejects(unpacked(t, archiveOf(large)).done, { message: /it has more than 2147483648 bytes/ })
  const bomb = gzipSync(Buffer.alloc(50_000_000))
  await t.rejects(unpacked(t, bomb).done, {
    name: 'SetUpProblem',
    message: /max decompression ratio exceeded/,
  })
})

t.test('what is no archive is refused', async (t) => {
  const whole = archiveOf(madeUpEngine(`#!/bin/sh\n${'# words\n'.repeat(1000)}`))
  for (const [what, bytes] of [
    ['words', Buffer.from('no archive at all\n'.repeat(100))],
    ['words, compressed', gzipSync('no archive at all\n'.repeat(100))],
    ['cut off', whole.subarray(0, whole.length - 20)],
    ['damaged', Buffer.concat([whole.subarray(0, 100), Buffer.alloc(50), whole.subarray(150)])],
  ] as const)
    await t.rejects(unpacked(t, bytes).done, { name: 'SetUpProblem' }, what)
})

t.test('what cannot be read is told as it is', async (t) => {
  const broken = new Readable({ read: () => broken.destroy(new Error('EIO: the disk is gone')) })
  await t.rejects(
    unpack(() => broken, t.testdir()),
    /EIO: the disk is gone/,
  )
})
