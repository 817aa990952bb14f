/** Paths as clients make them of a base address. */
import t from 'tap'
import { testApp } from '../support/app.ts'

t.test('an address may end in a slash, and a path may begin with two', async (t) => {
  const app = await testApp(t)
  for (const path of ['/health', '/v1/models', '/api/tags']) {
    const plain = await app.inject(path)
    t.equal(plain.statusCode, 200, path)
    for (const written of [`${path}/`, `/${path}`, path.replace(/(?<=.)\//, '//')]) {
      const { statusCode, body } = await app.inject(written)
      t.equal(statusCode, 200, written)
      // Answers tell the time.
      t.equal(body.length, plain.body.length, written)
    }
  }
  const locked = await testApp(t, {}, { API_KEYS: 'a-key-of-sixteen-letters' })
  for (const path of ['/v1/models', '/v1/models/', '//v1/models', '/v1//models/'])
    t.equal((await locked.inject(path)).statusCode, 401, path)
})
