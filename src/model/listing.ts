/** What models the folder holds, for clients that want a list. By file names alone: headers are read when loaded. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** `bytes` is the file's size. */
export type ListedModel = { name: string; bytes: number; modified: Date }

/** Models of `folder`, the loaded one first whether it lies there or not (the demo model does not). */
export async function listModels(folder: string, loaded: ListedModel): Promise<ListedModel[]> {
  const names = await readdir(folder).catch(() => [] as string[])
  const models = await Promise.all(
    names
      .filter((name) => name.endsWith('.gguf') && !/mmproj|projector/i.test(name) && name !== loaded.name)
      .sort()
      .map(async (name) => {
        const file = await stat(join(folder, name)).catch(() => undefined)
        return file?.isFile() ? [{ name, bytes: file.size, modified: file.mtime }] : []
      }),
  )
  return [loaded, ...models.flat()]
}
