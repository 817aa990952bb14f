/** Chat templates as the published files hold them, without what concerns tools, videos and dates. */

/** Pieces of a turn: a picture's mark where the template names one, and the text. */
const pieces = (image: string, text = "{{ piece['text'] }}"): string =>
  "{% if message['content'] is string %}{{ message['content'] }}{% else %}" +
  "{% for piece in message['content'] %}" +
  `{% if piece['type'] == 'image' %}${image}{% elif 'text' in piece %}${text}{% endif %}` +
  '{% endfor %}{% endif %}'

/** ChatML whose turns are text alone; `begin` stands in front of all. */
export const chatMl = (begin = ''): string =>
  `${begin}{% for message in messages %}` +
  "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"

/** ChatML whose turns know pictures. */
export const chatMlWith = (image: string, begin = ''): string =>
  `${begin}{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}${pieces(image)}` +
  "{{ '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"

/** Qwen2-VL's, which sees to a system message. */
export const qwen2 =
  "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}" +
  '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}' +
  "<|im_start|>{{ message['role'] }}\n" +
  `${pieces('<|vision_start|><|image_pad|><|vision_end|>')}<|im_end|>\n{% endfor %}` +
  '{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}'

export const gemma3 =
  "{{ bos_token }}{% if messages[0]['role'] == 'system' %}" +
  "{% if messages[0]['content'] is string %}{% set first = messages[0]['content'] + '\n\n' %}" +
  "{% else %}{% set first = messages[0]['content'][0]['text'] + '\n\n' %}{% endif %}" +
  '{% set turns = messages[1:] %}{% else %}{% set first = "" %}{% set turns = messages %}{% endif %}' +
  "{% for message in turns %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}" +
  '{{ raise_exception("Conversation roles must alternate user/assistant/user/assistant/...") }}{% endif %}' +
  "{% if message['role'] == 'assistant' %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}" +
  `{{ '<start_of_turn>' + role + '\n' + (first if loop.first else "") }}` +
  `${pieces('<start_of_image>', "{{ piece['text'] | trim }}")}{{ '<end_of_turn>\n' }}{% endfor %}` +
  "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"

export const gemma4 =
  '{{ bos_token }}{% for message in messages %}' +
  "{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}" +
  `{{ '<|turn>' + role + '\n' }}${pieces('<|image|>', "{{ piece['text'] | trim }}")}{{ '<turn|>\n' }}{% endfor %}` +
  "{% if add_generation_prompt %}{{ '<|turn>model\n' }}{% endif %}"

export const mistral =
  "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}" +
  `[INST]${pieces('[IMG]')}[/INST]` +
  "{% elif message['role'] == 'system' %}[SYSTEM_PROMPT]" +
  "{% if message['content'] is string %}{{ message['content'] }}{% else %}{{ message['content'][0]['text'] }}{% endif %}" +
  "[/SYSTEM_PROMPT]{% elif message['role'] == 'assistant' %}" +
  "{% if message['content'] is string %}{{ message['content'] + eos_token }}" +
  "{% else %}{{ message['content'][0]['text'] + eos_token }}{% endif %}{% endif %}{% endfor %}"

/** LLaVA 1.6's with Mistral: pictures first, then the text. */
export const llava =
  "{% for message in messages %}{% if message['role'] == 'system' %}" +
  "{{ '<<SYS>>\n' + message['content'][0]['text'] + '\n<</SYS>>\n\n' }}" +
  "{% elif message['role'] == 'user' %}{{ '[INST] ' }}" +
  "{% for piece in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\n' }}{% endfor %}" +
  "{% for piece in message['content'] | selectattr('type', 'equalto', 'text') %}{{ piece['text'] }}{% endfor %}" +
  "{{ ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' ' + message['content'][0]['text'] + '</s> ' }}" +
  "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"

export const smolVlm =
  "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}" +
  "{% if message['content'][0]['type'] == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}" +
  "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{ line['text'] }}" +
  "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n" +
  "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"

export const phi4 =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '<|im_sep|>' + message['content'] + '<|im_end|>' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant<|im_sep|>' }}{% endif %}"

export const llama4 =
  "{{ bos_token }}{% for message in messages %}{{ '<|header_start|>' + message['role'] + '<|header_end|>\n\n' }}" +
  `${pieces('<|image|>', "{{ piece['text'] | trim }}")}{{ '<|eot|>' }}{% endfor %}` +
  "{% if add_generation_prompt %}{{ '<|header_start|>assistant<|header_end|>\n\n' }}{% endif %}"

