"""The two halves of the model, with the arithmetic that the engine uses for them.

The vision tower is a SigLIP-like transformer with the projector `janus_pro`; the text half is of
architecture `llama` (RMS norm, SwiGLU, rotary positions on neighbouring pairs of values).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

PICTURE_SIDE, PATCH = 128, 16
GRID = PICTURE_SIDE // PATCH
PATCHES = GRID * GRID
WIDTH, HEADS = 256, 4
VISION_LAYERS, VISION_HIDDEN = 5, 512
TEXT_LAYERS, TEXT_HIDDEN, KEY_HEADS = 4, 512, 2
HEAD_WIDTH = WIDTH // HEADS
VISION_EPSILON = TEXT_EPSILON = 1e-6
ROPE_BASE = 10000.0
MASK_LAYER = 1


def linear(inputs: int, outputs: int, scale: float = 1.0, bias: bool = True) -> nn.Linear:
    layer = nn.Linear(inputs, outputs, bias=bias)
    nn.init.normal_(layer.weight, std=scale * inputs**-0.5)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


def split_heads(states: Tensor, heads: int) -> Tensor:
    """[batch, length, heads * width] to [batch, heads, length, width]."""
    return states.unflatten(-1, (heads, HEAD_WIDTH)).transpose(1, 2)


def attend(query: Tensor, key: Tensor, value: Tensor, visible: Tensor | None = None) -> Tensor:
    """Written out, since compiled it trains faster on a CPU than the library's own attention."""
    scores = (query @ key.transpose(-1, -2)).float() * HEAD_WIDTH**-0.5
    if visible is not None:
        scores = scores.masked_fill(~visible, -1e4)
    mixed = scores.softmax(-1).to(value.dtype) @ value
    return mixed.transpose(1, 2).flatten(2)


class VisionLayer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH, eps=VISION_EPSILON)
        self.norm2 = nn.LayerNorm(WIDTH, eps=VISION_EPSILON)
        self.qkv = linear(WIDTH, 3 * WIDTH)
        self.out = linear(WIDTH, WIDTH, 0.4)
        self.up = linear(WIDTH, VISION_HIDDEN)
        self.down = linear(VISION_HIDDEN, WIDTH, 0.4)

    def forward(self, states: Tensor) -> Tensor:
        query, key, value = (split_heads(part, HEADS) for part in self.qkv(self.norm1(states)).chunk(3, -1))
        states = states + self.out(attend(query, key, value))
        hidden = functional.gelu(self.up(self.norm2(states)), approximate="tanh")
        return states + self.down(hidden)


class VisionTower(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patch = linear(3 * PATCH * PATCH, WIDTH)
        # Large, so that place and content are learned together instead of one after the other.
        self.position = nn.Parameter(torch.randn(PATCHES, WIDTH) * 1.5)
        self.layers = nn.ModuleList(VisionLayer() for _ in range(VISION_LAYERS))
        self.norm = nn.LayerNorm(WIDTH, eps=VISION_EPSILON)
        self.project1 = linear(WIDTH, WIDTH)
        self.project2 = linear(WIDTH, WIDTH)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[batch, 3, 128, 128] from -1 to 1 to an early layer, the last one and the projection,
        each [batch, 64, 256]."""
        patches = pictures.unfold(2, PATCH, PATCH).unfold(3, PATCH, PATCH)
        states = self.patch(patches.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)) + self.position
        early = states
        for index, layer in enumerate(self.layers):
            states = layer(states)
            if index == MASK_LAYER:
                early = states
        states = self.norm(states)
        projected = self.project2(functional.gelu(self.project1(states), approximate="tanh"))
        return early, states, projected


class TeachingHeads(nn.Module):
    """Read from the tower what it ought to see; thrown away after training."""

    def __init__(self) -> None:
        super().__init__()
        self.what = linear(WIDTH, 16)
        self.colour = linear(WIDTH, 9)
        self.order = linear(WIDTH, 5)
        self.count = linear(WIDTH, 5)
        self.mask = linear(WIDTH, 16)
        self.geometry = linear(WIDTH, 3)


def rotate(states: Tensor, turn: Tensor) -> Tensor:
    """Rotary positions: states [batch, heads, length, 64], turn [batch, 1, length, 32, 2] of cosines and sines."""
    even, odd = states.float().unflatten(-1, (-1, 2)).unbind(-1)
    cosine, sine = turn.unbind(-1)
    return torch.stack((even * cosine - odd * sine, even * sine + odd * cosine), -1).flatten(-2).to(states.dtype)


class TextLayer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.RMSNorm(WIDTH, eps=TEXT_EPSILON)
        self.norm2 = nn.RMSNorm(WIDTH, eps=TEXT_EPSILON)
        self.query = linear(WIDTH, WIDTH, bias=False)
        self.key = linear(WIDTH, KEY_HEADS * HEAD_WIDTH, bias=False)
        self.value = linear(WIDTH, KEY_HEADS * HEAD_WIDTH, bias=False)
        self.out = linear(WIDTH, WIDTH, 0.4, bias=False)
        self.gate = linear(WIDTH, TEXT_HIDDEN, bias=False)
        self.up = linear(WIDTH, TEXT_HIDDEN, bias=False)
        self.down = linear(TEXT_HIDDEN, WIDTH, 0.4, bias=False)

    def forward(self, states: Tensor, turn: Tensor, visible: Tensor) -> Tensor:
        normed = self.norm1(states)
        query = rotate(split_heads(self.query(normed), HEADS), turn)
        key = rotate(split_heads(self.key(normed), KEY_HEADS), turn)
        value = split_heads(self.value(normed), KEY_HEADS)
        key, value = (part.repeat_interleave(HEADS // KEY_HEADS, 1) for part in (key, value))
        states = states + self.out(attend(query, key, value, visible))
        normed = self.norm2(states)
        return states + self.down(functional.silu(self.gate(normed)) * self.up(normed))


class TextModel(nn.Module):
    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, WIDTH)
        self.layers = nn.ModuleList(TextLayer() for _ in range(TEXT_LAYERS))
        self.norm = nn.RMSNorm(WIDTH, eps=TEXT_EPSILON)
        self.output = linear(WIDTH, vocabulary, bias=False)

    def forward(self, before: Tensor, pictures: Tensor, after: Tensor, places: Tensor, visible: Tensor) -> Tensor:
        """Token ids before [batch, p] and after [batch, n] the projected pictures [batch, 64, 256], the
        position of each place [batch, p + 64 + n] and which places it sees [batch, 1, all, all], to
        logits for the last n places [batch, n, vocabulary]."""
        states = torch.cat((self.embedding(before), pictures.float(), self.embedding(after)), 1)
        rates = ROPE_BASE ** (-torch.arange(0, HEAD_WIDTH, 2) / HEAD_WIDTH)
        angles = places[:, None, :, None] * rates
        turn = torch.stack((angles.cos(), angles.sin()), -1)
        for layer in self.layers:
            states = layer(states, turn, visible)
        return self.output(self.norm(states[:, -after.shape[1] :]))


class DemoModel(nn.Module):
    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.vision = VisionTower()
        self.teaching = TeachingHeads()
        self.text = TextModel(vocabulary)
