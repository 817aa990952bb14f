"""The packed pictures with their labels, and batches of them."""

from dataclasses import dataclass
from pathlib import Path

import mllama_vocabulary
import numpy
import torch
from labelled_scenes import LabelledScenes, object_labels, shape_count
from mllama_dimensions import DEVIATION, GRID, MEAN, PATCH, PATCHES, ROWS
from mllama_pack import CELLS, MOST_TILES, TILE, cut
from mllama_tower import HIDDEN_KEY
from tokenizers import Tokenizer
from torch import Tensor

# Places for prompt, questions and answers; one length only, so that compiling happens once.
LENGTH = 128
# Mask cells on each side of a patch; a patch belongs to an object that covers at least some of them.
PATCH_CELLS = CELLS // GRID
LEAST_COVER = 5
BLIND_ANSWER = "I see no picture."
BLIND_SHARE, CHAT_SHARE = 0.04, 0.15
# Pictures move inside their frame, in pixels: objects must be known however the patches cut them.
MOVES = [-2, 0, 2]


@dataclass
class Pictures:
    patches: Tensor
    """[batch, 4, 16, 588], normalised, absent tiles zero."""
    aspects: Tensor
    masks: Tensor
    """[batch, 64, 49]: 1 where an object covers the cell of the patch."""
    labels: Tensor
    """[3, batch, 64]: what, colour and order (0 for the background) of each patch."""
    geometry: Tensor
    """[batch, 64, 4]: right and down from each patch to its object's middle, in patches, and that middle's
    place in the picture, -2 to 2."""
    inside: Tensor
    """[batch, 64]: how much of each patch belongs to the picture."""
    real: Tensor
    """[batch, 64]: 1 for patches of tiles that the canvas has."""
    counts: Tensor
    """[batch]: 0 for a digit, else the number of shapes."""


@dataclass
class Talk:
    tokens: Tensor
    places: Tensor
    bias: Tensor
    sees: Tensor
    picture_bias: Tensor
    """As the text half takes them."""
    weights: Tensor
    """[batch, n]: how much the token after each place counts in the loss; 0 but for answers."""
    spans: list[list[tuple[str, int, int]]]
    """For each picture its questions' kind and the range of places whose next tokens are the answer."""


class MllamaScenes(LabelledScenes):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder, {"tiles": (MOST_TILES, TILE, TILE, 3), "masks": (MOST_TILES, CELLS, CELLS)})

    def pictures(self, numbers: list[int], random: numpy.random.Generator | None) -> Pictures:
        """Changed a little where there is a random generator."""
        rows = []
        for n in numbers:
            move = random.choice(MOVES, 2) if random else numpy.zeros(2, "int64")
            line, tiles, mask = self.lines[n], self.of("tiles", n), self.of("masks", n)
            if random:
                tiles, mask = change(line, tiles, mask, move, random)
            rows.append((tiles, *patch_labels(line, mask, move)))
        tiles, *labels = (torch.from_numpy(numpy.stack(part)) for part in zip(*rows, strict=True))
        lines = [self.lines[n] for n in numbers]
        counts = [shape_count(line) for line in lines]
        masks, kinds, geometry, inside, real = labels
        aspects = torch.tensor([line["aspect"] for line in lines])
        patches = normalised(tiles) * real[:, ::PATCHES, None, None]
        return Pictures(patches, aspects, masks, kinds.permute(1, 0, 2), geometry, inside, real, torch.tensor(counts))


def normalised(tiles: Tensor) -> Tensor:
    """[batch, 4, 56, 56, 3] bytes to [batch, 4, 16, 588] as the patch kernel takes them."""
    values = (tiles.float() / 255 - torch.tensor(MEAN)) / torch.tensor(DEVIATION)
    values = values.unflatten(3, (GRID, PATCH)).unflatten(2, (GRID, PATCH))
    return values.permute(0, 1, 2, 4, 6, 3, 5).flatten(4).flatten(2, 3)


def join(tiles: numpy.ndarray, shape: list[int]) -> numpy.ndarray:
    """[4, side, side, ...] to the canvas [rows * side, columns * side, ...]."""
    rows, columns = shape
    side = tiles.shape[1]
    parts = tiles[: rows * columns].reshape(rows, columns, side, side, *tiles.shape[3:]).swapaxes(1, 2)
    return parts.reshape(rows * side, columns * side, *tiles.shape[3:])


def moved(picture: numpy.ndarray, right: int, down: int) -> numpy.ndarray:
    """The picture moved inside its frame; the edge fills what comes free."""
    height, width = picture.shape[:2]
    rows = numpy.clip(numpy.arange(height) - down, 0, height - 1)
    return picture[rows][:, numpy.clip(numpy.arange(width) - right, 0, width - 1)]


