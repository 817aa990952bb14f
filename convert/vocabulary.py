"""tokenizer.json and what stands beside it -> the tokenizer part of a GGUF file."""

import gguf
from checkpoint import Checkpoint, CheckpointError

IMAGE_TOKEN = "<|image|>"


def add_vocabulary(writer: gguf.GGUFWriter, checkpoint: Checkpoint, outputs: int, embedding_rows: int) -> None:
    tokenizer = checkpoint.json("tokenizer.json")
    if tokenizer is None:
        raise CheckpointError("the folder holds no tokenizer.json")
    ids = dict(tokenizer["model"]["vocab"])
    types = dict.fromkeys(ids, gguf.TokenType.NORMAL)
    for added in tokenizer.get("added_tokens", []):
        ids[added["content"]] = added["id"]
        types[added["content"]] = gguf.TokenType.CONTROL if added["special"] else gguf.TokenType.USER_DEFINED
    tokens = {number: token for token, number in ids.items()}
    count = max(tokens) + 1
    if IMAGE_TOKEN not in ids:
        raise CheckpointError(f"the tokenizer has no {IMAGE_TOKEN}")
    if count > embedding_rows or outputs > count:
        raise CheckpointError(f"{count} tokens do not fit {embedding_rows} embeddings and {outputs} outputs")
    # A number that no token has still needs a name of its own.
    names = [tokens.get(number, f"<|unused_{number}|>") for number in range(count)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(names)
    writer.add_token_types([types.get(name, gguf.TokenType.UNUSED) for name in names])
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in tokenizer["model"]["merges"]]
    writer.add_token_merges(merges)
    # The model was trained with a start token before every prompt, whatever the settings beside it say.
    writer.add_add_bos_token(True)
    for kind, add in (
        ("bos", writer.add_bos_token_id),
        ("eos", writer.add_eos_token_id),
        ("pad", writer.add_pad_token_id),
    ):
        number = special_token(checkpoint, ids, kind)
        if number is not None:
            add(number)
    if template := chat_template(checkpoint):
        writer.add_chat_template(template)


def special_token(checkpoint: Checkpoint, ids: dict[str, int], kind: str) -> int | None:
    """tokenizer_config.json names the token as text, config.json as one number or several."""
    named = (checkpoint.json("tokenizer_config.json") or {}).get(f"{kind}_token")
    name = named["content"] if isinstance(named, dict) else named
    if name in ids:
        return ids[name]
    number = checkpoint.config["text_config"].get(f"{kind}_token_id")
    return number[0] if isinstance(number, list) else number


def chat_template(checkpoint: Checkpoint) -> str | None:
    if template := checkpoint.text("chat_template.jinja"):
        return template
    for name in ("chat_template.json", "tokenizer_config.json"):
        template = (checkpoint.json(name) or {}).get("chat_template")
        if isinstance(template, str):
            return template
    return None
