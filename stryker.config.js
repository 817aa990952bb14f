/**
 * `npm run mutation`, see CONTRIBUTING.md. `PART=engine npm run mutation` takes one part with the tests beside it alone,
 * `PART=engine/client` one file with those of its name. Tests that start an engine are left out: they take seconds a mutant.
 */
const { PART: part = '{admission,doors,engine,image,inference}' } = process.env

// A test that is slow on a busy machine has found no fault: Stryker alone decides what hangs.
process.env.TAP_TIMEOUT = '600'

export default {
  // What works in a process of its own shows no mutant.
  mutate: [`src/${part}{.ts,/**/*.ts}`, '!src/{image/decoder,inference/schema}-process.ts'],
  // Descriptions and log lines are prose, which no test should repeat.
  mutator: { excludedMutations: ['StringLiteral', 'ObjectLiteral'] },
  // Each mutant starts each of its tests: compiled once, they start in half the time.
  buildCommand: 'tsc --noCheck --outDir compiled',
  testRunner: 'tap',
  plugins: ['@stryker-mutator/tap-runner'],
  tap: {
    testFiles: [
      `compiled/test/${part}{,-*,/!(real-process|confinement)}.test.js`,
      // Doors are shown through the whole of the HTTP service.
      ...(part.includes('doors') ? ['compiled/test/http/*.test.js'] : []),
    ],
    nodeArgs: [],
    forceBail: true,
  },
  coverageAnalysis: 'perTest',
  concurrency: 2,
  timeoutMS: 60_000,
  timeoutFactor: 2,
  ignorePatterns: [
    ...['bench', 'vendor', 'models/demo', 'deploy', '.engine', '.tap', 'convert'],
    ...['test/llama-vision', 'test/e2e'],
  ],
  reporters: ['clear-text', 'progress-append-only'],
  clearTextReporter: { allowColor: false, logTests: false },
  tempDirName: '.tap/mutation',
}
