"""Checks the training code against the definition of the architecture, on an exported folder.

The definition is computed here as Llama 3.2 Vision does it, straight from the folder's tensors: in float64,
four tiles whatever the canvas, filled up to 24 rows each, with nothing merged, rotary positions in halves.
"""

import argparse
import json
import math
from pathlib import Path

import torch
from mllama_decoder import DemoModel
from mllama_dimensions import CANVASES, PICTURE_ROWS
from mllama_tower import HIDDEN_KEY
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional


class Reference:
    def __init__(self, folder: Path) -> None:
        self.tensors = {name: tensor.double() for name, tensor in load_file(folder / "model.safetensors").items()}
        settings = json.loads((folder / "config.json").read_text())
        self.text, self.vision = settings["text_config"], settings["vision_config"]

    def linear(self, name: str, states: Tensor) -> Tensor:
        return functional.linear(states, self.tensors[f"{name}.weight"], self.tensors.get(f"{name}.bias"))

    def norm(self, name: str, states: Tensor) -> Tensor:
        weight, bias = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
        return functional.layer_norm(states, weight.shape, weight, bias, self.vision["norm_eps"])

    def rms(self, name: str, states: Tensor) -> Tensor:
        return functional.rms_norm(states, states.shape[-1:], self.tensors[f"{name}.weight"], self.text["rms_norm_eps"])

    def gate(self, name: str) -> Tensor:
        return self.tensors[name].tanh()

    def vision_layer(self, name: str, states: Tensor, mask: Tensor, gated: bool) -> Tensor:
        heads = self.vision["attention_heads"]
        normed = self.norm(f"{name}.input_layernorm", states)
        query, key, value = (
            self.linear(f"{name}.self_attn.{x}_proj", normed).unflatten(-1, (heads, -1)).transpose(0, 1) for x in "qkv"
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask).transpose(0, 1).flatten(1)
        mixed = self.linear(f"{name}.self_attn.o_proj", mixed)
        states = states + (self.gate(f"{name}.gate_attn") * mixed if gated else mixed)
        hidden = functional.gelu(self.linear(f"{name}.mlp.fc1", self.norm(f"{name}.post_attention_layernorm", states)))
        hidden = self.linear(f"{name}.mlp.fc2", hidden)
        return states + (self.gate(f"{name}.gate_ffn") * hidden if gated else hidden)

    def see(self, pixels: Tensor, aspect: int) -> Tensor:
        """Normalised tiles [4, 3, 56, 56] to the projected rows [68, 256], those of absent tiles too."""
        v, tables = "vision_model", self.tensors
        real = math.prod(CANVASES[aspect - 1])
        states = functional.conv2d(pixels, tables[f"{v}.patch_embedding.weight"], stride=self.vision["patch_size"])
        states = states.flatten(2).transpose(1, 2)
        tiles, patches, width = states.shape
        pre, post = (f"{v}.{part}_tile_positional_embedding" for part in ("pre", "post"))
        own = tables[f"{pre}.embedding.weight"][aspect].view(tiles, 1, width)
        states = states + self.gate(f"{pre}.gate") * own
        states = torch.cat((tables[f"{v}.class_embedding"].expand(tiles, 1, width), states), 1)
        place = f"{v}.gated_positional_embedding"
        gate = self.gate(f"{place}.gate")
        states = states + (1 - gate) * tables[f"{place}.embedding"]
        states = states + gate * tables[f"{place}.tile_embedding.weight"][aspect].view(states.shape)
        states = self.norm(f"{v}.layernorm_pre", states)
        filling = -(patches + 1) % 8
        states = functional.pad(states, (0, 0, 0, filling))
        padding = torch.ones(states.shape[:2])
        padding[:real, : patches + 1] = 0
        padding = padding.flatten()
        mask = torch.zeros(len(padding), len(padding), dtype=torch.float64)
        mask[torch.outer(padding, padding) > 0] = -math.inf
        rows, kept = states.flatten(0, 1), []
        for index in range(self.vision["num_hidden_layers"]):
            if index in self.vision["intermediate_layers_indices"]:
                kept.append(rows)
            rows = self.vision_layer(f"{v}.transformer.layers.{index}", rows, mask, False)
        rows = self.norm(f"{v}.layernorm_post", rows).view(states.shape)
        own = tables[f"{post}.embedding.weight"][aspect].view(tiles, 1, width)
        rows = (rows + self.gate(f"{post}.gate") * own).flatten(0, 1)
        for index in range(self.vision["num_global_layers"]):
            rows = self.vision_layer(f"{v}.global_transformer.layers.{index}", rows, mask, True)
        rows = torch.cat((rows, torch.stack(kept, -1).flatten(-2)), -1)
        rows = rows.view(tiles, patches + 1 + filling, -1)[:, : patches + 1].flatten(0, 1)
        return self.linear("multi_modal_projector", rows)

    def turn(self, states: Tensor) -> Tensor:
        """Rotary positions 0, 1, ... of [heads, length, 64], in halves, slow ones scaled as in Llama 3."""
        width, scaling = states.shape[-1], self.text["rope_scaling"]
        rates = self.text["rope_theta"] ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
        waves = 2 * math.pi / rates
        old, low, high = (
            scaling["original_max_position_embeddings"],
            scaling["low_freq_factor"],
            scaling["high_freq_factor"],
        )
        smooth = (old / waves - low) / (high - low)
        between = (1 - smooth) * rates / scaling["factor"] + smooth * rates
        slow = torch.where(waves > old / low, rates / scaling["factor"], between)
        rates = torch.where(waves < old / high, rates, slow)
        angles = torch.outer(torch.arange(states.shape[1]).double(), rates)
        one, other = states.chunk(2, -1)
        cosine, sine = angles.cos(), angles.sin()
        return torch.cat((one * cosine - other * sine, other * cosine + one * sine), -1)

    def attend(self, name: str, states: Tensor, source: Tensor, mask: Tensor, cross: bool) -> Tensor:
        heads, key_heads = self.text["num_attention_heads"], self.text["num_key_value_heads"]
        query = self.linear(f"{name}.q_proj", states).unflatten(-1, (heads, -1)).transpose(0, 1)
        key, value = (
            self.linear(f"{name}.{x}_proj", source).unflatten(-1, (key_heads, -1)).transpose(0, 1) for x in "kv"
        )
        if cross:
            query, key = self.rms(f"{name}.q_norm", query), self.rms(f"{name}.k_norm", key)
        else:
            query, key = self.turn(query), self.turn(key)
        key, value = (part.repeat_interleave(heads // key_heads, 0) for part in (key, value))
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.linear(f"{name}.o_proj", mixed.transpose(0, 1).flatten(1))

    def read(self, tokens: Tensor, sees: Tensor, picture: Tensor) -> Tensor:
        """Token ids [n], which of them see the picture [n, 1] and its real rows [m, 256] to logits [n, 512]."""
        states = self.tensors["language_model.model.embed_tokens.weight"][tokens]
        causal = torch.full((len(tokens), len(tokens)), -math.inf, dtype=torch.float64).triu(1)
        everything = torch.zeros(len(tokens), len(picture), dtype=torch.float64)
        for index in range(self.text["num_hidden_layers"]):
            name = f"language_model.model.layers.{index}"
            cross = index in self.text["cross_attention_layers"]
            normed = self.rms(f"{name}.input_layernorm", states)
            if cross:
                mixed = self.attend(f"{name}.cross_attn", normed, picture, everything, True)
                states = states + self.gate(f"{name}.cross_attn_attn_gate") * sees * mixed
            else:
                states = states + self.attend(f"{name}.self_attn", normed, normed, causal, False)
            normed = self.rms(f"{name}.post_attention_layernorm", states)
            hidden = functional.silu(self.linear(f"{name}.mlp.gate_proj", normed)) * self.linear(
                f"{name}.mlp.up_proj", normed
            )
            hidden = self.linear(f"{name}.mlp.down_proj", hidden)
            states = states + (self.gate(f"{name}.cross_attn_mlp_gate") * sees * hidden if cross else hidden)
        return self.linear("language_model.lm_head", self.rms("language_model.model.norm", states))


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path, help="the checkpoint as export.py wrote it")
    options = parser.parse_args()
    torch.manual_seed(0)
    model = DemoModel()
    model.load_state_dict(torch.load(options.checkpoint, weights_only=True)["model"])
    reference = Reference(options.folder)
    for aspect, (rows, columns) in enumerate(CANVASES, 1):
        pixels = torch.randn(4, 3, 56, 56)
        pixels[rows * columns :] = 0
        theirs = reference.see(pixels.double(), aspect)[: rows * columns * 17]
        patches = pixels.unfold(2, 14, 14).unfold(3, 14, 14).permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
        _, projected = model.vision(patches[None], torch.tensor([aspect]))
        ours = projected[0, : len(theirs)]
        tokens, sees = torch.randint(0, 512, (1, 40)), (torch.arange(40) >= 5).float()[:, None]
        bias = torch.full((40, 40), HIDDEN_KEY).triu(1)[None, None]
        picture_bias = torch.where(torch.arange(PICTURE_ROWS) < len(theirs), 0.0, HIDDEN_KEY)
        logits = model.text(
            tokens, torch.arange(40)[None], bias, sees[None], projected, picture_bias[None, None, None]
        )[0]
        expected = reference.read(tokens[0], sees.double(), theirs)
        apart = [float((x - y).abs().max() / y.abs().max()) for x, y in ((ours, theirs), (logits, expected))]
        print(f"canvas {rows} x {columns}: projected rows {apart[0]:.1e}, logits {apart[1]:.1e} of the largest apart")


if __name__ == "__main__":
    main()
