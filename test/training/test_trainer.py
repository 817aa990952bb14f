"""The trainer of the demo models: seeded, and on its schedule. Needs PyTorch."""

import subprocess
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("tokenizers")

import torch
from first_losses import draw, first_losses
from trainer import rate_at


def test_rates_warm_up_and_fall() -> None:
    rates = [rate_at(step, 200, 1e-3, 1e-4) for step in range(200)]
    assert rates[0] == pytest.approx(1e-3 / 60)
    assert max(rates) == rates[60] == pytest.approx(1e-3)
    assert rates[60:] == sorted(rates[60:], reverse=True)
    assert rates[-1] == pytest.approx(1e-4, rel=0.01)


@pytest.mark.parametrize("model", ["pair", "mllama"])
def test_training_repeats_bit_for_bit(model: str, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    try:
        draw(model, tmp_path / "data")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("pictures cannot be drawn here: node and its packages are needed")
    for talk in (False, True):
        once = first_losses(model, talk, tmp_path / "data", tmp_path / "one", steps=3)
        again = first_losses(model, talk, tmp_path / "data", tmp_path / "two", steps=3)
        assert len(once) == 3
        assert once == again
