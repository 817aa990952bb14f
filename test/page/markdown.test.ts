/** Answers as the page draws them: the Markdown that models write, and whatever else may come, in a bounded time. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t from 'tap'

type Node = { tag: string; attributes?: Record<string, string>; children: (string | Node)[]; source?: string }

const location = new URL('../../src/page/markdown.js', import.meta.url)
const { blocksOf }: { blocksOf: (text: string) => Node[] } = await import(location.href)

/** A tree as one reads it: `p(a, em(b))`. */
const told = ({ tag, children }: Node): string => `${tag}(${shown(children)})`
const shown = (nodes: (string | Node)[]): string =>
  nodes.map((node) => (typeof node === 'string' ? node : told(node))).join(',')
const tree = (text: string): string => shown(blocksOf(text))

function* allOf(nodes: (string | Node)[]): Generator<Node> {
  for (const node of nodes) {
    if (typeof node === 'string') continue
    yield node
    yield* allOf(node.children)
  }
}

const rows: Record<string, [text: string, expected: string][]> = {
  'paragraphs keep their lines': [
    ['There are three.', 'p(There are three.)'],
    ['a\nb\r\n\r\n\r\nc  ', 'p(a\nb),p(c)'],
    ['', ''],
    [' \n\n', ''],
  ],
  emphasis: [
    ['**a** _b_ *c* __d__ ~~e~~', 'p(strong(a), ,em(b), ,em(c), ,strong(d), ,del(e))'],
    ['***a***', 'p(strong(em(a)))'],
    ['**a *b* c**', 'p(strong(a ,em(b), c))'],
    ['*a **b***', 'p(em(a ,strong(b)))'],
    ['2 * 3 * 4, snake_case_name, ~5, a**', 'p(2 * 3 * 4, snake_case_name, ~5, a**)'],
    ['*a **b*', 'p(em(a **b))'],
    ['**a', 'p(**a)'],
    ['\\*a\\* \\b', 'p(*a* \\b)'],
    ['a ****', 'p(a ****)'],
  ],
  code: [
    ['`a*b*` and ``x`y``', 'p(code(a*b*), and ,code(x`y))'],
    ['` ` ` `` `', 'p(code( ), ,code(``))'],
    ['`a', 'p(`a)'],
    ['```js\na\n\n  *b*\n```\nc', 'pre(code(a\n\n  *b*)),p(c)'],
    ['~~~\n```\n~~~', 'pre(code(```))'],
    ['```\nis being written', 'pre(code(is being written))'],
    ['a\n```\nb\n```', 'p(a),pre(code(b))'],
  ],
  headings: [
    ['# A\n## B\n### C\n## D', 'h4(A),h5(B),h6(C),h5(D)'],
    ['### A *b* ###\n# C', 'h4(A ,em(b)),h4(C)'],
    ['#hashtag', 'p(#hashtag)'],
    ['# C#', 'h4(C#)'],
  ],
  lists: [
    ['- a\n- b', 'ul(li(p(a)),li(p(b)))'],
    ['1. a\n2) b', 'ol(li(p(a))),ol(li(p(b)))'],
    ['3. a\n\n4. b\n\nc', 'ol(li(p(a)),li(p(b))),p(c)'],
    ['* a\n  * b\n    - c\n* d', 'ul(li(p(a),ul(li(p(b),ul(li(p(c)))))),li(p(d)))'],
    ['1. a\n   - b\n\n   c', 'ol(li(p(a),ul(li(p(b))),p(c)))'],
    ['Here:\n- a\nand on', 'p(Here:),ul(li(p(a\nand on)))'],
    ['in\n1984. was', 'p(in\n1984. was)'],
    ['- ```\n  a\n  ```', 'ul(li(pre(code(a))))'],
  ],
  'quotes and rules': [
    ['> a\n> - b\n\nc', 'blockquote(p(a),ul(li(p(b)))),p(c)'],
    ['a\n\n---\n***\n- - -\nb', 'p(a),hr(),hr(),hr(),p(b)'],
  ],
  tables: [
    [
      '| a | *b* |\n|:-:|--:|\n| 1 | x \\| y |\n| 2 |',
      'div(table(thead(tr(th(a),th(em(b)))),tbody(tr(td(1),td(x | y)),tr(td(2)))))',
    ],
    ['Look:\na|b\n-|-\n1|2|3', 'p(Look:),div(table(thead(tr(th(a),th(b))),tbody(tr(td(1),td(2)))))'],
    ['a | b\nc | d', 'p(a | b\nc | d)'],
    ['a | b\n---', 'p(a | b),hr()'],
  ],
  links: [
    ['[a](https://b.example/c "d")', 'p(span(a(a), ,small((b.example))))'],
    ['[b.example](https://b.example/c_(d))', 'p(a(b.example))'],
    [
      'See https://b.example/c. (http://d.example)',
      'p(See ,a(https://b.example/c),. (,a(http://d.example),))',
    ],
    ['<mailto:a@b.example>', 'p(a(mailto:a@b.example))'],
    ['![a *b*](https://c.example/d.png)', 'p(!,span(a(a ,em(b)), ,small((c.example))))'],
    ['[https://a.example](https://b.example)', 'p(span(a(https://a.example), ,small((b.example))))'],
    ['**[a]** [1] [*b*', 'p(strong([a]), [1] [,em(b))'],
  ],
}

