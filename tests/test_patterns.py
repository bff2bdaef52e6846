"""Every regular expression of the package takes time in proportion to its text.

`re` holds Python's lock while it searches: one hard text in one file would stop the whole server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest

from fireside.assistant.memory.rules import rules
from fireside.data.forms import load_forms
from fireside.safety.injection import load_patterns
from fireside.safety.privacy import names
from fireside.safety.rules import load_rules
from fireside.tokenizer.control import ControlTokens
from fireside.tokenizer.vocabulary import AddedToken
from tests.patterns import Pattern, held, literal, methods_by_name, modules, slow_text, written

BUILT = {
    "dialogue.act_rules: '|'.join(patterns)": "held in _COMPILED",
    "dialogue.choosing: pattern": "held in _PLACES",
    "safety.injection: each": "the table is loaded below",
    "safety.privacy.addresses: pattern": "held in _FORMS",
    "tokenizer.control: pattern": "built below from tokens",
    "assistant.requests.figures: pattern": "held in _SIGNS",
    "language.sums.words: pattern": "held in _RULES, _FRACTIONS and _DECIMALS",
    "assistant.uses.translate: edges[0] + re.escape(term) + edges[1]": "letters alone",
    "dialogue.kinds: pattern": "an owner's: with a limit of time",
    "dialogue.config: self.pattern": "compiled only, to see that it can be",
    "dialogue.chatfile: text[1:-1]": "compiled only, to see that it can be",
    "assistant.rehearsal_checks: each.value": "an owner's, over answers of his own rehearsal",
    "evaluation.tasks: pattern": "compiled only, to see that it can be",
    "evaluation.generation: task.pattern": "an owner's task, in his own command",
    "evaluation.generation: task.remove": "an owner's task, in his own command",
    "training.rewards: argument": "an owner's run, in his own command",
    "model.weights: '|'.join(ignored) or '(?!)'": "this package's, over names of weights",
}
"""Calls of `re` whose pattern only the run tells, and where those patterns are bounded."""


@cache
def collected() -> tuple[tuple[Pattern, ...], frozenset[str]]:
    """All patterns, each once; and the calls whose pattern only the run tells."""
    found: dict[tuple[str, int], Pattern] = {}
    unknown: set[str] = set()
    seen: set[int] = set()
    for module in modules():
        uses = methods_by_name(module)
        for name, value in list(vars(module).items()):
            for pattern in held(value, f"{module.__name__}.{name}", seen):
                key = pattern.compiled.pattern, pattern.compiled.flags
                found.setdefault(key, pattern).methods |= uses.get(name, {"finditer"})
        for call, method, source in written(module):
            try:
                compiled = literal(call, module)
            except (NameError, AttributeError):
                unknown.add(f"{module.__name__}: {source}")
                continue
            if compiled is not None and method != "compile":
                where = f"{module.__name__}:{call.lineno}"
                key = compiled.pattern, compiled.flags
                found.setdefault(key, Pattern(compiled, where)).methods.add(method)
    for pattern in loaded():
        found.setdefault((pattern.compiled.pattern, pattern.compiled.flags), pattern)
    return tuple(found.values()), frozenset(unknown)


def loaded() -> Iterator[Pattern]:
    """Those of tables and of what is built from data."""
    tokens = [
        AddedToken(id=place, content=content, special=True)
        for place, content in enumerate(("<|im_start|>", "<|im_end|>", "<s>", "▁▁", "▁▁▁", "\n\n"))
    ]
    tables = {
        "rules.toml": load_rules(),
        "injection.toml": load_patterns(),
        "memory/rules.toml": rules(),
        "chinese names": names._chinese(),
        "control tokens": ControlTokens(tokens),
        "forms": load_forms(),
    }
    for name, table in tables.items():
        yield from held(table, name, set())


def test_there_are_patterns_of_every_kind() -> None:
    patterns, _ = collected()
    places = {pattern.where for pattern in patterns}
    for part in ("safety", "knowledge", "dialogue", "memory", "rules.toml", "injection.toml"):
        assert any(part in place for place in places), part
    assert len(patterns) > 300


def test_every_pattern_is_linear() -> None:
    slow = {}
    for pattern in collected()[0]:
        if (text := slow_text(pattern)) is not None:
            slow[pattern.where] = f"{pattern.compiled.pattern[:200]!r} for {text}"
    assert not slow


def test_no_pattern_escapes() -> None:
    """A call of `re` with a pattern from elsewhere is bounded, and BUILT says how."""
    unknown = collected()[1]
    missing = {each for each in unknown if not any(each.endswith(known) for known in BUILT)}
    assert not missing


@pytest.mark.parametrize(
    ("pattern", "method"),
    [
        (r" {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$", "match"),  # the cube, of a heading
        (r"\s+or\s+", "split"),
        (r"[.!?…]+[\"'”’)\]]*\s", "search"),
        (r"<think>.*?</think>", "sub"),
        (r"^\s*>.*$|x", "finditer"),
        (r"(?:a|ab?)+c", "search"),
        (r"(\w+\s?)*;", "fullmatch"),  # two to the power of n
        (r"\b(?=[\w-]*\d)[a-z-]{20,}", "search"),
        (r"[„“][^“]{2,}“", "finditer"),
    ],
)
def test_a_pattern_that_comes_back_is_seen(pattern: str, method: str) -> None:
    flags = re.DOTALL | re.MULTILINE if method in ("sub", "finditer") else 0
    assert slow_text(Pattern(re.compile(pattern, flags), "here", {method})) is not None


@pytest.mark.parametrize(
    ("pattern", "method"),
    [
        (r"\s+or\s+", "match"),
        (r"(?<!\s)\s++or\s+", "split"),
        (r"[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}\b", "finditer"),
        (r"\"[^\"\n]*\"", "finditer"),
        (r"(.+)-\d{4}", "fullmatch"),
    ],
)
def test_a_linear_pattern_passes(pattern: str, method: str) -> None:
    assert slow_text(Pattern(re.compile(pattern), "here", {method})) is None
