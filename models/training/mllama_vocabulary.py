"""The special tokens of `demo`, laid out as in Llama 3.2 Vision: last, then the picture's token, which has an embedding
but no output. And its chat template."""

from demo_vocabulary import SIZE, Layout

# As in the real model there are more embeddings than tokens.
ROWS = SIZE + 8
BEGIN, END, END_OF_TURN, END_OF_MESSAGE = "<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", "<|eom_id|>"
START_HEADER, END_HEADER, PADDING = "<|start_header_id|>", "<|end_header_id|>", "<|finetune_right_pad_id|>"
PICTURE = "<|image|>"
SPECIAL = [
    BEGIN,
    END,
    "<|reserved_special_token_0|>",
    "<|reserved_special_token_1|>",
    PADDING,
    "<|step_id|>",
    START_HEADER,
    END_HEADER,
    END_OF_MESSAGE,
    END_OF_TURN,
    "<|python_tag|>",
]

LAYOUT = Layout(first=(), last=tuple(SPECIAL), beyond=(PICTURE,), roles=("user", "assistant", "system", "\n\n"))


def header(role: str) -> str:
    return f"{START_HEADER}{role}{END_HEADER}\n\n"


# What the chat template puts before a question, and between question and answer.
BEFORE_QUESTION = header("user")
BEFORE_ANSWER = END_OF_TURN + header("assistant")