export const glm4v =
  "[gMASK]<sop>{% for message in messages %}{{ '<|' + message['role'] + '|>\n' }}" +
  `${pieces('<|begin_of_image|><|image|><|end_of_image|>')}{% endfor %}` +
  '{% if add_generation_prompt %}<|assistant|>\n{% endif %}'

/** `media`: how a picture's marks begin. */
export const kimi = (media: string): string =>
  "{% for message in messages %}{% if message['role'] == 'system' %}<|im_system|>system<|im_middle|>" +
  "{% elif message['role'] == 'user' %}<|im_user|>user<|im_middle|>" +
  "{% elif message['role'] == 'assistant' %}<|im_assistant|>assistant<|im_middle|>{% endif %}" +
  `${pieces(`${media}image<|media_content|><|media_pad|><|media_end|>`)}<|im_end|>{% endfor %}` +
  '{% if add_generation_prompt %}<|im_assistant|>assistant<|im_middle|>{% endif %}'

export const paddle =
  '<|begin_of_sentence|>{% for message in messages %}' +
  "{% if message['role'] == 'user' %}User: {% elif message['role'] == 'assistant' %}Assistant:\n{% endif %}" +
  `${pieces('<|IMAGE_START|><|IMAGE_PLACEHOLDER|><|IMAGE_END|>')}` +
  "{% if message['role'] == 'assistant' %}</s>{% else %}\n{% endif %}{% endfor %}" +
  '{% if add_generation_prompt %}Assistant:\n{% endif %}'

export const dots =
  "{% for message in messages %}{% set mark = message['role'] %}{{ '<|' + mark + '|>' }}" +
  `${pieces('<|img|><|imgpad|><|endofimg|>')}{{ '<|endof' + mark + '|>' }}{% endfor %}` +
  "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"

export const granite =
  "{% for message in messages %}{{ '<|start_of_role|>' + message['role'] + '<|end_of_role|>' }}" +
  `${pieces('<image>\n')}{{ '<|end_of_text|>\n' }}{% endfor %}` +
  "{% if add_generation_prompt %}{{ '<|start_of_role|>assistant<|end_of_role|>' }}{% endif %}"

export const glmEdge =
  "{% for message in messages %}{{ '<|' + message['role'] + '|>\n' }}" +
  `${pieces("{{ '<|begin_of_image|>' }}")}{% endfor %}` +
  "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"

export const janus =
  "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}<|User|>: {% elif message['role'] == 'assistant' %}" +
  `<|Assistant|>: {% endif %}${pieces('<image_placeholder>\n')}` +
  "{% if message['role'] == 'assistant' %}{{ eos_token }}{% else %}\n\n{% endif %}{% endfor %}" +
  '{% if add_generation_prompt %}<|Assistant|>:{% endif %}'

export const hunyuan =
  "<｜hy_begin▁of▁sentence｜>{% for message in messages %}{% if message['role'] == 'system' %}" +
  "{{ message['content'] }}<｜hy_place▁holder▁no▁3｜>{% else %}" +
  pieces('<｜hy_place▁holder▁no▁100｜><｜hy_place▁holder▁no▁102｜><｜hy_place▁holder▁no▁101｜>') +
  "{% if message['role'] == 'user' %}<｜hy_User｜>{% else %}<｜hy_place▁holder▁no▁2｜>{% endif %}{% endif %}{% endfor %}"

export const exaone =
  "{% for message in messages %}{{ '[|' + message['role'] + '|]' }}" +
  `${pieces('<vision>')}{{ '[|endofturn|]\n' }}{% endfor %}` +
  "{% if add_generation_prompt %}{{ '[|assistant|]' }}{% endif %}"

export const minimax =
  "{% for message in messages %}{{ ']~!b[]~b]' + message['role'] + '\n' }}" +
  `${pieces(']<]image[>[')}{{ '[e~[\n' }}{% endfor %}` +
  "{% if add_generation_prompt %}{{ ']~b]ai\n' }}{% endif %}"

export const muse =
  "{{ bos_token }}{% for message in messages %}{{ '<|start|>' + message['role'] + '<|message|>' }}" +
  `${pieces('<|patch|>')}{{ '<|eot|>' }}{% endfor %}` +
  "{% if add_generation_prompt %}{{ '<|start|>assistant' }}{% endif %}"

export const deepseek =
  "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}{{ '<｜User｜>' + message['content'] }}" +
  "{% elif message['role'] == 'assistant' %}{{ '<｜Assistant｜>' + message['content'] + '<｜end▁of▁sentence｜>' }}" +
  "{% else %}{{ message['content'] }}{% endif %}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<｜Assistant｜></think>' }}{% endif %}"
