"""The training loop of both demo models. What differs between them is a `Course`.

The checkpoint is written every 200 steps; with `resume` an interrupted stage goes on where it stopped. Everything that
is drawn by lot comes from the seed: the same machine with the same number of threads makes the same model.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy
import torch
from labelled_scenes import Numbers
from torch import Tensor, nn
from torch.nn import functional

WARM_UP_STEPS = 60
TOLD_EVERY = 50
SAVED_EVERY = 200
# [what, colour, order, count]: what the teaching heads are asked.
TAUGHT = ("what", "colour", "order", "count")


@dataclass
class Losses:
    whole: Tensor
    taught: Tensor
    """The teaching heads' part of it."""
    right: Tensor
    """[4]: the parts right of `TAUGHT`."""


class Course(Protocol):
    model: nn.Module
    """Has the parts `vision` and `text`, which are compiled."""
    numbers: Numbers
    """Of the scenes to train with."""
    matrices: list[nn.Parameter]
    """Weights for Muon, which leaves the plateau before the first shapes are told apart much sooner than AdamW."""

    def losses(self, numbers: list[int], random: numpy.random.Generator) -> Losses: ...

    def validate(self) -> str: ...


@dataclass
class Stage:
    name: str
    """Of the step in the schedule."""
    steps: int
    rates: tuple[float, float]
    """First and last."""
    batch: int
    checkpoint: Path
    resume: bool
    seed: int
    compiled: bool


def rate_at(step: int, steps: int, first: float, last: float) -> float:
    """A short warm-up, then a cosine from the first to the last rate."""
    if step < WARM_UP_STEPS:
        return first * (step + 1) / WARM_UP_STEPS
    progress = (step - WARM_UP_STEPS) / max(1, steps - WARM_UP_STEPS)
    return last + (first - last) * 0.5 * (1 + math.cos(math.pi * progress))


def answer_loss(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """`weights` [batch, n]: how much the token after each place counts."""
    each = functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none")
    return (each * weights.flatten()).sum() / weights.sum()


def told(right: list[Tensor], scores: Sequence[tuple[Any, ...]], names: list[str]) -> str:
    """A validation in words. `scores` hold an answer's labels and last whether it was right."""
    text = " ".join(f"{n} {v:.3f}" for n, v in zip(TAUGHT, torch.stack(right).mean(0), strict=True))
    if scores:
        text += f" | answers {numpy.mean([hit for *_, hit in scores]):.3f}"
        for name in names:
            text += f" {name} {numpy.mean([hit for *labels, hit in scores if name in labels]):.3f}"
    return text


def optimizers_of(course: Course) -> list[torch.optim.Optimizer]:
    others = [p for p in course.model.parameters() if not any(p is matrix for matrix in course.matrices)]
    return [
        torch.optim.Muon(course.matrices, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, betas=(0.9, 0.98), weight_decay=0.0, fused=True),
    ]


def step_losses(
    course: Course, optimizers: list[torch.optim.Optimizer], stage: Stage, step: int, random: numpy.random.Generator
) -> Losses:
    """One step of the training."""
    rate = rate_at(step, stage.steps, *stage.rates)
    for optimizer in optimizers:
        optimizer.param_groups[0]["lr"] = rate
    chosen = random.choice(course.numbers, stage.batch, replace=False).tolist()
    losses = course.losses(chosen, random)
    course.model.zero_grad()
    losses.whole.backward()
    torch.nn.utils.clip_grad_norm_(course.model.parameters(), 1.0)
    for optimizer in optimizers:
        optimizer.step()
    return losses


def train(course: Course, stage: Stage) -> list[float]:
    """The losses of the steps that were made now."""
    optimizers = optimizers_of(course)
    first_step, done = 0, []
    if stage.checkpoint.exists():
        saved = torch.load(stage.checkpoint, weights_only=True)
        course.model.load_state_dict(saved["model"])
        for optimizer, state in zip(optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        done = saved["done"]
        if stage.resume and saved["name"] == stage.name:
            first_step = saved["step"]
        elif stage.resume and stage.name in done:
            return []
    if stage.compiled:
        course.model.get_submodule("vision").compile()
        course.model.get_submodule("text").compile()
    random = numpy.random.default_rng(stage.seed)
    started, figures = time.time(), []
    for step in range(first_step, stage.steps):
        losses = step_losses(course, optimizers, stage, step, random)
        figures.append((losses.whole.item(), losses.taught.item(), *losses.right.tolist()))
        made = step + 1
        if made % TOLD_EVERY == 0:
            mean = " ".join(f"{value:.3f}" for value in numpy.mean(figures[-TOLD_EVERY:], 0))
            rate, seconds = rate_at(step, stage.steps, *stage.rates), time.time() - started
            print(f"{stage.name} {made} rate {rate:.2e} loss/taught/right {mean} {seconds:.0f} s", flush=True)
        last = made == stage.steps
        if made % SAVED_EVERY == 0 or last:
            print(f"{stage.name} {made} validation {course.validate()}", flush=True)
            save(course, optimizers, stage, made, [*done, stage.name] if last else done)
    return [whole for whole, *_ in figures]


def save(course: Course, optimizers: list[torch.optim.Optimizer], stage: Stage, step: int, done: list[str]) -> None:
    states = [optimizer.state_dict() for optimizer in optimizers]
    state = {"model": course.model.state_dict(), "optimizers": states, "name": stage.name, "step": step, "done": done}
    temporary = stage.checkpoint.with_suffix(".part")
    torch.save(state, temporary)
    temporary.rename(stage.checkpoint)
