"""A text cut into the tokens that sums are read from: numbers, signs, words, ends of sentences."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from fireside.language.sums.words import write_in_signs

_TOKEN: Final = re.compile(
    r"""
      (?P<stop> ^[ \t]*(?:\(?\w{1,2}[.)]|[*•])[ \t]+(?=[^\n]{0,99}\d) | \n(?![ \t]*=)(?<!=\n) )
    | (?P<bad> (?<!\d)(?:\d{4}-\d\d-\d\d|\d\d?/\d\d?/\d{4})(?!\d) | =[<>~]
        | (?<=[\d)])!(?=\s*[-+*/^×·÷−–=)%]) )
    | (?P<mixed> (?<![/\d.,])\d+[ ]+\d+/[1-9]\d*(?![\d./]) )
    | (?P<number> \d+(?:[.,]\d+)* | \.\d+ )
    | (?P<equal> ==? | ≠ | (?<=[\d)%\s])[<>]=?(?=\s*[-−√(.\d]) | [≤≥]
        | \b(?:is|are)(?:\s+equal\s+to)?\b | \bequals?(?:\s+to)?\b | \bmakes?\b
        | \bgives?\b )
    | (?P<sign> \*\* | [-+*/^×·÷−–] | (?<=\d):(?=\d) | (?<=\d[ ]):(?=[ ]\d)
        | \b(?:multiplied\ by|divided\ by|times|plus|minus|mod)\b
        | (?<=[\d)\s])x(?=\s*[\d(√]) | (?<=\s)x(?=\s+[-−]\d) )
    | (?P<percent> (?:%|\bpercent\b)(?:\s*of\b)? )
    | (?P<rest> (?<=[\d\s])(?:remainder|rem|r)\.?(?=\s*\d) )
    | (?P<open> [(√] ) | (?P<close> \) )
    | (?P<word> [^\W\d_]+(?:['’][^\W\d_]+)* )
    | (?P<end> [.,;:?!"“”„«»'‘’`…] )
    | (?P<space> \s+ )
    | (?P<other> . )
    """,
    re.IGNORECASE | re.MULTILINE | re.VERBOSE | re.DOTALL,
)
ARITHMETIC: Final = frozenset(
    {"mixed", "number", "equal", "sign", "percent", "rest", "open", "close"}
)
_STRONG: Final = re.compile(r"(?<![\d)])(?<![\d)]\s)\*\*(?=\S)([^*\n]+)(?<=\S)\*\*")
_DASHES: Final = re.compile(r"^[ \t]*[-–][ \t]+(?=[\d(])", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    kind: str
    text: str
    start: int
    end: int


def tokenise(text: str) -> list[Token]:
    """Of its sums `in_signs`, in their order."""
    text = write_in_signs(text)
    text = _STRONG.sub(r"  \1  ", text)
    if len(_DASHES.findall(text)) > 1:
        text = _DASHES.sub(lambda dash: "\n" * len(dash[0]), text)
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        if kind != "space":
            found.append(Token(kind=kind, text=match[0], start=match.start(), end=match.end()))
    return found
