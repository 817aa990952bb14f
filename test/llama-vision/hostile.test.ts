/** Files that lie about a model: the engine ends with a reason, never by a signal. Every kind of lie is in the proof. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { endOf } from '../support/engine-end.ts'
import { hostileDemo } from '../support/hostile-demo.ts'
import { selected } from '../support/hostile-gguf.ts'
import { hostileLlamaVision, leastShape } from '../support/hostile-llama-vision.ts'
import { writeTinyModel } from '../support/tiny-llama-vision.ts'

const folder = mkdtempSync(join(tmpdir(), 'hostile-llama-vision-'))
t.teardown(() => rmSync(folder, { recursive: true }))

const layouts = ['ours', 'pair', 'ollama'] as const
const endIn = (own: string) =>
  endOf({
    ...{ folder: join(folder, own), name: `${own}.gguf`, mmproj: '', ollamaStore: '/nowhere', aliases: [] },
    ...{ contextTokens: 512, maxImages: 1, maxTiles: 0, slots: 1, imageMaxTokens: 0, promptCacheMib: 0 },
    precision: 'auto' as const,
  })

for (const layout of layouts) {
  mkdirSync(join(folder, layout))
  t.test(`${layout}: the honest model that the others are made of runs`, async (t) => {
    writeTinyModel(join(folder, layout), layout, leastShape)
    t.match(await endIn(layout), { how: 'runs' })
  })
}

/** Each of these once ended the engine by a signal. */
const deadly: [layout: (typeof layouts)[number], what: string, reason: RegExp][] = [
  [
    'ours',
    'ours.gguf: blk.0.attn_norm.weight as bf16',
    /attn_norm\.weight.*no device computes MUL with bf16/,
  ],
  ['ours', 'ours.gguf: blk.1.cross_attn_k_norm.weight as i32', /cross_attn_k_norm\.weight' is i32/],
  ['ours', 'ours.gguf: mm.0.weight as f64', /mm\.0\.weight' is f64/],
  ['ours', 'ours.gguf: v.global.blk.0.ffn_norm.bias as f16', /ffn_norm\.bias is f16/],
  ['ours', 'ours.gguf: mllama.vision.attention.head_dim = 1', /4 heads of keys, 1 wide/],
  ['pair', 'pair.gguf: mllama.rope.dimension_count = 0', /64 \(values\) wide, of which 0 are rotated/],
  ['pair', 'pair.gguf: mllama.attention.layer_norm_rms_epsilon = NaN', /rms_epsilon is -?nan/],
  ['pair', "pair-mmproj.gguf: mllama.vision.attention.head_count = 'text'", /has type str, expected u32/],
  ['pair', 'pair-mmproj.gguf: mllama.vision.attention.layer_norm_epsilon = NaN', /epsilon is -?nan/],
  ['pair', 'pair-mmproj.gguf: v.blk.0.attn_out.weight as i8', /attn_out\.weight is i8/],
  ['ollama', 'ollama.gguf: mllama.expert_count = 8', /n_expert_used_max > 0/],
]

t.test('what an engine cannot compute with is refused by name', async (t) => {
  for (const [layout, what, reason] of deadly) {
    const hostile = hostileLlamaVision(layout).find((one) => one.what === what)
    if (!hostile) throw new Error(`there is no ${what}`)
    hostile.write(join(folder, layout))
    t.match(await endIn(layout), { how: 'refused by the engine', reason }, what)
  }
})

t.test('so is what a projector of another architecture lacks', async (t) => {
  mkdirSync(join(folder, 'demo'))
  const files = await hostileDemo('demo-mmproj.gguf', 1)
  for (const [what, reason] of [
    ['no v.blk.1.attn_k.weight', /could not be loaded: a matrix .* is missing/],
    ['no v.patch_embd.weight', /could not be loaded: unable to find tensor v\.patch_embd\.weight/],
    ['clip.vision.image_size = 0', /a check of its own: GGML_ASSERT/],
  ] as const) {
    files.find((one) => one.what === `demo-mmproj.gguf: ${what}`)?.write(join(folder, 'demo'))
    t.match(await endIn('demo'), { how: 'refused by the engine', reason }, what)
  }
})

/** More of them in the proof. */
const count = Number(process.env.HOSTILE_FILES ?? 45)

t.test('whatever a file says of the model, nothing dies of it, and there is a reason', async (t) => {
  const ends: Record<string, number> = {}
  for (const [seed, layout] of layouts.entries()) {
    for (const { what, write } of selected(hostileLlamaVision(layout), Math.ceil(count / 3), seed + 100)) {
      write(join(folder, layout))
      const { how, reason } = await endIn(layout)
      ends[how] = (ends[how] ?? 0) + 1
      if (how === 'died' || how === 'hangs' || (how !== 'runs' && !reason))
        t.fail(`${what}: ${how} ${reason}`)
    }
  }
  t.comment(ends)
  t.ok(ends['refused by the engine'] ?? 0)
})
