"""The first 20 losses of every stage of both demo models, bit for bit: what a change of the trainer must not change.

usage: first_losses.py [MODEL ...] > before.txt, the same again into after.txt after the change, and diff of the two

They are those of one machine: another CPU rounds differently.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from train import COURSES, course_of
from trainer import Stage, train

HERE = Path(__file__).parent
PICTURES = 800
STEPS = 20
BATCH = 8


def draw(model: str, folder: Path) -> None:
    """Enough pictures to learn a vocabulary from."""
    if model == "pair":
        command = ["node", "--import", "tsx", HERE / "draw-pair.ts", folder, "0", str(PICTURES), "1"]
    else:
        command = [sys.executable, HERE / "mllama_pack.py", folder, "0", str(PICTURES)]
    subprocess.run([str(word) for word in command], check=True, stdout=sys.stderr)


def first_losses(model: str, talk: bool, data: Path, work: Path, steps: int = STEPS) -> list[float]:
    work.mkdir(parents=True, exist_ok=True)
    course = course_of(model, data, work / "tokenizer.json", "all", talk, questions=4, seed=1)
    stage = Stage(
        name=f"{model}-{talk}",
        steps=steps,
        rates=(1e-3, 5e-4),
        batch=BATCH,
        checkpoint=work / f"{talk}.pt",
        resume=False,
        seed=1,
        # Compiling takes minutes, and is not what may change.
        compiled=False,
    )
    return train(course, stage)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=[*COURSES])
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        for model in options.models:
            data = Path(folder) / f"{model}-data"
            draw(model, data)
            for talk in (False, True):
                for loss in first_losses(model, talk, data, Path(folder) / model):
                    print(model, "talk" if talk else "see", loss.hex())


if __name__ == "__main__":
    main()
