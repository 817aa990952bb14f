/** A program that has an engine's folder until it is killed, and tells where. */
import { withEngineFolder } from '../../src/engine/folder.ts'

await withEngineFolder(async (folder) => {
  console.log(folder)
  await new Promise(() => setInterval(() => {}, 1000))
})
