"""Reads a Hugging Face checkpoint folder of Llama 3.2 Vision: settings, tokenizer, and tensors one at a time."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray


class CheckpointError(Exception):
    """Something about the folder that keeps it from being converted; the message is for a person."""


@dataclass(frozen=True)
class Stored:
    path: Path
    dtype: str
    shape: tuple[int, ...]
    offset: int


STORED_TYPES: dict[str, numpy.dtype[Any]] = {
    "F32": numpy.dtype("<f4"),
    "F16": numpy.dtype("<f2"),
    "BF16": numpy.dtype("<u2"),
}
# transformers 5 names tensors differently in memory than it saves them; some tools save what is in memory.
RENAMED = [
    ("model.language_model.", "language_model.model."),
    ("model.vision_model.", "vision_model."),
    ("model.multi_modal_projector.", "multi_modal_projector."),
    ("lm_head.", "language_model.lm_head."),
]


class Checkpoint:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        config = self.json("config.json")
        if config is None:
            raise CheckpointError(f"{folder} holds no config.json")
        self.config = config
        self.tensors = self._index()

    def json(self, name: str) -> dict[str, Any] | None:
        path = self.folder / name
        return json.loads(path.read_text()) if path.exists() else None

    def text(self, name: str) -> str | None:
        path = self.folder / name
        return path.read_text() if path.exists() else None

    def _index(self) -> dict[str, Stored]:
        listed = self.json("model.safetensors.index.json")
        files = sorted(set(listed["weight_map"].values())) if listed else ["model.safetensors"]
        tensors: dict[str, Stored] = {}
        for name in files:
            path = self.folder / name
            if not path.exists():
                raise CheckpointError(f"{path} is missing")
            tensors |= read_header(path)
        return tensors

    def shape(self, name: str) -> tuple[int, ...]:
        if name not in self.tensors:
            raise CheckpointError(f"the checkpoint has no tensor {name}")
        return self.tensors[name].shape

    def read(self, name: str) -> NDArray[numpy.float32]:
        """The tensor in 32-bit floats; the file stays on disk until then."""
        stored = self.tensors[name]
        raw = numpy.memmap(stored.path, STORED_TYPES[stored.dtype], "r", stored.offset, stored.shape)
        if stored.dtype == "BF16":
            # A bfloat16 is the upper half of a 32-bit float.
            return (raw.astype(numpy.uint32) << 16).view(numpy.float32)
        return numpy.asarray(raw, numpy.float32)


def read_header(path: Path) -> dict[str, Stored]:
    """The tensors of one safetensors file, by the names that transformers saves them under."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > path.stat().st_size:
            raise CheckpointError(f"{path} is no safetensors file or was cut off")
        header = json.loads(file.read(length))
    tensors: dict[str, Stored] = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if entry["dtype"] not in STORED_TYPES:
            raise CheckpointError(f"{name} is {entry['dtype']}; only {', '.join(STORED_TYPES)} can be converted")
        first, last = entry["data_offsets"]
        if 8 + length + last > path.stat().st_size:
            raise CheckpointError(f"{path} was cut off: {name} is not all there")
        tensors[saved_name(name)] = Stored(path, entry["dtype"], tuple(entry["shape"]), 8 + length + first)
    return tensors


def saved_name(name: str) -> str:
    for now, saved in RENAMED:
        if name.startswith(now):
            return saved + name.removeprefix(now)
    return name
