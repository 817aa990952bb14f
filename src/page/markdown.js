/**
 * Markdown as models write it -> blocks of elements: headings, lists, code, quotes, tables, paragraphs. Pure: a text in,
 * a tree of `{ tag, attributes, children }` out, so nothing in a text can be more than a text. Lines keep their breaks.
 * Each level of nesting reads its lines once, and there are few levels: the time grows with the text alone.
 */
import { inlineOf } from './markdown-inline.js'

/** Quotes and lists within each other; what is deeper is one paragraph. */
const mostLevels = 6
const mostColumns = 50

const fence = /^ {0,3}(`{3,}|~{3,})/
const heading = /^ {0,3}(#{1,6})(?: (.*))?$/s
const quote = /^ {0,3}> ?/
const item = /^( *)([-*+]|\d{1,9}[.)])(?: +|$)/

/** Returns blocks in their order, each with `source`, the lines that it was made of. */
export function blocksOf(text) {
  // A tab is as wide as an item's sign.
  const lines = text.replace(/\r\n?/g, '\n').replaceAll('\t', '    ').split('\n')
  return blocks(lines, 0)
}

function blocks(lines, level) {
  if (level >= mostLevels) return [paragraph(lines)]
  const found = []
  const levels = []
  let at = 0
  while (at < lines.length) {
    const from = at
    if (isBlank(lines[at])) {
      at += 1
      continue
    }
    const [block, end] =
      codeAt(lines, at) ??
      ruleAt(lines, at) ??
      headingAt(lines, at, levels) ??
      quoteAt(lines, at, level) ??
      listAt(lines, at, level) ??
      tableAt(lines, at) ??
      paragraphAt(lines, at)
    at = end
    found.push({ ...block, source: lines.slice(from, end).join('\n') })
  }
  return found
}

const isBlank = (line) => line.trim() === ''
const indentOf = (line) => line.length - line.trimStart().length

/** Code without its end goes to the end of the text: it is being written. */
function codeAt(lines, at) {
  const [, signs] = fence.exec(lines[at]) ?? []
  if (!signs || lines[at].trim().slice(signs.length).includes('`')) return undefined
  const isEnd = (line) =>
    line.trim().startsWith(signs) && line.trim().replaceAll(signs[0], '') === '' && indentOf(line) < 4
  let end = at + 1
  while (end < lines.length && !isEnd(lines[end])) end += 1
  const code = { tag: 'code', children: [lines.slice(at + 1, end).join('\n')] }
  return [{ tag: 'pre', children: [code] }, Math.min(end + 1, lines.length)]
}

function isRule(line) {
  const signs = line.replaceAll(' ', '')
  return signs.length >= 3 && '-*_'.includes(signs[0]) && signs.replaceAll(signs[0], '') === ''
}

const ruleAt = (lines, at) => (isRule(lines[at]) ? [{ tag: 'hr', children: [] }, at + 1] : undefined)

/** Below the question's own heading, and never a level left out, whatever the model begins with. */
function headingAt(lines, at, levels) {
  const [, signs, text = ''] = heading.exec(lines[at]) ?? []
  if (!signs) return undefined
  while (levels.at(-1) >= signs.length) levels.pop()
  levels.push(signs.length)
  return [
    { tag: `h${Math.min(6, 3 + levels.length)}`, children: inlineOf(withoutSigns(text.trim())) },
    at + 1,
  ]
}

/** Some close a heading with its signs. */
function withoutSigns(text) {
  let end = text.length
  while (text[end - 1] === '#') end -= 1
  return end === 0 || text[end - 1] === ' ' ? text.slice(0, end).trim() : text
}

function quoteAt(lines, at, level) {
  let end = at
  while (end < lines.length && quote.test(lines[end])) end += 1
  if (end === at) return undefined
  const inner = lines.slice(at, end).map((line) => line.replace(quote, ''))
  return [{ tag: 'blockquote', children: blocks(inner, level + 1) }, end]
}

