/** The file of captions: what is added to, and what is never touched. */
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openCaptions } from '../../../src/cli/caption/caption-file.ts'

const prompt = 'What is it?'
const caption = (path: string, text = 'a star') => ({
  path,
  text,
  model: 'm',
  finish_reason: 'stop',
  width: 1,
  height: 2,
  seconds: 0.5,
  time: '2026-01-01T00:00:00.000Z',
  prompt,
  options: '',
})
const lineOf = (path: string, text?: string) => `${JSON.stringify(caption(path, text))}\n`
const heading = 'path,text,model,finish_reason,width,height,seconds,time,prompt,options\n'
const rowOf = (path: string) => `${path},a star,m,stop,1,2,0.5,2026-01-01T00:00:00.000Z,What is it?,\n`

/** Opens, asks which of `paths` are there, adds `added` and closes. */
async function run(path: string, { paths = [], added = [] }: { paths?: string[]; added?: string[] }) {
  const notes: string[] = []
  const file = await openCaptions(path, [], (sentence) => notes.push(sentence))
  try {
    const there = paths.filter((one) => file.has(one, { prompt, options: '' }))
    for (const one of added) await file.add(caption(one))
    return { there, notes }
  } finally {
    await file.close()
  }
}

t.test('captions are added to those that are there', async (t) => {
  for (const [name, first, second] of [
    ['a.jsonl', lineOf('one.png', 'é\n"quoted"'), lineOf('two.png')],
    ['a.CSV', heading + rowOf('one.png'), rowOf('two.png')],
  ] as const) {
    const path = join(t.testdir({ [name]: first }), name)
    t.same(await run(path, { paths: ['one.png', 'two.png'], added: ['two.png'] }), {
      there: ['one.png'],
      notes: [],
    })
    t.equal(readFileSync(path, 'utf8'), first + second)
    t.same((await run(path, { paths: ['two.png', 'one.png'] })).there, ['two.png', 'one.png'])
  }
})

t.test(
  'a file of before, which does not say which question its captions answer, goes on as it began',
  async (t) => {
    const { prompt: _, options: __, ...old } = caption('one.png')
    const oldHeading = heading.replace(',prompt,options', '')
    const oldRow = (path: string) => rowOf(path).replace(`,${prompt},`, '')
    for (const [name, first, second] of [
      ['a.jsonl', `${JSON.stringify(old)}\n`, lineOf('two.png')],
      ['a.csv', oldHeading + oldRow('one.png'), oldRow('two.png')],
    ] as const) {
      const path = join(t.testdir({ [name]: first }), name)
      t.same((await run(path, { paths: ['one.png', 'two.png'], added: ['two.png'] })).there, ['one.png'])
      t.equal(readFileSync(path, 'utf8'), first + second)
      t.same((await run(path, { paths: ['two.png', 'one.png'] })).there, ['two.png', 'one.png'])
    }
  },
)

t.test('captions as CSV survive a spreadsheet and a second run', async (t) => {
  const path = join(t.testdir({}), 'captions.csv')
  const odd = ['=a, "b".png', "'=c.png", 'two\nlines.png', '-.png', '=c.png', 'two lines.png']
  const file = await openCaptions(path, [], () => {})
  for (const one of odd) await file.add(caption(one, 'two\nlines, "quoted"'))
  await file.close()
  const text = '"two lines, ""quoted""",m,stop,1,2,0.5,2026-01-01T00:00:00.000Z,What is it?,'
  t.same(readFileSync(path, 'utf8').split('\n'), [
    heading.trim(),
    `"'=a, ""b"".png",${text}`,
    `''=c.png,${text}`,
    `two\\x0alines.png,${text}`,
    `'-.png,${text}`,
    `'=c.png,${text}`,
    `two lines.png,${text}`,
    '',
  ])
  t.same((await run(path, { paths: [...odd, 'plain.png', ''] })).there, odd)
})

