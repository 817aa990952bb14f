"""Which tensor of a checkpoint becomes which tensor of the GGUF file, and how.

Names, shapes and transformations are those of Ollama's single file, so that one loader serves both; but the
projections of the cross-attention are not permuted, which the file says in mllama.attention.cross_qk_permuted.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy
from checkpoint import CheckpointError
from numpy.typing import NDArray

Array = NDArray[numpy.float32]
ASPECT_RATIOS = 8


@dataclass(frozen=True)
class Shape:
    """Sizes from config.json."""

    vocabulary: int
    hidden: int
    heads: int
    kv_heads: int
    ffn: int
    layers: int
    cross: list[int]
    vision_hidden: int
    vision_heads: int
    vision_ffn: int
    vision_layers: int
    global_layers: int
    image: int
    patch: int
    tiles: int
    intermediate: list[int]

    @staticmethod
    def of(config: dict) -> "Shape":
        try:
            text, vision = config["text_config"], config["vision_config"]
            shape = Shape(
                vocabulary=text["vocab_size"],
                hidden=text["hidden_size"],
                heads=text["num_attention_heads"],
                kv_heads=text["num_key_value_heads"],
                ffn=text["intermediate_size"],
                layers=text["num_hidden_layers"],
                cross=list(text["cross_attention_layers"]),
                vision_hidden=vision["hidden_size"],
                vision_heads=vision["attention_heads"],
                vision_ffn=vision["intermediate_size"],
                vision_layers=vision["num_hidden_layers"],
                global_layers=vision["num_global_layers"],
                image=vision["image_size"],
                patch=vision["patch_size"],
                tiles=vision["max_num_tiles"],
                intermediate=list(vision["intermediate_layers_indices"]),
            )
        except KeyError as missing:
            raise CheckpointError(f"config.json has no {missing}; is it Llama 3.2 Vision?") from missing
        check_layers("cross_attention_layers", shape.cross, range(1, shape.layers - 1))
        check_layers("intermediate_layers_indices", shape.intermediate, range(shape.vision_layers))
        return shape

    @property
    def head(self) -> int:
        return self.hidden // self.heads

    @property
    def rows(self) -> int:
        """Rows of a tile: its class and its patches."""
        return (self.image // self.patch) ** 2 + 1


def check_layers(name: str, layers: list[int], allowed: range) -> None:
    if layers != sorted(set(layers)) or not all(layer in allowed for layer in layers):
        raise CheckpointError(f"{name} {layers} must rise within {allowed.start} to {allowed.stop - 1}")


@dataclass(frozen=True)
class Entry:
    """A tensor of the GGUF file; `shape` is that in the checkpoint, slowest dimension first."""

    name: str
    origin: str
    shape: tuple[int, ...]
    matrix: bool = False
    change: Callable[[Array], Array] = lambda values: values


def interleaved(heads: int) -> Callable[[Array], Array]:
    """Rows from two halves per head, as transformers rotates them, to neighbouring pairs, as llama.cpp does."""

    def change(values: Array) -> Array:
        rows, columns = values.shape
        return values.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)

    return change


def baked(values: Array) -> Array:
    return numpy.tanh(values.astype(numpy.float64))


def baked_rest(values: Array) -> Array:
    return 1 - baked(values)


def text_entries(shape: Shape, embedding_rows: int) -> Iterator[Entry]:
    hidden, kv_width = shape.hidden, shape.kv_heads * shape.head
    root = "language_model"
    yield Entry("token_embd.weight", f"{root}.model.embed_tokens.weight", (embedding_rows, hidden), matrix=True)
    yield Entry("output.weight", f"{root}.lm_head.weight", (shape.vocabulary, hidden), matrix=True)
    yield Entry("output_norm.weight", f"{root}.model.norm.weight", (hidden,))
    for index in range(shape.layers):
        block, layer = f"blk.{index}", f"{root}.model.layers.{index}"
        yield Entry(f"{block}.attn_norm.weight", f"{layer}.input_layernorm.weight", (hidden,))
        yield Entry(f"{block}.ffn_norm.weight", f"{layer}.post_attention_layernorm.weight", (hidden,))
        widths = {"q": hidden, "k": kv_width, "v": kv_width}
        if index in shape.cross:
            for letter, rows in (widths | {"o": hidden}).items():
                name = f"{letter}_proj.weight"
                yield Entry(f"{block}.cross_attn_{name}", f"{layer}.cross_attn.{name}", (rows, hidden), matrix=True)
            for letter in "qk":
                name = f"{letter}_norm.weight"
                yield Entry(f"{block}.cross_attn_{name}", f"{layer}.cross_attn.{name}", (shape.head,))
            for gate in ("attn", "mlp"):
                name = f"cross_attn_{gate}_gate"
                yield Entry(f"{block}.{name}", f"{layer}.{name}", (1,))
        else:
            heads = {"q": shape.heads, "k": shape.kv_heads}
            for letter, rows in widths.items():
                change = interleaved(heads[letter]) if letter in heads else Entry.change
                origin = f"{layer}.self_attn.{letter}_proj.weight"
                yield Entry(f"{block}.attn_{letter}.weight", origin, (rows, hidden), matrix=True, change=change)
            yield Entry(
                f"{block}.attn_output.weight", f"{layer}.self_attn.o_proj.weight", (hidden, hidden), matrix=True
            )
        yield Entry(f"{block}.ffn_gate.weight", f"{layer}.mlp.gate_proj.weight", (shape.ffn, hidden), matrix=True)
        yield Entry(f"{block}.ffn_up.weight", f"{layer}.mlp.up_proj.weight", (shape.ffn, hidden), matrix=True)
        yield Entry(f"{block}.ffn_down.weight", f"{layer}.mlp.down_proj.weight", (hidden, shape.ffn), matrix=True)


def vision_entries(shape: Shape) -> Iterator[Entry]:
    hidden = shape.vision_hidden
    root = "vision_model"
    position = f"{root}.gated_positional_embedding"
    table_rows = ASPECT_RATIOS + 1
    patch = (hidden, 3, shape.patch, shape.patch)
    yield Entry("v.class_embd", f"{root}.class_embedding", (hidden,))
    yield Entry("v.patch_embd.weight", f"{root}.patch_embedding.weight", patch, matrix=True)
    yield Entry("v.position_embd.weight", f"{position}.embedding", (shape.rows, hidden))
    yield Entry("v.position_embd.gate", f"{position}.gate", (1,), change=baked_rest)
    tile_table = (table_rows, shape.tiles * shape.rows * hidden)
    yield Entry("v.tile_position_embd.weight", f"{position}.tile_embedding.weight", tile_table)
    yield Entry("v.tile_position_embd.gate", f"{position}.gate", (1,), change=baked)
    for when in ("pre", "post"):
        name, origin = f"v.{when}_tile_position_embd", f"{root}.{when}_tile_positional_embedding"
        yield Entry(f"{name}.weight", f"{origin}.embedding.weight", (table_rows, shape.tiles * hidden))
        yield Entry(f"{name}.gate", f"{origin}.gate", (1,), change=baked)
    for when in ("pre", "post"):
        for part in ("weight", "bias"):
            yield Entry(f"v.{when}_ln.{part}", f"{root}.layernorm_{when}.{part}", (hidden,))
    for index in range(shape.vision_layers):
        yield from vision_layer(shape, f"v.blk.{index}", f"{root}.transformer.layers.{index}")
    for index in range(shape.global_layers):
        block, layer = f"v.global.blk.{index}", f"{root}.global_transformer.layers.{index}"
        yield from vision_layer(shape, block, layer)
        yield Entry(f"{block}.attn_gate", f"{layer}.gate_attn", (1,), change=baked)
        yield Entry(f"{block}.ffn_gate", f"{layer}.gate_ffn", (1,), change=baked)
    projected = hidden * (len(shape.intermediate) + 1)
    yield Entry("mm.0.weight", "multi_modal_projector.weight", (shape.hidden, projected), matrix=True)
    yield Entry("mm.0.bias", "multi_modal_projector.bias", (shape.hidden,))


def vision_layer(shape: Shape, block: str, layer: str) -> Iterator[Entry]:
    hidden, ffn = shape.vision_hidden, shape.vision_ffn
    for name, origin in (("attn_norm", "input_layernorm"), ("ffn_norm", "post_attention_layernorm")):
        for part in ("weight", "bias"):
            yield Entry(f"{block}.{name}.{part}", f"{layer}.{origin}.{part}", (hidden,))
    for name, letter in (("attn_q", "q"), ("attn_k", "k"), ("attn_v", "v"), ("attn_output", "o")):
        origin = f"{layer}.self_attn.{letter}_proj.weight"
        yield Entry(f"{block}.{name}.weight", origin, (hidden, hidden), matrix=True)
    for name, origin, rows, columns in (("ffn_up", "fc1", ffn, hidden), ("ffn_down", "fc2", hidden, ffn)):
        yield Entry(f"{block}.{name}.weight", f"{layer}.mlp.{origin}.weight", (rows, columns), matrix=True)
        yield Entry(f"{block}.{name}.bias", f"{layer}.mlp.{origin}.bias", (rows,))
