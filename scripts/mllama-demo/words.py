"""The byte-level BPE vocabulary of 512 tokens, laid out as in Llama 3.2 Vision: special tokens last, then the
picture's token, which has an embedding but no output."""

from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from vocabulary import LLAMA_BPE, ROLE_REPEATS

SIZE = 512
# As in the real model there are more embeddings than tokens.
ROWS = SIZE + 8
BEGIN, END, END_OF_TURN, END_OF_MESSAGE = "<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", "<|eom_id|>"
START_HEADER, END_HEADER, PADDING = "<|start_header_id|>", "<|end_header_id|>", "<|finetune_right_pad_id|>"
PICTURE = "<|image|>"
SPECIAL = [
    BEGIN,
    END,
    "<|reserved_special_token_0|>",
    "<|reserved_special_token_1|>",
    PADDING,
    "<|step_id|>",
    START_HEADER,
    END_HEADER,
    END_OF_MESSAGE,
    END_OF_TURN,
    "<|python_tag|>",
]


def header(role: str) -> str:
    return f"{START_HEADER}{role}{END_HEADER}\n\n"


# What the chat template puts before a question, and between question and answer.
BEFORE_QUESTION = header("user")
BEFORE_ANSWER = END_OF_TURN + header("assistant")


def learn(texts: Iterable[str], path: Path) -> Tokenizer:
    """Learns the merges and writes them as a tokenizer.json."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(LLAMA_BPE), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE - len(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    # The words of the chat template are in every prompt: they shall be one token each.
    roles = ["user", "assistant", "system", "\n\n"] * ROLE_REPEATS
    tokenizer.train_from_iterator(chain(texts, roles), trainer)
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in [*SPECIAL, PICTURE]])
    if tokenizer.token_to_id(PICTURE) != SIZE:
        raise ValueError("too few texts to learn a whole vocabulary from")
    tokenizer.save(str(path))
    return tokenizer


def load(path: Path) -> Tokenizer:
    return Tokenizer.from_file(str(path))
