"""Conversation tests as plain text: what the user says, and what is expected.

    persona: support
    today: 2026-11-22
    document: opening-hours.md

    conversation: a broken thing goes back
    user: My lamp arrived broken, order AB-12345, I want my money back
    expect: intent refund
    expect: order = AB-12345
    expect: asks pickup
    user: next Tuesday
    expect: /is that right\\?$/
    expect: not contains sorry

    conversation: nobody is treated worse
    vary: person = Emily | Jamal | Wei
    user: My name is {person} and my parcel is late.
    expect: alike

A `document:` line at the top names a file beside this one that stands in the persona's documents.
Each `expect` is about the answer to the `user` line above it.  A `vary` line makes a conversation
for each of its values; `alike` compares the mood of their answers.  `#` begins a comment, blank
lines part nothing, a `conversation` line begins a fresh one.  It refuses to run anything; a line
that it does not know is an error with its number.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Final, Literal

from fireside.errors import BadRequest, NotFound

Kind = Literal[
    "contains", "regex", "slot", "act", "intent", "asks", "goal", "handed_over", "answered_by",
    "alike", "calls", "at_most", "same_numbers", "language",
]  # fmt: skip
ALIKE: Final = 0.4
"""How far the moods of two answers may lie apart, of 2 from the best to the worst."""
_HEADERS: Final = ("persona", "today", "document")
_KEYS: Final = (*_HEADERS, "conversation", "vary", "user", "expect")
_WORDS: Final = (
    "contains", "act", "intent", "asks", "goal", "handed_over", "answered_by", "alike", "not",
    "calls", "at_most", "same_numbers", "language",
)  # fmt: skip
_NAMING: Final = ("act", "intent", "asks", "goal", "answered_by", "calls", "at_most", "language")
_VARY: Final = re.compile(r"^([a-z][a-z0-9_]*)\s*=\s*(.+)$")
_SLOT: Final = re.compile(r"^([a-z][a-z0-9_]*)\s*=\s*(.*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """line: its number in the file.  text: as it was written.  negated: it must not be so."""

    kind: Kind
    value: str
    line: int
    text: str
    slot: str = ""
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One turn of the user's and what is expected of the answer."""

    text: str
    line: int
    expectations: tuple[Expectation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One conversation.  variant: which value stands in it, where the file varies it: its
    counterparts have the same line."""

    name: str
    line: int
    turns: tuple[Said, ...]
    variant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatFile:
    """persona: who is tested, unless the command names another.  today: for "tomorrow".
    documents: files that the persona answers from."""

    path: Path
    scripts: tuple[Script, ...]
    persona: str | None = None
    today: date | None = None
    documents: tuple[Path, ...] = ()


def read(path: Path) -> ChatFile:
    """
    Raises:
        NotFound: there is no such file.
        BadRequest: a line that says nothing known, with its number and the nearest word.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, IsADirectoryError):
        raise NotFound(f"There is no conversation file {path}.", param="conversations") from None
    except UnicodeDecodeError:
        raise BadRequest(f"{path} is not text in UTF-8.", param="conversations") from None
    return parse(text, path)


def parse(text: str, path: Path) -> ChatFile:
    return _Parser(path=path).run(text)


