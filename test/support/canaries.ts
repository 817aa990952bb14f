/** Listeners that nobody has a reason to call, and how often somebody did. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'

export type Canaries = {
  /** The same for TCP and UDP, on 127.0.0.1, and for TCP on ::1 where there is one. */
  port: number
  path: string
  /** Of a UNIX socket that has no file. */
  abstractName: string
  calls: Record<'tcp4' | 'tcp6' | 'udp' | 'unix' | 'abstract', number>
}

/** `folder`: short, for a socket. They end with the test, or whatever else clears up. */
export async function canaries(t: { teardown(end: () => unknown): void }, folder: string): Promise<Canaries> {
  const calls = { tcp4: 0, tcp6: 0, udp: 0, unix: 0, abstract: 0 }
  const listening = async (name: keyof typeof calls, options: object): Promise<number> => {
    const server = createServer((socket) => {
      calls[name] += 1
      socket.destroy()
    }).listen(options)
    await once(server, 'listening')
    t.teardown(() => server.close())
    return (server.address() as AddressInfo).port
  }
  const path = join(folder, 'canary.sock')
  const abstractName = `canary-of-${process.pid}`
  const port = await listening('tcp4', { host: '127.0.0.1', port: 0 })
  await listening('unix', { path })
  await listening('abstract', { path: `\0${abstractName}` })
  await listening('tcp6', { host: '::1', port }).catch(() => {})
  const udp = createSocket('udp4', () => {
    calls.udp += 1
  }).bind(port, '127.0.0.1')
  await once(udp, 'listening')
  t.teardown(() => udp.close())
  return { port, path, abstractName, calls }
}
