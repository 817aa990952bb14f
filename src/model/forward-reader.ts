/**
 * Reads a file from its beginning on, little endian, in pieces: what asks for more than the file has left learns so
 * before anything is made of it. Between pieces others have their turn.
 */
import type { OpenFile } from './regular-file.ts'

const pieceBytes = 64 * 1024

/** The file ends before what it announced. */
export class CutOff extends Error {
  override readonly name = 'CutOff'

  constructor() {
    super('it ends in the middle')
  }
}

export class ForwardReader {
  readonly #file: OpenFile['file']
  /** Where the file, or what may be read of it, ends. */
  readonly #end: number
  #piece = Buffer.alloc(0)
  /** Where the piece begins in the file, and how far it has been read. */
  #begin = 0
  #at = 0

  constructor({ file, bytes }: OpenFile, mostBytes: number) {
    this.#file = file
    this.#end = Math.min(bytes, mostBytes)
  }

  get position(): number {
    return this.#begin + this.#at
  }

  get left(): number {
    return this.#end - this.position
  }

  has(bytes: number): boolean {
    return this.#at + bytes <= this.#piece.length
  }

  /** Makes so many bytes ready for what reads them at once. Throws `CutOff` when there are not so many. */
  async need(bytes: number): Promise<void> {
    if (this.has(bytes)) return
    if (bytes > this.left) throw new CutOff()
    const piece = Buffer.alloc(Math.min(this.left, Math.max(bytes, pieceBytes)))
    const { bytesRead } = await this.#file.read(piece, 0, piece.length, this.position)
    if (bytesRead < bytes) throw new CutOff()
    this.#begin = this.position
    this.#at = 0
    this.#piece = piece.subarray(0, bytesRead)
  }

  /** Walked over without being read. */
  skip(bytes: number): void {
    if (bytes > this.left) throw new CutOff()
    this.#at += bytes
  }

  take(bytes: number): Buffer {
    this.#at += bytes
    return this.#piece.subarray(this.#at - bytes, this.#at)
  }

  text(bytes: number): string {
    return this.take(bytes).toString('utf8')
  }

  uint32(): number {
    return this.take(4).readUInt32LE()
  }

  /** Those beyond 2^53 lose their last digits: all that matters is that they are too large. */
  uint64(): number {
    return Number(this.take(8).readBigUInt64LE())
  }
}
