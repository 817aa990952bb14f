"""The converter of Llama 3.2 Vision, without an engine: what it takes, what it refuses, and what it writes."""

import json
from pathlib import Path
from typing import Any

import gguf
import numpy
import pytest
from checkpoint import Checkpoint, CheckpointError, saved_name
from layout import Shape, interleaved
from random_checkpoint import SIZES, config, write_checkpoint

from convert import TILES_OF_RATIO, convert, rope_factors, rope_settings

TABLE = "vision_model.pre_tile_positional_embedding.embedding.weight"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_checkpoint(SIZES["small"], tmp_path / "checkpoint")
    return tmp_path / "checkpoint"


def change_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    settings = json.loads(path.read_text())
    settings["text_config"] |= changes
    path.write_text(json.dumps(settings))


def change_tensor(folder: Path, name: str, place: int, value: float) -> None:
    """One 32-bit number of a tensor in the file."""
    stored = Checkpoint(folder).tensors[name]
    numbers = numpy.memmap(stored.path, "<f4", "r+", stored.offset, (int(numpy.prod(stored.shape)),))
    numbers[place] = value
    numbers.flush()


def converted(folder: Path, kind: str = "f32") -> gguf.GGUFReader:
    target = folder.parent / "model.gguf"
    convert(folder, target, kind)
    return gguf.GGUFReader(target)


def tensor(reader: gguf.GGUFReader, name: str) -> Any:
    return next(one for one in reader.tensors if one.name == name).data


def test_every_tensor_has_its_place(folder: Path) -> None:
    reader = converted(folder)
    assert reader.fields["general.architecture"].contents() == "mllama"
    assert reader.fields["mllama.attention.cross_qk_permuted"].contents() is False
    assert len(reader.tensors) == len({one.name for one in reader.tensors})
    checkpoint = Checkpoint(folder)
    query = checkpoint.read("language_model.model.layers.0.self_attn.q_proj.weight")
    heads = SIZES["small"].heads
    assert (tensor(reader, "blk.0.attn_q.weight") == interleaved(heads)(query)).all()
    gate = checkpoint.read("vision_model.pre_tile_positional_embedding.gate")
    assert tensor(reader, "v.pre_tile_position_embd.gate") == numpy.float32(numpy.tanh(numpy.float64(gate)))


def test_half_precision_is_for_matrices_alone(folder: Path) -> None:
    reader = converted(folder, "f16")
    types = {one.name: one.tensor_type for one in reader.tensors}
    assert types["blk.0.attn_q.weight"] == gguf.GGMLQuantizationType.F16
    assert types["v.pre_tile_position_embd.weight"] == gguf.GGMLQuantizationType.F32


def test_a_zero_has_no_sign_in_the_tables(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    absent = first_absent(SIZES["small"])
    change_tensor(folder, TABLE, absent, -0.0)
    table = tensor(converted(folder), "v.pre_tile_position_embd.weight")
    assert not numpy.signbit(table[table == 0]).any()
    assert "not zero" not in capsys.readouterr().err
    change_tensor(folder, TABLE, absent, 0.5)
    converted(folder)
    assert "pre_tile_positional_embedding.embedding.weight is not zero" in capsys.readouterr().err


def first_absent(shape: Shape) -> int:
    """Place of the first number of the second tile of aspect ratio 1, which has one tile."""
    assert TILES_OF_RATIO[1] == 1
    row = shape.tiles * shape.vision_hidden
    return row + shape.vision_hidden


def test_half_of_a_head_goes_between_the_other() -> None:
    rows = numpy.arange(8, dtype="float32")[:, None]
    assert interleaved(2)(rows).ravel().tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def test_rotary_settings_under_either_name() -> None:
    scaling = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    scaling |= {"original_max_position_embeddings": 8192}
    assert rope_settings({"rope_parameters": {"rope_theta": 5e5, **scaling}})[0] == 5e5
    base, found = rope_settings({"rope_theta": 5e5, "rope_scaling": scaling})
    assert (base, found) == (5e5, scaling)
    factors = rope_factors(5e5, scaling, 128)
    assert len(factors) == 64
    assert factors[0] == 1
    assert factors[-1] == 8
    assert (numpy.diff(factors) >= 0).all()


def test_names_of_newer_transformers_are_the_saved_ones() -> None:
    assert saved_name("model.language_model.norm.weight") == "language_model.model.norm.weight"
    assert saved_name("model.vision_model.class_embedding") == "vision_model.class_embedding"
    assert saved_name("lm_head.weight") == "language_model.lm_head.weight"


def test_what_is_no_checkpoint_is_refused(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "model.gguf"

    def refused(sentence: str) -> None:
        with pytest.raises(CheckpointError, match=sentence):
            convert(folder, target, "f32")
        assert not target.exists()

    change_tensor(folder, TABLE, 0, float("nan"))
    refused("holds values that are no numbers")
    change_config(folder, hidden_size=256)
    refused("has the shape .*, expected")
    change_config(folder, hidden_size=128, cross_attention_layers=[3, 1])
    refused("must rise within")
    (folder / "config.json").write_text(json.dumps({"text_config": {}, "vision_config": {}}))
    refused("is it Llama 3.2 Vision")
    (folder / "config.json").write_text(json.dumps(config(SIZES["small"])))
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    refused("was cut off")
    weights.write_bytes(b"no such file")
    refused("no safetensors file")
    weights.unlink()
    refused("is missing")
    (folder / "config.json").unlink()
    refused("holds no config.json")


def test_the_tokenizer_must_know_pictures(folder: Path, tmp_path: Path) -> None:
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["added_tokens"] = [one for one in tokenizer["added_tokens"] if one["content"] != "<|image|>"]
    path.write_text(json.dumps(tokenizer))
    with pytest.raises(CheckpointError, match="has no <|image|>".replace("|", r"\|")):
        convert(folder, tmp_path / "model.gguf", "f32")
    path.unlink()
    with pytest.raises(CheckpointError, match="holds no tokenizer"):
        convert(folder, tmp_path / "model.gguf", "f32")
