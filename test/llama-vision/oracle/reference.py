"""Llama 3.2 Vision as Meta trained it, computed by Hugging Face transformers.

transformers deviates from Meta's implementation in two places, both mended here: it hands on the outputs of the
intermediate layers instead of their inputs, and lets text that sees no picture attend to all of them.
"""

import itertools
from pathlib import Path
from typing import Any

import numpy
import torch
from PIL import Image
from transformers import MllamaConfig, MllamaForConditionalGeneration
from transformers.models.mllama import modeling_mllama
from transformers.models.mllama.image_processing_pil_mllama import MllamaImageProcessorPil
from transformers.models.mllama.processing_mllama import (
    convert_sparse_cross_attention_mask_to_dense,
    get_cross_attention_token_mask,
)

# Of the released models' preprocessor_config.json; the processor's own defaults are others.
MEAN = [0.48145466, 0.4578275, 0.40821073]
STD = [0.26862954, 0.26130258, 0.27577711]
Forward = modeling_mllama.MllamaCrossAttentionDecoderLayer


def forward_with_row_mask(
    layer: Any,
    hidden_states: Any,
    cross_attention_states: Any,
    cross_attention_mask: Any,
    attention_mask: Any,
    full_text_row_masked_out_mask: Any,
    past_key_values: Any = None,
    **rest: Any,
) -> Any:
    """As in transformers, but that the attention's result is masked like the feed-forward's."""
    row_mask = full_text_row_masked_out_mask[:, 0]
    attended, _ = layer.cross_attn(
        hidden_states=layer.input_layernorm(hidden_states),
        attention_mask=cross_attention_mask,
        cross_attention_states=cross_attention_states,
        past_key_values=past_key_values,
    )
    hidden_states = hidden_states + layer.cross_attn_attn_gate.tanh() * row_mask * attended
    fed = layer.mlp(layer.post_attention_layernorm(hidden_states))
    return hidden_states + layer.cross_attn_mlp_gate.tanh() * row_mask * fed


Forward.forward = forward_with_row_mask


def picture(width: int, height: int) -> Image.Image:
    """A picture as a function of its size, the same in test/support/llama-server.ts."""
    x, y, channel = numpy.meshgrid(numpy.arange(width), numpy.arange(height), numpy.arange(3), indexing="xy")
    values = x * 7 + y * 13 + channel * 50 + ((x * y) >> 5)
    return Image.fromarray((values & 255).astype(numpy.uint8))


class Reference:
    def __init__(self, folder: Path, dtype: torch.dtype = torch.float64) -> None:
        self.dtype = dtype
        config = MllamaConfig.from_pretrained(folder)
        vision = config.vision_config
        # What enters layer n leaves layer n - 1.
        vision.intermediate_layers_indices = [index - 1 for index in vision.intermediate_layers_indices]
        self.model = MllamaForConditionalGeneration.from_pretrained(
            folder, config=config, dtype=dtype, attn_implementation="eager"
        ).eval()
        self.image_token = config.image_token_index
        self.outputs = config.text_config.vocab_size
        size = {"height": vision.image_size, "width": vision.image_size}
        self.processor = MllamaImageProcessorPil(
            size=size, max_image_tiles=vision.max_num_tiles, image_mean=MEAN, image_std=STD
        )

    def prepared(self, pictures: list[Image.Image]) -> dict[str, torch.Tensor]:
        made = self.processor(pictures, return_tensors="pt")
        self.tiles = made.pop("num_tiles")[0]
        return {name: values.to(self.dtype) if values.is_floating_point() else values for name, values in made.items()}

    @torch.no_grad()
    def projected(self, image: Image.Image) -> numpy.ndarray:
        """[tiles * rows, hidden]: what the text model sees of one picture."""
        inputs = self.prepared([image])
        states = self.model.model.vision_model(**inputs).last_hidden_state[0, 0, : self.tiles[0]]
        return self.model.model.multi_modal_projector(states).flatten(0, 1).double().numpy()

    @torch.no_grad()
    def log_probabilities(self, ids: list[int], pictures: list[Image.Image]) -> numpy.ndarray:
        """[outputs] for the token after the prompt."""
        inputs = self.prepared(pictures) if pictures else {}
        if pictures:
            spans = [get_cross_attention_token_mask(ids, self.image_token)]
            mask = convert_sparse_cross_attention_mask_to_dense(spans, [self.tiles], 4, len(ids))
            inputs["cross_attention_mask"] = torch.tensor(mask)
        logits = self.model(input_ids=torch.tensor([ids]), use_cache=False, **inputs).logits
        return logits[0, -1].double().log_softmax(-1).numpy()

    def greedy(self, ids: list[int], pictures: list[Image.Image], count: int, never: set[int]) -> list[int]:
        """`count` tokens, each the likeliest but for those of `never`."""
        ids = list(ids)
        for _ in itertools.repeat(None, count):
            values = self.log_probabilities(ids, pictures)
            values[list(never)] = -numpy.inf
            ids.append(int(values.argmax()))
        return ids[-count:]
