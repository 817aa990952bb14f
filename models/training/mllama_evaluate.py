"""Asks the training code questions about held-out pictures, written by ../demo-model/held-out.ts.

Prints how many greedy answers are exactly right, by kind, canvas and format.
"""

import argparse
import json
import math
from collections import defaultdict
from pathlib import Path

import demo_vocabulary
import mllama_vocabulary
import torch
from mllama_batches import BLIND_ANSWER, normalised
from mllama_decoder import DemoModel
from mllama_dimensions import CANVASES, PICTURE_ROWS, ROWS, TILE
from mllama_pack import see
from mllama_tower import HIDDEN_KEY
from PIL import Image
from tokenizers import Tokenizer
from torch import Tensor

LONGEST_ANSWER = 64


def lay_out(width: int, height: int) -> tuple[int, list[int]]:
    """The place of the canvas among all and the size that the picture has on it."""
    scales = [min(rows * TILE / height, columns * TILE / width) for rows, columns in CANVASES]
    larger = [scale for scale in scales if scale >= 1]
    chosen = min(larger) if larger else max(scales)
    fitting = [index for index, scale in enumerate(scales) if scale == chosen]
    index = min(fitting, key=lambda index: math.prod(CANVASES[index]))
    rows, columns = CANVASES[index]
    widest, highest = (min(max(side, TILE), tiles * TILE) for side, tiles in ((width, columns), (height, rows)))
    across, down = widest / width, highest / height
    if across < down:
        return index, [widest, min(math.floor(height * across) or 1, highest)]
    return index, [min(math.floor(width * down) or 1, widest), highest]


def detail_scale(width: int, height: int, detail: str) -> float:
    """How much the service scales a picture down, as src/image/tiles.ts has it."""

    def best(tiles: int) -> float:
        fitting = [canvas for canvas in CANVASES if math.prod(canvas) <= tiles]
        return max(min(columns * TILE / width, rows * TILE / height) for rows, columns in fitting)

    if detail == "high":
        return 1.0
    enough = 0.75 * min(1, best(4))
    tiles = 1 if detail == "low" else next(count for count in range(1, 5) if best(count) >= enough)
    return min(1.0, best(tiles))


def load(path: Path, detail: str) -> tuple[Tensor, int]:
    """The picture as the tower takes it [1, 4, 16, 588], and its aspect id."""
    picture = Image.open(path).convert("RGB")
    width, height = picture.size
    scale = detail_scale(width, height, detail)
    if scale < 1:
        sent = [max(1, math.floor(side * scale + 0.5)) for side in picture.size]
        picture = picture.resize(sent, Image.Resampling.BILINEAR)
    index, size = lay_out(*picture.size)
    tiles = torch.from_numpy(see(picture, size, list(CANVASES[index]), Image.Resampling.BILINEAR))[None]
    patches = normalised(tiles)
    patches[:, math.prod(CANVASES[index]) :] = 0
    return patches, index + 1


@torch.no_grad()
def converse(model: DemoModel, tokenizer: Tokenizer, patches: Tensor | None, aspect: int, questions: list[str]) -> str:
    """Asks one question after the other about a picture, or about none; the greedy answer to the last."""
    seen = torch.zeros(1, 4, 16, 588) if patches is None else patches
    _, picture = model.vision(seen, torch.tensor([aspect]))
    real = torch.arange(PICTURE_ROWS) < math.prod(CANVASES[aspect - 1]) * ROWS
    picture_bias = torch.where(real, 0.0, HIDDEN_KEY)[None, None, None]
    ids = tokenizer.encode(mllama_vocabulary.BEGIN, add_special_tokens=False).ids
    start, end = 0, tokenizer.token_to_id(mllama_vocabulary.END_OF_TURN)
    for number, question in enumerate(questions):
        mark = mllama_vocabulary.PICTURE if number == 0 and patches is not None else ""
        prompt = mllama_vocabulary.BEFORE_QUESTION + mark + question.strip() + mllama_vocabulary.BEFORE_ANSWER
        ids += tokenizer.encode(prompt, add_special_tokens=False).ids
        first = len(ids) if patches is None else ids.index(demo_vocabulary.SIZE)
        start = len(ids)
        while ids[-1] != end and len(ids) - start < LONGEST_ANSWER:
            places = torch.arange(len(ids))
            bias = torch.full((1, 1, len(ids), len(ids)), HIDDEN_KEY).triu(1)
            sees = ((places >= first) & (patches is not None)).float()[None, :, None]
            logits = model.text(torch.tensor([ids]), places[None], bias, sees, picture, picture_bias)[0, -1]
            ids.append(int(logits.argmax()))
    return tokenizer.decode(ids[start:-1] if ids[-1] == end else ids[start:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--detail", choices=["auto", "low", "high"], default="auto", help="the service's `image_detail`"
    )
    parser.add_argument("--after", action="append", default=[], help="a question asked before each one")
    parser.add_argument("--blind", action="store_true", help="no picture; right is the sentence that says so")
    options = parser.parse_args()
    model = DemoModel()
    model.load_state_dict(torch.load(options.checkpoint, weights_only=True)["model"])
    model.eval()
    tokenizer = demo_vocabulary.load(options.checkpoint.with_name("tokenizer.json"))
    tally: dict[str, list[bool]] = defaultdict(list)
    for text in (options.folder / "questions.jsonl").read_text().splitlines():
        line = json.loads(text)
        path = options.folder / line["file"]
        patches, aspect = load(path, options.detail)
        given = converse(
            model, tokenizer, None if options.blind else patches, aspect, [*options.after, line["question"]]
        )
        expected = BLIND_ANSWER if options.blind else line["answer"]
        right = given == expected
        rows, columns = CANVASES[aspect - 1]
        headings = ["all", f"kind {line['kind']}", f"tiles {rows * columns}", f"canvas {rows} x {columns}"]
        for heading in [*headings, f"format {path.suffix[1:]}"]:
            tally[heading].append(right)
        if not right:
            print(f"wrong: {line['seed']} {rows} x {columns} {line['question']!r}: {given!r}, not {expected!r}")
    for heading, rights in sorted(tally.items()):
        print(f"{heading:16} {sum(rights)}/{len(rights)} {100 * sum(rights) / len(rights):.1f} %")


if __name__ == "__main__":
    main()
