/**
 * How fast this machine's memory can be read: processes that each look through memory of their own for a byte that is
 * not there, which the C library does as fast as memory delivers.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'

/** Far more than any cache holds. */
const bytesPerReader = 1024 ** 3

/** Bytes a second when so many readers together read at least `bytes`. */
export async function readBandwidth(readers: number, bytes: number): Promise<number> {
  const passes = Math.ceil(bytes / (readers * bytesPerReader))
  const children = Array.from({ length: readers }, () =>
    fork(import.meta.filename, [String(passes)], { execArgv: ['--import', 'tsx'] }),
  )
  const all = (message: 'message' | 'exit') => Promise.all(children.map((child) => once(child, message)))
  const gone = all('exit')
  await all('message')
  const began = performance.now()
  const done = all('message')
  for (const child of children) child.send('go')
  await done
  const seconds = (performance.now() - began) / 1000
  await gone
  return (passes * readers * bytesPerReader) / seconds
}

function beReader(passes: number): void {
  // Every page written, or the kernel would give them all the same page of zeros.
  const memory = Buffer.alloc(bytesPerReader, 1)
  process.once('message', () => {
    for (let pass = 0; pass < passes; pass += 1) {
      if (memory.indexOf(2) !== -1) throw new Error('there is no 2')
    }
    process.send?.('done')
  })
  process.send?.('ready')
}

if (process.send && process.argv[1] === import.meta.filename) beReader(Number(process.argv[2]))
