"""The objectives by method: one file, one pure loss and one class each.

`build("sft", batches=..., ...)` imports only the file that it needs.  This file knows names, and
refuses to know what an objective is made of.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from fireside.errors import Unsupported
from fireside.training.objective import Objective

METHODS = {
    "pretrain": "next_token:NextToken",
    "sft": "sft:Sft",
    "dpo": "dpo:Dpo",
    "kto": "kto:Kto",
    "grpo": "grpo:Grpo",
    "distill": "distill:Distill",
}


def build(method: str, **parts: Any) -> Objective:
    """The objective of a method, from its parts: see the class for which those are.

    Errors: Unsupported, naming the methods there are.
    """
    if method not in METHODS:
        raise Unsupported(
            f"no training method {method!r}: there are {', '.join(METHODS)}", param="method"
        )
    file, _, name = METHODS[method].partition(":")
    made: Objective = getattr(import_module(f"{__name__}.{file}"), name)(**parts)
    return made
