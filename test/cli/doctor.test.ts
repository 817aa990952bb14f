/** What the doctor says of who may ask. The rest is in commands.test.ts, with the real engine. */
import t from 'tap'
import { doctor } from '../../src/cli/doctor.ts'

async function access(env: Record<string, string>) {
  const findings = await doctor({ MODEL_NAME: 'demo', PORT: '0', ENGINE_PATH: '/nowhere', ...env })
  return findings.find(({ about }) => about === 'access')
}

t.test('an address of this machine is open to nobody else, by whatever name', async (t) => {
  for (const HOST of ['127.0.0.1', '127.0.0.2', 'localhost', '::1'])
    t.match(await access({ HOST, ALLOW_OPEN: '1' }), { level: 'good', sentence: /only this machine/ }, HOST)
  t.match(await access({ HOST: '0.0.0.0', ALLOW_OPEN: '1' }), { level: 'warning', sentence: /whoever/ })
  t.match(await access({ HOST: '0.0.0.0' }), { level: 'fault', sentence: /set API_KEYS/ })
  t.match(await access({ HOST: '0.0.0.0', API_KEYS: 'a' }), { level: 'good', sentence: 'a key is needed' })
})

t.test('a list with an entry that is none is a fault', async (t) => {
  for (const name of ['ALLOWED_HOSTS', 'TRUST_PROXY', 'IMAGE_URL_ALLOW']) {
    const [settings] = await doctor({ MODEL_NAME: 'demo', [name]: 'https://a b' })
    t.match(settings, { about: 'settings', level: 'fault', sentence: new RegExp(`^${name} holds`) })
  }
})
