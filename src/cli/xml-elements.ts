/**
 * A small XML document as its elements, and where each lies in the text, so that a piece can be put in and all else
 * stays as it is. What is not well-formed, brings a document type of its own or is too deep or too much is nothing.
 * Every step reads on from where the last one ended: the time grows as the text does.
 */

type Named = {
  /** The namespace; '' is none. */
  space: string
  name: string
  /** Its text, without that of its children. */
  value: string
  /** Where the content lies, without quotes or tags. */
  contentStart: number
  contentEnd: number
}

export type XmlElement = Named & {
  /** The name as it is written, with its prefix. */
  tag: string
  attributes: Named[]
  children: XmlElement[]
  start: number
  end: number
  /** Written as `<a/>`. */
  isEmptyTag: boolean
}

/** The prefixes that an element declares; those of the elements around it hold too. */
type Scope = { declared: Map<string, string>; outer: Scope | undefined }
type RawAttribute = { tag: string; value: string; contentStart: number; contentEnd: number }
type Opening = { kind: 'opening'; end: number; tag: string; attributes: RawAttribute[]; isEmptyTag: boolean }
type Piece =
  | Opening
  | { kind: 'closing'; end: number; tag: string }
  | { kind: 'text'; end: number; value: string }
  | { kind: 'skipped'; end: number }

const mostElements = 100_000
const mostDeep = 100
const mostAttributes = 1000

/** What XML 1.0 has no way to hold; lone surrogates are among it. */
export const unholdable = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu

