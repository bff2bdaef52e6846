"""Sums that a person writes into a text, read whole or not at all; `judging.py` judges them.

    statements("so 1/2 + 1/4 = 3/4!")   -> one, with two sides: 1/2 + 1/4, 3/4
    statements("give me 2 hints")       -> one side, 2, followed by "hints"

A statement is as much arithmetic as stands together, cut at its signs of equality and comparison.
It is `clear` only where nothing beside it could change what it means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from fireside.language.sums.tokens import ARITHMETIC, Token, tokenise
from fireside.language.sums.words import words

_PICTURES: Final = 0x1F300
LONGEST: Final = 200
"""Letters of a statement."""
_WORDS: Final = {
    "multiplied by": "*", "divided by": "/", "times": "*", "plus": "+", "minus": "-",
    "mod": "mod", "x": "*", "×": "*", "·": "*", ":": "/", "÷": "/", "−": "-", "–": "-",
}  # fmt: skip
_LARGE: Final = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_VALUE: Final = re.compile(
    r"(?:- )?(?:\( ?[\d.]+(?: \+ \d+ / \d+)? ?\)|[\d.]+(?: / [\d.]+)?)(?: %)?"
)
_CHANGES: Final = words(
    "of de von di da do van av del la root sqrt square cube squared cubed half twice double triple "
    "quarter third fourth fifth halves thirds quarters negative log ln sin cos tan abs mod over "
    "by point less more than one two three four five six seven eight nine ten hundred "
    "thousand million dozen"
)
"""Words before a sum that change it."""
_NAMED: Final = frozenset({"sum", "result", "product", "value", "difference", "quotient"})
_HARMLESS: Final = words(
    "and so but because then right correct i since which too ok okay yes no or thus therefore "
    "hence now maybe obviously exactly please as that's isn't right? what und oder et ou y o e "
    "weil denn"
)
"""Words after a sum that are no unit of it."""
_CHANGES_AFTER: Final = words(
    "or point squared cubed times over less more off of by to from than mod with until till under "
    "below above not oder ou o half something odd per each"
)
"""Words after a sum that change it."""
_RELATIONS: Final = {"<=": "≤", ">=": "≥"}
DENIES: Final = words(
    "not don't doesn't cannot can't never isn't wasn't doubt wrong false untrue incorrect disagree "
    "impossible dont doesnt isnt cant"
)
_LEAVES_OPEN: Final = words("if whether sure know why how understand remember sees see")
_WRONG: Final = words(
    "wrong false incorrect untrue mistaken impossible not isn't isnt can't cannot"
)
_SHARED: Final = str.maketrans("’", "'")


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
    """sides: what its relations stand between.  relations: = ≠ < > ≤ ≥, or "is" for a word.
    opens: whether an equality sign ends it.  dashed: it begins with a minus that may be a dash.
    before, after: the words beside it; after: none where that word is no unit.
    denied: its person says that it does not hold.  start, end: its place in `in_signs` of the text.
    """

    sides: Sequence[Side]
    relations: Sequence[str]
    opens: bool
    clear: bool
    dashed: bool
    before: str
    end: int
    start: int = 0
    after: str = ""
    denied: bool = False


def find_statements(text: str) -> Iterator[Statement]:
    """In their order.  Those that cannot be read are left out, or are not `clear`."""
    tokens = tokenise(text)
    at = 0
    while at < len(tokens):
        if tokens[at].kind not in ARITHMETIC:
            at += 1
            continue
        end = at
        while end < len(tokens) and tokens[end].kind in ARITHMETIC:
            end += 1
        for first, last in _parts(tokens, at, end):
            if (made := _statement(tokens, first, last, (at, end))) is not None:
                yield made
        at = end


def _parts(tokens: Sequence[Token], at: int, end: int) -> list[tuple[int, int]]:
    """Where equations follow one another without a word between them.  "1 000" is no such place."""
    cuts = [
        n for n in range(at + 1, end) if {tokens[n - 1].kind, tokens[n].kind} <= {"number", "mixed"}
    ]
    parts = [*pairwise([at, *cuts, end])]
    equal = [any(t.kind == "equal" for t in tokens[a:b]) for a, b in parts]
    spaced = any(re.fullmatch(r"\d{3}", tokens[n].text) for n in cuts)
    # "7 × 8 54": a sum and what comes of it
    beside = len(cuts) == 1 and not any(equal) and cuts[0] == end - 1 and cuts[0] - at > 1
    return parts if not cuts or ((all(equal) or beside) and not spaced) else []


def _statement(
    tokens: Sequence[Token], first: int, last: int, whole: tuple[int, int]
) -> Statement | None:
    if tokens[last - 1].end - tokens[first].start > LONGEST:
        return None
    own = _bare(tokens[first:last])
    before, clear = _before(tokens, first) if first == whole[0] else ("", True)
    while own and own[0].kind == "equal":
        before, own = before if own[0].text[0] in "=≠" else "is", own[1:]
    opens = bool(own) and own[-1].kind == "equal"
    is_said_to_be = opens and own[-1].text[0].isalpha()
    own = own[:-1] if opens else own
    if not own:
        return None
    sides: list[list[Token]] = [[]]
    relations: list[str] = []
    for token in own:
        if token.kind == "equal":
            sides.append([])
            relations.append("is" if token.text[0].isalpha() else _relation(token.text))
        else:
            sides[-1].append(token)
    clear_after, after = _after(tokens, last) if last == whole[1] else (True, "")
    denied = _denials(tokens, first, last, is_said_to_be=is_said_to_be) if relations else 0
    return Statement(
        sides=[_side(each) for each in sides],
        relations=relations,
        opens=opens,
        clear=clear and clear_after and denied < 2,
        dashed=len(own) > 1 and own[0].text in "-–−" and own[0].end < own[1].start,
        before=before,
        start=own[0].start,
        end=own[-1].end,
        after=after,
        denied=denied == 1,
    )


def _relation(text: str) -> str:
    return "=" if text == "==" else _RELATIONS.get(text, text)


def _denials(tokens: Sequence[Token], first: int, last: int, *, is_said_to_be: bool) -> int:
    """How often its clause says that it does not hold: "I doubt that ...", "... is wrong"."""
    before: list[str] = []
    for token in reversed(tokens[max(0, first - 10) : first]):
        if token.kind in ("stop", "end"):
            break
        before.insert(0, token.text.lower().translate(_SHARED))
    asks = bool(before) and before[0].endswith(("n't", "is", "does"))
    denies = not asks and bool(DENIES & set(before)) and not _LEAVES_OPEN & set(before)
    behind = [each.text.lower().translate(_SHARED) for each in tokens[last : last + 2]]
    is_word = bool(behind) and behind[0] in _WRONG
    return denies + (is_word and (is_said_to_be or behind[0].endswith(("t", "not"))))


def _bare(own: Sequence[Token]) -> Sequence[Token]:
    """Without the parentheses of the sentence that it stands in."""

    def open_ones(tokens: Sequence[Token]) -> int:
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


def _before(tokens: Sequence[Token], first: int) -> tuple[str, bool]:
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


def _after(tokens: Sequence[Token], last: int) -> tuple[bool, str]:
    """Whether nothing behind it changes it, and the word that may be its unit."""
    if last == len(tokens) or tokens[last].kind in ("stop", "end"):
        return True, ""
    token = tokens[last]
    if token.kind == "other":
        return ord(token.text) >= _PICTURES or token.text in "$€£°", ""
    is_apart = token.start > tokens[last - 1].end or tokens[last - 1].text == "("
    if token.kind != "word" or not is_apart:
        return False, ""
    word = token.text.lower().translate(_SHARED)
    if word not in ("and", "und", "et", "y", "e"):
        known = word in _HARMLESS or word in _WRONG
        single = len(word) == 1 and word not in "iyeo"
        return (known or word not in _CHANGES_AFTER) and not single, "" if known else word
    # "2 and 1/2", "2 and a half"
    rest = tokens[last + 1 : last + LONGEST]
    if not rest or rest[0].kind == "word":
        return not rest or rest[0].text.lower() in _HARMLESS, ""
    ends = next((n for n, each in enumerate(rest) if each.kind not in ARITHMETIC), len(rest))
    return any(each.kind == "equal" for each in rest[:ends]), ""


def _side(tokens: Sequence[Token]) -> Side:
    text = _join(tokens)
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
        plain=_write_symbols(tokens),
        pointed=_write_symbols(tokens, comma="."),
        is_sum=calculates,
        remainder=remainder,
        unsure=any(each.kind == "mixed" or "," in each.text for each in tokens),
    )


def _write_symbols(tokens: Sequence[Token], *, comma: str = "") -> str:
    pieces = [_piece(each, comma) for each in tokens]
    # Whose 20% are meant in "10 + 20%"?
    unsaid = "%" in pieces and any(each in ("+", "-") for each in pieces[1:])
    return "" if "" in pieces or unsaid else " ".join(pieces)


def _join(tokens: Sequence[Token]) -> str:
    text, end = "", tokens[0].start if tokens else 0
    for each in tokens:
        text += " " * (each.start > end) + each.text
        end = each.end
    return text


def _piece(token: Token, comma: str) -> str:
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
