/**
 * A network of its own in which every address leads to this process: whoever calls anybody is heard, wherever it calls.
 * It needs what `unshare` of Linux gives a user, which some containers do not.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Runs a program of ours in one, and gives what it prints. Rejects where there can be none. */
export async function withinSealedNetwork(program: string): Promise<string> {
  const words = ['-Urnm', process.execPath, '--import', import.meta.resolve('tsx'), program]
  const child = spawn('unshare', words, { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const [code] = (await once(child, 'close')) as [number]
  if (code !== 0) throw new Error(`unshare ${words[0]} ended with ${code}`)
  return said
}

/** To be called within it: every address is this machine, and names are asked for here. */
export function lead(): void {
  const ip = (...words: string[]) => execFileSync('ip', words)
  ip('link', 'set', 'lo', 'up')
  for (const family of ['-4', '-6']) ip(family, 'route', 'add', 'local', 'default', 'dev', 'lo')
  const folder = mkdtempSync(join(tmpdir(), 'names-'))
  const file = join(folder, 'resolv.conf')
  writeFileSync(file, 'nameserver 127.0.0.1\noptions timeout:2 attempts:2\n')
  // Of this network alone: whoever is outside keeps the own one.
  execFileSync('mount', ['--bind', file, '/etc/resolv.conf'])
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
}

export type Listeners = { callsTo(address: string): number; calls(): number; close(): void }

/** Listens at these ports of all addresses, and counts by the address that was called. */
export async function listenEverywhere(
  ports: readonly number[],
  answer: RequestListener,
): Promise<Listeners> {
  const calls = new Map<string, number>()
  const count = ({ localAddress = '' }: Socket) => {
    const address = localAddress.replace(/^::ffff:/, '')
    calls.set(address, (calls.get(address) ?? 0) + 1)
  }
  const servers = ports.map((port) => createServer(answer).on('connection', count).listen(port, '::'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  return {
    callsTo: (address) => calls.get(address) ?? 0,
    calls: () => [...calls.values()].reduce((sum, one) => sum + one, 0),
    close() {
      for (const server of servers) {
        server.close()
        server.closeAllConnections()
      }
    },
  }
}

/** TCP connections that were begun in this network, by the kernel's own count, whether anybody listened or not. */
export function begunConnections(): number {
  const [names = '', numbers = ''] = readFileSync('/proc/self/net/snmp', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('Tcp:'))
  const at = names.split(' ').indexOf('ActiveOpens')
  return Number(numbers.split(' ')[at])
}
