"""The real default model writes, greedily, what transformers writes from the same GGUF file.

The slowest test of the room, and it runs once: 20 prompts × 64 tokens, one padded batch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor

from fireside.hub.gguf import open_gguf
from fireside.model.cache import DenseCache
from fireside.model.load import load_model
from fireside.tokenizer import Tokenizer

from .reference import local

TOKENS = 64
PROMPTS = (
    "The capital of France is",
    "Once upon a time, in a village by the sea,",
    "def fibonacci(n):\n",
    "import numpy as np\n\ndef softmax(x):\n    ",
    "Q: What is 12 times 12?\nA:",
    "Dear Sir or Madam,\n\nI am writing to",
    "Water boils at",
    "The three laws of thermodynamics are",
    "1, 1, 2, 3, 5, 8,",
    "Ingredients:\n- 2 eggs\n- flour\n\nMethod:\n",
    "<html>\n<head>\n<title>",
    "SELECT name, age FROM",
    "The mitochondria is",
    "In 1969,",
    "# Chapter 1\n\nIt was a cold",
    "To be, or not to be:",
    "Translate to French: The cat sits on the mat.\n",
    "|a|b|\n|-|-|\n|1|",
    "你好,我是",
    "A",
)


def test_greedy_text_of_the_default_model(smollm2_path: Path) -> None:
    tokenizer = Tokenizer.from_gguf(open_gguf(smollm2_path).metadata)
    ids, mask = _left_padded([tokenizer.encode(prompt) for prompt in PROMPTS])
    model = load_model(local(smollm2_path))
    theirs = transformers.AutoModelForCausalLM.from_pretrained(
        smollm2_path.parent, gguf_file=smollm2_path.name, dtype=torch.float32
    )
    written = _ours(model, ids, mask)
    assert torch.equal(written, _theirs(theirs, ids, mask, written))


def _left_padded(prompts: list[list[int]]) -> tuple[Tensor, Tensor]:
    longest = max(len(prompt) for prompt in prompts)
    ids = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts])
    mask = torch.arange(longest) >= torch.tensor([[longest - len(p)] for p in prompts])
    return ids, mask


def _ours(model: Any, ids: Tensor, mask: Tensor) -> Tensor:
    cache, written = DenseCache(), []
    last = torch.arange(1, ids.shape[0] + 1)
    for _ in range(TOKENS):
        positions = cache.extend(mask)
        rows = last * ids.shape[1] - 1
        ids = model(ids, positions=positions, cache=cache, logits_at=rows).argmax(-1, keepdim=True)
        mask = torch.ones_like(ids, dtype=torch.bool)
        written.append(ids)
    return torch.cat(written, dim=1)


def _theirs(model: Any, ids: Tensor, mask: Tensor, written: Tensor) -> Tensor:
    """Its choice after each prefix of prompt + `written`.

    If that is `written`, then by induction it is what transformers writes by itself; one pass
    instead of 64.
    """
    whole = torch.cat((ids, written), dim=1)
    mask = torch.cat((mask, torch.ones_like(written, dtype=torch.bool)), dim=1)
    logits = model(
        input_ids=whole,
        attention_mask=mask.long(),
        position_ids=(mask.long().cumsum(1) - 1).clamp_min(0),
        logits_to_keep=TOKENS + 1,
    ).logits
    choices: Tensor = logits[:, :-1].argmax(-1)
    return choices
