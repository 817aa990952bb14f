"""The vision half: tiles, gated embeddings, local and global layers, projector.

Absent tiles take part in attention, as they do in the real model: the reference computes four tiles of
24 rows, of which 7 fill the tile up. Those 7 are the same in a tile, so one row stands for them here, and
its key counts 7 times.
"""

import math

import torch
from mllama_dimensions import (
    ASPECTS,
    CANVASES,
    EPSILON,
    FILLING,
    GLOBAL_LAYERS,
    GRID,
    HEAD_WIDTH,
    HEADS,
    INTERMEDIATE,
    LOCAL_LAYERS,
    MASK_LAYER,
    MOST_TILES,
    PATCH,
    PICTURE_ROWS,
    ROWS,
    VISION_HIDDEN,
    WIDTH,
)
from pair_model import linear, split_heads
from torch import Tensor, nn
from torch.nn import functional

HIDDEN_KEY = -1e4


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
    """Written out, since compiled it trains faster on a CPU than the library's own attention."""
    scores = (query @ key.transpose(-1, -2)).float() * HEAD_WIDTH**-0.5 + bias
    return (scores.softmax(-1).to(value.dtype) @ value).transpose(1, 2).flatten(2)


def gate(value: float) -> nn.Parameter:
    return nn.Parameter(torch.tensor([value]))


def attention_bias() -> Tensor:
    """[5, 72, 72]: what is added to the scores, by the number of real tiles. Padding does not see padding."""
    tables = torch.zeros(MOST_TILES + 1, PICTURE_ROWS + MOST_TILES, PICTURE_ROWS + MOST_TILES)
    tables[:, :, PICTURE_ROWS:] = math.log(FILLING)
    for tiles in range(MOST_TILES + 1):
        tables[tiles, tiles * ROWS :, tiles * ROWS :] = HIDDEN_KEY
    return tables


def present_tiles() -> Tensor:
    """[9, 4]: 1 where a canvas has the tile. Rows of absent tiles are zero in every released model."""
    counts = torch.tensor([0] + [rows * columns for rows, columns in CANVASES])
    return (torch.arange(MOST_TILES) < counts[:, None]).float()


def place_waves() -> Tensor:
    """[9, 4, 17, 256]: waves over the whole canvas, so that neighbours are neighbours across tiles too."""
    rates = torch.logspace(math.log10(0.15), math.log10(2.6), WIDTH // 4)
    waves = torch.zeros(ASPECTS, MOST_TILES, ROWS, WIDTH)
    inside = torch.arange(ROWS - 1)
    for aspect, (rows, columns) in enumerate(CANVASES, 1):
        for tile in range(rows * columns):
            down = (tile // columns * GRID + inside // GRID)[:, None] * rates
            across = (tile % columns * GRID + inside % GRID)[:, None] * rates
            waves[aspect, tile, 1:] = torch.cat((down.sin(), down.cos(), across.sin(), across.cos()), -1)
    return waves


class VisionLayer(nn.Module):
    def __init__(self, gated: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.norm2 = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.qkv = linear(WIDTH, 3 * WIDTH, bias=False)
        self.out = linear(WIDTH, WIDTH, 0.4, bias=False)
        self.up = linear(WIDTH, VISION_HIDDEN)
        self.down = linear(VISION_HIDDEN, WIDTH, 0.4)
        self.gate1 = gate(0.9) if gated else None
        self.gate2 = gate(0.9) if gated else None

    def forward(self, states: Tensor, bias: Tensor) -> Tensor:
        query, key, value = (split_heads(part, HEADS) for part in self.qkv(self.norm1(states)).chunk(3, -1))
        attended = self.out(attend(query, key, value, bias))
        states = states + (attended if self.gate1 is None else self.gate1.tanh() * attended)
        hidden = self.down(functional.gelu(self.up(self.norm2(states))))
        return states + (hidden if self.gate2 is None else self.gate2.tanh() * hidden)


class VisionTower(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patch = linear(3 * PATCH * PATCH, WIDTH, bias=False)
        self.class_row = nn.Parameter(torch.randn(WIDTH))
        # Large, so that place and content are learned together instead of one after the other.
        self.position = nn.Parameter(torch.randn(ROWS, WIDTH))
        self.tile_position = nn.Parameter((4.0 * place_waves()).flatten(1))
        self.pre_tile = nn.Parameter(torch.randn(ASPECTS, MOST_TILES * WIDTH))
        self.post_tile = nn.Parameter(torch.randn(ASPECTS, MOST_TILES * WIDTH))
        self.position_gate, self.pre_gate, self.post_gate = gate(0.55), gate(0.5), gate(0.4)
        self.norm_pre = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.norm_post = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.local_layers = nn.ModuleList(VisionLayer(False) for _ in range(LOCAL_LAYERS))
        self.global_layers = nn.ModuleList(VisionLayer(True) for _ in range(GLOBAL_LAYERS))
        self.project = linear((1 + len(INTERMEDIATE)) * WIDTH, WIDTH)
        self.register_buffer("bias", attention_bias(), persistent=False)
        self.register_buffer("present", present_tiles(), persistent=False)

    def table(self, table: Tensor) -> Tensor:
        """[9, 4 * n] to [9, 4, n], with zeros for absent tiles."""
        return table.unflatten(1, (MOST_TILES, -1)) * self.present[:, :, None]

    def forward(self, patches: Tensor, aspects: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised patches [batch, 4, 16, 588] and aspect ids [batch] to an early layer's patches
        [batch, 64, 256] and the projected rows [batch, 68, 256]."""
        batch = len(patches)
        rows = self.patch(patches).float() + self.pre_gate.tanh() * self.table(self.pre_tile)[aspects][:, :, None]
        rows = torch.cat((self.class_row.expand(batch, MOST_TILES, 1, WIDTH), rows), 2)
        place = self.position_gate.tanh()
        rows = rows + (1 - place) * self.position
        rows = rows + place * self.table(self.tile_position)[aspects].unflatten(2, (ROWS, WIDTH))
        rows = self.norm_pre(rows).flatten(1, 2)
        states = torch.cat((rows, rows.new_zeros(batch, MOST_TILES, WIDTH)), 1)
        bias = self.bias[self.present.sum(1).long()[aspects]][:, None]
        kept, early = [], states
        for index, layer in enumerate(self.local_layers):
            if index in INTERMEDIATE:
                kept.append(states[:, :PICTURE_ROWS])
            if index == MASK_LAYER:
                early = states
            states = layer(states, bias)
        post = self.post_gate.tanh() * self.table(self.post_tile)[aspects]
        states = self.norm_post(states) + torch.cat((post.repeat_interleave(ROWS, 1), post), 1)
        for layer in self.global_layers:
            states = layer(states, bias)
        states = torch.cat((states[:, :PICTURE_ROWS], torch.stack(kept, -1).flatten(-2)), -1)
        return patch_rows(early), self.project(states)


def patch_rows(states: Tensor) -> Tensor:
    """[batch, 68 or more, width] to the rows of patches [batch, 64, width]."""
    return states[:, :PICTURE_ROWS].unflatten(1, (MOST_TILES, ROWS))[:, :, 1:].flatten(1, 2)
