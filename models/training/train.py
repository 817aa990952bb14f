"""Trains one stage of a demo model: `see` (the tower under its teaching heads) or `talk` (everything)."""

import argparse
from pathlib import Path

import torch
from mllama_course import MllamaCourse
from pair_course import PairCourse
from trainer import Course, Stage, train

COURSES: dict[str, type[MllamaCourse] | type[PairCourse]] = {"mllama": MllamaCourse, "pair": PairCourse}


def course_of(name: str, data: Path, tokenizer: Path, tone: str, talk: bool, questions: int, seed: int) -> Course:
    """Its weights come from the seed, and so does everything else."""
    torch.manual_seed(seed)
    return COURSES[name](data, tokenizer, tone, talk, questions)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=COURSES)
    parser.add_argument("stage", choices=["see", "talk"])
    parser.add_argument("--name", required=True, help="of the step in the schedule, for --resume")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--tone", choices=["dark", "light", "all"], default="all")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--questions", type=int, default=4)
    parser.add_argument("--rates", type=float, nargs=2, required=True, metavar=("FIRST", "LAST"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    tokenizer = options.checkpoint.with_name("tokenizer.json")
    talk = options.stage == "talk"
    course = course_of(options.model, options.data, tokenizer, options.tone, talk, options.questions, options.seed)
    train(
        course,
        Stage(
            name=options.name,
            steps=options.steps,
            rates=(options.rates[0], options.rates[1]),
            batch=options.batch,
            checkpoint=options.checkpoint,
            resume=options.resume,
            seed=options.seed,
            compiled=True,
        ),
    )


if __name__ == "__main__":
    main()
