/**
 * Where a picture is decoded: in the service itself where its header tells that it takes little memory, otherwise in a
 * process of its own. A lane for each bounds what all of them take, so that small pictures don't wait for large ones.
 */
import { isReadHere, readHeader } from './decode.ts'
import { decodeInProcess } from './decoder.ts'
import type { Framing } from './encode.ts'
import { createLane } from './lane.ts'
import { decoderBytes, hereBytes, mostHereBytes, neededBytes } from './memory.ts'
import { type Picture, type Plan, pictureOf, planOf } from './picture.ts'
import type { Format } from './recognise.ts'

/** One that takes its time must not keep all others waiting; more would take the processor from the engine. */
const mostProcesses = 2

/** Rejects with a typed failure, the signal's reason, or what libvips finds wrong. */
export type Decode = (
  format: Format,
  bytes: Buffer,
  framing: Framing,
  signal: AbortSignal,
) => Promise<Picture[]>

export type DecodingOptions = {
  /** Of a picture, or of all pages of a document. */
  maxPixels: number
  /** Memory that can be had now. */
  availableBytes: () => Promise<number>
}

export function createDecoding({ maxPixels, availableBytes }: DecodingOptions): Decode {
  const here = createLane(hereBytes)
  const processes = createLane(mostProcesses * decoderBytes)

  /** Where memory is short, one has the lane to itself: there is always one. */
  async function share(): Promise<number> {
    const most = mostProcesses * decoderBytes
    return (await availableBytes()) < most ? most : decoderBytes
  }

  return async (format, bytes, framing, signal) => {
    let plan: Plan | undefined
    if (isReadHere(format)) {
      const header = await readHeader(bytes, maxPixels)
      const its = planOf(format, header, framing)
      const need = neededBytes(format, header, its)
      if (need <= mostHereBytes) {
        return here.run(need, signal, async () => [await pictureOf(format, bytes, its)])
      }
      plan = its
    }
    const task = { format, maxPixels, framing, plan }
    return processes.run(await share(), signal, () => decodeInProcess(task, bytes, signal))
  }
}
