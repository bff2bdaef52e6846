"""What one rendering of a chat template may use up.

Templates come with the weights and are not trusted to end.  Whatever makes text or takes turns
spends from a budget of CPU time and characters *before* it does its work, where the work could be
large.  Nothing here knows Jinja.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")
MAX_NODES = 200_000
"""Values in one list or mapping, counted through all that it holds."""


class OverBudget(Exception):
    """The template ran too long or made too much; the message goes on from "The template"."""


class Budget:
    """What is left.

    seconds: of this thread's CPU time, so that a busy machine does not fail an honest template.
    characters: of all text that the template makes on its way, intermediate text included.
    """

    __slots__ = ("_deadline", "_ticks", "characters")

    def __init__(self, *, seconds: float, characters: int) -> None:
        self._deadline = time.thread_time() + seconds
        self._ticks = 0
        self.characters = characters

    def spend(self, characters: int) -> None:
        """Charges for work that makes this many characters (or items), and for one turn."""
        self.characters -= characters + 1
        if self.characters < 0:
            raise OverBudget("makes too much text")
        self._ticks += 1
        if self._ticks & 15 == 0 and time.thread_time() > self._deadline:
            raise OverBudget("runs too long")


_current: ContextVar[Budget] = ContextVar("budget")


@contextmanager
def spending(budget: Budget) -> Iterator[None]:
    """What happens inside is charged to the budget."""
    token = _current.set(budget)
    try:
        yield
    finally:
        _current.reset(token)


def spend(characters: int) -> None:
    _current.get().spend(characters)


def charged(value: T) -> T:
    """The value, once its size is paid for."""
    spend(len(value) if isinstance(value, str | list | tuple | dict) else 0)
    return value


def check_shape(*values: object) -> None:
    """Refuses values that hold too much, however little memory they take.

    Forty nestings of `[a, a]` are forty lists, and a million million values to print or to compare.
    """
    nodes = characters = 0
    left = _current.get().characters
    stack = [value for value in values if not isinstance(value, str | int | float)]
    while stack:
        value = stack.pop()
        if isinstance(value, Mapping):
            stack.extend(value.keys())
            stack.extend(value.values())
        elif isinstance(value, list | tuple):
            stack.extend(value)
        elif isinstance(value, str):
            characters += len(value)
        nodes += 1
        if nodes + len(stack) > MAX_NODES or characters > left:
            raise OverBudget("makes too large a list")
    spend(nodes)
