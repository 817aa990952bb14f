/**
 * The request of the page as code to paste elsewhere. Pure: a request in, a text out. Every text of the user goes
 * through the quoting of its language, so that what is pasted asks exactly the same.
 */

/** `request`: { url, files, prompt, history, max_tokens, temperature, image_detail, pdf_pages, needsKey } */
export const snippets = { curl, python, javascript }

const keyPlaceholder = 'Bearer YOUR_API_KEY'

function curl({ url, files, prompt, history, needsKey, ...settings }) {
  return [
    `curl ${shellText(url)}`,
    ...(needsKey ? [`-H ${shellText(`Authorization: ${keyPlaceholder}`)}`] : []),
    ...files.map((file) => `-F ${shellText(`image=@${formFile(file)}`)}`),
    ...(history.length > 0 ? [`--form-string ${shellText(`history=${JSON.stringify(history)}`)}`] : []),
    `${formOption(prompt)} ${shellText(`prompt=${prompt}`)}`,
    ...Object.entries(settings).map(([name, value]) => `-F ${name}=${value}`),
  ].join(' \\\n  ')
}

function python({ url, files, prompt, history, needsKey, ...settings }) {
  const [file] = files
  const several = files.length > 1
  const read = several
    ? `images = []
for name in ${list(files.map(quoted), '')}:
    with open(name, "rb") as file:
        images.append(base64.b64encode(file.read()).decode())`
    : `with open(${quoted(file)}, "rb") as file:
    image = base64.b64encode(file.read()).decode()`
  return `import base64
import requests

${read}

response = requests.post(
    ${quoted(url)},${needsKey ? `\n    headers={"Authorization": ${quoted(keyPlaceholder)}},` : ''}
    json={
        "prompt": ${quoted(prompt)},
        ${several ? '"images": images' : '"image": image'},
${fields({ history, ...settings }, (name) => `        "${name}": `)}
    },
)
answer = response.json()
print(answer["response_text"] if answer["success"] else answer["error"])`
}

function javascript({ url, files, prompt, history, needsKey, ...settings }) {
  const [file] = files
  const several = files.length > 1
  const pictures = several
    ? `images: await Promise.all(
      ${list(files.map(quoted), '      ')}.map((name) => readFile(name, "base64")),
    ),`
    : `image: await readFile(${quoted(file)}, "base64"),`
  return `import { readFile } from "node:fs/promises"

const response = await fetch(${quoted(url)}, {
  method: "POST",
  headers: {
    "Content-Type": "application/json",${needsKey ? `\n    Authorization: ${quoted(keyPlaceholder)},` : ''}
  },
  body: JSON.stringify({
    prompt: ${quoted(prompt)},
    ${pictures}
${fields({ history, ...settings }, (name) => `    ${name}: `)}
  }),
})
const answer = await response.json()
console.log(answer.success ? answer.response_text : answer.error)`
}

/** A line each; what was said before, a line a turn. Without a conversation there is no history. */
function fields(values, naming) {
  return Object.entries(values)
    .filter(([, value]) => value?.length !== 0)
    .map(([name, value]) => {
      const start = naming(name)
      const indent = /^ */.exec(start)[0]
      return `${start}${Array.isArray(value) ? list(value.map(quoted), indent) : quoted(value)},`
    })
    .join('\n')
}

const list = (items, indent) => `[\n${items.map((one) => `${indent}    ${one},\n`).join('')}${indent}]`

/** JSON of texts, numbers and objects of them means the same in Python and in JavaScript. */
const quoted = (value) => JSON.stringify(value)

const shellText = (text) => `'${text.replaceAll("'", "'\\''")}'`

/** curl's -F cuts a name at commas and semicolons, unless it is in double quotes. */
const formFile = (name) => (/[",;\\]/.test(name) ? `"${name.replace(/["\\]/g, '\\$&')}"` : name)

/** To -F, some first characters and every semicolon have a meaning. --form-string takes all texts as they are. */
const formOption = (text) => (/^[\p{L}\p{N}][^;]*$/u.test(text) ? '-F' : '--form-string')
