import t from 'tap'
import { modelsTable } from '../../src/cli/models-command.ts'
import { catalogue, catalogueTokens, machineFor } from '../../src/model/catalogue.ts'
import { parseOllamaName } from '../../src/model/ollama-store.ts'
import { huggingFaceSource } from '../../src/model/source-name.ts'

t.test('a line for each model, with a name that pull takes', (t) => {
  const [head = '', ...lines] = modelsTable().split('\n')
  t.match(head, /^model +files +memory +fetch it by$/)
  t.equal(lines.length, catalogue.flatMap(({ models }) => models).length)
  t.match(lines[0], /^Llama 3\.2 Vision 11B +7\.8 GB +16 GB +llama-vision pull ollama:llama3\.2-vision:11b$/)
  for (const { pull } of catalogue.flatMap(({ models }) => models))
    t.ok(huggingFaceSource.test(pull) || parseOllamaName(pull.replace(/^ollama:/, '')), pull)
  t.end()
})

t.test(
  'pictures of each family but one are known to take tokens, within what its context leaves them',
  (t) => {
    for (const family of catalogue.filter(({ projectorType }) => projectorType !== 'mllama')) {
      const { small = 0, page = 0, most = 0 } = catalogueTokens(family) ?? {}
      t.ok(
        small > 0 && small <= most + 4 && page >= small && page <= most + 4,
        `${family.name}: ${small}, ${page}, ${most}`,
      )
    }
    t.equal(catalogueTokens({ name: '', projectorType: 'mllama', vision: {}, models: [] }), undefined)
    t.end()
  },
)

t.test('a machine has memory for the files and what is beside them', (t) => {
  t.equal(machineFor({ name: '', pull: '', gigabytes: 6 }), 8)
  t.equal(machineFor({ name: '', pull: '', gigabytes: 7 }), 16)
  t.equal(machineFor({ name: '', pull: '', gigabytes: 300 }), 302)
  t.end()
})
