"""A converted file again in the layouts that people have from Ollama: one file, or the older text and projector."""

from collections.abc import Callable
from pathlib import Path

import gguf
import numpy
from layout import interleaved

# In the projector of the older pair; the two matrices of a block have each other's names there.
PAIR_NAMES = [
    (".attn_norm.", ".ln1."),
    (".ffn_norm.", ".ln2."),
    (".attn_output.", ".attn_out."),
    (".ffn_up.", ".first."),
    (".ffn_down.", ".ffn_up."),
    (".first.", ".ffn_down."),
]
OUR_KEY = "mllama.attention.cross_qk_permuted"
Array = numpy.ndarray


def is_vision(name: str) -> bool:
    return name.startswith(("v.", "mm.")) or ".vision." in name


def write_ollama(source: Path, target: Path) -> None:
    """As Ollama's library serves it: projections permuted but not their norms, and no start token."""
    reader = gguf.GGUFReader(source)
    heads = {
        letter: reader.fields[f"mllama.attention.head_count{key}"].contents()
        for letter, key in (("q", ""), ("k", "_kv"))
    }
    vision_heads = reader.fields["mllama.vision.attention.head_count"].contents()

    def change(name: str, values: Array) -> Array:
        for letter, count in heads.items():
            if name.endswith(f"cross_attn_{letter}_proj.weight"):
                return interleaved(count)(values)
        if name.startswith("v.") and name.endswith(("attn_q.weight", "attn_k.weight")):
            return interleaved(vision_heads)(values)
        return values

    copy(reader, target, lambda name: name != OUR_KEY, change, {"tokenizer.ggml.add_bos_token": False})


def write_pair(source: Path, text: Path, projector: Path) -> None:
    def renamed(name: str) -> str:
        for now, before in PAIR_NAMES if name.startswith("v.") else []:
            name = name.replace(now, before)
        return name

    reader = gguf.GGUFReader(source)
    copy(reader, text, lambda name: not is_vision(name), rename=str)
    copy(reader, projector, is_vision, rename=renamed)


def copy(
    reader: gguf.GGUFReader,
    target: Path,
    keep: Callable[[str], bool],
    change: Callable[[str, Array], Array] = lambda _, values: values,
    settings: dict[str, bool] | None = None,
    rename: Callable[[str], str] = str,
) -> None:
    writer = gguf.GGUFWriter(target, "mllama")
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture" or not keep(name):
            continue
        value = (settings or {}).get(name, field.contents())
        kinds = field.types
        writer.add_key_value(
            name, value, kinds[0], sub_type=kinds[-1] if kinds[0] == gguf.GGUFValueType.ARRAY else None
        )
    for tensor in reader.tensors:
        if keep(tensor.name):
            writer.add_tensor(rename(tensor.name), numpy.ascontiguousarray(change(tensor.name, tensor.data)))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
