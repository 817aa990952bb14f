/** Which documents are understood, and that those made to take long do not. */
import t from 'tap'
import { rootOf } from '../../src/cli/xml-elements.ts'

t.test('elements are where they say', (t) => {
  const text = `<?xml version='1.0'?> <a xmlns="u:a" xmlns:b='u:b' b:c="&lt;&#x1F600;'"><!-- - --><b:d >x<![CDATA[<&]]>\ry</b:d ><é/></a>\n`
  const root = rootOf(text)
  t.match(root, {
    space: 'u:a',
    name: 'a',
    attributes: [{ space: 'u:b', name: 'c', value: "<\u{1f600}'" }],
    children: [
      { space: 'u:b', name: 'd', tag: 'b:d', value: 'x<&\ny', isEmptyTag: false },
      { space: 'u:a', name: 'é', isEmptyTag: true },
    ],
  })
  const content = (one?: { contentStart: number; contentEnd: number }) =>
    one && text.slice(one.contentStart, one.contentEnd)
  t.equal(content(root?.attributes[0]), "&lt;&#x1F600;'")
  t.equal(content(root?.children[0]), 'x<![CDATA[<&]]>\ry')
  const [first, second] = root?.children ?? []
  t.equal(text.slice(first?.start, first?.end), '<b:d >x<![CDATA[<&]]>\ry</b:d >')
  t.equal(text.slice(second?.start, second?.end), '<é/>')
  t.end()
})

t.test('prefixes hold for what is inside, and may be taken again', (t) => {
  const root = rootOf('<p:a xmlns:p="1"><p:b xmlns:p="2"><p:c/></p:b><p:d/></p:a>')
  const [b, d] = root?.children ?? []
  t.same([root?.space, b?.space, b?.children[0]?.space, d?.space], ['1', '2', '2', '1'])
  t.end()
})

t.test('what is not well-formed is nothing', (t) => {
  for (const text of [
    '',
    ' ',
    'a',
    '<',
    '<a',
    '<a>',
    '</a>',
    '<a></b>',
    '<a/><b/>',
    '<a/>b',
    'b<a/>',
    '<a></a',
    '<a b/>',
    '<a b=c/>',
    '<a b="c"d="e"/>',
    '<a b="c" b="d"/>',
    '<a b="<"/>',
    '<a b="c/>',
    '< a/>',
    '<1/>',
    '<p:a/>',
    '<a p:b="c"/>',
    '<a xmlns:p="q" xmlns:p="r"/>',
    '<a xmlns:p="1" xmlns:q="1" p:b="" q:b=""/>',
    '<a:b:c xmlns:a="a"/>',
    '<a>&</a>',
    '<a>&b;</a>',
    '<a b="&c;"/>',
    '<a>&#0;</a>',
    '<a>&#x110000;</a>',
    '<a>&#xd800;</a>',
    '<a>]]></a>',
    '<a>\0</a>',
    '<a>\ud800</a>',
    '<a><!-- -- --></a>',
    '<a><!-- </a>',
    '<a><![CDATA[</a>',
    '<a><?b</a>',
    '<!DOCTYPE a><a/>',
    '<?xml version="1.0" encoding="latin1"?><a/>',
  ])
    t.equal(rootOf(text), undefined, text)
  t.end()
})

t.test('what is too deep or too much is nothing', (t) => {
  const deep = (levels: number) => '<a>'.repeat(levels) + '</a>'.repeat(levels)
  const wide = (elements: number) => `<a>${'<b/>'.repeat(elements - 1)}</a>`
  const many = (count: number) => `<a ${Array.from({ length: count }, (_, i) => `b${i}=""`).join(' ')}/>`
  for (const [make, most] of [
    [deep, 100],
    [wide, 100_000],
    [many, 1000],
  ] as const) {
    t.equal(rootOf(make(most)) === undefined, false)
    t.equal(rootOf(make(most + 1)), undefined)
  }
  t.end()
})

// Time that grew with the square of these would not end within a test's limit.
t.test('no document takes long', (t) => {
  const fill = (piece: string) => piece.repeat(4_000_000 / piece.length)
  const scopes = Array.from({ length: 900 }, (_, i) => ` xmlns:p${i}="u"`).join('')
  for (const [before, piece, after = ''] of [
    ['<a', ' '],
    ['<a ', 'b'],
    ['<a b', ' '],
    ['<a b=', ' '],
    ['<a b="', 'c'],
    ['<a b="', '&amp;', '"/>'],
    ['<a b="c"', ' '],
    ['<a b="c"', '\n', '=/>'],
    ['<a', ' b="c"'],
    ['</', 'a'],
    ['<a></a', ' '],
    ['', '<'],
    ['', '<a>'],
    ['', '<a '],
    ['<a>', '<!'],
    ['<a>', '<!--'],
    ['<a>', '<!---->'],
    ['<a>', '<![CDATA['],
    ['<a>', '<?'],
    ['<a>', '<??>'],
    ['<a>', '&'],
    ['<a>', '&#1'],
    ['<a>', '&#x'],
    ['<a>', ']]'],
    ['<a>', '\r'],
    ['<?xml ', ' '],
    ['<?xml ', 'encoding '],
    ['<?xml ', ' encoding'],
    ['<?xml encoding', ' '],
    [`<a${scopes}>`, '<q:b xmlns:q="r"></q:b>'],
    ['<a>', '</a><a>'],
    ['<', 'a:'],
  ] as const)
    rootOf(before + fill(piece) + after)
  t.pass('all of them were read')
  t.end()
})
