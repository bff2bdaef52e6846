"""How a pull tells what it is doing.  Refuses to print: the terminal belongs to cli."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called often, from the pulling thread.  Raising stops the pull; what came so far is kept.

    Args:
        text: what is being done, e.g. "fetching model.safetensors".
        done: bytes so far.
        total: bytes in all; 0 while it is not known.
    """

    def __call__(self, text: str, done: int, total: int) -> None: ...


def readable(count: int) -> str:
    """Bytes for a person: "98 MB", "2.5 GB"."""
    return f"{count / 1e6:,.0f} MB" if count < 1e9 else f"{count / 1e9:,.1f} GB"


def silent(text: str, done: int, total: int) -> None:
    """The progress of a pull that nobody watches."""
