"""The text half: ordinary Llama layers, and layers whose attention goes to the picture."""

import math

import torch
from demo_vocabulary import SIZE
from mllama_dimensions import (
    CROSS_LAYERS,
    EPSILON,
    HEAD_WIDTH,
    HEADS,
    KEY_HEADS,
    ROPE_BASE,
    ROPE_SCALING,
    TEXT_HIDDEN,
    TEXT_LAYERS,
    WIDTH,
)
from mllama_tower import VisionTower, attend, gate
from mllama_vocabulary import ROWS
from pair_model import linear, rotate, split_heads
from torch import Tensor, nn
from torch.nn import functional


def rope_rates() -> Tensor:
    """The turn of each pair of values a place [32], slow ones slowed down as in Llama 3."""
    rates = ROPE_BASE ** (-torch.arange(0, HEAD_WIDTH, 2) / HEAD_WIDTH)
    low, high = ROPE_SCALING["low_freq_factor"], ROPE_SCALING["high_freq_factor"]
    turns = ROPE_SCALING["original_max_position_embeddings"] * rates / (2 * math.pi)
    keep = ((turns - low) / (high - low)).clamp(0, 1)
    return rates * (keep + (1 - keep) / ROPE_SCALING["factor"])


class TextLayer(nn.Module):
    def __init__(self, cross: bool) -> None:
        super().__init__()
        self.norm1 = nn.RMSNorm(WIDTH, eps=EPSILON)
        self.norm2 = nn.RMSNorm(WIDTH, eps=EPSILON)
        self.query = linear(WIDTH, WIDTH, bias=False)
        self.key = linear(WIDTH, KEY_HEADS * HEAD_WIDTH, bias=False)
        self.value = linear(WIDTH, KEY_HEADS * HEAD_WIDTH, bias=False)
        self.out = linear(WIDTH, WIDTH, 0.4, bias=False)
        self.gate = linear(WIDTH, TEXT_HIDDEN, bias=False)
        self.up = linear(WIDTH, TEXT_HIDDEN, bias=False)
        self.down = linear(TEXT_HIDDEN, WIDTH, 0.4, bias=False)
        if cross:
            self.query_norm = nn.RMSNorm(HEAD_WIDTH, eps=EPSILON)
            self.key_norm = nn.RMSNorm(HEAD_WIDTH, eps=EPSILON)
            # Attention to the picture starts out sharper than random keys would make it.
            nn.init.constant_(self.query_norm.weight, 1.5)
            self.gate1, self.gate2 = gate(0.6), gate(0.6)

    def attention(self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
        """Heads' states [batch, heads, length, 64] to [batch, length, 256]."""
        key, value = (part.repeat_interleave(HEADS // KEY_HEADS, 1) for part in (key, value))
        return self.out(attend(query, key, value, bias))

    def feed(self, states: Tensor) -> Tensor:
        normed = self.norm2(states)
        return self.down(functional.silu(self.gate(normed)) * self.up(normed))

    def forward(self, states: Tensor, turn: Tensor, bias: Tensor) -> Tensor:
        normed = self.norm1(states)
        query = rotate(split_heads(self.query(normed), HEADS), turn)
        key = rotate(split_heads(self.key(normed), KEY_HEADS), turn)
        value = split_heads(self.value(normed), KEY_HEADS)
        states = states + self.attention(query, key, value, bias)
        return states + self.feed(states)

    def look(self, states: Tensor, picture: Tensor, bias: Tensor, sees: Tensor) -> Tensor:
        """The same for a layer that attends to the picture; nothing changes where `sees` is zero."""
        query = self.query_norm(split_heads(self.query(self.norm1(states)), HEADS).float())
        key = self.key_norm(split_heads(self.key(picture), KEY_HEADS).float())
        value = split_heads(self.value(picture), KEY_HEADS)
        query, key = query.to(value.dtype), key.to(value.dtype)
        states = states + self.gate1.tanh() * sees * self.attention(query, key, value, bias)
        return states + self.gate2.tanh() * sees * self.feed(states)


class TextModel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(ROWS, WIDTH)
        self.layers = nn.ModuleList(TextLayer(index in CROSS_LAYERS) for index in range(TEXT_LAYERS))
        self.norm = nn.RMSNorm(WIDTH, eps=EPSILON)
        self.output = linear(WIDTH, SIZE, bias=False)
        self.register_buffer("rates", rope_rates(), persistent=False)

    def forward(
        self, tokens: Tensor, places: Tensor, bias: Tensor, sees: Tensor, picture: Tensor, picture_bias: Tensor
    ) -> Tensor:
        """Token ids and positions [batch, n], what is added to the scores of their attention
        [batch, 1, n, n], which tokens see the picture [batch, n, 1], the picture's rows
        [batch, 68, 256] and what is added to their scores [batch, 1, 1, 68], to logits [batch, n, 512]."""
        states = self.embedding(tokens)
        angles = places[:, None, :, None] * self.rates
        turn = torch.stack((angles.cos(), angles.sin()), -1)
        for index, layer in enumerate(self.layers):
            if index in CROSS_LAYERS:
                states = layer.look(states, picture, picture_bias, sees)
            else:
                states = layer(states, turn, bias)
        return self.output(self.norm(states))


class TeachingHeads(nn.Module):
    """Read from the tower what it ought to see; thrown away after training."""

    def __init__(self) -> None:
        super().__init__()
        self.what = linear(WIDTH, 16)
        self.colour = linear(WIDTH, 9)
        self.order = linear(WIDTH, 5)
        self.count = linear(WIDTH, 5)
        self.mask = linear(WIDTH, 49)
        self.geometry = linear(WIDTH, 4)
        self.inside = linear(WIDTH, 1)


class DemoModel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.vision = VisionTower()
        self.teaching = TeachingHeads()
        self.text = TextModel()