for (const [name, cases] of Object.entries(rows)) {
  t.test(name, (t) => {
    for (const [text, expected] of cases) t.equal(tree(text), expected, JSON.stringify(text))
    t.end()
  })
}

t.test('no link leads to a script, a file or this very site, and none is followed by itself', (t) => {
  const harmless = [
    '[a](javascript:alert(1)) [a](JaVaScRiPt:alert(1)) [a](java\nscript:alert(1)) [a](\u0001javascript:alert(1))',
    '[a](data:text/html,x) [a](vbscript:x) [a](file:///etc/passwd) [a](/infer) [a](//evil.example) [a](#x) [a]()',
    '<javascript:alert(1)> <img src=x onerror=alert(1)> <script>alert(1)</script> &lt;b&gt;',
    '[a](https://) [a](http://) [a](mailto :a) [a](ftp://a.example/b) http:// https://%',
  ]
  for (const text of harmless) {
    const nodes = [...allOf(blocksOf(text))]
    t.strictSame([...new Set(nodes.map(({ tag }) => tag))], ['p'], text)
    t.equal(tree(text), `p(${text})`, 'it is all text')
  }
  const [, , anchor] = [...allOf(blocksOf('[a](HTTPS://аpple.example/"onclick="x)'))]
  t.match(anchor, {
    tag: 'a',
    attributes: { href: 'https://xn--pple-43d.example/%22onclick=%22x', rel: /noopener/, target: '_blank' },
  })
  t.end()
})

t.test('an answer that grows changes at its end alone', (t) => {
  const text = '# A\n\nb **c**\n\n- d\n- e\n\n| f |\n|---|\n| g |\n\n## H\n\n```\ni\n```\nj'
  const sources = (part: string) => blocksOf(part).map(({ source }) => source)
  for (let end = 1; end <= text.length; end += 1) {
    const [before, after] = [sources(text.slice(0, end - 1)), sources(text.slice(0, end))]
    t.strictSame(after.slice(0, before.length - 1), before.slice(0, -1))
  }
  t.end()
})

/** Repeated, each would take the square of the time, a tower of elements or a long stack somewhere. */
const hostile = [
  ...['*', '**a ', '*a', 'a*', '***a', '*a **b ', '_', '~~a ', '`', '`a', '``` ', '```\n', '\\', '\\*'],
  ...[
    '[',
    '![',
    '](',
    '[a](',
    '](a "',
    '[a](http://(',
    '[x](http://a b) ',
    '[*',
    '((',
    '<',
    '<http://',
    'http://',
  ],
  ...[
    '> ',
    '>\n',
    '- ',
    '- \n',
    '  - a\n',
    '1. ',
    '1.\n',
    '#',
    '# ',
    '|',
    '| a \n',
    'a|b\n-|-\n',
    '|-',
    '\n',
  ],
  ...[' ', '\t', '\u2028', '\0', '\ud800', '🦙', '<b>', 'x\n', '---\n', '&amp;'],
]

t.test('what is meant to be much becomes no more than it is', (t) => {
  const height = (nodes: (string | Node)[]): number =>
    nodes.reduce<number>(
      (most, node) => (typeof node === 'string' ? most : Math.max(most, 1 + height(node.children))),
      0,
    )
  const faults: string[] = []
  for (const unit of hostile) {
    const text = unit.repeat(Math.ceil(100_000 / unit.length))
    const blocks = blocksOf(text)
    const nodes = [...allOf(blocks)]
    const texts = nodes.flatMap(({ children }) => children.filter((child) => typeof child === 'string'))
    const name = JSON.stringify(unit)
    if (nodes.length > text.length) faults.push(`${name}: ${nodes.length} elements`)
    // Where an address leads is said beside it.
    if (texts.join('').length > 2 * text.length) faults.push(`${name}: text comes of nothing`)
    if (height(blocks) >= 40) faults.push(`${name}: a tower`)
  }
  t.strictSame(faults, [])
  t.end()
})

/** Ten times as much takes about a second each; by the square of it, minutes. */
const slowest = [
  '**a ',
  '*a',
  '*a **b ',
  '`a',
  '[',
  '[*',
  '](a "',
  '[a](http://(',
  'http://',
  '<http://',
  '- \n',
  '> ',
]

t.test('the time grows with the text alone', async (t) => {
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads')
     import(workerData).then(({ blocksOf }) => {
       parentPort.on('message', (text) => parentPort.postMessage(blocksOf(text).length))
       parentPort.postMessage('ready')
     })`,
    { eval: true, workerData: location.href, execArgv: [] },
  )
  t.teardown(() => worker.terminate())
  await once(worker, 'message')
  for (const unit of slowest) {
    worker.postMessage(unit.repeat(1_000_000 / unit.length))
    const ended = once(worker, 'message', { signal: AbortSignal.timeout(60_000) })
    t.ok(await ended.catch(() => false), JSON.stringify(unit))
  }
})
