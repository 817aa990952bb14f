/** The API key, where the service asks for one. It lives as long as the tab. */
import { keepForTab, ofTab } from './keeping.js'

const name = 'llama-vision-key'

/** `value` is empty where there is none; `demand` shows the field, goes there and returns what to say. */
export function createKey({ field, row }) {
  field.value = ofTab(name) ?? ''
  row.hidden = field.value === ''
  field.addEventListener('input', () => keepForTab(name, field.value))

  return {
    value: () => field.value,
    demand() {
      row.hidden = false
      field.focus()
      return field.value ? 'The service does not know this key.' : 'The service asks for an API key.'
    },
  }
}
