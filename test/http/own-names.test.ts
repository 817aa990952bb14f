import { hostname } from 'node:os'
import fc from 'fast-check'
import t from 'tap'
import { authorityOf, ownNames } from '../../src/http/own-names.ts'

const answers = (ALLOWED_HOSTS = '', HOST = '127.0.0.1') => {
  const isOwn = ownNames({ ALLOWED_HOSTS, HOST })
  return (text: string) => {
    const host = authorityOf(text)?.host
    return host !== undefined && isOwn(host)
  }
}

t.test('addresses and names that nobody can have in public need not be listed', (t) => {
  const isOwn = answers()
  for (const name of [
    ...['127.0.0.1', '127.0.0.1:5000', '192.168.1.7', '[::1]', '[::1]:5000', '[fe80::1%eth0]:5000'],
    ...['localhost', 'LOCALHOST:5000', 'localhost.', 'vision.localhost', hostname()],
    // As services of compose files and clusters are called, and a machine by its containers and its network.
    ...['llama-vision', 'llama_vision:5000', 'llama-vision.default.svc.cluster.local:5000'],
    ...['host.docker.internal:5000', 'nas.local', 'nas.home.arpa'],
  ])
    t.equal(isOwn(name), true, name)
  t.end()
})

t.test('names of others, and what is no name, are not the service', (t) => {
  const isOwn = answers('vision.example.com')
  for (const name of [
    ...['evil.example', 'evil.example:5000', 'localhost.evil.example', '127.0.0.1.evil.example'],
    ...['127.1.evil', 'a.vision.example.com', 'vision.example.com.evil.example', 'evilvision.example.com'],
    ...['xlocal.example', 'evil.notlocal', 'evil.xlocalhost', '1.2.3', '256.0.0.1'],
    ...['', ':5000', 'localhost:port', 'localhost:123456', 'localhost evil.example', 'user@localhost'],
    ...['localhost/evil', 'localhost,evil.example', '[evil]', '[::1', '::1', '[::1]evil', 'évil', 'a..local'],
  ])
    t.equal(isOwn(name), false, name)
  t.end()
})

t.test('what is listed is answered, below a star all names, and with a star alone any', (t) => {
  const isOwn = answers('Vision.Example.com, *.example.org')
  for (const name of ['vision.example.com', 'VISION.example.com.:443', 'a.example.org', 'a.b.example.org:8'])
    t.equal(isOwn(name), true, name)
  t.equal(isOwn('example.org'), false)
  t.equal(answers('*')('evil.example'), true)
  t.equal(answers('*')('no host'), false)
  t.equal(answers('', 'vision.example.net')('vision.example.net:5000'), true, 'the name it listens on')
  t.end()
})

t.test('an entry that is no name is told of', (t) => {
  for (const entry of [
    'https://a.example',
    'a.example:5000',
    'a.*.example',
    '*.',
    'a b',
    '*a.example',
    '[x]',
  ])
    t.throws(() => ownNames({ ALLOWED_HOSTS: `b.example,${entry}`, HOST: '::' }), {
      name: 'ConfigError',
      message: new RegExp(`^ALLOWED_HOSTS holds ${entry.replace(/[*[\].]/g, '\\$&')}; entries look like`),
    })
  t.end()
})

t.test('whatever a header holds, it is a lower-case host or none', (t) => {
  const pieces = fc.array(
    fc.oneof(fc.constantFrom('localhost', '.', ':', '[', ']', '::1', '80', '%', '@', 'A'), fc.string()),
  )
  fc.assert(
    fc.property(pieces, (parts) => {
      const authority = authorityOf(parts.join(''))
      return authority === undefined || /^(\[[^[\]]+\]|[^A-Z:/@[\]]*[^A-Z:/@[\].])$/.test(authority.host)
    }),
  )
  t.end()
})
