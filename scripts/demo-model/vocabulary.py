"""The byte-level BPE vocabulary: 512 tokens, learned on the training questions and answers."""

from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

SIZE = 512
ROLE_REPEATS = 10_000
END_OF_TEXT, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
SPECIAL = [END_OF_TEXT, START, END]

# The engine's pre-tokenizer "llama-bpe", word for word.
LLAMA_BPE = (
    r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# What the engine's chat template puts before the picture, and between question and answer.
BEFORE_PICTURE = f"{START}user\n"
BEFORE_ANSWER = f"{END}\n{START}assistant\n"


def learn(texts: Iterable[str], path: Path) -> Tokenizer:
    """Learns the merges and writes them as a tokenizer.json."""
    # `ignore_merges` is what the engine does for llama-bpe: a whole word that is a token stays one.
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(LLAMA_BPE), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    # The words of the chat template are in every prompt: they shall be one token each.
    tokenizer.train_from_iterator(chain(texts, ["user\n", "assistant\n"] * ROLE_REPEATS), trainer)
    tokenizer.save(str(path))
    return tokenizer


def load(path: Path) -> Tokenizer:
    return Tokenizer.from_file(str(path))
