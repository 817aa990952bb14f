"""What training `demo` takes beside the loop: its model, batches, losses and scores."""

from pathlib import Path
from typing import Any

import demo_vocabulary
import mllama_vocabulary
import numpy
import torch
from labelled_scenes import KINDS
from mllama_batches import Conversations, MllamaScenes, Pictures, Talk
from mllama_decoder import DemoModel
from mllama_dimensions import ASPECTS, CANVASES
from torch import Tensor
from torch.nn import functional
from trainer import Losses, answer_loss, told

# One picture of so many is kept for watching the training; the real test uses held-out seeds.
VALIDATION_EVERY = 213
VOCABULARY_SCENES = 20_000
TILES = torch.tensor([0] + [rows * columns for rows, columns in CANVASES])
TABLES = ("position", "tile_position", "pre_tile", "post_tile", "embedding")
assert len(TILES) == ASPECTS


class MllamaCourse:
    def __init__(self, data: Path, tokenizer: Path, tone: str, talk: bool, questions: int) -> None:
        self.scenes = scenes = MllamaScenes(data)
        known = tokenizer.exists()
        tokens = (
            demo_vocabulary.load(tokenizer)
            if known
            else demo_vocabulary.learn(scenes.texts(VOCABULARY_SCENES), tokenizer, mllama_vocabulary.LAYOUT)
        )
        self.talks = Conversations(scenes, tokens, questions) if talk else None
        numbers = scenes.numbers(tone)
        kept = numpy.array([scenes.lines[n]["seed"] % VALIDATION_EVERY == 0 for n in numbers])
        self.validation, self.numbers = numbers[kept].tolist(), numbers[~kept]
        self.model = DemoModel()
        named = list(self.model.named_parameters())
        self.matrices = [p for n, p in named if p.ndim == 2 and not any(table in n for table in TABLES)]

    def losses(self, numbers: list[int], random: numpy.random.Generator) -> Losses:
        pictures = self.scenes.pictures(numbers, random)
        talk = self.talks.make(numbers, random, TILES[pictures.aspects]) if self.talks else None
        return run(self.model, pictures, talk)[0]

    @torch.no_grad()
    def validate(self) -> str:
        self.model.eval()
        right = []
        scores: list[tuple[Any, ...]] = []
        for start in range(0, len(self.validation), 50):
            chosen = self.validation[start : start + 50]
            pictures = self.scenes.pictures(chosen, None)
            tiles = TILES[pictures.aspects]
            talk = self.talks.make(chosen, None, tiles) if self.talks else None
            losses, logits = run(self.model, pictures, talk)
            right.append(losses.right)
            if talk is None or logits is None:
                continue
            hits = logits.argmax(-1) == talk.tokens.roll(-1, 1)
            for row, spans in enumerate(talk.spans):
                labels = (self.scenes.lines[chosen[row]]["detail"], f"tiles{tiles[row]}")
                scores += [(kind, *labels, bool(hits[row, first:last].all())) for kind, first, last in spans]
        self.model.train()
        return told(right, scores, [*KINDS, "tiles1", "tiles2", "tiles3", "tiles4", "auto", "high", "low"])


def run(model: DemoModel, pictures: Pictures, talk: Talk | None) -> tuple[Losses, Tensor | None]:
    with torch.autocast("cpu", torch.bfloat16):
        early, projected = model.vision(pictures.patches, pictures.aspects)
        rows = projected.unflatten(1, (4, -1))[:, :, 1:].flatten(1, 2)
        taught, right = teaching_loss(model, pictures, early, rows)
        if talk is None:
            return Losses(taught, taught, right), None
        logits = model.text(talk.tokens, talk.places, talk.bias, talk.sees, projected, talk.picture_bias)
    targets = talk.tokens.roll(-1, 1).clamp(max=demo_vocabulary.SIZE - 1)
    whole = answer_loss(logits, targets, talk.weights) + 0.5 * taught
    return Losses(whole, taught, right), logits


def teaching_loss(model: DemoModel, pictures: Pictures, early: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """The loss of the teaching heads, and the parts right [what, colour, order, count] (patches of objects)."""
    heads, real = model.teaching, pictures.real
    mask = functional.binary_cross_entropy_with_logits(heads.mask(early).float(), pictures.masks, reduction="none")
    inside = functional.binary_cross_entropy_with_logits(
        heads.inside(rows).float().squeeze(-1), pictures.inside, reduction="none"
    )
    of_object = pictures.labels[2] > 0
    geometry = functional.smooth_l1_loss(heads.geometry(rows).float()[of_object], pictures.geometry[of_object])
    losses = [(mask.mean(-1) * real).sum() / real.sum(), 0.3 * (inside * real).sum() / real.sum(), geometry]
    # Most patches are background: they count less, or the heads would answer nothing else.
    weights = torch.where(of_object, 1.0, 0.15) * real
    right = []
    for head, labels in zip((heads.what, heads.colour, heads.order), pictures.labels, strict=True):
        logits = head(rows).float()
        each = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
        losses.append((each * weights.flatten()).sum() / weights.sum())
        right.append((logits.argmax(-1) == labels)[of_object].float().mean())
    mean = (rows * real[..., None]).sum(1) / real.sum(1, keepdim=True)
    counts = heads.count(mean).float()
    losses.append(0.5 * functional.cross_entropy(counts, pictures.counts))
    right.append((counts.argmax(-1) == pictures.counts).float().mean())
    return torch.stack(losses).sum(), torch.stack(right).detach()
