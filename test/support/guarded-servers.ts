/**
 * The pictures' server listens at 127.0.0.2, which the rules of these tests permit as if it were public. A canary
 * listens at the same port of 127.0.0.1, which stays forbidden: no case but its own may ever connect to it.
 */
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, isIP } from 'node:net'
import type { Test } from 'tap'
import { isPublicAddress, parseAllowList } from '../../src/net/addresses.ts'
import { createFetcher, type FetchRules } from '../../src/net/guarded-fetch.ts'
import { until } from './until.ts'

export const picturesAddress = '127.0.0.2'
export const canaryAddress = '127.0.0.1'
export const maxBytes = 100_000
export const never = new AbortController().signal
/** How often the canary was called; counted in an object, which tests can read as it is. */
export const canaryCalls = { count: 0 }

export const hosts: Record<string, string[]> = {
  'pictures.test': [picturesAddress],
  'cdn.pictures.test': [picturesAddress],
  'other.test': [picturesAddress],
  'twice.test': [picturesAddress, picturesAddress],
  'inside.test': [canaryAddress],
  'mixed.test': [picturesAddress, canaryAddress],
  'mixed-six.test': [picturesAddress, '::1'],
  'nothing.test': [],
  'metadata.google.internal': ['169.254.169.254'],
}

export const addressesOf = (addresses: string[]) =>
  addresses.map((address) => ({ address, family: isIP(address) }))

export async function resolve(host: string) {
  const addresses = hosts[host]
  if (addresses) return addressesOf(addresses)
  throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' })
}

export async function listen(server: Server | ReturnType<typeof createTcpServer>, host: string, port = 0) {
  await once(server.listen(port, host), 'listening')
  return (server.address() as AddressInfo).port
}

/** A list of hosts, by a setting that is nobody's. */
export const allowing = (...entries: string[]) => parseAllowList('SOME_HOSTS', entries.join(','))

/** A fetcher by the usual rules but those that are named; the hosts above are looked up, and none is permitted. */
export const fetcher = (rules: Partial<FetchRules>) =>
  createFetcher({ allow: allowing(), accept: 'image/*', maxBytes, resolve, ...rules })

/** A server that answers as told, the canary beside it, and a fetcher whose rules permit the one. */
export async function around(t: Test, answer: RequestListener, rules: Partial<FetchRules> = {}) {
  const requests: string[] = []
  const pictures = createServer((request, response) => {
    requests.push(request.url ?? '')
    answer(request, response)
  })
  const port = await listen(pictures, picturesAddress)
  const canary = createTcpServer((socket) => {
    canaryCalls.count += 1
    socket.destroy()
  })
  await listen(canary, canaryAddress, port)
  t.teardown(() => {
    pictures.closeAllConnections()
    pictures.close()
    canary.close()
  })
  const names = ['pictures.test', 'twice.test', 'inside.test', 'mixed.test', 'mixed-six.test', 'nothing.test']
  const fetchBytes = fetcher({
    allow: allowing(...names.map((name) => `http://${name}:${port}`)),
    isAllowedAddress: (address) => address === picturesAddress || isPublicAddress(address),
    ...rules,
  })
  const connections = () => new Promise<number>((done) => pictures.getConnections((_, count) => done(count)))
  const allClosed = async () => {
    let open = await connections()
    const noneIsOpen = () => {
      void connections().then((count) => {
        open = count
      })
      return open === 0
    }
    // A connection that is kept ends by itself after 4 s.
    await until(noneIsOpen, 'the end of all connections', 2000)
  }
  return { url: `http://pictures.test:${port}`, port, requests, fetchBytes, allClosed }
}

export const refused = (message: string) => ({ name: 'FetchProblem', kind: 'refused', message })
export const failed = (message: string) => ({ name: 'FetchProblem', kind: 'failed', message })
export const notPublic = 'its host does not resolve, or not to public addresses only'
export const notListed = 'its host is not in SOME_HOSTS'
export const broken = 'the connection failed or broke off'
