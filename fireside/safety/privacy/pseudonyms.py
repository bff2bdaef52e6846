"""Placeholders for the private values of one conversation, and back: `[EMAIL_1]`, `[NAME_2]`, ...

The same value always has the same placeholder.  A placeholder that nobody made, typed by a person,
gets one of its own, so that what was hidden comes back letter for letter, whatever stood there:

    shown(hidden(text)) == text

One that was made means its value, whoever writes it: hiding a stored text again changes nothing.
SmolLM2-135M copies `[NAME_1]` as often as a real name (5 of 12), in angle brackets once.
It refuses
to keep anything beyond itself: `vault.py` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from fireside.safety.privacy.finder import Found
from fireside.safety.privacy.kinds import LITERAL, LONGEST_PLACEHOLDER, PLACEHOLDER


@dataclass(frozen=True, slots=True, kw_only=True)
class Pseudonym:
    kind: str
    number: int
    value: str

    @property
    def placeholder(self) -> str:
        return f"[{self.kind}_{self.number}]"


@dataclass(slots=True)
class Pseudonyms:
    """Of one conversation.  new: made since it was read, to be kept."""

    known: Iterable[Pseudonym] = ()
    new: list[Pseudonym] = field(default_factory=list)
    _by_value: dict[tuple[str, str], Pseudonym] = field(default_factory=dict)
    _by_placeholder: dict[str, Pseudonym] = field(default_factory=dict)
    _last: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for one in self.known:
            self._take(one)

    @property
    def all(self) -> list[Pseudonym]:
        return list(self._by_placeholder.values())

    def hidden(self, text: str, found: Sequence[Found]) -> str:
        """The text with placeholders.  found: in the text's order, none overlapping."""
        known = set(self._by_placeholder)
        spans = [(one.start, one.end, str(one.kind)) for one in found]
        for typed in PLACEHOLDER.finditer(text):
            begin, end = typed.span()
            apart = all(end <= start or stop <= begin for start, stop, _ in spans)
            if apart and typed[0] not in known:
                spans.append((begin, end, LITERAL))
        parts, last = [], 0
        for start, end, kind in sorted(spans):
            parts += [text[last:start], self._for(kind, text[start:end])]
            last = end
        return "".join([*parts, text[last:]])

    def shown(self, text: str) -> str:
        """The text with the values; placeholders that nobody made stay."""
        return PLACEHOLDER.sub(lambda each: self._value(each[0]), text)

    def _value(self, placeholder: str) -> str:
        known = self._by_placeholder.get(placeholder)
        return placeholder if known is None else known.value

    def _for(self, kind: str, value: str) -> str:
        known = self._by_value.get((kind, value))
        if known is None:
            known = Pseudonym(kind=kind, number=self._last.get(kind, 0) + 1, value=value)
            self._take(known)
            self.new.append(known)
        return known.placeholder

    def _take(self, one: Pseudonym) -> None:
        self._by_value[one.kind, one.value] = one
        self._by_placeholder[one.placeholder] = one
        self._last[one.kind] = max(self._last.get(one.kind, 0), one.number)


class Showing:
    """A `StreamFilter` on what its owner sees: values for placeholders, whatever the chunks are."""

    over = False

    def __init__(self, shown: Callable[[str], str]) -> None:
        """shown: `Pseudonyms.shown`."""
        self._shown = shown
        self._held = ""

    def feed(self, text: str) -> str:
        text = self._held + text
        open_at = text.rfind("[")
        if open_at < 0 or "]" in text[open_at:] or len(text) - open_at > LONGEST_PLACEHOLDER:
            open_at = len(text)
        self._held = text[open_at:]
        return self._shown(text[:open_at])

    def finish(self) -> str:
        held, self._held = self._held, ""
        return held
