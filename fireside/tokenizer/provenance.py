"""Text that remembers where each of its characters came from.

`Marked` is a `str` whose runs of characters carry a label: written by the chat template, or brought
in by message number i.  Joining, slicing, stripping, splitting and replacing keep the labels, so a
template may do all of that and we still know, at the end, which characters it wrote itself.  That
decides whether `<|im_end|>` is a control token or ten ordinary characters.

It refuses to guess.  An operation that it does not follow gives text labelled `UNKNOWN`, which is
never trusted: the safe direction, because only `TEMPLATE` characters can become control tokens.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import index
from typing import SupportsIndex

UNKNOWN = 0
TEMPLATE = 1
GENERATED = 2
"""A bit beside the others: the text stood inside `{% generation %}`."""
INPUT = 1 << 2
"""Brought in by the caller, but by no message: tool schemas, template variables."""

Runs = tuple[tuple[int, int], ...]
"""(end offset, label), ascending; the last end is the length."""


def from_message(number: int) -> int:
    """The label of text that this message brought in."""
    return (number + 2) << 2


def message_of(label: int) -> int | None:
    """The message that a label names, if it names one."""
    number = (label >> 2) - 2
    return number if number >= 0 else None


class Marked(str):
    """A `str` with labelled runs.  Equal to, and hashed as, the plain text."""

    __slots__ = ("_runs",)
    _runs: Runs

    def __new__(cls, text: str, runs: Runs) -> Marked:
        self = super().__new__(cls, text)
        self._runs = runs
        return self

    def __str__(self) -> str:
        # Jinja finalizes an output with `str(x)`: the subclass must survive it.
        return self

    def __add__(self, other: str) -> Marked:
        return concat((self, other)) if isinstance(other, str) else NotImplemented

    def __radd__(self, other: str) -> Marked:
        return concat((other, self)) if isinstance(other, str) else NotImplemented

    def __mul__(self, times: SupportsIndex) -> Marked:
        if len(self._runs) == 1:
            return mark(str.__mul__(self, times), self._runs[0][1])
        return concat((self,) * index(times))

    __rmul__ = __mul__

    def __getitem__(self, key: SupportsIndex | slice) -> Marked:
        if isinstance(key, slice):
            start, stop, step = key.indices(len(self))
            if step == 1:
                return cut(self, start, max(start, stop))
            return concat(cut(self, i, i + 1) for i in range(start, stop, step))
        at = index(key)
        if not -len(self) <= at < len(self):
            raise IndexError("string index out of range")
        at %= len(self)
        return cut(self, at, at + 1)

    def __iter__(self) -> Iterator[Marked]:
        return (cut(self, i, i + 1) for i in range(len(self)))

    def strip(self, chars: str | None = None) -> Marked:
        stop = len(str.rstrip(self, chars))
        return cut(self, min(stop, len(self) - len(str.lstrip(self, chars))), stop)

    def lstrip(self, chars: str | None = None) -> Marked:
        return cut(self, len(self) - len(str.lstrip(self, chars)), len(self))

    def rstrip(self, chars: str | None = None) -> Marked:
        return cut(self, 0, len(str.rstrip(self, chars)))

    def removeprefix(self, prefix: str) -> Marked:
        return cut(self, len(self) - len(str.removeprefix(self, prefix)), len(self))

    def removesuffix(self, suffix: str) -> Marked:
        return cut(self, 0, len(str.removesuffix(self, suffix)))

    def split(  # type: ignore[override]  # list is invariant; templates do not mind
        self, sep: str | None = None, maxsplit: SupportsIndex = -1
    ) -> list[Marked]:
        return self._located(str.split(self, sep, maxsplit), sep)

    def rsplit(  # type: ignore[override]
        self, sep: str | None = None, maxsplit: SupportsIndex = -1
    ) -> list[Marked]:
        return self._located(str.rsplit(self, sep, maxsplit), sep)

    def splitlines(self, keepends: bool = False) -> list[Marked]:  # type: ignore[override]
        lines = self._located(str.splitlines(self, keepends=True), "")
        bare = str.splitlines(self)
        return lines if keepends else [cut(a, 0, len(b)) for a, b in zip(lines, bare, strict=True)]

    def partition(self, sep: str) -> tuple[Marked, Marked, Marked]:
        first, middle, last = self._located(str.partition(self, sep), "")
        return first, middle, last

    def rpartition(self, sep: str) -> tuple[Marked, Marked, Marked]:
        first, middle, last = self._located(str.rpartition(self, sep), "")
        return first, middle, last

    def replace(self, old: str, new: str, count: SupportsIndex = -1) -> Marked:
        if not old:
            return derived(str.replace(self, old, new, count), (self, new))
        return join(new, self._located(str.split(self, old, count), old))

    def join(self, parts: Iterable[str]) -> Marked:
        return join(self, parts)

    def upper(self) -> Marked:
        return self._run_by_run(str.upper)

    def lower(self) -> Marked:
        return self._run_by_run(str.lower)

    def title(self) -> Marked:
        return self._changed(str.title(self))

    def capitalize(self) -> Marked:
        return self._changed(str.capitalize(self))

    def _located(self, parts: Sequence[str], sep: str | None) -> list[Marked]:
        """The parts, in order, as pieces of this text: `sep` apart, or whitespace where None."""
        found = []
        at = 0
        for part in parts:
            if sep is None:
                at = str.index(self, part, at)
            found.append(cut(self, at, at + len(part)))
            at += len(part) + len(sep or "")
        return found

    def _changed(self, text: str) -> Marked:
        """A function of this text alone, so of one label if the text is."""
        if len(self._runs) == 1:
            return mark(text, self._runs[0][1])
        return derived(text, (self,))

    def _run_by_run(self, change: Callable[[str], str]) -> Marked:
        start = 0
        pieces = []
        for end, label in self._runs:
            pieces.append(mark(change(str.__getitem__(self, slice(start, end))), label))
            start = end
        return concat(pieces)


def runs_of(text: str) -> Runs:
    if isinstance(text, Marked):
        return text._runs
    return ((len(text), UNKNOWN),) if text else ()


def mark(text: str, label: int) -> Marked:
    """The text with one label throughout."""
    return Marked(text, ((len(text), label),) if text else ())


def add_label(text: str, bit: int) -> Marked:
    """The text with a bit set on each of its labels."""
    return Marked(str.__str__(text), tuple((end, label | bit) for end, label in runs_of(text)))


def cut(text: str, start: int, stop: int) -> Marked:
    """`text[start:stop]` with its labels; 0 <= start <= stop <= len(text)."""
    plain = str.__getitem__(text, slice(start, stop))
    if not plain:
        return Marked("", ())
    runs = runs_of(text)
    if len(runs) == 1:
        return Marked(plain, ((len(plain), runs[0][1]),))
    first = bisect_right(runs, (start, 1 << 62))
    kept = []
    for end, label in runs[first:]:
        kept.append((min(end, stop) - start, label))
        if end >= stop:
            break
    return Marked(plain, tuple(kept))


def concat(parts: Iterable[str]) -> Marked:
    """The parts after one another."""
    parts = list(parts)
    runs: list[tuple[int, int]] = []
    offset = 0
    for part in parts:
        for end, label in runs_of(part):
            if runs and runs[-1][1] == label:
                runs[-1] = (offset + end, label)
            else:
                runs.append((offset + end, label))
        offset += len(part)
    return Marked("".join(parts), tuple(runs))


def join(separator: str, parts: Iterable[str]) -> Marked:
    """`separator.join(parts)` with its labels."""
    spaced: list[str] = []
    for part in parts:
        if spaced:
            spaced.append(separator)
        spaced.append(part)
    return concat(spaced)


def derived(text: str, sources: Iterable[object]) -> Marked:
    """The result of an operation that is not followed character by character.

    It is never trusted.  What came from one message alone keeps that message's label; what came
    from inputs only is `INPUT`; where the template's own text is among the sources: `UNKNOWN`.
    """
    labels = {label for source in sources for label in _labels(source)}
    if len(labels) == 1 and not labels & {TEMPLATE, TEMPLATE | GENERATED}:
        return mark(str.__str__(text), labels.pop())
    trusted_among = not labels or any(label & TEMPLATE or label == UNKNOWN for label in labels)
    return mark(str.__str__(text), UNKNOWN if trusted_among else INPUT)


def _labels(value: object) -> Iterator[int]:
    if isinstance(value, str):
        for _, label in runs_of(value):
            yield label
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _labels(key)
            yield from _labels(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _labels(item)
