/** Words of a command line that mean nothing, in sentences that say what would. */
import { InvalidArgumentError } from 'commander'
import { settings } from '../config.ts'
import { nearest } from '../spelling.ts'

/** What is wrong with the first of `words`, which `serve` was given: it takes none, and is what no command means. */
export function strayWord([word = '']: readonly string[], commands: readonly string[]): string {
  const [name = ''] = word.replace(/^-+/, '').toUpperCase().replaceAll('-', '_').split('=')
  if (name in settings.properties) {
    return `${word} changes nothing there: settings are environment variables, as in ${name}=... llama-vision serve`
  }
  if (word.startsWith('-')) return `There is no option ${word}; llama-vision --help lists what there is`
  const meant = nearest(word, commands)
  return `There is no command ${word}; ${meant ? `was ${meant} meant?` : `there are ${commands.join(', ')}`}`
}

export function count(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number from 1.')
}

/** What the service takes as `temperature`. */
export function temperature(text: string): number {
  if (/^\d*\.?\d+$/.test(text) && Number(text) <= 2) return Number(text)
  throw new InvalidArgumentError('It must be a number from 0 to 2.')
}

/** An address of a service, without a slash at its end. */
export function serviceAddress(text: string): string {
  if (/^https?:\/\/[^?#]+$/.test(text) && URL.canParse(text)) return text.replace(/\/+$/, '')
  throw new InvalidArgumentError('It must be an address such as http://localhost:5000.')
}
