"""Writes a Hugging Face checkpoint of Llama 3.2 Vision as one GGUF file with text and vision.

usage: convert.py CHECKPOINT_FOLDER OUT.gguf [--type f16|f32] [--name NAME] [--description TEXT]

Tensors are read one at a time, so that a checkpoint of 22 GB needs little memory.
"""

import argparse
import math
import sys
from pathlib import Path

import gguf
import numpy
from checkpoint import Checkpoint, CheckpointError
from layout import Entry, Shape, text_entries, vision_entries
from numpy.typing import NDArray
from vocabulary import add_vocabulary

TYPES = {"f16": (numpy.float16, gguf.LlamaFileType.MOSTLY_F16), "f32": (numpy.float32, gguf.LlamaFileType.ALL_F32)}
# Ids 1 to 8 of the aspect ratios, as (rows, columns) of tiles; id 0 stands for no picture.
TILES_OF_RATIO = [0, 1, 2, 3, 4, 2, 4, 3, 4]


def rope_settings(text: dict) -> tuple[float, dict | None]:
    """Base and scaling: under one key since transformers 5, under two before."""
    settings = text.get("rope_parameters") or text.get("rope_scaling") or {}
    base = settings.get("rope_theta") or text.get("rope_theta") or 10000.0
    return float(base), settings if settings.get("rope_type", settings.get("type")) == "llama3" else None


def rope_factors(base: float, scaling: dict, width: int) -> NDArray[numpy.float32]:
    """[width / 2]: by what Llama 3.1 divides each frequency (`_compute_llama3_parameters` of transformers)."""
    factor, low, high = scaling["factor"], scaling["low_freq_factor"], scaling["high_freq_factor"]
    context = scaling["original_max_position_embeddings"]
    factors = []
    for index in range(0, width, 2):
        turns = context * base ** (-index / width) / (2 * math.pi)
        if turns > high:
            factors.append(1.0)
        elif turns < low:
            factors.append(factor)
        else:
            smooth = (turns - low) / (high - low)
            factors.append(1 / ((1 - smooth) / factor + smooth))
    return numpy.array(factors, numpy.float32)


def add_settings(writer: gguf.GGUFWriter, checkpoint: Checkpoint, shape: Shape, kind: str) -> None:
    text, vision = checkpoint.config["text_config"], checkpoint.config["vision_config"]
    writer.add_file_type(TYPES[kind][1])
    writer.add_vocab_size(shape.vocabulary)
    writer.add_context_length(text.get("max_position_embeddings", 131072))
    writer.add_embedding_length(shape.hidden)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.ffn)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(text.get("rms_norm_eps", 1e-5))
    writer.add_rope_dimension_count(shape.head)
    writer.add_rope_freq_base(rope_settings(text)[0])
    writer.add_array("mllama.attention.cross_attention_layers", shape.cross)
    writer.add_bool("mllama.attention.cross_qk_permuted", False)
    sizes = {
        "block_count": shape.vision_layers,
        "global.block_count": shape.global_layers,
        "embedding_length": shape.vision_hidden,
        "feed_forward_length": shape.vision_ffn,
        "attention.head_count": shape.vision_heads,
        "image_size": shape.image,
        "patch_size": shape.patch,
        "max_num_tiles": shape.tiles,
        "num_channels": 3,
    }
    for name, value in sizes.items():
        writer.add_uint32(f"mllama.vision.{name}", value)
    writer.add_array("mllama.vision.intermediate_layers_indices", shape.intermediate)
    writer.add_float32("mllama.vision.attention.layer_norm_epsilon", vision.get("norm_eps", 1e-5))


def check(checkpoint: Checkpoint, entries: list[Entry]) -> None:
    """Every tensor there, of the right shape, and none that would be lost."""
    for entry in entries:
        found = checkpoint.shape(entry.origin)
        if found != entry.shape:
            raise CheckpointError(f"{entry.origin} has the shape {found}, expected {entry.shape}")
    unknown = set(checkpoint.tensors) - {entry.origin for entry in entries}
    if unknown:
        raise CheckpointError(f"{len(unknown)} tensors have no place in the file, for example {min(unknown)}")


def checked(entry: Entry, values: NDArray[numpy.float32], shape: Shape) -> NDArray[numpy.float32]:
    """The values as they are to be written; a zero has no sign."""
    if not numpy.isfinite(values).all():
        raise CheckpointError(f"{entry.origin} holds values that are no numbers")
    if "tile_position" not in entry.name or entry.name.endswith("gate"):
        return values
    tiles = values.reshape(len(TILES_OF_RATIO), shape.tiles, -1)
    for ratio, count in enumerate(TILES_OF_RATIO):
        # A single padding tile is not merged with another one.
        if count + 1 < shape.tiles and tiles[ratio, count:].any():
            print(
                f"warning: {entry.origin} is not zero for absent tiles of aspect ratio {ratio}: the engine will "
                "compute every padding tile, which takes up to 2.6 times as long",
                file=sys.stderr,
            )
            break
    return values + 0


def convert(folder: Path, target: Path, kind: str, name: str = "", description: str = "") -> None:
    checkpoint = Checkpoint(folder)
    shape = Shape.of(checkpoint.config)
    embedding_rows = checkpoint.shape("language_model.model.embed_tokens.weight")[0]
    entries = [*text_entries(shape, embedding_rows), *vision_entries(shape)]
    check(checkpoint, entries)
    part = target.with_name(target.name + ".part")
    writer = gguf.GGUFWriter(part, "mllama")
    writer.add_name(name or checkpoint.folder.resolve().name)
    if description:
        writer.add_description(description)
    add_settings(writer, checkpoint, shape, kind)
    add_vocabulary(writer, checkpoint, shape.vocabulary, embedding_rows)
    base, scaling = rope_settings(checkpoint.config["text_config"])
    factors = rope_factors(base, scaling, shape.head) if scaling else None
    if factors is not None:
        writer.add_tensor_info("rope_freqs.weight", factors.shape, factors.dtype, factors.nbytes)
    for entry in entries:
        dtype = numpy.dtype(TYPES[kind][0] if entry.matrix else numpy.float32)
        writer.add_tensor_info(entry.name, entry.shape, dtype, math.prod(entry.shape) * dtype.itemsize)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    if factors is not None:
        writer.write_tensor_data(factors)
    for number, entry in enumerate(entries, 1):
        values = checked(entry, checkpoint.read(entry.origin), shape)
        writer.write_tensor_data(entry.change(values).astype(TYPES[kind][0] if entry.matrix else numpy.float32))
        if sys.stderr.isatty() or number % 100 == 0 or number == len(entries):
            print(f"\r{number} of {len(entries)} tensors", end="", file=sys.stderr)
    print(file=sys.stderr)
    writer.close()
    part.rename(target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--type", choices=TYPES, default="f16", help="of the matrices; all else is f32")
    parser.add_argument("--name", default="", help="by default that of the folder")
    parser.add_argument("--description", default="", help="the service tells it in GET /health")
    options = parser.parse_args()
    try:
        convert(options.checkpoint, options.target, options.type, options.name, options.description)
    except CheckpointError as error:
        sys.exit(f"{options.checkpoint}: {error}")


if __name__ == "__main__":
    main()