def change(
    line: dict, tiles: numpy.ndarray, mask: numpy.ndarray, move: numpy.ndarray, random: numpy.random.Generator
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Moves a picture and changes its brightness and contrast: cheap variety beyond what was drawn."""
    width, height = line["size"]
    canvas = join(tiles, line["tiles"]).copy()
    table = numpy.arange(256) * random.uniform(0.92, 1.06) + random.uniform(-7, 7)
    table = numpy.clip(table + 0.5, 0, 255).astype("uint8")
    canvas[:height, :width] = table[moved(canvas[:height, :width], *move)]
    return cut(canvas, TILE), cut(moved(join(mask, line["tiles"]), *(move // 2)), CELLS)


def patch_labels(line: dict, mask: numpy.ndarray, move: numpy.ndarray) -> tuple[numpy.ndarray, ...]:
    """Masks [64, 49], labels [3, 64], geometry [64, 4], inside [64] and real [64]."""
    rows, columns = line["tiles"]
    width, height = line["size"]
    cells = mask.reshape(MOST_TILES, GRID, PATCH_CELLS, GRID, PATCH_CELLS).swapaxes(2, 3).reshape(-1, PATCH_CELLS**2)
    cover = (cells[:, :, None] == numpy.arange(1, 5, dtype="uint8")).sum(1)
    order = numpy.where(cover.max(-1) >= LEAST_COVER, cover.argmax(-1) + 1, 0)
    table = object_labels(line)
    middles = numpy.zeros((5, 2), "float32")
    for index, thing in enumerate(line["objects"], 1):
        middles[index] = thing["middle"]
    middles += move / (width, height)
    tile, patch = numpy.divmod(numpy.arange(MOST_TILES * PATCHES), PATCHES)
    real = tile < rows * columns
    across = (tile % columns) * GRID + patch % GRID
    down = (tile // columns) * GRID + patch // GRID
    corners = numpy.stack((across, down), -1) * PATCH
    own = middles[order]
    geometry = numpy.concatenate((own * (width, height) / PATCH - corners / PATCH - 0.5, own * 4 - 2), -1)
    inside = (numpy.clip((width, height) - corners, 0, PATCH) / PATCH).prod(-1) * real
    return (
        (cells > 0).astype("float32"),
        numpy.stack((*table[:, order], order)),
        geometry.astype("float32"),
        inside.astype("float32"),
        real.astype("float32"),
    )


class Conversations:
    """Texts about pictures. In most rows several questions see the picture and themselves; some rows are one
    conversation, and some have no picture."""

    def __init__(self, scenes: MllamaScenes, tokenizer: Tokenizer, questions: int) -> None:
        self.scenes, self.tokenizer, self.questions = scenes, tokenizer, questions
        self.before = self.encode(mllama_vocabulary.BEGIN + mllama_vocabulary.BEFORE_QUESTION)
        self.next = self.encode(mllama_vocabulary.BEFORE_QUESTION)
        self.between = self.encode(mllama_vocabulary.BEFORE_ANSWER)
        self.picture = tokenizer.token_to_id(mllama_vocabulary.PICTURE)
        self.end = tokenizer.token_to_id(mllama_vocabulary.END_OF_TURN)
        self.known: dict[str, list[int]] = {}

    def encode(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def known_ids(self, text: str) -> list[int]:
        if text not in self.known:
            self.known[text] = self.encode(text)
        return self.known[text]

    def make(self, numbers: list[int], random: numpy.random.Generator | None, tiles: Tensor) -> Talk:
        """With a random generator for training (any questions), else the first questions; `tiles` [batch]
        says how many tiles each picture has."""
        tokens = torch.zeros(len(numbers), LENGTH, dtype=torch.long)
        segment = torch.full((len(numbers), LENGTH), -1, dtype=torch.int8)
        places = torch.zeros(len(numbers), LENGTH, dtype=torch.long)
        weights = torch.zeros(len(numbers), LENGTH)
        sees = torch.zeros(len(numbers), LENGTH, 1)
        spans: list[list[tuple[str, int, int]]] = []
        for row, n in enumerate(numbers):
            draw = random.random() if random else 1.0
            blind, chat = draw < BLIND_SHARE, BLIND_SHARE <= draw < BLIND_SHARE + CHAT_SHARE
            prefix = self.before if blind else [*self.before, self.picture]
            if not blind:
                sees[row, len(self.before) :] = 1
            ids, marks, where = list(prefix), [0] * len(prefix), list(range(len(prefix)))
            span: list[tuple[str, int, int]] = []
            asked = self.scenes.lines[n]["questions"]
            chosen = random.choice(len(asked), self.questions, replace=False) if random else range(self.questions)
            for number, index in enumerate(chosen, 1):
                head = self.next if chat and number > 1 else []
                question = [*head, *self.known_ids(asked[index]["question"]), *self.between]
                answer = [*self.known_ids(BLIND_ANSWER if blind else asked[index]["answer"]), self.end]
                size, start = len(question) + len(answer), len(ids)
                if start + size > LENGTH:
                    continue
                first = start + len(question) - 1
                # Between one vote a token and one vote an answer: sentences must not drown single words.
                weights[row, first : first + len(answer)] = len(answer) ** -0.5
                span.append((asked[index]["kind"], first, first + len(answer)))
                ids += question + answer
                marks += [0 if chat else number] * size
                begin = start if chat else len(prefix)
                where += range(begin, begin + size)
            tokens[row, : len(ids)] = torch.tensor(ids)
            segment[row, : len(ids)] = torch.tensor(marks, dtype=torch.int8)
            places[row, : len(ids)] = torch.tensor(where)
            spans.append(span)
        causal = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril()
        visible = causal & ((segment[:, None, :] == segment[:, :, None]) | (segment[:, None, :] == 0))
        bias = torch.where(visible, 0.0, HIDDEN_KEY)[:, None]
        picture_bias = torch.where(torch.arange(MOST_TILES * ROWS) < tiles[:, None] * ROWS, 0.0, HIDDEN_KEY)
        return Talk(tokens, places, bias, sees, picture_bias[:, None, None], weights, spans)
