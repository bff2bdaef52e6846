"""Sums, units, the clock and dates, where the request holds everything that the tool needs.

"what is 12 percent of 96?"   -> calculate {"expression": "12% of 96"}
"how many cups are in two litres"   -> convert {"amount": 2, "unit_from": "litres", ...}
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from fireside.assistant.requests.plan import ONLY, Plan, call
from fireside.assistant.requests.times import timed
from fireside.errors import BadRequest
from fireside.language.arithmetic import evaluate
from fireside.language.sums.words import write_in_signs
from fireside.language.units import Unit, find_unit

_N: Final = r"\d[\d,]{0,6}(?:\.\d+)?"
_SIGNS: Final = tuple(
    (re.compile(pattern, re.I), sign)
    for pattern, sign in (
        (r"(?<=[\d)%]) ?(?:multiplied (?:by|with)|times) ?(?=[\d(√])", " * "),
        (r"(?<=\d) ?x ?(?=\d)", " * "),
        (
            r"(?<=[\d)%]) ?(?:divided? by|over|split (?:by|among|between)|shared (?:by|among|"
            r"between)) ?(?=[\d(])",
            " / ",
        ),
        (r"(?<=[\d)%]) ?plus ?(?=[\d(√])", " + "),
        (r"(?<=[\d)%]) ?(?:minus|less|take away) ?(?=[\d(√])", " - "),
        (r"(?<=\d) ?(?:percent|per cent)\b", "%"),
        (r"(?<=%) (?:tip|tax|vat|discount|service) (?:on|of) ", " of "),
        (r"(?<=%) (?:from|on) (?=\d)", " of "),
        (r"\bsqrt (?:of )?(?=\d)", "√"),
        (r"(?<=\d) ?split (\d+) ways\b", r" / \1"),
        (r"\b(?:split|share|divide) (\d[\d.]{0,12}) (?:by|between|among) (?=\d)", r"what \1 / "),
        (
            r"(?<=\d)(?: ?(?:euros?|dollars?|pounds|bucks|€|\$|£))(?= ?(?:[-+*/,]|and|of|\)|$|"
            r"[.?!]))",
            "",
        ),
        (r"[€$£](?=\d)", ""),
    )
)
_ADD_UP: Final = re.compile(
    rf"\b(?:add(?: up| together)?|sum(?: up| of)?|"
    rf"total(?: of)?)\b[ :]{{0,6}}((?:{_N})(?:(?:,? and |, ?| \+ | plus ){_N}){{1,9}})",
    re.I,
)
_TOGETHER: Final = re.compile(
    rf"((?:{_N})(?:(?:,? and |, ){_N}){{1,9}}) (?:together|in total|altogether|combined)", re.I
)
_RUN: Final = re.compile(
    r"(?:[\d(√][\d.,\s()+*/×÷^√%-]{0,60}(?:\bof\b ?(?=[\d(])|(?:\bmod\b) ?)?)+"
)
_OPERATION: Final = re.compile(r"[+*/×÷^√]|% ?of\b|(?<=[\d)\s])- ?\d|\bmod\b")
_ASKS: Final = re.compile(
    r"what|how \w+|calculat|comput|work out|result|solve|sum|equal|makes?|know|do\b|"
    r"tell|=|\?|add|minus|plus|percent|%",
    re.I,
)
_SURE_SUM: Final = re.compile(r"%|percent|\d of \d|\bcalculate\b|\bwhat(?:['’]s| is) \d", re.I)
_CALENDAR: Final = re.compile(
    r"\b(?:calendar|appointment|meeting|remind|diary|sms|e-?mail|text|tell (?!me))\b", re.I
)
_EXCHANGE: Final = re.compile(
    r"\b(?:exchange|convert|change|how (?:many|much))\b.{0,40}\b(?:euros?|dollars?|usd|eur|gbp|"
    r"yen|yuan|rupees?|francs?|sterling)\b"
    r"|\d ?(?:euros?|dollars?|usd|eur|gbp|yen|yuan|rupees?|francs?|pounds sterling) (?:in|to|"
    r"into) \w+",
    re.I,
)
_BYTES: Final = {"kb": "kB", "mb": "MB", "gb": "GB", "tb": "TB"}
_WORDS: Final = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20,
    "thirty": 30, "forty": 40, "fifty": 50, "hundred": 100,
}  # fmt: skip
_AMOUNT: Final = re.compile(
    rf"(?<![\w.,])(?P<n>-?{_N}|half an?|"
    rf"{'|'.join(sorted(_WORDS, key=len, reverse=True))}) ?(?P<unit>(?:degrees? |square |cubic |"
    rf"fluid )?[a-zA-Z°µ/'\"]{{1,40}})",
    re.I,
)
_NO_UNIT: Final = frozenset(
    [
        "in",
        "a",
        "at",
        "to",
        "is",
        "me",
        "do",
        "s",
        "t",
        "d",
        "g",
        "as",
        "am",
        "pm",
        "m",
        "h",
        "b",
        "i",
        "of",
        "by",
        "us",
        "an",
        "on",
        "or",
        "and",
        "the",
        "are",
        "how",
        "many",
        "much",
        "what",
    ]
)
OF_MINE: Final = re.compile(
    r"\b(?:do i have|have i|am i|my|meeting|appointment|add|put|book|note|schedule|move|tell|"
    r"text|email)\b",
    re.I,
)


def figures(text: str, now: datetime) -> Plan | None:
    """Sums and units: their numbers say what they are, whatever the words around them."""
    named = timed(text, now)
    is_sum = not named.has_day or _SURE_SUM.search(text) is not None
    return (_sum(text) if is_sum else None) or _conversion(text)


def _sum(text: str) -> Plan | None:
    if _CALENDAR.search(text):
        return None
    signs = write_in_signs(text)
    if listed := (_ADD_UP.search(signs) or _TOGETHER.search(signs)):
        numbers = re.findall(_N, listed[1].replace(", ", " ; "))
        return _calculated(" + ".join(each.rstrip(",") for each in numbers))
    for pattern, sign in _SIGNS:
        signs = pattern.sub(sign, signs)
    runs = [found[0].strip(" .,-") for found in _RUN.finditer(signs)]
    runs = [run for run in runs if _OPERATION.search(run) and re.search(r"\d", run)]
    if len(runs) != 1:
        return None
    (run,) = runs
    rest = signs.replace(run, " ")
    used = set(re.findall(_N, run))
    if not set(re.findall(_N, rest)) <= used:
        return None
    typed = re.search(r"\d ?[*+^×÷] ?\d|\d / \d", text) is not None
    if (
        not typed
        and not _ASKS.search(signs)
        and re.search(r"[a-z]{2,}", rest, re.I)
        and len(rest.split()) > 3
    ):
        return None
    if re.fullmatch(r"\d{1,2}/\d{1,2}", run) and not _ASKS.search(text.replace("/", "")):
        return None  # as likely a date
    return _calculated(run)


def _calculated(expression: str) -> Plan | None:
    expression = " ".join((expression).split())
    try:
        evaluate(expression)
    except BadRequest:
        return None
    return call("calculate", expression=expression)


def _conversion(text: str) -> Plan | None:
    if _EXCHANGE.search(text):
        return Plan(kind="outside", reply=ONLY)
    for found in _AMOUNT.finditer(text):
        source = _unit(found["unit"])
        if source is None:
            continue
        rest = f"{text[: found.start()]} | {text[found.end() :]}"
        targets = [
            (word, each)
            for word, each in _units(rest)
            if each.dimension == source.dimension and each.name != source.name
        ]
        if len({each.name for _, each in targets}) != 1:
            continue
        if re.search(r"\d", re.sub(r"\|", "", rest)):
            return None
        said = found["n"].lower()
        number = (
            0.5 if said.startswith("half") else float(_WORDS.get(said, 0) or said.replace(",", ""))
        )
        amount = int(number) if number.is_integer() else number
        if source.dimension == "time" and not re.search(
            r"\b(?:in|to|how many|convert|into|many)\b", text, re.I
        ):
            return None
        if OF_MINE.search(text) and source.dimension == "time":
            return None
        return call(
            "convert", amount=amount, unit_from=_named(found["unit"]), unit_to=_named(targets[0][0])
        )
    return None


def _named(word: str) -> str:
    word = word.strip()
    return _BYTES.get(word, word)


def _unit(word: str) -> Unit | None:
    word = word.strip().rstrip("?.!,'")
    word = _BYTES.get(word, word)
    if not word or (word.lower() in _NO_UNIT and word not in ("g", "m", "h", "s")):
        return None
    try:
        return find_unit(word)
    except BadRequest:
        last = word.split()
        return _unit(last[-1]) if len(last) > 1 else None


def _units(text: str) -> list[tuple[str, Unit]]:
    made = []
    for found in re.finditer(r"[a-zA-Z°µ][\w°/]{0,20}(?:[ /](?:hour|h)\b)?", text):
        word = found[0]
        if word.lower() in _NO_UNIT or (len(word) == 1 and word not in "CFKc"):
            continue
        led = re.search(r"(?:in|to|into|as) ?$", text[: found.start()], re.I) is not None
        if len(word) == 1 and not led and text[found.end() :].strip(" ?.!"):
            continue
        each = _unit(word)
        if each is not None:
            made.append((word, each))
    return made
