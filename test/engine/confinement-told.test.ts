/** How confinement is asked for and told of, with stand-ins for the program that does it. */
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { confined, confinement } from '../../src/engine/confinement.ts'

t.test('the engine is started by what confines it, and by itself where the set-up has none', (t) => {
  const started = (confine: string) => confined('/engine', ['--a', 'b'], '/folder', confine)
  t.strictSame(started('/confine'), ['/confine', [String(process.pid), '/folder', '/engine', '--a', 'b']])
  t.strictSame(started(''), ['/engine', ['--a', 'b']])
  t.end()
})

t.test('what holds and what does not is told', async (t) => {
  const answering = (answer: string) => {
    const path = join(t.testdir(), 'confine')
    writeFileSync(path, `#!/bin/sh\n[ "$*" = "--probe ${tmpdir()}" ] && echo '${answer}'\n`, { mode: 0o755 })
    return path
  }
  t.strictSame(await confinement(answering('{"networkIsClosed":true,"landlock":1}')), {
    holds: true,
    sentence:
      'the engine has no network (seccomp), writes into its own folder alone (Landlock 1) and dies with the service',
  })
  t.match(await confinement(answering('{"networkIsClosed":false,"landlock":0}')), {
    holds: false,
    sentence: /no seccomp here\).*no Landlock here/,
  })
  t.match(await confinement(answering('what?')), {
    holds: false,
    sentence: /does not work here: SyntaxError/,
  })
})

t.test('what cannot be done is told', async (t) => {
  t.match(await confinement('/nowhere/confine'), {
    holds: false,
    sentence: /nowhere\/confine is missing; run: bash scripts\/setup\.sh/,
  })
  t.match(await confinement('/bin/false'), { holds: false, sentence: /\/bin\/false does not work here/ })
})
