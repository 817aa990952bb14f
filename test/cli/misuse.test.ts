/** What people type by mistake, and what they are told. */
import t from 'tap'
import { count, serviceAddress, strayWord, temperature } from '../../src/cli/misuse.ts'

const commands = ['serve', 'infer', 'pull', 'doctor']

t.test('a word that means nothing is told with what would', (t) => {
  const told = {
    sevre: 'There is no command sevre; was serve meant?',
    run: 'There is no command run; there are serve, infer, pull, doctor',
    '--prot': 'There is no option --prot; llama-vision --help lists what there is',
    '--port':
      '--port changes nothing there: settings are environment variables, as in PORT=... llama-vision serve',
    '--model-name=demo':
      '--model-name=demo changes nothing there: settings are environment variables, as in MODEL_NAME=... llama-vision serve',
    'MODEL_NAME=demo':
      'MODEL_NAME=demo changes nothing there: settings are environment variables, as in MODEL_NAME=... llama-vision serve',
  }
  for (const [word, sentence] of Object.entries(told)) t.equal(strayWord([word, 'more'], commands), sentence)
  t.end()
})

t.test('numbers and addresses of options are what they look like', (t) => {
  t.same(
    [count('1'), count('250'), temperature('0'), temperature('.5'), temperature('2')],
    [1, 250, 0, 0.5, 2],
  )
  for (const text of ['0', '-1', '1.5', '1e3', '0x10', ' 1', '', 'many', '9'.repeat(20)])
    t.throws(() => count(text), /whole number from 1/, text)
  for (const text of ['-1', '2.1', 'NaN', '1e0', '', 'hot', '1,5'])
    t.throws(() => temperature(text), /number from 0 to 2/, text)
  t.equal(serviceAddress('http://localhost:5000//'), 'http://localhost:5000')
  t.equal(serviceAddress('https://a.example/vision/'), 'https://a.example/vision')
  for (const text of [
    'localhost:5000',
    '5000',
    '',
    'http://',
    'ftp://a',
    'http://a b',
    'http://a:99999',
    'http://a/?key=b',
  ])
    t.throws(() => serviceAddress(text), /an address such as http:\/\/localhost:5000/, text)
  t.end()
})
