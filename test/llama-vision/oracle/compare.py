"""The engine against the reference: random checkpoints of several sizes, in every file layout, stage by stage.

usage: compare.py FOLDER_OF_LLAMA_SERVER [--sizes small,one,wide,large]

Prints a line for each comparison; exits with 1 when one is out of its tolerance. Of the tower only the projector's
output can be seen from outside; it depends on every stage before.
"""

import argparse
import base64
import io
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import numpy
import torch
from ollama_layouts import write_ollama, write_pair
from random_checkpoint import SIZES, write_checkpoint
from reference import Reference, picture
from vectors import CASES, GREEDY_TOKENS, NAMES, NEVER, PICTURE, token_ids

from convert import convert

PORT = 8197
PRECISE = ["--flash-attn", "off", "--cache-type-k", "f32", "--cache-type-v", "f32"]


@dataclass(frozen=True)
class Way:
    """How the engine is run, and how far it may be from the reference."""

    name: str
    files: str
    options: list[str]
    logits: float
    rows: float
    greedy: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    # As far as PyTorch's own BF16 is from the reference, times BF16_SHARE, where that is more.
    bf16: bool = False


BF16_SHARE = 1.5
AS_BF16 = {"GGML_CPU_F16_WAS_BF16": "1"}

# 16-bit keys and values may cost 1e-3 of the logits and a quantised cache 1e-2; flash
# attention over fewer rows than one of its tiles accumulates in 16 bits as well, hence 4e-3 for the tower.
WAYS = [
    Way("ours, 32 bits", "ours", PRECISE, 1e-6, 1e-5, greedy=True),
    Way("every padding tile", "ours", PRECISE, 1e-6, 1e-5, environment={"MTMD_MLLAMA_UNMERGED": "1"}),
    Way("Ollama's single file", "ollama", PRECISE, 1e-6, 1e-5, greedy=True),
    Way("Ollama's pair", "pair", PRECISE, 1e-6, 1e-5, greedy=True),
    Way("flash attention", "ours", ["--flash-attn", "on"], 1e-3, 4e-3),
    Way("q8_0 cache", "ours", ["--cache-type-k", "q8_0", "--cache-type-v", "q8_0"], 1e-2, 4e-3),
    Way("16-bit weights", "half", PRECISE, 1e-3, 4e-3),
    Way("as BF16", "half", PRECISE, 0, 0, environment=AS_BF16, bf16=True),
    Way("as BF16, flash att.", "half", ["--flash-attn", "on"], 0, 0, environment=AS_BF16, bf16=True),
]


