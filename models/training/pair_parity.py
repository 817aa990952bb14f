"""Compares the training code with a running llama-server, picture by picture.

Greedy answers must agree; the logarithms of the first token's probability show how close the arithmetic
is. Use the server with the f16 text file to see the arithmetic, with Q4_K_M to see the quantisation.
"""

import argparse
import base64
import json
import math
import urllib.request
from pathlib import Path

import demo_vocabulary
import numpy
import pair_vocabulary
import torch
from pair_model import PATCHES, PICTURE_SIDE, DemoModel
from PIL import Image
from tokenizers import Tokenizer

PADDING = (127, 127, 127)
LONGEST_ANSWER = 64


def see(path: Path) -> torch.Tensor:
    """The picture as the engine hands it to the tower: [1, 3, 128, 128], -1 to 1."""
    picture = Image.open(path).convert("RGB")
    scale = min(PICTURE_SIDE / picture.width, PICTURE_SIDE / picture.height)
    size = [min(PICTURE_SIDE, math.ceil(side * scale)) for side in picture.size]
    square = Image.new("RGB", (PICTURE_SIDE, PICTURE_SIDE), PADDING)
    corner = ((PICTURE_SIDE - size[0]) // 2, (PICTURE_SIDE - size[1]) // 2)
    square.paste(picture.resize(size, Image.Resampling.BICUBIC), corner)
    return torch.from_numpy(numpy.array(square)).permute(2, 0, 1)[None].float() / 127.5 - 1


@torch.no_grad()
def answer(model: DemoModel, tokenizer: Tokenizer, picture: torch.Tensor, question: str) -> tuple[str, float]:
    """The greedy answer and the logarithm of its first token's probability."""
    before = torch.tensor([tokenizer.encode(pair_vocabulary.BEFORE_PICTURE).ids])
    after = tokenizer.encode(question + pair_vocabulary.BEFORE_ANSWER).ids
    projected = model.vision(picture)[2]
    end, first, start = tokenizer.token_to_id(pair_vocabulary.END), None, len(after)
    while len(after) - start < LONGEST_ANSWER:
        length = before.shape[1] + PATCHES + len(after)
        visible = torch.ones(1, 1, length, length, dtype=torch.bool).tril()
        logits = model.text(before, projected, torch.tensor([after]), torch.arange(length)[None], visible)[0, -1]
        token = int(logits.argmax())
        first = float(logits.log_softmax(-1)[token]) if first is None else first
        if token == end:
            break
        after.append(token)
    assert first is not None
    return tokenizer.decode(after[start:]), first


def ask(server: str, path: Path, question: str) -> tuple[str, float]:
    url = f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": question}]
    body = {"messages": [{"role": "user", "content": content}], "temperature": 0, "max_tokens": LONGEST_ANSWER}
    body |= {"logprobs": True, "top_logprobs": 1}
    request = urllib.request.Request(f"{server}/v1/chat/completions", json.dumps(body).encode())
    request.add_header("content-type", "application/json")
    with urllib.request.urlopen(request) as response:
        choice = json.load(response)["choices"][0]
    return choice["message"]["content"], choice["logprobs"]["content"][0]["logprob"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path, help="written by held-out.ts")
    parser.add_argument("server", nargs="?", default="http://127.0.0.1:8080")
    options = parser.parse_args()
    tokenizer = demo_vocabulary.load(options.checkpoint.with_name("tokenizer.json"))
    model = DemoModel(demo_vocabulary.SIZE)
    model.load_state_dict(torch.load(options.checkpoint, weights_only=True)["model"])
    model.eval()
    same, right, distances = 0, 0, []
    lines = [json.loads(line) for line in (options.folder / "questions.jsonl").read_text().splitlines()]
    for line in lines:
        path = options.folder / f"{line['seed']}.png"
        ours, our_logarithm = answer(model, tokenizer, see(path), line["question"])
        theirs, their_logarithm = ask(options.server, path, line["question"])
        same += ours == theirs
        right += ours == line["answer"]
        distances.append(abs(our_logarithm - their_logarithm))
        if ours != theirs:
            print(f"{line['seed']} {line['question']!r}: {ours!r} here, {theirs!r} there, right {line['answer']!r}")
    print(f"same answers {same}/{len(lines)}, right here {right}/{len(lines)}")
    print(f"first token's log probability apart: median {numpy.median(distances):.2e}, most {max(distances):.2e}")


if __name__ == "__main__":
    main()
