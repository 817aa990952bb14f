/** Archives of engines that are a few lines of shell, and archives that no one should unpack. */
import { machine } from 'node:os'
import { gzipSync } from 'node:zlib'
import { Header, type HeaderData } from 'tar'

export type Packed = HeaderData & { path: string; text?: string }

/** A compressed tar of these entries, whatever they are; `size` may claim another than the text has. */
export function archiveOf(entries: Packed[]): Buffer {
  const blocks = entries.flatMap(({ text = '', ...header }) => {
    const head = Buffer.alloc(512)
    new Header({ type: 'File', mode: 0o755, size: text.length, mtime: new Date(0), ...header }).encode(
      head,
      0,
    )
    const body = Buffer.alloc(Math.ceil(text.length / 512) * 512)
    body.write(text)
    return [head, body]
  })
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]))
}

export const madeUpServer = (version = '1.2.3') => `#!/bin/sh\necho "version: ${version}"\n`
export const madeUpConfine = '#!/bin/sh\necho \'{"networkIsClosed":true,"landlock":1}\'\n'

/** As `scripts/engine-archive.sh` makes them. */
export const madeUpEngine = (server = madeUpServer(), architecture = machine()): Packed[] => [
  { path: 'bin/', type: 'Directory' },
  { path: 'bin/llama-server', text: server },
  { path: 'bin/libggml.so.0.1', text: 'code' },
  { path: 'bin/libggml.so', type: 'SymbolicLink', linkpath: 'libggml.so.0.1' },
  { path: 'build.json', text: JSON.stringify({ architecture }), mode: 0o644 },
  { path: 'confine', text: madeUpConfine },
  { path: 'licenses/', type: 'Directory' },
  { path: 'licenses/LICENSE-llama.cpp', text: 'MIT', mode: 0o644 },
]
