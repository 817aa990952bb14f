/** The desk: the question in its field, the settings, Ask and Stop, and what is missing. */

/** `ask` hears a question that is complete, `stop` that the one under way is to end. */
export function createDesk({ form, question, complaint, settings, submit, stopButton, missing, ask, stop }) {
  let running = false

  form.addEventListener('submit', (event) => {
    event.preventDefault()
    if (!running && isComplete()) ask(question.value.trim())
  })
  stopButton.addEventListener('click', stop)
  question.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.isComposing || !isForAsking(event)) return
    event.preventDefault()
    form.requestSubmit()
  })
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || event.isComposing) return
    if (running) stop()
    else if (settings.open) closeSettings()
  })

  function closeSettings() {
    const focusMoves = settings.contains(document.activeElement)
    settings.open = false
    if (focusMoves) settings.querySelector('summary').focus()
  }

  /** Says what is missing, and goes there. */
  function isComplete() {
    complain('')
    const fault = missing()
    if (fault) {
      complain(fault.sentence)
      fault.field.focus()
      return false
    }
    if (question.value.trim() === '') {
      complain('Write a question first.')
      question.focus()
      return false
    }
    // Closed settings could not show which of them is wrong.
    if (!form.checkValidity()) settings.open = true
    return form.reportValidity()
  }

  function complain(sentence) {
    complaint.textContent = sentence
  }

  return {
    complain,
    isRunning: () => running,
    /** Ask and Stop take turns at one place; the focus goes along. */
    setRunning(now) {
      running = now
      const [shown, hidden] = running ? [stopButton, submit] : [submit, stopButton]
      const focusMoves = document.activeElement === hidden
      shown.hidden = false
      hidden.hidden = true
      if (focusMoves) shown.focus()
    },
    settings: () => ({
      max_tokens: numberIn(form.querySelector('#max-tokens')),
      temperature: numberIn(form.querySelector('#temperature')),
      image_detail: form.querySelector('input[name="detail"]:checked').value,
    }),
  }
}

/** Shift begins a line. So does Enter alone where there is no other key for it: on a phone. */
function isForAsking({ shiftKey, ctrlKey, metaKey }) {
  if (ctrlKey || metaKey) return true
  return !shiftKey && !matchMedia('(hover: none)').matches
}

/** A wrong number is never asked with; the usual one stands in its place. */
export function numberIn(field) {
  return field.validity.valid ? field.valueAsNumber : Number(field.defaultValue)
}