t.test('parts of answers have columns, whatever they are called and hold', async (t) => {
  const path = join(t.testdir({}), 'captions.csv')
  const parts = ['colour', 'path', '=a,b', '__proto__']
  const answer = JSON.parse('{"colour":"=red","path":["a",1],"=a,b":null,"__proto__":true,"more":1}')
  for (const name of ['one.png', 'two.png']) {
    const file = await openCaptions(path, parts, () => {})
    await file.add({ ...caption(name), answer })
    t.ok(file.has(name, { prompt, options: '' }))
    await file.close()
  }
  const rest = 'a star,m,stop,1,2,0.5,2026-01-01T00:00:00.000Z,What is it?,'
  t.same(readFileSync(path, 'utf8').split('\n'), [
    `${heading.trim()},colour,answer.path,"'=a,b",__proto__`,
    `one.png,${rest},'=red,"[""a"",1]",,true`,
    `two.png,${rest},'=red,"[""a"",1]",,true`,
    '',
  ])
  const fewer = await openCaptions(path, ['colour'], () => {})
  await fewer.add({ ...caption('three.png'), answer: { colour: 'blue' } })
  await fewer.close()
  t.match(readFileSync(path, 'utf8'), /\nthree\.png,.*,blue,,,\n$/, 'the columns stay')
  const message = `${path} has no column for shape, a part of the answers; name another file`
  await t.rejects(
    openCaptions(path, ['colour', 'shape'], () => {}),
    { message },
  )
})

t.test('what a question was asked with is kept', async (t) => {
  for (const name of ['captions.jsonl', 'captions.csv']) {
    const path = join(t.testdir({}), name)
    const options = 'max_tokens=5, "a"\n=1'
    const file = await openCaptions(path, [], () => {})
    await file.add({ ...caption('one.png'), options })
    await file.close()
    const again = await openCaptions(path, [], () => {})
    t.ok(again.has('one.png', { prompt, options }))
    t.notOk(again.has('one.png', { prompt, options: '' }))
    t.notOk(again.has('one.png', { prompt: 'What?', options }))
    await again.close()
  }
})