const otherEncoding = /^\ufeff?<\?xml\s[^>]*?encoding\s*=\s*["'](?!utf-8["'])/i
const tagPattern = String.raw`[\p{L}_:][\p{L}\p{N}\p{M}_:.·-]*`
const openingStart = new RegExp(`<(${tagPattern})`, 'uy')
const openingEnd = /\s*(\/?)>/uy
const attribute = new RegExp(String.raw`\s+(${tagPattern})\s*=\s*("[^"<]*"|'[^'<]*')`, 'uy')
const closing = new RegExp(String.raw`</(${tagPattern})\s*>`, 'uy')
const reference = /&(?:#x([\da-fA-F]{1,6});|#(\d{1,7});|(amp|lt|gt|quot|apos);)?/g
const namedCharacters: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

const outermost: Scope = {
  declared: new Map([
    ['', ''],
    ['xml', 'http://www.w3.org/XML/1998/namespace'],
  ]),
  outer: undefined,
}

/** The root of a document in UTF-8, or nothing. */
export function rootOf(text: string): XmlElement | undefined {
  if (text.search(unholdable) !== -1 || otherEncoding.test(text)) return undefined
  const open: { element: XmlElement; scope: Scope; words: string[] }[] = []
  let root: XmlElement | undefined
  let elements = 0
  for (let at = text.startsWith('\ufeff') ? 1 : 0; at < text.length; ) {
    const piece = pieceAt(text, at)
    if (!piece) return undefined
    const around = open.at(-1)
    if (piece.kind === 'opening') {
      elements += 1
      const opened = openedBy(piece, at, around?.scope ?? outermost)
      if (!opened || (root && !around) || elements > mostElements || open.length === mostDeep)
        return undefined
      root ??= opened.element
      around?.element.children.push(opened.element)
      if (!piece.isEmptyTag) open.push({ ...opened, words: [] })
    } else if (piece.kind === 'closing') {
      if (around?.element.tag !== piece.tag) return undefined
      const places = { contentEnd: at, end: piece.end }
      Object.assign(around.element, { ...places, value: around.words.join('') })
      open.pop()
    } else if (piece.kind === 'text') {
      if (around) around.words.push(piece.value)
      else if (piece.value.trim() !== '') return undefined
    }
    at = piece.end
  }
  return open.length === 0 ? root : undefined
}

function pieceAt(text: string, at: number): Piece | undefined {
  if (text[at] !== '<') {
    const next = text.indexOf('<', at)
    const end = next === -1 ? text.length : next
    const raw = text.slice(at, end)
    const value = raw.includes(']]>') ? undefined : decoded(raw)
    return value === undefined ? undefined : { kind: 'text', end, value }
  }
  if (text.startsWith('<!--', at)) {
    const dashes = text.indexOf('--', at + '<!--'.length)
    return dashes !== -1 && text[dashes + 2] === '>' ? { kind: 'skipped', end: dashes + 3 } : undefined
  }
  if (text.startsWith('<![CDATA[', at)) {
    const end = text.indexOf(']]>', at)
    return end === -1
      ? undefined
      : { kind: 'text', end: end + 3, value: text.slice(at + '<![CDATA['.length, end) }
  }
  if (text.startsWith('<?', at)) {
    const end = text.indexOf('?>', at)
    return end === -1 ? undefined : { kind: 'skipped', end: end + 2 }
  }
  const closed = matchAt(closing, text, at)
  return closed ? { kind: 'closing', end: closing.lastIndex, tag: closed[1] ?? '' } : openingAt(text, at)
}

function openingAt(text: string, at: number): Opening | undefined {
  const tag = matchAt(openingStart, text, at)?.[1]
  if (tag === undefined) return undefined
  const attributes: RawAttribute[] = []
  let end = openingStart.lastIndex
  for (let found = matchAt(attribute, text, end); found; found = matchAt(attribute, text, end)) {
    const [, name = '', quoted = ''] = found
    const value = decoded(quoted.slice(1, -1))
    if (value === undefined || attributes.length === mostAttributes) return undefined
    end = attribute.lastIndex
    attributes.push({ tag: name, value, contentStart: end - quoted.length + 1, contentEnd: end - 1 })
  }
  const last = matchAt(openingEnd, text, end)
  if (!last) return undefined
  return { kind: 'opening', end: openingEnd.lastIndex, tag, attributes, isEmptyTag: last[1] === '/' }
}

function matchAt(sticky: RegExp, text: string, at: number): RegExpExecArray | null {
  sticky.lastIndex = at
  return sticky.exec(text)
}

function openedBy(
  { end, tag, attributes, isEmptyTag }: Opening,
  start: number,
  outer: Scope,
): { element: XmlElement; scope: Scope } | undefined {
  const isDeclaration = (one: RawAttribute) => /^xmlns(:|$)/.test(one.tag)
  const declarations = attributes.filter(isDeclaration)
  const declared = new Map(declarations.map((one) => [one.tag.slice('xmlns:'.length), one.value]))
  const scope = { declared, outer }
  const named: Named[] = []
  for (const { tag: written, ...rest } of attributes.filter((one) => !isDeclaration(one))) {
    const name = written.includes(':') ? nameOf(written, scope) : { space: '', name: written }
    if (name) named.push({ ...name, ...rest })
  }
  const different = new Set(named.map(({ space, name }) => `${name} ${space}`))
  const name = nameOf(tag, scope)
  // Fewer are those that are there twice or whose prefix nobody declared.
  if (!name || different.size + declared.size !== attributes.length) return undefined
  const places = { start, end, contentStart: end, contentEnd: end }
  return {
    element: { ...name, ...places, value: '', tag, isEmptyTag, attributes: named, children: [] },
    scope,
  }
}

function nameOf(tag: string, scope: Scope): { space: string; name: string } | undefined {
  const [name = '', prefix = '', ...more] = tag.split(':').reverse()
  const space = spaceOf(prefix, scope)
  return space === undefined || name === '' || more.length > 0 ? undefined : { space, name }
}

function spaceOf(prefix: string, innermost: Scope): string | undefined {
  for (let scope: Scope | undefined = innermost; scope; scope = scope.outer) {
    const space = scope.declared.get(prefix)
    if (space !== undefined) return space
  }
  return undefined
}

/** The text that `raw` stands for, or nothing where a reference stands for none. */
function decoded(raw: string): string | undefined {
  let isSound = true
  const text = raw.replace(/\r\n?/g, '\n').replace(reference, (_, hexadecimal, decimal, name) => {
    if (name) return namedCharacters[name] ?? ''
    const code = hexadecimal ? Number.parseInt(hexadecimal, 16) : Number(decimal)
    const character = code <= 0x10ffff ? String.fromCodePoint(code) : ''
    if (character === '' || character.search(unholdable) !== -1) isSound = false
    return character
  })
  return isSound ? text : undefined
}