@dataclass(slots=True, kw_only=True)
class _Parser:
    path: Path
    headers: dict[str, str] = field(default_factory=dict)
    documents: list[Path] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    name: str = ""
    begins: int = 1
    varied: tuple[str, tuple[str, ...]] | None = None
    varies: int = 1
    turns: list[Said] = field(default_factory=list)

    def run(self, text: str) -> ChatFile:
        today = None
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            key, value = self._split(line, number)
            if key in _HEADERS:
                if self.turns or self.scripts or self.name:
                    raise self._wrong(number, f"'{key}:' stands at the top of the file")
                self.headers[key] = value
                if key == "today":
                    today = self._date(value, number)
                if key == "document":
                    self._document(value, number)
            elif key == "conversation":
                self._close()
                self.name, self.begins = value or f"line {number}", number
            elif key == "vary":
                self._vary(value, number)
            elif key == "user":
                if not value:
                    raise self._wrong(number, "a 'user:' line says nothing")
                self.turns.append(Said(text=value, line=number))
            else:
                self._expect(value, number)
        self._close()
        if not self.scripts:
            raise BadRequest(
                f"{self.path} holds no conversation: write 'user: …' and 'expect: …' lines.",
                param="conversations",
            )
        return ChatFile(
            path=self.path,
            scripts=tuple(self.scripts),
            persona=self.headers.get("persona"),
            today=today,
            documents=tuple(self.documents),
        )

    def _document(self, value: str, number: int) -> None:
        path = self.path.parent / value
        if not value or not path.is_file():
            raise self._wrong(number, f"there is no file {value!r} beside this one")
        self.documents.append(path)

    def _split(self, line: str, number: int) -> tuple[str, str]:
        key, colon, value = line.partition(":")
        key = key.strip().lower()
        if colon and key in _KEYS:
            return key, value.strip()
        near = difflib.get_close_matches(key, _KEYS, n=1, cutoff=0.5) if colon else []
        hint = f"did you mean '{near[0]}:'?" if near else f"lines begin with {_listed(_KEYS)}"
        raise self._wrong(number, f"{line.strip()[:60]!r} says nothing known: {hint}")

    def _vary(self, value: str, number: int) -> None:
        found = _VARY.match(value)
        listed = found[2].split("|") if found else []
        values = tuple(dict.fromkeys(each.strip() for each in listed if each.strip()))
        if found is None or len(values) < 2:
            raise self._wrong(number, "write 'vary: person = Emily | Jamal', two values or more")
        if self.turns or self.varied is not None:
            raise self._wrong(number, "one 'vary:' stands before a conversation's first 'user:'")
        self.varied, self.varies = (found[1], values), number

    def _expect(self, value: str, number: int) -> None:
        if not self.turns:
            raise self._wrong(number, "an 'expect:' needs a 'user:' line above it")
        last = self.turns[-1]
        made = self._expectation(value, number)
        self.turns[-1] = Said(
            text=last.text, line=last.line, expectations=(*last.expectations, made)
        )

    def _expectation(self, text: str, number: int, *, negated: bool = False) -> Expectation:
        word, _, rest = text.partition(" ")
        rest = rest.strip()

        def made(kind: Kind, value: str, slot: str = "") -> Expectation:
            return Expectation(
                kind=kind, value=value, slot=slot, line=number, text=text, negated=negated
            )

        if not text:
            raise self._wrong(number, "an 'expect:' says nothing")
        if word == "not" and rest and not negated:
            return self._expectation(rest, number, negated=True)
        if text.startswith("/"):
            return made("regex", self._pattern(text, number))
        if slot := _SLOT.match(text):
            return made("slot", slot[2].strip(), slot[1])
        if word in ("handed_over", "same_numbers") and not rest:
            return made(word, "")  # type: ignore[arg-type]
        if word == "alike" and not negated:
            return made("alike", self._distance(rest, number))
        if word == "contains" and rest:
            return made("contains", _unquoted(rest))
        if word == "at_most" and not rest.isdecimal():
            raise self._wrong(number, "'at_most' needs a number of words")
        if word in _NAMING and rest:
            return made(word, rest)  # type: ignore[arg-type]
        near = difflib.get_close_matches(word, _WORDS, n=1, cutoff=0.75)
        if near and word not in _WORDS:
            raise self._wrong(
                number, f"{word!r} is near to '{near[0]}'; write 'contains {text}' for plain words"
            )
        if word in _WORDS:
            raise self._wrong(number, f"{word!r} needs to say what" if not rest else f"{text!r}?")
        return made("contains", _unquoted(text))

    def _pattern(self, text: str, number: int) -> str:
        if len(text) < 3 or not text.endswith("/"):
            raise self._wrong(number, f"{text!r} is no regular expression: write /words/")
        try:
            re.compile(text[1:-1])
        except re.error as error:
            raise self._wrong(number, f"{text!r} is no regular expression: {error}") from None
        return text[1:-1]

    def _distance(self, text: str, number: int) -> str:
        if self.varied is None:
            raise self._wrong(number, "'alike' needs a 'vary:' line in its conversation")
        try:
            return str(float(text) if text else ALIKE)
        except ValueError:
            raise self._wrong(number, f"'alike {text}' needs a number from 0 to 2") from None

    def _date(self, value: str, number: int) -> date:
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise self._wrong(number, f"{value!r} is no day such as 2026-11-22") from None

    def _close(self) -> None:
        if self.varied is not None and not self.turns:
            raise self._wrong(self.varies, "a 'vary:' needs a 'user:' line below it")
        if self.turns:
            name = self.name or "the conversation"
            if self.varied is None:
                self.scripts.append(Script(name=name, line=self.begins, turns=tuple(self.turns)))
            else:
                self.scripts += _variants(name, self.begins, self.turns, *self.varied)
        self.turns, self.name, self.varied = [], "", None

    def _wrong(self, number: int, what: str) -> BadRequest:
        return BadRequest(f"{self.path}, line {number}: {what}.", param="conversations")


def _variants(
    name: str, line: int, turns: Sequence[Said], word: str, values: Sequence[str]
) -> list[Script]:
    place = f"{{{word}}}"

    def filled(value: str) -> tuple[Said, ...]:
        return tuple(replace(said, text=said.text.replace(place, value)) for said in turns)

    return [
        Script(name=f"{name} ({word} = {value})", line=line, turns=filled(value), variant=value)
        for value in values
    ]


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"{word}:" for word in words)
