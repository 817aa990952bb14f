import t from 'tap'
import { loadConfig } from '../../src/config.ts'
import { startWith, toldSettings } from '../../src/engine/context.ts'
import { modelSettings } from '../../src/model/settings.ts'
import { someModel } from '../support/model-facts.ts'

const mib = 1024 ** 2
/** Its pictures take 2880 tokens at most; a MiB a token. */
const model = someModel({
  contextLength: 32_768,
  kvBytesPerToken: mib,
  projector: {
    ...someModel().projector,
    type: 'mlp',
    pictureCost: { kind: 'grid', side: 336, tile: 576, around: 0, grids: [[2, 2]] },
  },
})
const settings = (env = {}) => modelSettings(loadConfig({ PROMPT_CACHE_MIB: '0', ...env }))
const machine = (gigabytes: number) => ({
  availableBytes: gigabytes * 1024 * mib,
  memoryBound: 'machine' as const,
})

t.test('a context in which all pictures fit is taken where there is memory for it', (t) => {
  t.match(startWith(settings(), model, machine(8)), {
    settings: { contextTokens: 4096 },
    missed: undefined,
    shortage: undefined,
  })
  t.match(startWith(settings(), model, machine(3)), {
    settings: { contextTokens: 2048 },
    missed: 4096,
    shortage: undefined,
  })
  t.match(startWith(settings(), model, machine(1)), {
    settings: { contextTokens: 2048 },
    shortage: /^The model needs about 2\.\d GiB of memory .* but the machine has 1\.0 GiB/,
  })
  t.end()
})

t.test('what somebody set is taken or missed, never changed', (t) => {
  const set = settings({ CONTEXT_SIZE: '4096' })
  t.match(startWith(set, model, machine(8)), { settings: { contextTokens: 4096 }, shortage: undefined })
  t.match(startWith(set, model, machine(3)), {
    settings: { contextTokens: 4096 },
    missed: undefined,
    shortage: /lower CONTEXT_SIZE/,
  })
  t.end()
})

t.test('settings are told with the context that there is', (t) => {
  t.equal(toldSettings(settings(), undefined).contextTokens, 2048)
  t.equal(toldSettings(settings(), 4096).contextTokens, 4096)
  t.equal(toldSettings(settings({ CONTEXT_SIZE: '512' }), undefined).contextTokens, 512)
  t.end()
})
