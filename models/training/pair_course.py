"""What training `demo-mmproj` takes beside the loop: its model, batches, losses and scores."""

from pathlib import Path

import demo_vocabulary
import numpy
import pair_vocabulary
import torch
from labelled_scenes import KINDS
from pair_batches import Batch, Batches, PairScenes
from pair_model import DemoModel
from torch import Tensor
from torch.nn import functional
from trainer import Losses, answer_loss, told

VALIDATION_SCENES = 400


class PairCourse:
    def __init__(self, data: Path, tokenizer: Path, tone: str, talk: bool, questions: int) -> None:
        scenes = PairScenes(data)
        known = tokenizer.exists()
        tokens = (
            demo_vocabulary.load(tokenizer)
            if known
            else demo_vocabulary.learn(scenes.texts(), tokenizer, pair_vocabulary.LAYOUT)
        )
        self.talk = talk
        self.batches = Batches(scenes, tokens, questions)
        # The last pictures drawn are kept for watching the training; the real test uses held-out seeds.
        self.numbers, self.validation = numpy.split(scenes.numbers(tone), [-VALIDATION_SCENES])
        self.model = DemoModel(demo_vocabulary.SIZE)
        named = list(self.model.named_parameters())
        self.matrices = [p for n, p in named if p.ndim == 2 and "position" not in n and "embedding" not in n]

    def losses(self, numbers: list[int], random: numpy.random.Generator) -> Losses:
        return run(self.model, self.batches.make(numbers, random), self.talk)[0]

    @torch.no_grad()
    def validate(self) -> str:
        self.model.eval()
        right, scores = [], []
        for start in range(0, len(self.validation), 50):
            batch = self.batches.make(self.validation[start : start + 50].tolist(), None)
            losses, logits = run(self.model, batch, self.talk)
            right.append(losses.right)
            if logits is not None:
                scores += answers_right(logits, batch)
        self.model.train()
        return told(right, scores, KINDS)


def run(model: DemoModel, batch: Batch, talk: bool) -> tuple[Losses, Tensor | None]:
    with torch.autocast("cpu", torch.bfloat16):
        early, states, projected = model.vision(batch.pictures)
        taught, right = teaching_loss(model, batch, early, states)
        if not talk:
            return Losses(taught, taught, right), None
        logits = model.text(batch.before, projected, batch.after, batch.places, batch.visible)
    whole = answer_loss(logits, batch.after.roll(-1, 1), batch.weights) + 0.5 * taught
    return Losses(whole, taught, right), logits


def teaching_loss(model: DemoModel, batch: Batch, early: Tensor, states: Tensor) -> tuple[Tensor, Tensor]:
    """The loss of the teaching heads, and the parts right [what, colour, order, count] (patches of objects)."""
    heads = model.teaching
    mask = functional.binary_cross_entropy_with_logits(heads.mask(early).float(), batch.masks)
    inside = batch.labels[2] > 0
    # Most patches are background: they count less, or the heads would answer nothing else.
    weights = torch.where(inside, 1.0, 0.15)
    geometry = functional.smooth_l1_loss(heads.geometry(states).float()[inside], batch.geometry[inside])
    losses, right = [mask, geometry], []
    for head, labels in zip((heads.what, heads.colour, heads.order), batch.labels, strict=True):
        logits = head(states).float()
        each = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
        losses.append((each * weights.flatten()).sum() / weights.sum())
        right.append((logits.argmax(-1) == labels)[inside].float().mean())
    counts = heads.count(states.mean(1)).float()
    losses.append(0.5 * functional.cross_entropy(counts, batch.counts))
    right.append((counts.argmax(-1) == batch.counts).float().mean())
    return torch.stack(losses).sum(), torch.stack(right).detach()


def answers_right(logits: Tensor, batch: Batch) -> list[tuple[str, bool]]:
    """For each question its kind and whether all of the answer is right, exactly as greedy decoding would be."""
    hits = logits.argmax(-1) == batch.after.roll(-1, 1)
    return [
        (kind, bool(hits[row, first:last].all()))
        for row, spans in enumerate(batch.spans)
        for kind, first, last in spans
    ]
