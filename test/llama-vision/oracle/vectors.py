"""Writes what the reference says about the random checkpoint `small`, for the tests that `npm test` runs.

usage: vectors.py OUT.json
"""

import argparse
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy
import torch
from random_checkpoint import MERGES, SIZES, SPECIAL_TOKENS, tokens, write_checkpoint
from reference import Reference, picture
from transformers.models.mllama.image_processing_pil_mllama import (
    get_all_supported_aspect_ratios,
    get_image_size_fit_to_canvas,
    get_optimal_tiled_canvas,
)

PICTURE = "<__media__>"
NAMES = [*tokens(512), "<|image|>"]
# Never chosen: what ends an answer, and bytes that are no characters by themselves, which llama-server keeps back.
NEVER = {NAMES.index(name) for name in ("<|end_of_text|>", "<|eot_id|>", "<|eom_id|>")} | set(range(128, 256))
GREEDY_TOKENS = 32
TILE = 560


def asked(words: str) -> str:
    user, assistant = (f"<|start_header_id|>{role}<|end_header_id|>\n\n" for role in ("user", "assistant"))
    return f"{user}{words}<|eot_id|>{assistant}"


WORDS = asked(f"{PICTURE}hello there, what is this")
# One picture for each of the eight canvases.
CANVASES = [(56, 56), (110, 50), (160, 50), (400, 60), (50, 110), (100, 100), (60, 160), (60, 400)]
CASES = [
    ("text only", asked("hello there"), []),
    ("a small picture, enlarged", WORDS, [(30, 20)]),
    *((f"a picture of {width}x{height}", WORDS, [(width, height)]) for width, height in CANVASES),
    ("a large picture, reduced", WORDS, [(300, 200)]),
    ("text before the picture", asked(f"hello there, what is {PICTURE}this"), [(200, 100)]),
    ("two adjacent pictures", asked(f"{PICTURE}{PICTURE}hello"), [(56, 56), (70, 50)]),
    ("two pictures apart", asked(f"{PICTURE}see this and {PICTURE}hello"), [(56, 56), (70, 50)]),
]
SIDES = [1, 20, 224, 300, 400, 480, 559, 560, 561, 600, 768, 800, 1120, 1121, 1500, 2000, 3000]


def token_ids(prompt: str) -> list[int]:
    """The prompt with its start token, as the engine reads it."""
    ids = [NAMES.index(SPECIAL_TOKENS[0])]
    for part in re.split(r"(<\|[a-z_]+\|>|<__media__>)", prompt):
        if part == PICTURE:
            ids.append(NAMES.index("<|image|>"))
        elif part in SPECIAL_TOKENS:
            ids.append(NAMES.index(part))
        else:
            # The only merges: "th" and "the".
            pieces = re.findall(r"the|th|.", part, re.DOTALL)
            assert [merge.replace(" ", "") for merge in MERGES] == ["th", "the"]
            ids += [NAMES.index(piece) if len(piece) > 1 else ord(piece) for piece in pieces]
    return ids


def rounded(values: numpy.ndarray) -> list:
    return numpy.round(values.astype(float), 5).tolist()


def case(reference: Reference, name: str, prompt: str, sizes: list[tuple[int, int]]) -> dict:
    ids = token_ids(prompt)
    pictures = [picture(*size) for size in sizes]
    made: dict[str, Any] = {
        "name": name,
        "prompt": prompt,
        "pictures": sizes,
        "tokens": ids,
        "logProbabilities": rounded(reference.log_probabilities(ids, pictures)),
        "greedy": reference.greedy(ids, pictures, GREEDY_TOKENS, NEVER),
    }
    if pictures:
        # The engine tells the last picture's only.
        rows = reference.projected(pictures[-1])
        chosen = sorted({0, len(rows) // 3, len(rows) - 1})
        made["projected"] = {
            "rows": len(rows),
            "rms": float(numpy.sqrt((rows**2).mean())),
            "chosen": {str(row): rounded(rows[row]) for row in chosen},
        }
    return made


def canvas(width: int, height: int) -> dict:
    ratios = [tuple(ratio) for ratio in get_all_supported_aspect_ratios(4)]
    canvas_height, canvas_width = get_optimal_tiled_canvas(height, width, 4, TILE)
    new_height, new_width = get_image_size_fit_to_canvas(height, width, canvas_height, canvas_width, TILE)
    grid = (int(canvas_height // TILE), int(canvas_width // TILE))
    return {
        "size": [width, height],
        "rows": grid[0],
        "columns": grid[1],
        "resized": [int(new_width), int(new_height)],
        "id": ratios.index(grid) + 1,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        write_checkpoint(SIZES["small"], Path(folder))
        reference = Reference(Path(folder))
        cases = [case(reference, *one) for one in CASES]
    canvases = [canvas(width, height) for width in SIDES for height in SIDES]
    lines = ",\n".join(json.dumps(one) for one in cases)
    table = ",\n".join(json.dumps(one) for one in canvases)
    options.target.write_text(f'{{\n"cases": [\n{lines}\n],\n"canvases": [\n{table}\n]\n}}\n')


if __name__ == "__main__":
    main()
