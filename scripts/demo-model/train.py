"""Trains one stage of the demo model: `see` (the tower under its teaching heads) or `talk` (everything).

The checkpoint is written every 200 steps; with --resume an interrupted stage goes on where it stopped.
"""

import argparse
import math
import time
from pathlib import Path

import numpy
import torch
import torch.nn.functional as functional
import vocabulary
from model import DemoModel
from scenes import Batch, Batches, Scenes
from torch import Tensor

VALIDATION_SCENES = 400
KINDS = ["shape", "colour", "count", "where", "digit", "describe"]


def rate_at(step: int, steps: int, first: float, last: float) -> float:
    """A short warm-up, then a cosine from the first to the last rate."""
    if step < 60:
        return first * (step + 1) / 60
    return last + (first - last) * 0.5 * (1 + math.cos(math.pi * (step - 60) / max(1, steps - 60)))


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


def answer_loss(logits: Tensor, batch: Batch) -> Tensor:
    targets = batch.after.roll(-1, 1)
    each = functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none")
    return (each * batch.weights.flatten()).sum() / batch.weights.sum()


def answers_right(logits: Tensor, batch: Batch) -> list[tuple[str, bool]]:
    """For each question its kind and whether all of the answer is right, exactly as greedy decoding would be."""
    hits = logits.argmax(-1) == batch.after.roll(-1, 1)
    return [
        (kind, bool(hits[row, first:last].all()))
        for row, spans in enumerate(batch.spans)
        for kind, first, last in spans
    ]


def run(model: DemoModel, batch: Batch, talk: bool) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    with torch.autocast("cpu", torch.bfloat16):
        early, states, projected = model.vision(batch.pictures)
        taught, right = teaching_loss(model, batch, early, states)
        if not talk:
            return taught, taught, right, None
        logits = model.text(batch.before, projected, batch.after, batch.places, batch.visible)
    return answer_loss(logits, batch) + 0.5 * taught, taught, right, logits


@torch.no_grad()
def validate(model: DemoModel, batches: Batches, numbers: numpy.ndarray, talk: bool) -> str:
    model.eval()
    right, scores = [], []
    for start in range(0, len(numbers), 50):
        batch = batches.make(list(numbers[start : start + 50]), None)
        _, _, part, logits = run(model, batch, talk)
        right.append(part)
        if logits is not None:
            scores += answers_right(logits, batch)
    model.train()
    names = ("what", "colour", "order", "count")
    text = " ".join(f"{n} {v:.3f}" for n, v in zip(names, torch.stack(right).mean(0), strict=True))
    if scores:
        text += f" | answers {numpy.mean([hit for _, hit in scores]):.3f}"
        for kind in KINDS:
            text += f" {kind} {numpy.mean([hit for name, hit in scores if name == kind]):.3f}"
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=["see", "talk"])
    parser.add_argument("--name", required=True, help="of the step in the schedule, for --resume")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--tone", choices=["dark", "light", "all"], default="all")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--questions", type=int, default=4)
    parser.add_argument("--rates", type=float, nargs=2, required=True, metavar=("FIRST", "LAST"))
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()

    torch.manual_seed(1)
    random = numpy.random.default_rng()
    talk = options.stage == "talk"
    scenes = Scenes(options.data)
    words = options.checkpoint.with_name("tokenizer.json")
    tokenizer = vocabulary.load(words) if words.exists() else vocabulary.learn(scenes.texts(), words)
    batches = Batches(scenes, tokenizer, options.questions)
    # The last pictures drawn are kept for watching the training; the real test uses held-out seeds.
    numbers, validation = numpy.split(scenes.numbers(options.tone), [-VALIDATION_SCENES])
    model = DemoModel(vocabulary.SIZE)
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "position" not in n and "embedding" not in n]
    others = [p for p in model.parameters() if not any(p is matrix for matrix in matrices)]
    # Muon leaves the plateau before the first shapes are told apart much sooner than AdamW.
    optimizers = [
        torch.optim.Muon(matrices, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, betas=(0.9, 0.98), weight_decay=0.0, fused=True),
    ]
    first_step = 0
    if options.checkpoint.exists():
        saved = torch.load(options.checkpoint, weights_only=True)
        model.load_state_dict(saved["model"])
        for optimizer, state in zip(optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        if options.resume and saved["name"] == options.name:
            first_step = saved["step"]
        elif options.resume and options.name in saved["done"]:
            return
    done = saved["done"] if options.checkpoint.exists() else []
    model.vision.compile()
    model.text.compile()
    started, losses = time.time(), []
    for step in range(first_step, options.steps):
        rate = rate_at(step, options.steps, *options.rates)
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = rate
        chosen = random.choice(numbers, options.batch, replace=False)
        loss, taught, right, _ = run(model, batches.make(list(chosen), random), talk)
        model.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        losses.append((loss.item(), taught.item(), *right.tolist()))
        if (step + 1) % 50 == 0:
            mean = " ".join(f"{value:.3f}" for value in numpy.mean(losses[-50:], 0))
            print(f"{options.name} {step + 1} rate {rate:.2e} loss/taught/right {mean} {time.time() - started:.0f} s", flush=True)
        last = step + 1 == options.steps
        if (step + 1) % 200 == 0 or last:
            print(f"{options.name} {step + 1} validation {validate(model, batches, validation, talk)}", flush=True)
            states = [optimizer.state_dict() for optimizer in optimizers]
            state = {"model": model.state_dict(), "optimizers": states, "name": options.name}
            state |= {"step": step + 1, "done": [*done, options.name] if last else done}
            temporary = options.checkpoint.with_suffix(".part")
            torch.save(state, temporary)
            temporary.rename(options.checkpoint)


if __name__ == "__main__":
    main()
