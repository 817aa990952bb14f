"""The drawn pictures with their labels, as draw-pair.ts and mllama_pack.py write them."""

import json
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

SHAPES = ["circle", "square", "triangle", "star", "cross"]
COLOURS = ["red", "green", "blue", "yellow", "purple", "orange", "white", "black"]
# Of questions; what the scores are told by.
KINDS = ["shape", "colour", "count", "where", "digit", "describe"]

Line = dict[str, Any]
Bytes = NDArray[numpy.uint8]
Numbers = NDArray[numpy.int64]


class LabelledScenes:
    """A folder's scenes by their number, over all of its shares."""

    def __init__(self, folder: Path, arrays: dict[str, tuple[int, ...]]) -> None:
        """`arrays`: what lies beside the lines, by name, with the shape that each scene has of it."""
        self.lines: list[Line] = []
        self.homes: list[tuple[int, int]] = []
        self.shares: dict[str, list[Bytes]] = {name: [] for name in arrays}
        for share, path in enumerate(sorted(folder.glob("scenes-*.jsonl"))):
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            for name, shape in arrays.items():
                file = folder / f"{name}-{path.stem.removeprefix('scenes-')}.bin"
                self.shares[name].append(numpy.memmap(file, "uint8", "r", shape=(len(lines), *shape)))
            self.homes += [(share, row) for row in range(len(lines))]
            self.lines += lines

    def of(self, name: str, number: int) -> Bytes:
        share, row = self.homes[number]
        return self.shares[name][share][row]

    def numbers(self, tone: str) -> Numbers:
        return numpy.array([n for n, line in enumerate(self.lines) if tone in ("all", line["tone"])])

    def texts(self, scenes: int | None = None) -> list[str]:
        """Questions and answers of the first `scenes`, or of all."""
        asked = [asked for line in self.lines[:scenes] for asked in line["questions"]]
        return [text for one in asked for text in (one["question"], one["answer"])]


def object_labels(line: Line) -> Numbers:
    """What each object is and its colour, by its order in the mask; 0 is the background: [2, 5]."""
    labels = numpy.zeros((2, 5), "int64")
    for index, thing in enumerate(line["objects"], 1):
        what = thing["what"]
        labels[0, index] = what + 6 if isinstance(what, int) else 1 + SHAPES.index(what)
        labels[1, index] = 1 + COLOURS.index(thing["colour"])
    return labels


def shape_count(line: Line) -> int:
    """0 for a digit, else the number of shapes."""
    return 0 if isinstance(line["objects"][0]["what"], int) else len(line["objects"])
