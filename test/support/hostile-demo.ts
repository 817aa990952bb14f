/** Hostile pairs of files, made of the demo model that has a projector of its own: what is not Llama 3.2 Vision. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../src/config.ts'
import { readHeader } from '../../src/model/gguf.ts'
import { type HostileFile, hostileFiles } from './hostile-gguf.ts'
import type { HostileModel } from './hostile-llama-vision.ts'

const honest = { 'demo.gguf': 'demo-text-q4_k_m.gguf', 'demo-mmproj.gguf': 'demo-mmproj-f16.gguf' }
const shipped = (file: string) => join(packageRoot, 'models/demo', file)

/** One of its files broken, the other as it is. The service is asked for `demo.gguf`. */
export async function hostileDemo(broken: keyof typeof honest, seed: number): Promise<HostileModel[]> {
  const source = shipped(honest[broken])
  const files = [...hostileFiles(readFileSync(source), 300, seed), ...(await lackingTensors(source))]
  return files.map(({ what, bytes }) => ({
    what: `${broken}: ${what}`,
    write(folder) {
      for (const [file, original] of Object.entries(honest))
        copyFileSync(shipped(original), join(folder, file))
      writeFileSync(join(folder, broken), bytes())
    },
  }))
}

/** Each tensor under another name: as good as not there. */
async function lackingTensors(path: string): Promise<HostileFile[]> {
  const file = readFileSync(path)
  const { tensors } = await readHeader(path)
  return tensors.map(({ name }) => ({
    what: `no ${name}`,
    bytes() {
      const bytes = Buffer.from(file)
      const length = Buffer.alloc(8)
      length.writeBigUInt64LE(BigInt(name.length))
      bytes.write('X', file.indexOf(Buffer.concat([length, Buffer.from(name)])) + length.length)
      return bytes
    },
  }))
}
