"""Runs draw.ts and packs its pictures as the engine would hand them to the vision tower.

Writes FOLDER/tiles-NAME.bin (4 x 56 x 56 x 3 bytes a picture), FOLDER/masks-NAME.bin (4 x 28 x 28 bytes)
and FOLDER/scenes-NAME.jsonl (a line a picture).
"""

import argparse
import json
import subprocess
from pathlib import Path

import numpy
from PIL import Image

TILE, CELLS, MOST_TILES = 56, 28, 4
DRAW = Path(__file__).with_name("draw-mllama.ts")
# The engine's filter is bilinear; others now and then keep the model from leaning on its edges.
FILTERS = [Image.Resampling.BICUBIC, Image.Resampling.LANCZOS, Image.Resampling.HAMMING]
OTHER_FILTERS = 0.2


def cut(canvas: numpy.ndarray, side: int) -> numpy.ndarray:
    """[rows * side, columns * side, ...] to [4, side, side, ...], row by row, absent tiles zero."""
    rows, columns = canvas.shape[0] // side, canvas.shape[1] // side
    tiles = numpy.zeros((MOST_TILES, side, side, *canvas.shape[2:]), canvas.dtype)
    parts = canvas.reshape(rows, side, columns, side, *canvas.shape[2:]).swapaxes(1, 2)
    tiles[: rows * columns] = parts.reshape(-1, *tiles.shape[1:])
    return tiles


def see(picture: Image.Image, size: list[int], tiles: list[int], resample: Image.Resampling) -> numpy.ndarray:
    """The picture resized, filled up with black and cut into tiles: [4, 56, 56, 3]."""
    canvas = numpy.zeros((tiles[0] * TILE, tiles[1] * TILE, 3), "uint8")
    canvas[: size[1], : size[0]] = numpy.asarray(
        picture if picture.size == tuple(size) else picture.resize(size, resample)
    )
    return cut(canvas, TILE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("first", type=int, help="seed")
    parser.add_argument("count", type=int)
    parser.add_argument("auto", nargs="?", default="0.5", help="share of pictures sent with `image_detail: auto`")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    name = str(options.first)
    random = numpy.random.default_rng(options.first)
    command = ["node", "--import", "tsx", str(DRAW), str(options.first), str(options.count), options.auto]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=1 << 20) as drawing,
        open(options.folder / f"tiles-{name}.bin", "wb") as tiles,
        open(options.folder / f"masks-{name}.bin", "wb") as masks,
        open(options.folder / f"scenes-{name}.part", "w") as lines,
    ):
        assert drawing.stdout is not None
        for text in drawing.stdout:
            line = json.loads(text)
            width, height = line["source"]
            picture = Image.frombytes("RGB", (width, height), drawing.stdout.read(width * height * 3))
            rows, columns = line["tiles"]
            mask = numpy.frombuffer(drawing.stdout.read(rows * columns * CELLS * CELLS), "uint8")
            resample = random.choice(FILTERS) if random.random() < OTHER_FILTERS else Image.Resampling.BILINEAR
            tiles.write(see(picture, line["size"], line["tiles"], resample).tobytes())
            masks.write(cut(mask.reshape(rows * CELLS, columns * CELLS), CELLS).tobytes())
            lines.write(text.decode())
    if drawing.returncode:
        raise SystemExit(drawing.returncode)
    Path(lines.name).rename(options.folder / f"scenes-{name}.jsonl")


if __name__ == "__main__":
    main()
