"""The training loop by itself, with a course of a few numbers: what its schedule, optimizers and clipping make of it.

The losses are recorded. With a model this small instruction sets agree to within 1e-4, so that a change of the loop
shows wherever PyTorch is. `first_losses.py` does the same for the true courses, on one machine.
"""

from pathlib import Path

import numpy
import pytest

pytest.importorskip("torch")

import torch
from torch import nn
from trainer import Losses, Stage, train

# Every tenth of 100 steps.
RECORDED = [2.406401, 1.861818, 1.479595, 1.366323, 0.4406437, 1.094747, 0.3298629, 0.5881445, 0.4769878, 0.3597922]


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.vision, self.text = nn.Linear(6, 8), nn.Linear(8, 4)
        for parameter in self.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return self.text(self.vision(states).tanh())


class SmallCourse:
    """Examples some of whose gradients are longer than 1 and some shorter, so that clipping matters."""

    def __init__(self) -> None:
        self.model = Network()
        self.matrices = [self.model.vision.weight, self.model.text.weight]
        self.numbers = numpy.arange(1, 41)
        self.shown: list[list[int]] = []

    def losses(self, numbers: list[int], random: numpy.random.Generator) -> Losses:
        self.shown.append(numbers)
        places = torch.tensor(numbers, dtype=torch.float32)[:, None]
        difference = self.model(torch.sin(places * torch.arange(1, 7))) - torch.cos(places * torch.arange(1, 5))
        loss = (difference**2 * places).mean() / 40
        return Losses(loss, loss, torch.zeros(4))

    def validate(self) -> str:
        return ""


def stage(checkpoint: Path, steps: int) -> Stage:
    return Stage("small", steps, (3e-2, 1e-3), 4, checkpoint, resume=True, seed=1, compiled=False)


def test_the_loop_is_what_it_was(tmp_path: Path) -> None:
    assert train(SmallCourse(), stage(tmp_path / "model.pt", 100))[::10] == pytest.approx(RECORDED, rel=1e-3)
