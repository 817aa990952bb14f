"""The drawn pictures with their labels, and batches of them."""

from dataclasses import dataclass
from pathlib import Path

import numpy
import pair_vocabulary
import torch
from labelled_scenes import LabelledScenes, object_labels, shape_count
from pair_model import GRID, PATCHES, PICTURE_SIDE
from tokenizers import Tokenizer
from torch import Tensor

MASK_SIDE = 32
PADDING = 127
# Places for questions and answers after the picture; one length only, so that compiling happens once.
LENGTH = 128
# A patch belongs to an object that covers at least this many of its 16 mask cells.
LEAST_COVER = 2


@dataclass
class Batch:
    pictures: Tensor
    """[batch, 3, 128, 128], -1 to 1."""
    masks: Tensor
    """[batch, 64, 16]: 1 where an object covers the cell of the patch."""
    labels: Tensor
    """[3, batch, 64]: what, colour and order (0 for the background) of each patch."""
    geometry: Tensor
    """[batch, 64, 3]: right and down from each patch to its object's middle, and its size, in patches."""
    counts: Tensor
    """[batch]: 0 for a digit, else the number of shapes."""
    before: Tensor
    after: Tensor
    places: Tensor
    visible: Tensor
    weights: Tensor
    """[batch, n]: how much the token after each place counts in the loss; 0 but for answers."""
    spans: list[list[tuple[str, int, int]]]
    """For each picture its questions' kind and the range of places whose next tokens are the answer."""


