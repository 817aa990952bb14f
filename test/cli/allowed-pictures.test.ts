/** Which files an MCP client may have read. */
import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { allowedPictures } from '../../src/cli/allowed-pictures.ts'

/** A folder that is allowed, one beside it, whose name begins alike. */
function folders(t: Test) {
  const root = t.testdir({
    photos: { 'a.png': 'picture', more: { 'b.png': 'another' } },
    'photos-of-others': { 'secret.png': 'secret' },
  })
  return { photos: join(root, 'photos'), others: join(root, 'photos-of-others') }
}

t.test('what lies below is read, however it is spelled', async (t) => {
  const { photos, others } = folders(t)
  const read = await allowedPictures([photos], 1000)
  const reads = async (path: string) => (await read(path)).toString()
  t.equal(await reads(join(photos, 'a.png')), 'picture')
  t.equal(await reads('a.png'), 'picture', 'paths are taken from the folder')
  t.equal(await reads(join(photos, 'more/../more/b.png')), 'another')
  t.equal(await reads(pathToFileURL(join(photos, 'a.png')).href), 'picture')
  symlinkSync('a.png', join(photos, 'inside.png'))
  t.equal(await reads('inside.png'), 'picture', 'a link to what may be read')
  linkSync(join(photos, 'a.png'), join(photos, 'same.png'))
  t.equal(await reads('same.png'), 'picture')
  const both = await allowedPictures([photos, others], 1000)
  t.equal((await both('secret.png')).toString(), 'secret', 'from any of the folders')
  symlinkSync(photos, join(others, 'link'))
  const linked = await allowedPictures([join(others, 'link')], 1000)
  t.equal((await linked('a.png')).toString(), 'picture', 'an allowed folder may be a link itself')
})

t.test('of what lies elsewhere nothing is told, not even that it is there', async (t) => {
  const { photos, others } = folders(t)
  const read = await allowedPictures([photos], 1000)
  symlinkSync(join(others, 'secret.png'), join(photos, 'link.png'))
  symlinkSync(others, join(photos, 'folder'))
  symlinkSync('/nowhere', join(photos, 'dangling.png'))
  const secret = join(others, 'secret.png')
  for (const path of [
    ...[
      secret,
      pathToFileURL(secret).href,
      '../photos-of-others/secret.png',
      'link.png',
      'folder/secret.png',
    ],
    ...['missing.png', 'dangling.png', '/nowhere/a.png', '/etc/passwd', others, photos, '.', '..', '/', ''],
    ...['a.png\0', `${'a/'.repeat(3000)}b`, 'file://elsewhere/a.png', 'a.png/b.png', '~/a.png'],
  ]) {
    const told = await read(path).then(
      () => 'read',
      ({ message }) => message.replace(/ at .* in what/s, ' in what'),
    )
    t.equal(
      told,
      `There is no picture in what may be read: ${photos} (llama-vision mcp --allow FOLDER adds to that)`,
      path.slice(0, 100),
    )
  }
})

t.test('what is no file is not opened', { timeout: 10_000 }, async (t) => {
  const { photos } = folders(t)
  const read = await allowedPictures([photos], 1000)
  execFileSync('mkfifo', [join(photos, 'pipe.png')])
  await t.rejects(read('pipe.png'), { message: `${join(photos, 'pipe.png')}: it is a named pipe` })
  await t.rejects(read('more'), /it is a folder/)
  const devices = await allowedPictures(['/dev'], 1000)
  await t.rejects(devices('zero'), /it is a device/)
})

t.test('a file is read up to a size', async (t) => {
  const { photos } = folders(t)
  const read = await allowedPictures([photos], 1000)
  writeFileSync(join(photos, 'large.png'), 'a')
  truncateSync(join(photos, 'large.png'), 1000)
  t.equal((await read('large.png')).length, 1000)
  truncateSync(join(photos, 'large.png'), 1001)
  await t.rejects(read('large.png'), /it has 1001 bytes; at most 1000 are taken/)
})

t.test('nothing is read before a folder was allowed, and only folders can be', async (t) => {
  const { photos } = folders(t)
  await t.rejects((await allowedPictures([], 1000))(join(photos, 'a.png')), /add --allow FOLDER/)
  await t.rejects(allowedPictures([join(photos, 'a.png')], 1000), /--allow .*a\.png: it is no folder/)
  await t.rejects(allowedPictures(['/nowhere'], 1000), /--allow \/nowhere: it cannot be read \(ENOENT\)/)
  mkdirSync(join(photos, 'empty'))
  t.ok(await allowedPictures([join(photos, 'empty')], 1000))
})
