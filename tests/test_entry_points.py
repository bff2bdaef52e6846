"""What reads a stranger's text takes time in proportion to it, loops of searches included."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

import pytest

from fireside.assistant.citations import segments
from fireside.assistant.memory.facts import facts_in
from fireside.assistant.memory.private import private_in
from fireside.cli.markdown import blocks
from fireside.dialogue.acts import ActReader
from fireside.dialogue.config import SlotConfig
from fireside.dialogue.placing import Placing
from fireside.dialogue.reading import LONGEST, read_part
from fireside.language.sentences import names_in, numbers_in, sentences
from fireside.safety import inspector
from fireside.safety.injection import inspect, marked
from fireside.safety.privacy.finder import load_finder
from fireside.safety.rules import load_rules
from tests import measures

KINDS = ("number", "date", "time", "yes_no", "email", "phone", "text")
SLOTS = {kind: SlotConfig.model_validate({"type": kind}) for kind in KINDS}


def placed(text: str) -> object:
    """As a turn is read: its first and last letters."""
    return Placing(slots=SLOTS, text=read_part(text), today=date(2026, 11, 30)).run()


READERS: dict[str, Callable[[str], Any]] = {
    "moderation": lambda text: load_rules().judge(text),
    "injection": inspect,
    "quotation": lambda text: marked(text, "source"),
    "inspected sentences": inspector.inspected_sentences,
    "sentences": sentences,
    "numbers": numbers_in,
    "names": names_in,
    "cited sentences": lambda text: segments(text, ()),
    "facts": facts_in,
    "acts": lambda text: ActReader(None).read(read_part(text)),
    "values": placed,
    "the terminal's Markdown": blocks,
    "personal data": lambda text: load_finder().find(text),
    "what is not remembered": private_in,
}
PROSE = "The cat, no. 7, sat on Mr. Smith's mat at 5 pm on 3/4; not here but there? "
UNITS = (
    "a", " ", "\n", "1", "#", "|", '"', "[", "(", "@", ".", "a.", "1-", "a@", "A ", "'", "`", "*",
    "_", ">", "- ", "<", "not ", "at ", "1 ", "3/4 ", "yes, ", "中。", "[1]", "~", "\t", PROSE,
)  # fmt: skip
SIZE = 4_000
SIZES = {"personal data": 500, "what is not remembered": 1_000}  # a tenth of a second for 1,000
CHEAP = 0.1
"""Seconds for 4 x SIZE letters; what grows as the square takes minutes for a megabyte then."""


def seconds(read: Callable[[str], Any], text: str) -> float:
    start = time.thread_time()
    read(text)
    return time.thread_time() - start


@pytest.mark.parametrize("name", READERS)
def test_time_grows_with_the_text(name: str) -> None:
    read, of, slow = READERS[name], SIZES.get(name, SIZE), {}
    read(PROSE)
    for unit in UNITS:
        short, long = (unit * (size // len(unit)) for size in (of, 4 * of))
        took = seconds(read, long)
        if took > CHEAP:
            once = min(seconds(read, short) for _ in range(2))
            if min(took, seconds(read, long)) > 8 * once:
                slow[unit] = (once, took)
    assert not slow


@pytest.mark.parametrize("unit", ["www.", "http://www.", "http://a.", "http://", "a.com"])
def test_rows_of_dots_cost_no_second(unit: str) -> None:
    """Presidio's form of an address without a scheme, whose finds are not used, took ten."""
    load_finder().find(PROSE)
    assert measures.seconds(partial(load_finder().find, unit * (4 * SIZE // len(unit)))) < 1


def test_of_a_long_turn_the_first_and_the_last_letters_are_read() -> None:
    assert read_part("a" * LONGEST) == "a" * LONGEST
    read = read_part("first " + "x " * LONGEST + " last")
    assert read.startswith("first")
    assert read.endswith("last")
    assert len(read) == LONGEST + 1
