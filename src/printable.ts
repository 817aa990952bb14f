/** Text that a file brought along, made safe to show to a person: in a log, a terminal, a sentence of `/health`. */

/**
 * One line of at most `most` characters. Whatever is not drawn but obeyed (escape sequences of terminals, marks that
 * turn the direction of text, halves of characters) becomes U+FFFD.
 */
export function printable(text: string, most: number): string {
  const line = text
    .slice(0, 2 * (most + 1))
    .replace(/\s+/gu, ' ')
    .replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '\ufffd')
    .trim()
  const characters = [...line]
  return characters.length > most ? `${characters.slice(0, most - 1).join('')}…` : line
}
