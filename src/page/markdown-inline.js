/**
 * A line of Markdown -> texts and elements: emphasis, code, links. Pure, and its time grows with the text alone: what
 * is open is a stack of bounded height, and each piece of text is looked at a fixed number of times. HTML is text.
 */

/** Deeper than anybody writes; what would go deeper stays text. */
const mostOpen = 12
const longestAddress = 2000

const special = /[\\`*_~[\]<]|https?:\/\//g
const escapable = /[!-/:-@[-`{-~]/
/** Parentheses in an address, as in encyclopedias, one within the other at most. A title is left out. */
const target = /\(\s*<?((?:[^\s()<>]|\([^\s()]*\))+)>?(?:\s+"[^"]*")?\s*\)/y
const bracketed = /<((?:https?:\/\/|mailto:)[^\s<>]+)>/y
/** Bounded, since the next try may begin within it. */
const bare = /https?:\/\/[^\s<>"'`*|\\[\]]{1,2000}/y

/** Returns a list of texts and `{ tag, attributes, children }`. */
export function inlineOf(text) {
  const open = [{ marker: '', children: [] }]
  const ticks = backticks(text)
  let at = 0

  const say = (node) => open.at(-1).children.push(node)
  const isOpen = (marker) => open.some((one) => one.marker === marker)

  /** What is open above a marker was no emphasis after all. */
  function closeAt(marker, make) {
    while (open.at(-1).marker !== marker) dissolve()
    const { children } = open.pop()
    say(make(children))
  }

  function dissolve() {
    const { marker, children } = open.pop()
    say(marker)
    for (const child of children) say(child)
  }

  /** A run of `*`, `_` or `~`: it ends what it can, then begins what it can. */
  function emphasis(run) {
    const [before, after] = [text[at - 1] ?? ' ', text[at + run.length] ?? ' ']
    const withinWord = run[0] === '_' && isWord(before) && isWord(after)
    const ends = !isSpace(before) && !withinWord
    const begins = !isSpace(after) && !withinWord
    let left = run.length <= 3 ? run.length : 0
    for (let closing = ends; closing && left > 0; ) {
      const marker = open.findLast((one) => one.marker[0] === run[0] && one.marker.length <= left)?.marker
      if (marker === undefined) closing = false
      else {
        closeAt(marker, (children) => ({ tag: tags[marker], children }))
        left -= marker.length
      }
    }
    while (begins && left > 0 && open.length <= mostOpen) {
      const marker = run[0].repeat(Math.min(2, left))
      if (!tags[marker]) break
      open.push({ marker, children: [] })
      left -= marker.length
    }
    const unused = run.length <= 3 ? left : run.length
    if (unused > 0) say(run.slice(0, unused))
  }

  /** What was in brackets is a link if an address follows that may be one. */
  function bracketEnd() {
    if (!isOpen('[')) return plain(']')
    target.lastIndex = at + 1
    const [whole = '', address = ''] = target.exec(text) ?? []
    const href = safeAddress(address)
    if (!href) {
      while (isOpen('[')) dissolve()
      return plain(']')
    }
    closeAt('[', (children) => link(href, withoutLinks(children)))
    return at + 1 + whole.length
  }

  /** Reads what stands at `at` and returns where to go on. */
  function read() {
    const sign = text[at]
    if (sign === '\\') {
      const next = text[at + 1] ?? ''
      if (!escapable.test(next)) return plain('\\')
      say(next)
      return at + 2
    }
    if (sign === '`') return code()
    if (sign === '[') {
      if (open.length > mostOpen) return plain('[')
      // The model shows no pictures of its own: they are links.
      open.push({ marker: '[', children: [] })
      return at + 1
    }
    if (sign === ']') return bracketEnd()
    if (sign === '<') return address(bracketed, (found) => found[1]) ?? plain('<')
    if (sign === 'h') return address(bare, (found) => withoutStop(found[0])) ?? plain('h')
    const run = runAt(text, at)
    emphasis(run)
    return at + run.length
  }

  function plain(piece) {
    say(piece)
    return at + piece.length
  }

  function code() {
    const run = runAt(text, at)
    const end = ticks.next(run.length, at)
    if (end === undefined) return plain(run)
    const inner = text.slice(at + run.length, end)
    say({ tag: 'code', children: [inner.length > 2 && /^ .* $/s.test(inner) ? inner.slice(1, -1) : inner] })
    return end + run.length
  }

  function address(pattern, shown) {
    if (isWord(text[at - 1] ?? ' ')) return undefined
    pattern.lastIndex = at
    const found = pattern.exec(text)
    const written = found && shown(found)
    const href = written && safeAddress(written)
    if (!href) return undefined
    say(link(href, [written]))
    return at + (pattern === bracketed ? found[0].length : written.length)
  }

  while (at < text.length) {
    special.lastIndex = at
    const next = special.exec(text)?.index ?? text.length
    if (next > at) say(text.slice(at, next))
    at = next
    if (at < text.length) at = read()
  }
  while (open.length > 1) dissolve()
  return joined(open[0].children)
}

const tags = { '*': 'em', _: 'em', '**': 'strong', __: 'strong', '~~': 'del' }

const isSpace = (letter) => /\s/.test(letter)
const isWord = (letter) => /[\p{L}\p{N}]/u.test(letter)

/** The same sign as often as it follows itself. */
function runAt(text, at) {
  let end = at + 1
  while (text[end] === text[at]) end += 1
  return text.slice(at, end)
}

/** Where runs of so many backticks are, found once: to look for the end of each anew would take the square of the time. */
function backticks(text) {
  const places = new Map()
  for (const { index, 0: run } of text.matchAll(/`+/g)) {
    if (!places.has(run.length)) places.set(run.length, { starts: [], used: 0 })
    places.get(run.length).starts.push(index)
  }
  return {
    /** The first run of this length after a place; places only grow. */
    next(length, after) {
      const known = places.get(length)
      while (known && known.starts[known.used] <= after) known.used += 1
      return known?.starts[known.used]
    },
  }
}

/** An address that may be followed, in full; undefined for all others: scripts, files, places on this very site. */
function safeAddress(text) {
  if (text.length >= longestAddress || !/^(https?:\/\/|mailto:)/i.test(text)) return undefined
  try {
    return new URL(text).href
  } catch {
    return undefined
  }
}

/** No link is part of another. */
function withoutLinks(nodes) {
  return nodes.flatMap((node) => {
    if (typeof node === 'string') return node
    if (node.tag === 'small') return []
    const children = withoutLinks(node.children)
    return node.tag === 'a' || node.tag === 'span' ? children : { ...node, children }
  })
}

/** A link shows where it leads, unless its text does so already. */
function link(href, children) {
  const { host, pathname, protocol } = new URL(href)
  const place = protocol === 'mailto:' ? pathname : host
  const anchor = { tag: 'a', attributes: { href, rel: 'noopener noreferrer', target: '_blank' }, children }
  if (children.length === 1 && typeof children[0] === 'string' && children[0].includes(place)) return anchor
  return { tag: 'span', children: [anchor, ' ', { tag: 'small', children: [`(${place})`] }] }
}

/** The stop of a sentence, or the bracket around an address, is no part of it. */
function withoutStop(address) {
  let end = address.length
  const opens = address.includes('(')
  while (end > 0 && (/[.,;:!?_~]/.test(address[end - 1]) || (address[end - 1] === ')' && !opens))) end -= 1
  return address.slice(0, end)
}

/** Texts beside each other are one. */
function joined(nodes) {
  const pieces = []
  let text = ''
  for (const node of nodes) {
    if (typeof node === 'string') text += node
    else {
      if (text !== '') pieces.push(text)
      text = ''
      pieces.push({ ...node, children: joined(node.children) })
    }
  }
  return text === '' ? pieces : [...pieces, text]
}
