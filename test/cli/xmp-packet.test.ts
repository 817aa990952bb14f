/** Packets of XMP: what is put into them, and which are left as they are. */
import t from 'tap'
import { rootOf, type XmlElement } from '../../src/cli/xml-elements.ts'
import { withCaption } from '../../src/cli/xmp-packet.ts'

/** As darktable writes it: properties as attributes, and its history. */
const darktable = `<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:darktable="http://darktable.sf.net/"
   xmp:Rating="1"
   darktable:history_end="2">
   <darktable:history>
    <rdf:Seq>
     <rdf:li
      darktable:operation="exposure"
      darktable:params="0000803f&lt;&#xA;"/>
    </rdf:Seq>
   </darktable:history>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
`

/** As digiKam writes it: a wrapper, several blocks, CR LF after somebody's editor. */
const digikam = `<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x='adobe:ns:meta/'>
<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
 <r:Description r:about='' xmlns:digiKam="http://www.digikam.org/ns/1.0/" digiKam:ColorLabel="3" />
 <r:Description r:about="">
  <dc:subject xmlns:dc="http://purl.org/dc/elements/1.1/"><r:Bag><r:li>Großmutter &amp; 👵</r:li></r:Bag></dc:subject>
 </r:Description>
</r:RDF></x:xmpmeta>
<!-- theirs -->
<?xpacket end="w"?>`.replaceAll('\n', '\r\n')

const described = (description: string, attributes = '') => `<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" ${attributes}>${description}</rdf:Description>
</rdf:RDF></x:xmpmeta>`

/** Its descriptions: language and text. */
function captionsIn(text = ''): string[] {
  const within = (element: XmlElement): XmlElement[] => [element, ...element.children.flatMap(within)]
  const root = rootOf(text)
  return (root ? within(root) : [])
    .filter(({ space, name }) => space === 'http://purl.org/dc/elements/1.1/' && name === 'description')
    .flatMap(within)
    .filter(({ name }) => name === 'li')
    .map(({ attributes, value }) => `${attributes[0]?.value}: ${value}`)
}

/** What is left when what was put in is taken out, and the tag that was opened for it is closed again. */
const withoutOurs = (text = ''): string =>
  text.replace(
    />\n {3}<dc:description xmlns:[\s\S]+<\/llamaVision:captionSum>(\n {2}<\/r:Description>)?/,
    (_, closed) => (closed ? '/>' : '>'),
  )

t.test('every caption is read as it was, but for what XML cannot hold', (t) => {
  for (const [caption, read = caption] of [
    [`<&>"' &amp; ]]> <!-- <![CDATA[ $& $1 \\`],
    ['👩‍🚀 Großmutter\u0301 אב \u{10ffff}'],
    [' lines\nand\r\nmore\r\ttabs '],
    ['\0a\x01b\x1bc\u{d800}d\u{dc00}e\ufffef\uffffg', 'abcdefg'],
    [''],
  ] as const) {
    const packet = withCaption(caption)
    t.same(captionsIn(packet), [`x-default: ${read}`])
    t.same(captionsIn(withCaption('another', packet)), ['x-default: another'], 'it is known again')
  }
  t.end()
})

t.test('a packet without a description gets one, and keeps every other byte', (t) => {
  for (const theirs of [
    darktable,
    digikam,
    `\ufeff${darktable}`,
    described('', '\n'),
    described('<a/>', 'xmlns:rdf2="b" xmlns:llamaVision="c" rdf2:Alt="d"'),
    described('</rdf:Description><rdf:Description>'),
  ]) {
    const packet = withCaption('A <star>.', theirs)
    t.equal(withoutOurs(packet), theirs)
    t.same(captionsIn(packet), ['x-default: A <star>.'])
  }
  t.end()
})

t.test('a description of a part is not that of the picture', (t) => {
  const theirs = described('<a:part xmlns:a="a"><dc:description>a part</dc:description></a:part>')
  t.equal(withoutOurs(withCaption('the whole', theirs)), theirs)
  t.end()
})

t.test('a caption of ours gives way to another, wherever its sum is', (t) => {
  const first = withCaption('first', darktable) ?? ''
  const second = withCaption('second', first)
  t.same(captionsIn(second), ['x-default: second'])
  t.equal(withCaption('first', second), first)
  // After a visit to digiKam or darktable, whose library writes attributes.
  const [element = '', sum = ''] = /\s*<llamaVision:captionSum.*>(.*)<.*>/.exec(first) ?? []
  const attribute = ` xmlns:ours='urn:x-llama-vision:xmp/1.0/' ours:captionSum='${sum}'`
  const rewritten = first.replace(element, '').replace('<rdf:Description', `$&${attribute}`)
  const third = withCaption('third', rewritten)
  t.same(captionsIn(third), ['x-default: third'])
  t.equal(withCaption('first', third), rewritten)
  t.end()
})

t.test('a caption that was taken out is written again', (t) => {
  const without = withCaption('a star')?.replace(/<dc:[\s\S]*<\/dc:description>/, '')
  const again = withCaption('a circle', without) ?? ''
  t.equal(again.split('</llamaVision:captionSum>').length, 2, 'one sum')
  t.same(captionsIn(withCaption('a star', again)), ['x-default: a star'])
  t.end()
})

t.test("somebody's description is left alone", (t) => {
  const ours = withCaption('a star') ?? ''
  const translated = (packet = '') =>
    packet.replace('</rdf:li>', '</rdf:li><rdf:li xml:lang="de">ein Stern</rdf:li>')
  const dublinCore = 'http://purl.org/dc/elements/1.1/'
  for (const theirs of [
    described(
      '<dc:description><rdf:Alt><rdf:li xml:lang="x-default">Grandmother</rdf:li></rdf:Alt></dc:description>',
    ),
    described('<dc:description><rdf:Alt/></dc:description>'),
    described('<dc:description>Grandmother</dc:description>'),
    described('', 'dc:description="Grandmother"'),
    described(`</rdf:Description><rdf:Description xmlns:d="${dublinCore}" d:description="Grandmother">`),
    ours.replace('a star', 'a star of tin'),
    translated(ours),
    translated(withCaption('')),
    ours.replace(/[\da-f]{64}/, 'sum'),
    ours.replace(/<llamaVision.*>/, '$&$&'),
    ours.replace(/<dc:[\s\S]*<\/dc:description>/, '$&$&'),
  ]) {
    t.not(rootOf(theirs), undefined, 'it is well-formed')
    t.equal(withCaption('a circle', theirs), undefined, theirs)
  }
  t.end()
})

t.test('what is broken or no XMP is left alone', (t) => {
  for (const theirs of [
    '',
    'a note',
    '<html></html>',
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"/>',
    darktable.slice(0, -5),
    darktable.replace('</rdf:Seq>', ''),
    darktable.replaceAll('http://www.w3.org/1999/02/22-rdf-syntax-ns#', 'http://elsewhere/'),
    darktable.replace('UTF-8', 'ISO-8859-1'),
    darktable.replace('<x:', '<!DOCTYPE x [<!ENTITY a "a">]><x:'),
  ])
    t.equal(withCaption('a star', theirs), undefined, theirs)
  t.end()
})
