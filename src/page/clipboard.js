/** Puts a text onto the clipboard; resolves with whether it is there. */
export async function copy(text) {
  // Pages that came neither over HTTPS nor from this machine have no clipboard object; the old command still works.
  if (!navigator.clipboard) return copyBySelection(text)
  return navigator.clipboard.writeText(text).then(
    () => true,
    () => false,
  )
}

function copyBySelection(text) {
  const focused = document.activeElement
  const field = document.createElement('textarea')
  field.value = text
  document.body.append(field)
  field.select()
  const copied = document.execCommand('copy')
  field.remove()
  focused?.focus()
  return copied
}
