/** What is seen of a family through the whole service, with its model in miniature. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { healthyService, type RunningService } from '../service.ts'
import { type FamilyModel, writeFamily } from './family.ts'
import { ask, picture, plan, shapes, textTokens } from './questions.ts'

export type Expected = {
  /** Of each shape: tokens that a picture takes with the marks around it. */
  costs: readonly number[]
  /** The code by which two small pictures in one question are refused. */
  pair?: string
  /** Nothing is known of its pictures beforehand. */
  noRule?: true
  /** Whether a second question looks at the picture again, for want of what was kept of the first. */
  forgets?: true
}

export function checkFamily(t: Test, family: FamilyModel, expected: Expected = { costs: [] }): void {
  t.test(family.name, async (t) => {
    const { url } = await familyService(t, family)
    await takesPictures(t, url, expected)
    await takesSeveral(t, url, expected)
    await remembersPictures(t, url, expected)
    await takesControlTokensForText(t, url, family)
  })
}

export async function familyService(
  t: Test,
  family: FamilyModel,
  settings: Record<string, string> = {},
): Promise<RunningService> {
  const folder = mkdtempSync(join(tmpdir(), 'family-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = writeFamily(folder, family)
  return await healthyService(t, { MODEL_PATH: folder, MODEL_NAME: file, SLOTS: '2', ...settings })
}

const question = 'What?'

/** Pictures of all shapes: what is planned is what happens. */
async function takesPictures(t: Test, url: string, { costs, noRule }: Expected): Promise<void> {
  const words = await textTokens(url, question)
  const found: number[] = []
  for (const shape of shapes) {
    const images = [await picture(shape)]
    const { prompt_tokens, fits } = await plan(url, question, images)
    const { status, body } = await ask(url, question, images)
    t.equal(status, 200, `${shape}: ${body.error}`)
    t.ok(fits, `${shape}: fits`)
    const took = body.token_usage?.prompt_tokens ?? 0
    t.equal(prompt_tokens, took, `${shape}: as many tokens as planned`)
    found.push(took - words)
    const told = body.metadata?.images[0]?.tokens ?? null
    // A template may break the line after a picture.
    const isTold = noRule ? told === null : Math.abs(took - words - (told ?? Number.NaN)) <= 1
    t.ok(isTold, `${shape}: ${took - words} tokens, and ${told} by the family's rule`)
  }
  t.strictSame(found, costs, `tokens of ${shapes.join(', ')}`)
}

/** Two at once, which SLOTS=2 lets run side by side, and one with two pictures. */
async function takesSeveral(t: Test, url: string, { pair }: Expected): Promise<void> {
  const [red, green] = [await picture('64x64'), await picture('64x64', '#20c020')]
  const answers = await Promise.all([red, green].map((image) => ask(url, question, [image])))
  t.strictSame(
    answers.map(({ status }) => status),
    [200, 200],
    'side by side',
  )
  const { status, body } = await ask(url, question, [red, green])
  t.equal(status === 200 ? undefined : body.details.code, pair, `two pictures: ${body.error}`)
  if (status !== 200) return
  const [one = 0] = answers.map((answer) => answer.body.token_usage.prompt_tokens)
  const words = await textTokens(url, question)
  const more = body.token_usage.prompt_tokens - one - (one - words)
  // A template may break the line between two.
  t.ok(Math.abs(more) <= 2, `the second picture takes as much as the first, and ${more} tokens`)
}

/** A second question about a picture does not look at it again. */
async function remembersPictures(t: Test, url: string, { forgets }: Expected): Promise<void> {
  const image = await picture('64x64', '#808020')
  const first = await ask(url, 'What colour?', [image])
  const second = await ask(url, 'How large?', [image])
  const tokens = first.body.token_usage.prompt_tokens - (await textTokens(url, 'What colour?'))
  const known = second.body.metadata.cached_prompt_tokens
  t.equal(known < tokens, forgets ?? false, `${known} tokens known, of a picture of ${tokens}`)
}

/** Nothing that a prompt holds is a token that steers: all of them take as many tokens as the same letters broken up. */
async function takesControlTokensForText(t: Test, url: string, family: FamilyModel): Promise<void> {
  const images = [await picture('1x1')]
  const tokensOf = async (prompt: string) => (await plan(url, prompt, images)).prompt_tokens
  const { controlTokens } = family.vocabulary
  const broken = controlTokens.map((token) => `x\u200b${[...token].slice(1).join('')}`)
  t.ok(controlTokens.length > 0)
  t.equal(await tokensOf(controlTokens.join('\n')), await tokensOf(broken.join('\n')))
}
