/**
 * The request of the page as code to paste elsewhere. Pure: a request in, a text out. Every text of the user goes
 * through the quoting of its language, so that what is pasted asks exactly the same.
 */

/** `request`: { url, file, prompt, max_tokens, temperature, image_detail, needsKey } */
export const snippets = { curl, python, javascript }

const keyPlaceholder = 'Bearer YOUR_API_KEY'

function curl({ url, file, prompt, max_tokens, temperature, image_detail, needsKey }) {
  return [
    `curl ${shellText(url)}`,
    ...(needsKey ? [`-H ${shellText(`Authorization: ${keyPlaceholder}`)}`] : []),
    `-F ${shellText(`image=@${formFile(file)}`)}`,
    `${formOption(prompt)} ${shellText(`prompt=${prompt}`)}`,
    `-F max_tokens=${max_tokens}`,
    `-F temperature=${temperature}`,
    `-F image_detail=${image_detail}`,
  ].join(' \\\n  ')
}

function python({ url, file, prompt, max_tokens, temperature, image_detail, needsKey }) {
  return `import base64
import requests

with open(${quoted(file)}, "rb") as file:
    image = base64.b64encode(file.read()).decode()

response = requests.post(
    ${quoted(url)},${needsKey ? `\n    headers={"Authorization": ${quoted(keyPlaceholder)}},` : ''}
    json={
        "prompt": ${quoted(prompt)},
        "image": image,
        "max_tokens": ${max_tokens},
        "temperature": ${temperature},
        "image_detail": ${quoted(image_detail)},
    },
)
answer = response.json()
print(answer["response_text"] if answer["success"] else answer["error"])`
}

function javascript({ url, file, prompt, max_tokens, temperature, image_detail, needsKey }) {
  return `import { readFile } from "node:fs/promises"

const response = await fetch(${quoted(url)}, {
  method: "POST",
  headers: {
    "Content-Type": "application/json",${needsKey ? `\n    Authorization: ${quoted(keyPlaceholder)},` : ''}
  },
  body: JSON.stringify({
    prompt: ${quoted(prompt)},
    image: await readFile(${quoted(file)}, "base64"),
    max_tokens: ${max_tokens},
    temperature: ${temperature},
    image_detail: ${quoted(image_detail)},
  }),
})
const answer = await response.json()
console.log(answer.success ? answer.response_text : answer.error)`
}

/** JSON's strings mean the same in Python and in JavaScript. */
const quoted = (text) => JSON.stringify(text)

const shellText = (text) => `'${text.replaceAll("'", "'\\''")}'`

/** curl's -F cuts a name at commas and semicolons, unless it is in double quotes. */
const formFile = (name) => (/[",;\\]/.test(name) ? `"${name.replace(/["\\]/g, '\\$&')}"` : name)

/** To -F, some first characters and every semicolon have a meaning. --form-string takes all texts as they are. */
const formOption = (text) => (/^[\p{L}\p{N}][^;]*$/u.test(text) ? '-F' : '--form-string')
