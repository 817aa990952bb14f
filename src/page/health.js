/** Shows whether the model is ready, and looks again from time to time: often while something is about to change. */

const soonMs = 2_000
const laterMs = 30_000
/** Health is answered at once, so a longer silence is none of a busy model. */
const patienceMs = 10_000

/** How the engine's states are told. Any other one, of a later version, is told by its own name. */
const words = {
  ready: ['ready', 'Ready'],
  starting: ['waiting', 'Starting'],
  loading: ['waiting', 'Loading the model'],
  stopping: ['waiting', 'Shutting down'],
  failed: ['failed', 'Not usable'],
}

/** Returns a function that looks at once. `ready` is called each time the model has become so. */
export function watchHealth({ panel, state, model, detail, version, ready }) {
  let timer

  async function look() {
    const health = await currentHealth()
    if (health) show(health)
    else showLost()
    clearTimeout(timer)
    timer = setTimeout(look, health?.status === 'healthy' ? laterMs : soonMs)
  }

  function show(health) {
    const { engine, status } = health
    // A service that shuts down has an engine that is ready all the same.
    const told = engine.state === 'ready' && status !== 'healthy' ? 'stopping' : engine.state
    const [light, word] = words[told] ?? ['waiting', told]
    tell(light, word)
    model.textContent = health.model_name
    detail.textContent = health.reason ?? health.model_description ?? ''
    detail.title = detail.textContent
    version.textContent = `llama-vision ${health.version}`
  }

  function showLost() {
    tell('failed', 'No connection')
    model.textContent = ''
    detail.textContent = 'The service does not answer. This page keeps trying.'
  }

  /** Read out when it changes, so an unchanged word must not be set again. */
  function tell(light, word) {
    const becameReady = light === 'ready' && panel.dataset.state !== 'ready'
    panel.dataset.state = light
    if (becameReady) ready()
    if (state.textContent !== word) state.textContent = word
  }

  look()
  return look
}

/** A service that is not ready answers 503 with the same body. */
async function currentHealth() {
  try {
    const response = await fetch('health', { cache: 'no-store', signal: AbortSignal.timeout(patienceMs) })
    const health = await response.json()
    return health.engine ? health : undefined
  } catch {
    return undefined
  }
}