/** What is indented belongs to its item; a line right below it does so, too, unless it begins something else. */
function listAt(lines, at, level) {
  const [whole, { length: indent } = '', sign = ''] = item.exec(lines[at]) ?? []
  if (whole === undefined) return undefined
  const kind = sign.at(-1)
  const items = []
  let width = 0
  let end = at
  for (let next = at; next < lines.length; next += 1) {
    const line = lines[next]
    const [start, before = '', ownSign = ''] = (!isRule(line) && item.exec(line)) || []
    if (isBlank(line)) items.at(-1).push('')
    else if (start !== undefined && before.length < indent + 2) {
      if (ownSign.at(-1) !== kind) break
      width = start.length
      items.push([line.slice(width)])
    } else if (indentOf(line) >= indent + 2) items.at(-1).push(line.slice(Math.min(indentOf(line), width)))
    else if (isBlank(lines[next - 1]) || begins(line)) break
    else items.at(-1).push(line.trimStart())
    if (!isBlank(line)) end = next + 1
  }
  const ordered = /\d/.test(sign)
  return [
    {
      tag: ordered ? 'ol' : 'ul',
      ...(ordered && { attributes: { start: String(Number.parseInt(sign, 10)) } }),
      children: items.map((inner) => ({ tag: 'li', children: blocks(inner, level + 1) })),
    },
    end,
  ]
}

/** What ends a paragraph without an empty line. A number at the start of a line may be part of a sentence. */
const begins = (line) =>
  fence.test(line) ||
  heading.test(line) ||
  quote.test(line) ||
  isRule(line) ||
  /^ *(?:[-*+]|1[.)]) +\S/.test(line)

function tableAt(lines, at) {
  const head = isTable(lines, at) && cells(lines[at])
  if (!head) return undefined
  let end = at + 2
  while (end < lines.length && lines[end].includes('|') && !isBlank(lines[end])) end += 1
  const sides = cells(lines[at + 1]).map(sideOf)
  const row = (tag, texts) => ({
    tag: 'tr',
    children: texts.slice(0, head.length).map((text, column) => ({
      tag,
      attributes: { ...(tag === 'th' && { scope: 'col' }), ...(sides[column] && { class: sides[column] }) },
      children: inlineOf(text),
    })),
  })
  const rows = lines.slice(at + 2, end).map((line) => row('td', cells(line)))
  const table = {
    tag: 'table',
    children: [
      { tag: 'thead', children: [row('th', head)] },
      { tag: 'tbody', children: rows },
    ],
  }
  // A wide one is moved in its own frame, by the keyboard as well.
  const attributes = { class: 'table', role: 'region', 'aria-label': 'Table', tabindex: '0' }
  return [{ tag: 'div', attributes, children: [table] }, end]
}

function isTable(lines, at) {
  const [head, below = ''] = [lines[at], lines[at + 1]]
  if (!head.includes('|') || !below.includes('-') || !/^[ |:-]+$/.test(below)) return false
  const columns = cells(below)
  return (
    columns.length <= mostColumns &&
    columns.length === cells(head).length &&
    columns.every((rule) => /^:?-+:?$/.test(rule))
  )
}

const sideOf = (rule) => (rule.endsWith(':') ? (rule.startsWith(':') ? 'centre' : 'right') : undefined)

/** Between the bars; a bar with a backslash is none. */
function cells(line) {
  const inner = line.trim().replace(/^\|/, '')
  const texts = inner.split(/(?<!\\)\|/).map((text) => text.replaceAll('\\|', '|').trim())
  return texts.at(-1) === '' ? texts.slice(0, -1) : texts
}

function paragraphAt(lines, at) {
  let end = at + 1
  while (end < lines.length && !isBlank(lines[end]) && !begins(lines[end]) && !isTable(lines, end)) end += 1
  return [paragraph(lines.slice(at, end)), end]
}

const paragraph = (lines) => ({ tag: 'p', children: inlineOf(lines.map((line) => line.trim()).join('\n')) })
