/**
 * An answer on the page: Markdown, drawn while it grows. Only texts of the model are used, never markup: elements are
 * made one by one from the tree. What has not changed stays, so that nothing jumps and what is selected stays selected.
 */
import { blocksOf } from './markdown.js'

/** Drawing that is felt takes at most this share of the time while words come. */
const share = 1 / 5
const feltMs = 4

/** `{ add, settle, draw, text, heard }`; `heard` is what it says without its signs. */
export function createAnswer(element) {
  let text = ''
  /** Blocks that are drawn, by their lines. */
  let drawn = []
  let restUntil = 0

  function draw() {
    const began = performance.now()
    const blocks = blocksOf(text)
    let same = 0
    while (same < drawn.length && drawn[same] === blocks[same]?.source) same += 1
    while (element.childNodes.length > same) element.lastChild.remove()
    for (const block of blocks.slice(same)) element.append(built(block))
    drawn = blocks.map(({ source }) => source)
    const took = performance.now() - began
    restUntil = took > feltMs ? began + took / share : 0
  }

  return {
    add(piece) {
      text += piece
      if (performance.now() >= restUntil) draw()
    },
    /** The whole of it, as the service tells it at the end. */
    settle(whole) {
      text = whole
      draw()
    },
    draw,
    text: () => text,
    heard: () => element.textContent,
  }
}

function built(node) {
  if (typeof node === 'string') return document.createTextNode(node)
  const element = document.createElement(node.tag)
  for (const [name, value] of Object.entries(node.attributes ?? {})) element.setAttribute(name, value)
  for (const child of node.children) element.append(built(child))
  return element
}