class Engine:
    def __init__(self, program: Path, way: Way, folder: Path) -> None:
        self.dump = folder / "rows"
        files = {
            "ours": ["ours.gguf"], "half": ["half.gguf"], "ollama": ["ollama.gguf"], "pair": ["text.gguf", "tower.gguf"]
        }[way.files]  # fmt: skip
        options = ["--model", str(folder / files[0])]
        if len(files) > 1:
            options += ["--mmproj", str(folder / files[1])]
        options += [
            "--port",
            str(PORT),
            "--ctx-size",
            "1024",
            "--parallel",
            "1",
            "--threads",
            "1",
            "--ctx-cross",
            "2048",
        ]
        environment = os.environ | {"LLAMA_MEDIA_MARKER": PICTURE, "MTMD_DEBUG_EMBEDDINGS": str(self.dump)}
        self.log = (folder / "engine.log").open("w+")
        self.process = subprocess.Popen(
            [program, *options, *way.options], stdout=self.log, stderr=self.log, env=environment | way.environment
        )
        while not self.healthy():
            if self.process.poll() is not None:
                self.log.seek(0)
                sys.exit(f"{way.name}: the engine ended\n{self.log.read()[-2000:]}")
            time.sleep(0.05)

    def healthy(self) -> bool:
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health").status == 200
        except OSError:
            return False

    def ask(self, prompt: str, sizes: list[tuple[int, int]], count: int) -> tuple[numpy.ndarray, list[int]]:
        """Log probabilities [tokens] after the prompt, and the greedy answer."""
        files = []
        for size in sizes:
            file = io.BytesIO()
            picture(*size).save(file, "PNG")
            files.append(base64.b64encode(file.getvalue()).decode())
        body = {
            "prompt": {"prompt_string": prompt, "multimodal_data": files} if files else prompt,
            "n_predict": count, "temperature": 0, "samplers": ["temperature"], "n_probs": len(NAMES),
            "return_tokens": True, "ignore_eos": True, "cache_prompt": False,
            "logit_bias": [[token, False] for token in sorted(NEVER) if token < 256],
        }  # fmt: skip
        request = urllib.request.Request(
            f"http://127.0.0.1:{PORT}/completion", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        answer = json.load(urllib.request.urlopen(request))
        values = numpy.full(len(NAMES), -numpy.inf)
        for token in answer["completion_probabilities"][0]["top_logprobs"]:
            values[token["id"]] = token["logprob"]
        return values, answer["tokens"]

    def rows(self) -> numpy.ndarray:
        """[rows, hidden] of the last picture."""
        raw = self.dump.read_bytes()
        count, width = struct.unpack("ii", raw[:8])
        return numpy.frombuffer(raw[8:], numpy.float32).reshape(count, width)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def logit_error(actual: numpy.ndarray, expected: numpy.ndarray) -> float:
    actual = actual[: len(expected)]
    return ((actual - expected) ** 2).sum() / ((expected - expected.mean()) ** 2).sum()


def row_error(actual: numpy.ndarray, expected: numpy.ndarray) -> float:
    if actual.shape != expected.shape:
        return numpy.inf
    return float(numpy.sqrt(((actual - expected) ** 2).mean() / (expected**2).mean()))


def bf16_errors(checkpoint: Path, expected: list[tuple]) -> tuple[float, float]:
    """How far PyTorch's own BF16 is from the reference: the largest errors of logits and of rows."""
    reference = Reference(checkpoint, torch.bfloat16)
    logits, rows = 0.0, 0.0
    for _, prompt, sizes, wanted_rows, wanted, _ in expected:
        ids, pictures = token_ids(prompt), [picture(*one) for one in sizes]
        logits = max(logits, logit_error(reference.log_probabilities(ids, pictures), wanted))
        if pictures:
            rows = max(rows, row_error(reference.projected(pictures[-1]), wanted_rows))
    print(f"PyTorch's BF16: logits {logits:.1e} rows {rows:.1e}", flush=True)
    return logits, rows


def compare(program: Path, size: str, folder: Path) -> bool:
    write_checkpoint(SIZES[size], folder / "checkpoint")
    convert(folder / "checkpoint", folder / "ours.gguf", "f32")
    convert(folder / "checkpoint", folder / "half.gguf", "f16")
    write_ollama(folder / "ours.gguf", folder / "ollama.gguf")
    write_pair(folder / "ours.gguf", folder / "text.gguf", folder / "tower.gguf")
    reference = Reference(folder / "checkpoint")
    expected = []
    for name, prompt, sizes in CASES:
        ids, pictures = token_ids(prompt), [picture(*one) for one in sizes]
        rows = reference.projected(pictures[-1]) if pictures else None
        greedy = reference.greedy(ids, pictures, GREEDY_TOKENS, NEVER)
        expected.append((name, prompt, sizes, rows, reference.log_probabilities(ids, pictures), greedy))
    yardstick = bf16_errors(folder / "checkpoint", expected)
    good = True
    for way in WAYS:
        most_logits, most_rows = [BF16_SHARE * error for error in yardstick] if way.bf16 else [way.logits, way.rows]
        engine = Engine(program, way, folder)
        logits, rows, same = 0.0, 0.0, 0
        for _, prompt, sizes, wanted_rows, wanted, greedy in expected:
            actual, tokens = engine.ask(prompt, sizes, GREEDY_TOKENS if way.greedy else 1)
            logits = max(logits, logit_error(actual, wanted))
            if wanted_rows is not None:
                rows = max(rows, row_error(engine.rows(), wanted_rows))
            same += tokens == greedy
        engine.stop()
        fine = logits <= most_logits and rows <= most_rows and (not way.greedy or same == len(expected))
        good = good and fine
        answers = f"{same}/{len(expected)} answers" if way.greedy else ""
        print(
            f"{'ok  ' if fine else 'FAIL'} {size:6} {way.name:21} logits {logits:.1e} rows {rows:.1e} {answers}",
            flush=True,
        )
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", type=Path)
    parser.add_argument("--sizes", default=",".join(SIZES))
    options = parser.parse_args()
    torch.set_num_threads(2)
    good = True
    for size in options.sizes.split(","):
        with tempfile.TemporaryDirectory() as folder:
            good = compare(options.engine / "llama-server", size, Path(folder)) and good
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
