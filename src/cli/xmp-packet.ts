/**
 * A caption in a packet of XMP, as its `dc:description`. The sum of what was written is kept beside it: a description
 * that no longer fits its sum, or has none, is somebody's work and stays. Around what is put in, no byte changes.
 */
import { createHash } from 'node:crypto'
import { rootOf, unholdable, type XmlElement } from './xml-elements.ts'

type Edit = { start: number; end: number; text: string }

const rdf = 'http://www.w3.org/1999/02/22-rdf-syntax-ns#'
const dublinCore = 'http://purl.org/dc/elements/1.1/'
const adobeMeta = 'adobe:ns:meta/'
const llamaVision = 'urn:x-llama-vision:xmp/1.0/'

/** `xmp:CreatorTool` would name what made the picture, so it is not for who describes it. */
const emptyPacket = `<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="${adobeMeta}" x:xmptk="llama-vision">
 <rdf:RDF xmlns:rdf="${rdf}">
  <rdf:Description rdf:about=""/>
 </rdf:RDF>
</x:xmpmeta>
`

/**
 * `packet`, or a new one, with `caption` as what is in the picture; characters that XML cannot hold are left out.
 * Nothing when the packet has another description, or is none that can be understood.
 */
export function withCaption(caption: string, packet = emptyPacket): string | undefined {
  const descriptions = descriptionsIn(packet)
  const [first] = descriptions
  if (!first) return undefined
  const attributes = descriptions.flatMap((one) => one.attributes)
  const children = descriptions.flatMap((one) => one.children)
  const isText = is(dublinCore, 'description')
  const [written, ...others] = children.filter(isText)
  const [sum, ...otherSums] = [...attributes, ...children].filter(is(llamaVision, 'captionSum'))
  if (attributes.some(isText) || others.length > 0 || otherSums.length > 0) return undefined
  if (sum && !/^[\da-f]{64}$/.test(sum.value)) return undefined
  const present = written && textIn(written)
  if (written && (present === undefined || sum?.value !== sumOf(present))) return undefined

  const text = caption.replace(unholdable, '')
  const property = propertyOf(text)
  const edits: Edit[] = []
  if (sum) edits.push({ start: sum.contentStart, end: sum.contentEnd, text: sumOf(text) })
  if (written) edits.push({ start: written.start, end: written.end, text: property })
  else edits.push(insertion(first, sum ? property : `${property}\n   ${sumProperty(text)}`))
  return edited(packet, edits)
}

/** The elements whose children tell of the picture; there may be several. */
function descriptionsIn(packet: string): XmlElement[] {
  const root = rootOf(packet)
  if (!root) return []
  const graphs = (root.space === adobeMeta ? root.children : [root]).filter(is(rdf, 'RDF'))
  return graphs.flatMap((graph) => graph.children.filter(is(rdf, 'Description')))
}

const is =
  (space: string, name: string) =>
  (one: { space: string; name: string }): boolean =>
    one.space === space && one.name === name

/** The text, when it has one language and nothing else. */
function textIn(description: XmlElement): string | undefined {
  const [alternatives, ...others] = description.children
  const [text, ...otherTexts] = alternatives?.children ?? []
  return others.length + otherTexts.length === 0 ? text?.value : undefined
}

const sumOf = (text: string): string => createHash('sha256').update(text).digest('hex')

// What prefixes mean around them is not known, so they bring their own.
const propertyOf = (text: string): string => `<dc:description xmlns:dc="${dublinCore}" xmlns:rdf="${rdf}">
    <rdf:Alt>
     <rdf:li xml:lang="x-default">${escaped(text)}</rdf:li>
    </rdf:Alt>
   </dc:description>`

const sumProperty = (text: string): string =>
  `<llamaVision:captionSum xmlns:llamaVision="${llamaVision}">${sumOf(text)}</llamaVision:captionSum>`

const references: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#xD;' }
const escaped = (text: string): string => text.replace(/[&<>\r]/g, (one) => references[one] ?? '')

function insertion({ tag, isEmptyTag, contentStart }: XmlElement, text: string): Edit {
  return isEmptyTag
    ? { start: contentStart - '/>'.length, end: contentStart, text: `>\n   ${text}\n  </${tag}>` }
    : { start: contentStart, end: contentStart, text: `\n   ${text}` }
}

/** From the last to the first, so that each finds its place. */
const edited = (packet: string, edits: Edit[]): string =>
  edits
    .sort((a, b) => b.start - a.start)
    .reduce((text, edit) => text.slice(0, edit.start) + edit.text + text.slice(edit.end), packet)
