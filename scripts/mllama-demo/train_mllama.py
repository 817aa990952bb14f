"""Trains one stage of the demo model: `see` (the tower under its teaching heads) or `talk` (everything).

The checkpoint is written every 200 steps; with --resume an interrupted stage goes on where it stopped.
"""

import argparse
import time
from pathlib import Path

import numpy
import torch
import torch.nn.functional as functional
import words
from batches import Conversations, Pictures, Scenes, Talk
from decoder import DemoModel
from shape import ASPECTS, CANVASES
from torch import Tensor
from train import KINDS, rate_at

# One picture of so many is kept for watching the training; the real test uses held-out seeds.
VALIDATION_EVERY = 213
TILES = torch.tensor([0] + [rows * columns for rows, columns in CANVASES])
TABLES = ("position", "tile_position", "pre_tile", "post_tile", "embedding")
assert len(TILES) == ASPECTS


def teaching_loss(model: DemoModel, pictures: Pictures, early: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """The loss of the teaching heads, and the parts right [what, colour, order, count] (patches of objects)."""
    heads, real = model.teaching, pictures.real
    mask = functional.binary_cross_entropy_with_logits(heads.mask(early).float(), pictures.masks, reduction="none")
    inside = functional.binary_cross_entropy_with_logits(
        heads.inside(rows).float().squeeze(-1), pictures.inside, reduction="none"
    )
    of_object = pictures.labels[2] > 0
    geometry = functional.smooth_l1_loss(heads.geometry(rows).float()[of_object], pictures.geometry[of_object])
    losses = [(mask.mean(-1) * real).sum() / real.sum(), 0.3 * (inside * real).sum() / real.sum(), geometry]
    # Most patches are background: they count less, or the heads would answer nothing else.
    weights = torch.where(of_object, 1.0, 0.15) * real
    right = []
    for head, labels in zip((heads.what, heads.colour, heads.order), pictures.labels, strict=True):
        logits = head(rows).float()
        each = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
        losses.append((each * weights.flatten()).sum() / weights.sum())
        right.append((logits.argmax(-1) == labels)[of_object].float().mean())
    mean = (rows * real[..., None]).sum(1) / real.sum(1, keepdim=True)
    counts = heads.count(mean).float()
    losses.append(0.5 * functional.cross_entropy(counts, pictures.counts))
    right.append((counts.argmax(-1) == pictures.counts).float().mean())
    return torch.stack(losses).sum(), torch.stack(right).detach()


def answer_loss(logits: Tensor, talk: Talk) -> Tensor:
    targets = talk.tokens.roll(-1, 1).clamp(max=words.SIZE - 1)
    each = functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none")
    return (each * talk.weights.flatten()).sum() / talk.weights.sum()


def run(model: DemoModel, pictures: Pictures, talk: Talk | None) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Loss, the teaching heads' part of it, what they got right, and the logits."""
    with torch.autocast("cpu", torch.bfloat16):
        early, projected = model.vision(pictures.patches, pictures.aspects)
        rows = projected.unflatten(1, (4, -1))[:, :, 1:].flatten(1, 2)
        taught, right = teaching_loss(model, pictures, early, rows)
        if talk is None:
            return taught, taught, right, None
        logits = model.text(talk.tokens, talk.places, talk.bias, talk.sees, projected, talk.picture_bias)
    return answer_loss(logits, talk) + 0.5 * taught, taught, right, logits


@torch.no_grad()
def validate(model: DemoModel, scenes: Scenes, talks: Conversations | None, numbers: list[int]) -> str:
    model.eval()
    right, scores = [], []
    for start in range(0, len(numbers), 50):
        chosen = numbers[start : start + 50]
        pictures = scenes.pictures(chosen, None)
        tiles = TILES[pictures.aspects]
        talk = talks.make(chosen, None, tiles) if talks else None
        _, _, part, logits = run(model, pictures, talk)
        right.append(part)
        if talk is None or logits is None:
            continue
        hits = logits.argmax(-1) == talk.tokens.roll(-1, 1)
        for row, spans in enumerate(talk.spans):
            detail = scenes.lines[chosen[row]]["detail"]
            labels = (detail, f"tiles{tiles[row]}")
            scores += [(kind, *labels, bool(hits[row, first:last].all())) for kind, first, last in spans]
    model.train()
    names = ("what", "colour", "order", "count")
    text = " ".join(f"{n} {v:.3f}" for n, v in zip(names, torch.stack(right).mean(0), strict=True))
    if scores:
        text += f" | answers {numpy.mean([hit for *_, hit in scores]):.3f}"
        for name in [*KINDS, "tiles1", "tiles2", "tiles3", "tiles4", "auto", "high", "low"]:
            text += f" {name} {numpy.mean([hit for *labels, hit in scores if name in labels]):.3f}"
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
    scenes = Scenes(options.data)
    file = options.checkpoint.with_name("tokenizer.json")
    tokenizer = words.load(file) if file.exists() else words.learn(scenes.texts(), file)
    talks = Conversations(scenes, tokenizer, options.questions) if options.stage == "talk" else None
    numbers = scenes.numbers(options.tone)
    kept = numpy.array([scenes.lines[n]["seed"] % VALIDATION_EVERY == 0 for n in numbers])
    validation, numbers = numbers[kept].tolist(), numbers[~kept]
    model = DemoModel()
    named = list(model.named_parameters())
    matrices = [p for n, p in named if p.ndim == 2 and not any(table in n for table in TABLES)]
    others = [p for _, p in named if not any(p is matrix for matrix in matrices)]
    # Muon leaves the plateau before the first shapes are told apart much sooner than AdamW.
    optimizers = [
        torch.optim.Muon(matrices, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, betas=(0.9, 0.98), weight_decay=0.0, fused=True),
    ]
    first_step, done = 0, []
    if options.checkpoint.exists():
        saved = torch.load(options.checkpoint, weights_only=True)
        model.load_state_dict(saved["model"])
        for optimizer, state in zip(optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        done = saved["done"]
        if options.resume and saved["name"] == options.name:
            first_step = saved["step"]
        elif options.resume and options.name in done:
            return
    model.vision.compile()
    model.text.compile()
    started, losses = time.time(), []
    for step in range(first_step, options.steps):
        rate = rate_at(step, options.steps, *options.rates)
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = rate
        chosen = random.choice(numbers, options.batch, replace=False).tolist()
        pictures = scenes.pictures(chosen, random)
        talk = talks.make(chosen, random, TILES[pictures.aspects]) if talks else None
        loss, taught, right, _ = run(model, pictures, talk)
        model.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        losses.append((loss.item(), taught.item(), *right.tolist()))
        if (step + 1) % 50 == 0:
            mean = " ".join(f"{value:.3f}" for value in numpy.mean(losses[-50:], 0))
            seconds = time.time() - started
            print(f"{options.name} {step + 1} rate {rate:.2e} loss/taught/right {mean} {seconds:.0f} s", flush=True)
        last = step + 1 == options.steps
        if (step + 1) % 200 == 0 or last:
            print(f"{options.name} {step + 1} validation {validate(model, scenes, talks, validation)}", flush=True)
            states = [optimizer.state_dict() for optimizer in optimizers]
            state = {"model": model.state_dict(), "optimizers": states, "name": options.name}
            state |= {"step": step + 1, "done": [*done, options.name] if last else done}
            temporary = options.checkpoint.with_suffix(".part")
            torch.save(state, temporary)
            temporary.rename(options.checkpoint)


if __name__ == "__main__":
    main()