t.test('a last line that was cut off, wherever, is dropped, and no other', async (t) => {
  const whole = lineOf('one.png')
  const half = lineOf('zwei.png', 'ein Stern, größer')
  const path = join(t.testdir({}), 'captions.jsonl')
  for (let bytes = 1; bytes < Buffer.byteLength(half); bytes += 1) {
    writeFileSync(path, whole + half)
    truncateSync(path, Buffer.byteLength(whole) + bytes)
    const { there, notes } = await run(path, { paths: ['one.png', 'zwei.png'], added: ['zwei.png'] })
    t.same(there, ['one.png'])
    t.match(notes, [/captions\.jsonl ended in half a line, which is dropped: \{/])
    t.equal(readFileSync(path, 'utf8'), whole + lineOf('zwei.png'), `${bytes} bytes of the line`)
  }
  const table = join(t.testdir({}), 'captions.csv')
  for (const text of ['path,te', `${heading}`, `${heading}one.png,a st`]) {
    writeFileSync(table, text)
    await run(table, { added: ['one.png'] })
    t.equal(readFileSync(table, 'utf8'), heading + rowOf('one.png'), text)
  }
})

t.test('what this command did not write is left as it is', async (t) => {
  const picture = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')
  const contents: [string, string | Buffer, number][] = [
    ['notes.txt', 'a note without a line break', 1],
    ['notes.jsonl', 'a note\n', 1],
    ['blank.jsonl', '\n', 1],
    ['picture', picture, 1],
    ['zeros', Buffer.alloc(100), 1],
    ['other.jsonl', '{"path":"a.png","text":"by another program"}\n', 1],
    ['list.jsonl', `${lineOf('a.png')}[]\n${lineOf('b.png')}`, 2],
    ['then.jsonl', `${lineOf('a.png')}and then a note`, 2],
    ['open.jsonl', '{"title":"no caption', 1],
    ['long.jsonl', `{"path":"${'a'.repeat(5_000_000)}`, 1],
    ['table.csv', 'name,price\napple,3\n', 1],
    ['table-of-eight.csv', 'a,b,c,d,e,f,g,h\n1,2,3,4,5,6,7,8\n', 1],
    ['half.csv', 'name,pri', 1],
    ['row.csv', `${heading}a.png,a star\n`, 2],
    ['captions.csv', lineOf('a.png'), 1],
    ['theirs.csv', `${heading.replace(',prompt,options', ',price')}`, 1],
    ['captions.jsonl', heading, 1],
  ]
  for (const [name, content, line] of contents) {
    const path = join(t.testdir({}), name)
    writeFileSync(path, content)
    await t.rejects(run(path, { added: ['b.png'] }), {
      message: `${path} holds what a run like this does not write (line ${line}) and is left as it is; name another file for the captions`,
    })
    t.ok(readFileSync(path).equals(Buffer.from(content)), name)
  }
})

t.test('what is no file of one name is refused at once', async (t) => {
  const folder = t.testdir({ 'theirs.jsonl': lineOf('a.png') })
  const at = (name: string) => join(folder, name)
  symlinkSync(at('theirs.jsonl'), at('link.jsonl'))
  symlinkSync(at('new.jsonl'), at('dangling.jsonl'))
  mkdirSync(at('folder.jsonl'))
  execFileSync('mkfifo', [at('pipe.jsonl')])
  const refused = (path: string, why: RegExp) =>
    t.rejects(run(path, { added: ['b.png'] }), {
      message: new RegExp(`^${path} cannot be written: ${why.source}.*; name another file`),
    })
  await refused(at('link.jsonl'), /it is a link/)
  await refused(at('dangling.jsonl'), /it is a link/)
  await refused(at('folder.jsonl'), /it is a folder/)
  await refused(at('pipe.jsonl'), /it is a named pipe/)
  await refused('/dev/null', /it is a device/)
  // Root may open it, too.
  await t.rejects(run('/proc/version', { added: ['b.png'] }), {
    message: /^\/proc\/version cannot be written: E(IO|ACCES)/,
  })
  await refused(at('gone/captions.jsonl'), /ENOENT/)
  linkSync(at('theirs.jsonl'), at('second.jsonl'))
  await refused(at('second.jsonl'), /it is a file with a second name/)
  t.equal(readFileSync(at('theirs.jsonl'), 'utf8'), lineOf('a.png'))
})

t.test('once something else wrote into the file, nothing is added', async (t) => {
  const meddle = async (t: Test, meddling: (path: string) => void) => {
    const path = join(t.testdir({}), 'captions.jsonl')
    const file = await openCaptions(path, [], () => {})
    await file.add(caption('one.png'))
    meddling(path)
    const before = readFileSync(path, 'utf8')
    const added = ['two.png', 'three.png'].map((one) => file.add(caption(one)))
    for (const one of added)
      await t.rejects(one, { message: /captions\.jsonl was changed by something else/ })
    t.equal(readFileSync(path, 'utf8'), before)
    await file.close()
  }
  await meddle(t, (path) => appendFileSync(path, 'a note\n'))
  await meddle(t, (path) => truncateSync(path, 3))
  await meddle(t, (path) => {
    rmSync(path)
    writeFileSync(path, 'saved by an editor')
  })
})

t.test('a caption that does not fit on the disk leaves no half of a line', async (t) => {
  const path = join(t.testdir({}), 'captions.jsonl')
  const limit = (bytes: string) => execFileSync('prlimit', [`--pid=${process.pid}`, `--fsize=${bytes}:`])
  // Otherwise the kernel's signal ends the process.
  process.on('SIGXFSZ', () => {})
  const file = await openCaptions(path, [], () => {})
  await file.add(caption('one.png'))
  limit('300')
  const outcome = await file
    .add(caption('two.png', 'a star'.repeat(50)))
    .catch((error: Error) => error.message)
  limit('unlimited')
  await file.close()
  t.match(outcome, /captions\.jsonl cannot be written: EFBIG/)
  t.equal(readFileSync(path, 'utf8'), lineOf('one.png'))
})
