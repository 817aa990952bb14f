/** What models the folder holds, for clients that want a list. By file names alone: headers are read when loaded. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ggufFiles } from './model-folder.ts'

/** `bytes` is the file's size. */
export type ListedModel = { name: string; bytes: number; modified: Date }

/** Models of `folder`, the loaded one first whether it lies there or not (the demo model does not). */
export async function listModels(folder: string, loaded: ListedModel): Promise<ListedModel[]> {
  const names = await ggufFiles(folder)
  const models = await Promise.all(
    names
      .filter((name) => !/mmproj|projector/i.test(name) && name !== loaded.name)
      .map(async (name) => {
        const file = await stat(join(folder, name)).catch(() => undefined)
        return file?.isFile() ? [{ name, bytes: file.size, modified: file.mtime }] : []
      }),
  )
  return [loaded, ...models.flat()]
}
