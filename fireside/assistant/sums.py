"""Sums that a person writes into a text, read whole or not at all.

    statements("so 1/2 + 1/4 = 3/4!")   -> one, with two sides: 1/2 + 1/4, 3/4
    statements("give me 2 hints")       -> one side, 2, which is not `clear`

A statement is as much arithmetic as stands together, cut at its equality signs.  It is `clear` only
where nothing beside it could change what it means.  It refuses to judge: `practice.py` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PICTURES: Final = 0x1F300
LONGEST: Final = 200
"""Letters of a statement."""
_WORDS: Final = {
    "multiplied by": "*", "divided by": "/", "times": "*", "plus": "+", "minus": "-",
    "x": "*", "×": "*", "·": "*", ":": "/", "÷": "/", "−": "-", "–": "-",
}  # fmt: skip
_TOKEN: Final = re.compile(
    r"""
      (?P<stop> ^[ \t]*(?:\(?\w{1,2}[.)]|[*•])[ \t]+ | \n(?![ \t]*=)(?<!=\n) )
    | (?P<bad> (?<!\d)(?:\d{4}-\d\d-\d\d|\d\d?/\d\d?/\d{4})(?!\d) | [!<>]=|=[<>~]
        | (?<=[\d)])!(?=\s*[-+*/^×·÷−–=)%]) )
    | (?P<mixed> (?<![/\d.,])\d+[ ]+\d+/[1-9]\d*(?![\d./]) )
    | (?P<number> \d+(?:[.,]\d+)* | \.\d+ )
    | (?P<equal> ==? | \b(?:is|are)(?:\s+equal\s+to)?\b | \bequals?(?:\s+to)?\b | \bmakes?\b
        | \bgives?\b )
    | (?P<sign> \*\* | [-+*/^×·÷−–] | (?<=\d):(?=\d) | (?<=\d[ ]):(?=[ ]\d)
        | \b(?:multiplied\ by|divided\ by|times|plus|minus)\b
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
_ARITHMETIC: Final = frozenset(
    {"mixed", "number", "equal", "sign", "percent", "rest", "open", "close"}
)
_STRONG: Final = re.compile(r"(?<![\d)])(?<![\d)]\s)\*\*(?=\S)([^*\n]+)(?<=\S)\*\*")
_DASHES: Final = re.compile(r"^[ \t]*[-–][ \t]+(?=[\d(])", re.MULTILINE)
_LARGE: Final = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_VALUE: Final = re.compile(
    r"(?:- )?(?:\( ?[\d.]+(?: \+ \d+ / \d+)? ?\)|[\d.]+(?: / [\d.]+)?)(?: %)?"
)
_CHANGES: Final = words(
    "of de von di da do van av del la root sqrt square cube squared cubed half twice double triple "
    "quarter third fourth fifth halves thirds quarters negative log ln sin cos tan abs mod over "
    "by point less more than not isn't one two three four five six seven eight nine ten hundred "
    "thousand million dozen"
)
"""Words before a sum that change it."""
_NAMED: Final = frozenset({"sum", "result", "product", "value", "difference", "quotient"})
_HARMLESS: Final = words(
    "and so but because then right correct i since which too ok okay yes no or thus therefore "
    "hence now maybe obviously exactly please as that's isn't right? what und oder et ou y o e "
    "weil denn"
)
"""Words after a sum that do not change it; all others may be its unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """text: as it was written.  plain: for the calculator; empty where it is none.  pointed: the
    same, where all its commas are points.  is_sum: it calculates.  remainder: of a quotient that
    is given so.  unsure: it has a comma, or a fraction behind a number.
    """

    text: str
    plain: str
    pointed: str
    is_sum: bool
    remainder: int | None = None
    unsure: bool = False

    @property
    def is_value(self) -> bool:
        """What can be an answer: a number, a fraction, a percentage, a quotient with the rest."""
        return bool(_VALUE.fullmatch(self.plain))


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """sides: between its equality signs.  signs: whether each of those is a sign, and no word.
    opens: whether an equality sign ends it.  dashed: it begins with a minus that may be a dash.
    before: the word before it.  end: its place in the text."""

    sides: Sequence[Side]
    signs: Sequence[bool]
    opens: bool
    clear: bool
    dashed: bool
    before: str
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


def statements(text: str) -> Iterator[Statement]:
    """In their order.  Those that cannot be read are left out, or are not `clear`."""
    tokens = _tokens(text)
    at = 0
    while at < len(tokens):
        if tokens[at].kind not in _ARITHMETIC:
            at += 1
            continue
        end = at
        while end < len(tokens) and tokens[end].kind in _ARITHMETIC:
            end += 1
        for first, last in _parts(tokens, at, end):
            if (made := _statement(tokens, first, last, (at, end))) is not None:
                yield made
        at = end


def _tokens(text: str) -> list[_Token]:
    text = _STRONG.sub(r"  \1  ", text)
    if len(_DASHES.findall(text)) > 1:
        text = _DASHES.sub(lambda dash: "\n" * len(dash[0]), text)
    found: list[_Token] = []
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        if kind != "space":
            found.append(_Token(kind=kind, text=match[0], start=match.start(), end=match.end()))
    return found


def _parts(tokens: Sequence[_Token], at: int, end: int) -> list[tuple[int, int]]:
    """Where equations follow one another without a word between them.  "1 000" is no such place."""
    cuts = [
        n for n in range(at + 1, end) if {tokens[n - 1].kind, tokens[n].kind} <= {"number", "mixed"}
    ]
    parts = [*pairwise([at, *cuts, end])]
    whole = all(any(t.kind == "equal" for t in tokens[a:b]) for a, b in parts)
    spaced = any(re.fullmatch(r"\d{3}", tokens[n].text) for n in cuts)
    return parts if not cuts or (whole and not spaced) else []


def _statement(
    tokens: Sequence[_Token], first: int, last: int, whole: tuple[int, int]
) -> Statement | None:
    if tokens[last - 1].end - tokens[first].start > LONGEST:
        return None
    own = _bare(tokens[first:last])
    before, clear = _before(tokens, first) if first == whole[0] else ("", True)
    while own and own[0].kind == "equal":
        before, own = before if own[0].text[0] == "=" else "is", own[1:]
    opens = bool(own) and own[-1].kind == "equal"
    own = own[:-1] if opens else own
    if not own:
        return None
    sides: list[list[_Token]] = [[]]
    signs: list[bool] = []
    for token in own:
        if token.kind == "equal":
            sides.append([])
            signs.append(token.text[0] == "=")
        else:
            sides[-1].append(token)
    dashed = len(own) > 1 and own[0].text in "-–−" and own[0].end < own[1].start
    return Statement(
        sides=[_side(each) for each in sides],
        signs=signs,
        opens=opens,
        clear=clear and (last < whole[1] or _is_clear_after(tokens, last)),
        dashed=dashed,
        before=before,
        end=own[-1].end,
    )


def _bare(own: Sequence[_Token]) -> Sequence[_Token]:
    """Without the parentheses of the sentence that it stands in."""

    def open_ones(tokens: Sequence[_Token]) -> int:
        return sum((t.text == "(") - (t.text == ")") for t in tokens)

    while own and own[-1].text == "(":
        own = own[:-1]
    while own and own[0].text == "(" and open_ones(own) > 0:
        own = own[1:]
    while own and own[-1].text == ")" and open_ones(own) < 0:
        own = own[:-1]
    equal = next((n for n, t in enumerate(own) if t.kind == "equal"), None)
    if equal and own[0].text == "(" and own[-1].text == ")" and open_ones(own[:equal]) > 0:
        own = own[1:-1]
    return own


def _before(tokens: Sequence[_Token], first: int) -> tuple[str, bool]:
    """The word before, and whether the statement begins here beyond doubt."""
    if first == 0:
        return "", True
    last, token = tokens[first - 1], tokens[first]
    if last.kind in ("stop", "end"):
        return "", not (last.kind == "end" and token.kind == "sign" and last.end == token.start)
    word = last.text.lower()
    if last.kind != "word" or last.end == token.start or token.kind == "sign":
        # "x + 3": what is added to is not known.  "it is minus 3" begins with "is".
        said = last.kind == "word" and token.text.lower() in ("minus", "-") and len(word) > 1
        return word, said and last.end < token.start and word not in _CHANGES
    if word == "of" and first > 1 and tokens[first - 2].text.lower() in _NAMED:
        return word, True
    return word, word not in _CHANGES and (len(word) > 1 or word in "iyeo")


def _is_clear_after(tokens: Sequence[_Token], last: int) -> bool:
    at = last
    if at == len(tokens) or tokens[at].kind in ("stop", "end"):
        return True
    if tokens[at].kind == "other":
        return ord(tokens[at].text) >= _PICTURES
    is_apart = tokens[at].start > tokens[at - 1].end or tokens[at - 1].text == "("
    if tokens[at].kind != "word" or not is_apart:
        return False
    word = tokens[at].text.lower()
    if word not in ("and", "und", "et", "y", "e"):
        return word in _HARMLESS
    # "2 and 1/2", "2 and a half"
    rest = tokens[at + 1 : at + LONGEST]
    if not rest or rest[0].kind == "word":
        return not rest or rest[0].text.lower() in _HARMLESS
    ends = next((n for n, each in enumerate(rest) if each.kind not in _ARITHMETIC), len(rest))
    return any(each.kind == "equal" for each in rest[:ends])


def _side(tokens: Sequence[_Token]) -> Side:
    text = _joined(tokens)
    rest = next((n for n, each in enumerate(tokens) if each.kind == "rest"), None)
    remainder = None
    if rest is not None:
        behind = tokens[rest + 1 :]
        if len(behind) != 1 or not behind[0].text.isdecimal():
            return Side(text=text, plain="", pointed="", is_sum=False)
        remainder, tokens = int(behind[0].text), tokens[:rest]
    calculates = any(
        (each.kind == "sign" and n and tokens[n - 1].kind != "sign")
        or each.text == "√"
        or (each.kind == "percent" and each.text.lower().endswith("of"))
        for n, each in enumerate(tokens)
    )
    return Side(
        text=text,
        plain=_plain(tokens),
        pointed=_plain(tokens, comma="."),
        is_sum=calculates,
        remainder=remainder,
        unsure=any(each.kind == "mixed" or "," in each.text for each in tokens),
    )


def _plain(tokens: Sequence[_Token], *, comma: str = "") -> str:
    pieces = [_piece(each, comma) for each in tokens]
    # Whose 20% are meant in "10 + 20%"?
    unsaid = "%" in pieces and any(each in ("+", "-") for each in pieces[1:])
    return "" if "" in pieces or unsaid else " ".join(pieces)


def _joined(tokens: Sequence[_Token]) -> str:
    text, end = "", tokens[0].start if tokens else 0
    for each in tokens:
        text += " " * (each.start > end) + each.text
        end = each.end
    return text


def _piece(token: _Token, comma: str) -> str:
    """As the calculator takes it; nothing where it is none."""
    text = token.text.lower()
    match token.kind:
        case "sign":
            return _WORDS.get(re.sub(r"\s+", " ", text), text)
        case "percent":
            return "% of" if text.endswith("of") else "%"
        case "mixed":
            whole, part = text.split()
            return f"({whole} + {part.replace('/', ' / ')})"
        case "number":
            is_large = not comma and _LARGE.fullmatch(text)
            text = text.replace(",", "" if is_large else ".")
            return text if text.count(".") < 2 else ""
    return text
