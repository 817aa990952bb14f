"""Writes a checkpoint as two GGUF files for the engine: the text half (f16, to be quantised) and the tower.

No pair of rows is swapped for rotary positions: the training code turns neighbouring values, as the
engine does for architecture `llama`.
"""

import argparse
from pathlib import Path

import demo_vocabulary
import gguf
import numpy
import pair_vocabulary
import torch
from pair_model import (
    HEADS,
    KEY_HEADS,
    PATCH,
    PICTURE_SIDE,
    ROPE_BASE,
    TEXT_EPSILON,
    TEXT_HIDDEN,
    TEXT_LAYERS,
    VISION_EPSILON,
    VISION_HIDDEN,
    VISION_LAYERS,
    WIDTH,
    DemoModel,
)
from tokenizers import Tokenizer

NAME = "llama-vision demo"
DESCRIPTION = (
    "A tiny model trained from nothing on drawn shapes and digits, for demonstration and tests. "
    "It is not a general vision model."
)
CONTEXT = 2048
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def describe(writer: gguf.GGUFWriter, kind: str) -> None:
    writer.add_type(kind)
    writer.add_name(NAME)
    writer.add_description(DESCRIPTION)
    writer.add_license("mit")


def finish(writer: gguf.GGUFWriter, tensors: dict[str, torch.Tensor], floats: set[str]) -> None:
    """Matrices as f16, everything else and the named ones as f32."""
    for name, tensor in tensors.items():
        kind = numpy.float32 if tensor.ndim < 2 or name in floats else numpy.float16
        writer.add_tensor(name, tensor.detach().float().contiguous().numpy().astype(kind))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_vocabulary(writer: gguf.GGUFWriter, tokenizer: Tokenizer, path: Path) -> None:
    ids: dict[str, int] = tokenizer.get_vocab()
    special = [ids[token] for token in pair_vocabulary.SPECIAL]
    tokens = sorted(ids, key=lambda token: ids[token])
    types = [
        gguf.TokenType.CONTROL if index in special else gguf.TokenType.NORMAL for index in range(demo_vocabulary.SIZE)
    ]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    gguf.SpecialVocab(path.parent, load_merges=True, special_token_types=()).add_to_gguf(writer)
    writer.add_eos_token_id(special[2])
    writer.add_bos_token_id(special[0])
    writer.add_pad_token_id(special[0])
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def export_text(model: DemoModel, tokenizer: Tokenizer, words: Path, path: Path) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    describe(writer, gguf.GGUFType.MODEL)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_vocab_size(demo_vocabulary.SIZE)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(TEXT_LAYERS)
    writer.add_feed_forward_length(TEXT_HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_layer_norm_rms_eps(TEXT_EPSILON)
    add_vocabulary(writer, tokenizer, words)
    text = model.text
    tensors = {
        "token_embd.weight": text.embedding.weight,
        "output_norm.weight": text.norm.weight,
        "output.weight": text.output.weight,
    }
    for index, layer in enumerate(text.layers):
        parts = {
            "attn_norm": layer.norm1,
            "attn_q": layer.query,
            "attn_k": layer.key,
            "attn_v": layer.value,
            "attn_output": layer.out,
            "ffn_norm": layer.norm2,
            "ffn_gate": layer.gate,
            "ffn_up": layer.up,
            "ffn_down": layer.down,
        }
        tensors |= {f"blk.{index}.{name}.weight": part.weight for name, part in parts.items()}
    finish(writer, tensors, set())


def export_vision(model: DemoModel, path: Path) -> None:
    writer = gguf.GGUFWriter(path, "clip")
    describe(writer, gguf.GGUFType.MMPROJ)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_clip_has_vision_encoder(True)
    writer.add_clip_projector_type(gguf.VisionProjectorType.JANUS_PRO)
    writer.add_vision_projection_dim(WIDTH)
    writer.add_vision_image_size(PICTURE_SIDE)
    writer.add_vision_patch_size(PATCH)
    writer.add_vision_embedding_length(WIDTH)
    writer.add_vision_feed_forward_length(VISION_HIDDEN)
    writer.add_vision_block_count(VISION_LAYERS)
    writer.add_vision_head_count(HEADS)
    writer.add_vision_attention_layernorm_eps(VISION_EPSILON)
    writer.add_vision_image_mean([0.5, 0.5, 0.5])
    writer.add_vision_image_std([0.5, 0.5, 0.5])
    writer.add_vision_use_gelu(True)
    tower = model.vision
    tensors = {
        "v.patch_embd.weight": tower.patch.weight.unflatten(1, (3, PATCH, PATCH)),
        "v.patch_embd.bias": tower.patch.bias,
        "v.position_embd.weight": tower.position,
        "v.post_ln.weight": tower.norm.weight,
        "v.post_ln.bias": tower.norm.bias,
        "mm.0.weight": tower.project1.weight,
        "mm.0.bias": tower.project1.bias,
        "mm.1.weight": tower.project2.weight,
        "mm.1.bias": tower.project2.bias,
    }
    for index, layer in enumerate(tower.layers):
        weights, biases = layer.qkv.weight.chunk(3), layer.qkv.bias.chunk(3)
        for name, weight, bias in zip("qkv", weights, biases, strict=True):
            tensors[f"v.blk.{index}.attn_{name}.weight"] = weight
            tensors[f"v.blk.{index}.attn_{name}.bias"] = bias
        parts = {
            "attn_out": layer.out,
            "ln1": layer.norm1,
            "ln2": layer.norm2,
            "ffn_up": layer.up,
            "ffn_down": layer.down,
        }
        for name, part in parts.items():
            tensors[f"v.blk.{index}.{name}.weight"] = part.weight
            tensors[f"v.blk.{index}.{name}.bias"] = part.bias
    finish(writer, tensors, {"v.position_embd.weight"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    words = options.checkpoint.with_name("tokenizer.json")
    model = DemoModel(demo_vocabulary.SIZE)
    model.load_state_dict(torch.load(options.checkpoint, weights_only=True)["model"])
    options.folder.mkdir(parents=True, exist_ok=True)
    export_text(model, demo_vocabulary.load(words), words, options.folder / "demo-text-f16.gguf")
    export_vision(model, options.folder / "demo-mmproj-f16.gguf")


if __name__ == "__main__":
    main()