class PairScenes(LabelledScenes):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder, {"pixels": (PICTURE_SIDE, PICTURE_SIDE, 3), "masks": (MASK_SIDE, MASK_SIDE)})

    def pictures(self, numbers: list[int], moves: numpy.ndarray, random: numpy.random.Generator | None) -> Tensor:
        raw = numpy.stack([self.of("pixels", n) for n in numbers])
        raw = move(raw, moves * PICTURE_SIDE // MASK_SIDE, PADDING)
        pictures = torch.from_numpy(raw).permute(0, 3, 1, 2).float() / 127.5 - 1
        if random is None:
            return pictures
        # Brightness and contrast: cheap variety beyond what was drawn.
        gain = torch.from_numpy(random.uniform(0.9, 1.08, (len(numbers), 1, 1, 1)).astype("float32"))
        shift = torch.from_numpy(random.uniform(-0.06, 0.06, (len(numbers), 1, 1, 1)).astype("float32"))
        return (pictures * gain + shift).clamp_(-1, 1)

    def patch_labels(self, numbers: list[int], moves: numpy.ndarray) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Masks, labels, geometry and counts, as a batch holds them."""
        raw = numpy.stack([self.of("masks", n) for n in numbers])
        raw = move(raw, moves, 0)
        cells = raw.reshape(-1, GRID, 4, GRID, 4).transpose(0, 1, 3, 2, 4).reshape(-1, PATCHES, 16)
        cover = numpy.stack([(cells == index).sum(-1) for index in range(1, 5)], -1)
        order = numpy.where(cover.max(-1) >= LEAST_COVER, cover.argmax(-1) + 1, 0)
        tables = numpy.stack([object_labels(self.lines[n]) for n in numbers], 1)
        counts = numpy.array([shape_count(self.lines[n]) for n in numbers])
        rows = numpy.arange(len(numbers))[:, None]
        labels = numpy.stack([tables[0][rows, order], tables[1][rows, order], order])
        geometry = object_geometry(raw)[rows, order]
        columns, lines = numpy.meshgrid(numpy.arange(GRID) + 0.5, numpy.arange(GRID) + 0.5)
        geometry[..., 0] -= columns.reshape(-1)
        geometry[..., 1] -= lines.reshape(-1)
        parts = ((cells > 0).astype("float32"), labels, geometry, counts)
        masks, labels, geometry, counts = (torch.from_numpy(part) for part in parts)
        return masks, labels, geometry, counts


def move(squares: numpy.ndarray, moves: numpy.ndarray, fill: int) -> numpy.ndarray:
    """Moves each square [batch, side, side, ...] down and right by its own whole steps [batch, 2]."""
    side = squares.shape[1]
    moved = numpy.full_like(squares, fill)
    for row, (down, right) in enumerate(moves):
        source = squares[row, max(0, -down) : side - max(0, down), max(0, -right) : side - max(0, right)]
        moved[row, max(0, down) : side - max(0, -down), max(0, right) : side - max(0, -right)] = source
    return moved


def object_geometry(masks: numpy.ndarray) -> numpy.ndarray:
    """Middle (right, down) and size of each object, in patches: [batch, 32, 32] to [batch, 5, 3]."""
    middles = (numpy.arange(MASK_SIDE, dtype="float32") + 0.5) * GRID / MASK_SIDE
    geometry = numpy.zeros((len(masks), 5, 3), "float32")
    for index in range(1, 5):
        inside = masks == index
        area = numpy.maximum(inside.sum((1, 2)), 1)
        geometry[:, index, 0] = (inside.sum(1) * middles).sum(1) / area
        geometry[:, index, 1] = (inside.sum(2) * middles).sum(1) / area
        geometry[:, index, 2] = numpy.sqrt(area) * GRID / MASK_SIDE
    return geometry


class Batches:
    """Batches in which one picture carries several questions: each question sees the picture and itself."""

    def __init__(self, scenes: PairScenes, tokenizer: Tokenizer, questions: int) -> None:
        self.scenes, self.tokenizer, self.questions = scenes, tokenizer, questions
        self.before = tokenizer.encode(pair_vocabulary.BEFORE_PICTURE).ids
        self.between = tokenizer.encode(pair_vocabulary.BEFORE_ANSWER).ids
        self.end = tokenizer.token_to_id(pair_vocabulary.END)
        self.known: dict[str, list[int]] = {}

    def encode(self, text: str) -> list[int]:
        if text not in self.known:
            self.known[text] = self.tokenizer.encode(text).ids
        return self.known[text]

    def make(self, numbers: list[int], random: numpy.random.Generator | None) -> Batch:
        """With a random generator for training (any questions, changed pictures), else the first questions."""
        rows, spans = [], []
        for n in numbers:
            asked = self.scenes.lines[n]["questions"]
            chosen = random.choice(len(asked), self.questions, replace=False) if random else range(self.questions)
            parts, span, start = [], [], 0
            for index in chosen:
                question = [*self.encode(asked[index]["question"]), *self.between]
                answer = [*self.encode(asked[index]["answer"]), self.end]
                if start + len(question) + len(answer) > LENGTH:
                    continue
                parts.append((question, answer))
                span.append((asked[index]["kind"], start + len(question) - 1, start + len(question) + len(answer) - 1))
                start += len(question) + len(answer)
            rows.append(parts)
            spans.append(span)
        prefix = len(self.before) + PATCHES
        after = torch.zeros(len(rows), LENGTH, dtype=torch.long)
        segment = torch.zeros(len(rows), prefix + LENGTH, dtype=torch.int8)
        places = torch.arange(prefix + LENGTH).repeat(len(rows), 1)
        weights = torch.zeros(len(rows), LENGTH)
        for row, parts in enumerate(rows):
            start = 0
            for number, (question, answer) in enumerate(parts, 1):
                ids = question + answer
                after[row, start : start + len(ids)] = torch.tensor(ids)
                segment[row, prefix + start : prefix + start + len(ids)] = number
                places[row, prefix + start : prefix + start + len(ids)] = prefix + torch.arange(len(ids))
                first = start + len(question) - 1
                # Between one vote a token and one vote an answer: sentences must not drown single words.
                weights[row, first : first + len(answer)] = len(answer) ** -0.5
                start += len(ids)
            segment[row, prefix + start :] = -1
        causal = torch.ones(prefix + LENGTH, prefix + LENGTH, dtype=torch.bool).tril()
        same = (segment[:, None, :] == segment[:, :, None]) | (segment[:, None, :] == 0)
        # Objects must be known however the patches cut them: most pictures move by up to one mask cell.
        moves = random.integers(-1, 2, (len(rows), 2)) if random else numpy.zeros((len(rows), 2), "int64")
        masks, labels, geometry, counts = self.scenes.patch_labels(numbers, moves)
        before = torch.tensor(self.before).repeat(len(rows), 1)
        pictures = self.scenes.pictures(numbers, moves, random)
        visible = (causal & same)[:, None]
        return Batch(pictures, masks, labels, geometry, counts, before, after, places, visible, weights, spans)
