/** `IMAGE_MAX_TOKENS` holds for families in miniature whatever their pictures become, and two large ones share the context. */
import t from 'tap'
import { familyService } from '../support/families/checks.ts'
import { pixtral } from '../support/families/mistral.ts'
import { phi4 } from '../support/families/phi.ts'
import { ask, picture, textTokens } from '../support/families/questions.ts'
import { qwen3vl } from '../support/families/qwen.ts'
import { idefics3, internvl, lfm2 } from '../support/families/tiled.ts'

const cap = 280
/** What begins and ends a picture is not counted, and a template may break the line after it. */
const around = 5

for (const family of [qwen3vl, pixtral, phi4, idefics3, internvl, lfm2]) {
  t.test(family.name, async (t) => {
    const { url } = await familyService(t, family, { IMAGE_MAX_TOKENS: String(cap) })
    const words = await textTokens(url, 'What?')
    for (const shape of ['1024x768', '3000x3000'] as const) {
      const { status, body } = await ask(url, 'What?', [await picture(shape)])
      t.equal(status, 200, `${shape}: ${body.error}`)
      const took = body.token_usage.prompt_tokens - words
      t.ok(took <= cap + around, `${shape}: ${took} tokens`)
    }
    const two = [await picture('1024x768'), await picture('1024x768', '#20c020')]
    const { status, body } = await ask(url, 'Which?', two)
    t.equal(status, 200, `two: ${body.error}`)
  })
}

t.test('two pictures that would take all of the context each are made smaller', async (t) => {
  const { url } = await familyService(t, qwen3vl)
  const large = [await picture('3000x3000'), await picture('3000x3000', '#20c020')]
  const { status, body } = await ask(url, 'Which?', large)
  t.equal(status, 200, String(body.error))
  for (const { tokens } of body.metadata.images) t.ok((tokens ?? 0) <= 512 + around, `${tokens} tokens`)
})
