"""The special tokens of the text half of `demo-mmproj`, which come first, and its chat template (ChatML)."""

from demo_vocabulary import Layout

END_OF_TEXT, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
SPECIAL = [END_OF_TEXT, START, END]
LAYOUT = Layout(first=tuple(SPECIAL), last=(), beyond=(), roles=("user\n", "assistant\n"))

# What the engine's chat template puts before the picture, and between question and answer.
BEFORE_PICTURE = f"{START}user\n"
BEFORE_ANSWER = f"{END}\n{START}assistant\n"
