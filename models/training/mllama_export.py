"""Writes a checkpoint as a Hugging Face folder of the architecture mllama, with the names of Llama 3.2 Vision.

The weights keep their precision (float32); convert/convert.py makes the GGUF file from the folder.
"""

import argparse
import json
from pathlib import Path

import demo_vocabulary
import mllama_vocabulary
import torch
from mllama_decoder import DemoModel
from mllama_dimensions import (
    CANVASES,
    CONTEXT,
    CROSS_LAYERS,
    DEVIATION,
    EPSILON,
    GLOBAL_LAYERS,
    HEAD_WIDTH,
    HEADS,
    INTERMEDIATE,
    KEY_HEADS,
    LOCAL_LAYERS,
    MEAN,
    MOST_TILES,
    PATCH,
    ROPE_BASE,
    ROPE_SCALING,
    TEXT_HIDDEN,
    TEXT_LAYERS,
    TILE,
    VISION_HIDDEN,
    WIDTH,
)
from mllama_tower import VisionLayer, VisionTower
from safetensors.torch import save_file
from tokenizers import Tokenizer, processors
from torch import Tensor, nn

CHAT_TEMPLATE = (
    "{{ '<|begin_of_text|>' }}{% for message in messages %}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)


def half_split(weight: Tensor, heads: int) -> Tensor:
    """Rows of a projection whose rotary pairs are neighbours, in the order of transformers: first all first
    values of the pairs, then all second ones. The converter turns it back."""
    return weight.unflatten(0, (heads, HEAD_WIDTH // 2, 2)).transpose(1, 2).flatten(0, 2)


def with_bias(name: str, part: nn.Module) -> dict[str, Tensor]:
    return {f"{name}.weight": part.weight, f"{name}.bias": part.bias}


def vision_layer(name: str, layer: VisionLayer) -> dict[str, Tensor]:
    tensors = {
        f"{name}.self_attn.{letter}_proj.weight": weight
        for letter, weight in zip("qkv", layer.qkv.weight.chunk(3), strict=True)
    }
    tensors[f"{name}.self_attn.o_proj.weight"] = layer.out.weight
    parts = {
        "mlp.fc1": layer.up,
        "mlp.fc2": layer.down,
        "input_layernorm": layer.norm1,
        "post_attention_layernorm": layer.norm2,
    }
    for part, module in parts.items():
        tensors |= with_bias(f"{name}.{part}", module)
    if layer.gate1 is not None and layer.gate2 is not None:
        tensors |= {f"{name}.gate_attn": layer.gate1, f"{name}.gate_ffn": layer.gate2}
    return tensors


def vision_tensors(tower: VisionTower) -> dict[str, Tensor]:
    tensors = {
        "class_embedding": tower.class_row,
        "patch_embedding.weight": tower.patch.weight.unflatten(1, (3, PATCH, PATCH)),
        "gated_positional_embedding.gate": tower.position_gate,
        "gated_positional_embedding.embedding": tower.position,
        "gated_positional_embedding.tile_embedding.weight": tower.table(tower.tile_position).flatten(1),
        "pre_tile_positional_embedding.gate": tower.pre_gate,
        "pre_tile_positional_embedding.embedding.weight": tower.table(tower.pre_tile).flatten(1),
        "post_tile_positional_embedding.gate": tower.post_gate,
        "post_tile_positional_embedding.embedding.weight": tower.table(tower.post_tile).flatten(1),
    }
    tensors |= with_bias("layernorm_pre", tower.norm_pre) | with_bias("layernorm_post", tower.norm_post)
    for index, layer in enumerate(tower.local_layers):
        tensors |= vision_layer(f"transformer.layers.{index}", layer)
    for index, layer in enumerate(tower.global_layers):
        tensors |= vision_layer(f"global_transformer.layers.{index}", layer)
    tensors = {f"vision_model.{name}": tensor for name, tensor in tensors.items()}
    return tensors | with_bias("multi_modal_projector", tower.project)


def text_tensors(model: DemoModel) -> dict[str, Tensor]:
    text = model.text
    tensors = {
        "model.embed_tokens.weight": text.embedding.weight,
        "model.norm.weight": text.norm.weight,
        "lm_head.weight": text.output.weight,
    }
    for index, layer in enumerate(text.layers):
        cross = index in CROSS_LAYERS
        attention = "cross_attn" if cross else "self_attn"
        query, key = layer.query.weight, layer.key.weight
        parts = {
            f"{attention}.q_proj": query if cross else half_split(query, HEADS),
            f"{attention}.k_proj": key if cross else half_split(key, KEY_HEADS),
            f"{attention}.v_proj": layer.value.weight,
            f"{attention}.o_proj": layer.out.weight,
            "mlp.gate_proj": layer.gate.weight,
            "mlp.up_proj": layer.up.weight,
            "mlp.down_proj": layer.down.weight,
            "input_layernorm": layer.norm1.weight,
            "post_attention_layernorm": layer.norm2.weight,
        }
        if cross:
            parts |= {"cross_attn.q_norm": layer.query_norm.weight, "cross_attn.k_norm": layer.key_norm.weight}
            tensors[f"model.layers.{index}.cross_attn_attn_gate"] = layer.gate1
            tensors[f"model.layers.{index}.cross_attn_mlp_gate"] = layer.gate2
        tensors |= {f"model.layers.{index}.{name}.weight": weight for name, weight in parts.items()}
    return {f"language_model.{name}": tensor for name, tensor in tensors.items()}


def config(tokenizer: Tokenizer) -> dict:
    ends = [
        tokenizer.token_to_id(token)
        for token in (mllama_vocabulary.END, mllama_vocabulary.END_OF_MESSAGE, mllama_vocabulary.END_OF_TURN)
    ]
    ids = {
        "bos_token_id": tokenizer.token_to_id(mllama_vocabulary.BEGIN),
        "eos_token_id": ends,
        "pad_token_id": tokenizer.token_to_id(mllama_vocabulary.PADDING),
    }
    text = {
        "model_type": "mllama_text_model",
        "vocab_size": demo_vocabulary.SIZE,
        "hidden_size": WIDTH,
        "intermediate_size": TEXT_HIDDEN,
        "num_hidden_layers": TEXT_LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KEY_HEADS,
        "cross_attention_layers": CROSS_LAYERS,
        "hidden_act": "silu",
        "rms_norm_eps": EPSILON,
        "rope_theta": ROPE_BASE,
        "rope_scaling": {"rope_type": "llama3", **ROPE_SCALING},
        "max_position_embeddings": CONTEXT,
        "tie_word_embeddings": False,
        **ids,
    }
    vision = {
        "model_type": "mllama_vision_model",
        "hidden_size": WIDTH,
        "intermediate_size": VISION_HIDDEN,
        "num_hidden_layers": LOCAL_LAYERS,
        "num_global_layers": GLOBAL_LAYERS,
        "attention_heads": HEADS,
        "num_channels": 3,
        "image_size": TILE,
        "patch_size": PATCH,
        "max_num_tiles": MOST_TILES,
        "supported_aspect_ratios": [list(canvas) for canvas in CANVASES],
        # Meta's meaning: the states that enter these layers.
        "intermediate_layers_indices": INTERMEDIATE,
        "vision_output_dim": (1 + len(INTERMEDIATE)) * WIDTH,
        "hidden_act": "gelu",
        "norm_eps": EPSILON,
    }
    return {
        "architectures": ["MllamaForConditionalGeneration"],
        "model_type": "mllama",
        "image_token_index": demo_vocabulary.SIZE,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "text_config": text,
        "vision_config": vision,
        **ids,
    }


def write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")


def write_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    begin = (mllama_vocabulary.BEGIN, tokenizer.token_to_id(mllama_vocabulary.BEGIN))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{mllama_vocabulary.BEGIN} $A",
        pair=f"{mllama_vocabulary.BEGIN} $A {mllama_vocabulary.BEGIN} $B:1",
        special_tokens=[begin],
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    special = {
        "bos_token": mllama_vocabulary.BEGIN,
        "eos_token": mllama_vocabulary.END_OF_TURN,
        "pad_token": mllama_vocabulary.PADDING,
    }
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": CONTEXT, "add_bos_token": True}
    write_json(folder / "tokenizer_config.json", {**settings, **special, "chat_template": CHAT_TEMPLATE})
    write_json(folder / "special_tokens_map.json", special)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    model = DemoModel()
    model.load_state_dict(torch.load(options.checkpoint, weights_only=True)["model"])
    tokenizer = demo_vocabulary.load(options.checkpoint.with_name("tokenizer.json"))
    options.folder.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        tensors = vision_tensors(model.vision) | text_tensors(model)
        tensors = {name: tensor.contiguous().clone() for name, tensor in tensors.items()}
    save_file(tensors, options.folder / "model.safetensors", metadata={"format": "pt"})
    content = config(tokenizer)
    write_json(options.folder / "config.json", content)
    ends = {name: content[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    write_json(options.folder / "generation_config.json", {**ends, "do_sample": False})
    size = {"size": {"height": TILE, "width": TILE}, "max_image_tiles": MOST_TILES}
    numbers = {"image_mean": MEAN, "image_std": DEVIATION, "rescale_factor": 1 / 255, "resample": 2}
    steps = {f"do_{step}": True for step in ("convert_rgb", "resize", "rescale", "normalize", "pad")}
    write_json(
        options.folder / "preprocessor_config.json",
        {"image_processor_type": "MllamaImageProcessor", **size, **numbers, **steps},
    )
    write_tokenizer(tokenizer, options.folder)
    print(f"{len(tensors)} tensors, {sum(tensor.numel() for tensor in tensors.values())} values")


if __name__ == "__main__":
    main()
