/**
 * The source of a model as it may be told and kept: of an address, what names the file. A user, a password, a signature in
 * the query open it, and are for nobody who may ask which model is served or read the folder.
 */
export function sourceName(source: string): string {
  if (!/^https?:\/\//.test(source) || !URL.canParse(source)) return source
  const { origin, pathname } = new URL(source)
  return origin + pathname
}
