"""Writes checkpoints of Llama 3.2 Vision with made-up weights, small enough for a test, in Hugging Face's format.

usage: random_checkpoint.py SIZE FOLDER

Every value is a pure function of its tensor's name and its place, so that test/support/hashed-weights.ts makes the
same model bit by bit:

    h = FNV-1a (32 bits) of the tensor's name; x = h + 0x9E3779B9 * place, modulo 2**32
    x ^= x >> 16; x *= 0x7FEB352D; x ^= x >> 15; x *= 0x846CA68B; x ^= x >> 16
    value = float32(base + scale * (x / 2**31 - 1))

with base and scale by the kind of tensor (`spread`), and gates that are constants.
"""

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy
from layout import ASPECT_RATIOS, Entry, Shape, text_entries, vision_entries
from numpy.typing import NDArray
from safetensors.numpy import save_file

from convert import TILES_OF_RATIO

PADDING_ROWS = 8
TOWER = {
    "hidden": 64, "heads": 4, "ffn": 128, "layers": 5, "globals": 2, "image": 56, "patch": 14, "intermediate": [1, 2, 4]
}  # fmt: skip


def sized(hidden: int, heads: int, kv_heads: int, layers: int, cross: list[int], vision: dict) -> Shape:
    return Shape(
        vocabulary=512,
        hidden=hidden,
        heads=heads,
        kv_heads=kv_heads,
        ffn=2 * hidden,
        layers=layers,
        cross=cross,
        vision_hidden=vision["hidden"],
        vision_heads=vision["heads"],
        vision_ffn=vision["ffn"],
        vision_layers=vision["layers"],
        global_layers=vision["globals"],
        image=vision["image"],
        patch=vision["patch"],
        tiles=4,
        intermediate=vision["intermediate"],
    )


SIZES = {
    # The one that the vectors of `npm test` are for.
    "small": sized(128, 2, 1, 5, [1, 3], TOWER),
    "one": sized(128, 2, 2, 3, [1], TOWER),
    # Cross-attention in adjacent layers, heads of 128.
    "wide": sized(512, 4, 2, 6, [1, 2, 4], TOWER),
    # More rows than a tile of the attention kernels; every matrix can be quantised.
    "large": sized(256, 4, 2, 6, [1, 4], TOWER | {"hidden": 256, "ffn": 512, "image": 112}),
}

GATES = [
    ("cross_attn_attn_gate", 0.8),
    ("cross_attn_mlp_gate", 0.6),
    ("gated_positional_embedding.gate", 0.7),
    ("pre_tile_positional_embedding.gate", 0.5),
    ("post_tile_positional_embedding.gate", 0.4),
    ("gate_attn", 0.9),
    ("gate_ffn", 0.75),
]
SPECIAL_TOKENS = [
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|finetune_right_pad_id|>",
]
MERGES = ["t h", "th e"]


def hashed(name: str, count: int) -> NDArray[numpy.float64]:
    """[count] numbers from -1 to 1."""
    start = 0x811C9DC5
    for letter in name.encode():
        start = (start ^ letter) * 0x01000193 & 0xFFFFFFFF
    x: NDArray[Any] = (numpy.arange(count, dtype=numpy.uint32) * numpy.uint32(0x9E3779B9)) + numpy.uint32(start)
    x = (x ^ (x >> 16)) * numpy.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * numpy.uint32(0x846CA68B)
    return (x ^ (x >> 16)) / 2**31 - 1


def is_table(name: str) -> bool:
    return name.endswith(("tile_embedding.weight", "tile_positional_embedding.embedding.weight"))


def spread(name: str, shape: tuple[int, ...]) -> tuple[float, float]:
    if name.endswith("bias"):
        return 0, 0.1
    if "embed_tokens" in name or "class_embedding" in name or name.endswith("embedding.embedding") or is_table(name):
        return 0, 1
    if len(shape) == 1:
        return 1, 0.3
    return 0, 1.5 * math.sqrt(3) / math.sqrt(math.prod(shape[1:]))


def weights(entry: Entry, tiles: int) -> NDArray[numpy.float32]:
    for suffix, value in GATES:
        if entry.origin.endswith(suffix):
            return numpy.array([value], numpy.float32)
    base, scale = spread(entry.origin, entry.shape)
    values = (base + scale * hashed(entry.origin, math.prod(entry.shape))).astype(numpy.float32).reshape(entry.shape)
    if is_table(entry.origin):
        by_tile = values.reshape(ASPECT_RATIOS + 1, tiles, -1)
        for ratio, count in enumerate(TILES_OF_RATIO):
            by_tile[ratio, count:] = 0
    return values


def tokens(vocabulary: int) -> list[str]:
    """Bytes, two merges, filling, the special tokens last."""
    printable = [byte for byte in range(256) if 33 <= byte <= 126 or 161 <= byte <= 172 or byte >= 174]
    others = iter(range(256, 512))
    letters = [chr(byte if byte in printable else next(others)) for byte in range(256)]
    filling = vocabulary - 256 - len(MERGES) - len(SPECIAL_TOKENS)
    return [*letters, "th", "the", *(f"<filling_{index}>" for index in range(filling)), *SPECIAL_TOKENS]


def tokenizer(vocabulary: int) -> dict:
    names = tokens(vocabulary)
    special = [*((names.index(token), token) for token in SPECIAL_TOKENS), (vocabulary, "<|image|>")]
    return {
        "model": {"type": "BPE", "vocab": {name: number for number, name in enumerate(names)}, "merges": MERGES},
        "added_tokens": [{"id": number, "content": token, "special": True} for number, token in special],
    }


def config(shape: Shape) -> dict:
    names = tokens(shape.vocabulary)
    ratios = [[rows, columns] for rows in range(1, 5) for columns in range(1, 5) if rows * columns <= shape.tiles]
    return {
        "architectures": ["MllamaForConditionalGeneration"],
        "model_type": "mllama",
        "image_token_index": shape.vocabulary,
        "text_config": {
            "model_type": "mllama_text_model",
            "vocab_size": shape.vocabulary,
            "hidden_size": shape.hidden,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "num_key_value_heads": shape.kv_heads,
            "intermediate_size": shape.ffn,
            "cross_attention_layers": shape.cross,
            "rms_norm_eps": 1e-5,
            "rope_parameters": {"rope_type": "default", "rope_theta": 500000.0},
            "max_position_embeddings": 131072,
            "bos_token_id": names.index("<|begin_of_text|>"),
            "eos_token_id": names.index("<|eot_id|>"),
            "pad_token_id": names.index("<|finetune_right_pad_id|>"),
        },
        "vision_config": {
            "model_type": "mllama_vision_model",
            "hidden_size": shape.vision_hidden,
            "attention_heads": shape.vision_heads,
            "intermediate_size": shape.vision_ffn,
            "num_hidden_layers": shape.vision_layers,
            "num_global_layers": shape.global_layers,
            "image_size": shape.image,
            "patch_size": shape.patch,
            "max_num_tiles": shape.tiles,
            "intermediate_layers_indices": shape.intermediate,
            "supported_aspect_ratios": ratios,
            "vision_output_dim": shape.vision_hidden * (len(shape.intermediate) + 1),
            "norm_eps": 1e-5,
        },
    }


def write_checkpoint(shape: Shape, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    entries = [*text_entries(shape, shape.vocabulary + PADDING_ROWS), *vision_entries(shape)]
    save_file({entry.origin: weights(entry, shape.tiles) for entry in entries}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config(shape), indent=2))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer(shape.vocabulary)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    write_checkpoint(SIZES[options.size], options.folder)


if __name__ == "__main__":
    main()
