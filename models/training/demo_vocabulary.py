"""The byte-level BPE vocabulary of both demo models: 512 tokens, learned on the training questions and answers."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

SIZE = 512
ROLE_REPEATS = 10_000

# The engine's pre-tokenizer "llama-bpe", word for word.
LLAMA_BPE = (
    r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True)
class Layout:
    """Where a family of models has its special tokens."""

    first: tuple[str, ...]
    """Special tokens before all others."""
    last: tuple[str, ...]
    """Special tokens after all others, within the 512."""
    beyond: tuple[str, ...]
    """Tokens after the 512, which have an embedding but are no output."""
    roles: tuple[str, ...]
    """Words of the chat template: they are in every prompt and shall be one token each."""


def learn(texts: Iterable[str], path: Path, layout: Layout) -> Tokenizer:
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
        vocab_size=SIZE - len(layout.last),
        special_tokens=list(layout.first),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(chain(texts, list(layout.roles) * ROLE_REPEATS), trainer)
    added = [*layout.last, *layout.beyond]
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in added])
    if tokenizer.get_vocab_size() != SIZE + len(layout.beyond):
        raise ValueError("too few texts to learn a whole vocabulary from")
    tokenizer.save(str(path))
    return tokenizer


def load(path: Path) -> Tokenizer:
    return Tokenizer.from_file(str(path))
