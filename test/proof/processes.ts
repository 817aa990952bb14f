/** What the kernel says of the processes of a service under proof. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

const text = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Of a process that is not there, ''. */
export const commandOf = (pid: number): string => text(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()

export const isThere = (pid: number): boolean => commandOf(pid) !== ''

/** All below a process, itself not included. */
export function descendantsOf(pid: number): number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => [Number(name), Number(/^PPid:\t(\d+)$/m.exec(text(`/proc/${name}/status`))?.[1])] as const)
  const below = (parent: number): number[] =>
    parents.filter(([, its]) => its === parent).flatMap(([child]) => [child, ...below(child)])
  return below(pid)
}

/** The llama-server of a gateway; undefined while there is none. */
export const engineOf = (gateway: number | undefined): number | undefined =>
  gateway === undefined
    ? undefined
    : descendantsOf(gateway).find((pid) => /llama-server\S* .*--alias/.test(commandOf(pid)))

const mebibyte = 1024

/** Memory that is the process's own (a model's file that is only mapped is not), in MiB. */
export const ownMebibytes = (pid: number): number =>
  Number(/^RssAnon:\s+(\d+) kB$/m.exec(text(`/proc/${pid}/status`))?.[1] ?? Number.NaN) / mebibyte

export function descriptorsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length
  } catch {
    return Number.NaN
  }
}

/** TCP ports of this machine on which a process listens. */
export function portsOf(pid: number): number[] {
  const sockets = new Set<string>()
  for (const name of readdirSync(`/proc/${pid}/fd`)) {
    const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${name}`))?.[1]
    if (inode) sockets.add(inode)
  }
  const listening = '0A'
  return `${text('/proc/net/tcp')}\n${text('/proc/net/tcp6')}`
    .split('\n')
    .map((row) => row.trim().split(/\s+/))
    .filter((row) => row[3] === listening && sockets.has(row[9] ?? ''))
    .map((row) => Number.parseInt(row[1]?.split(':')[1] ?? '', 16))
}

const linkOf = (path: string): string => {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
