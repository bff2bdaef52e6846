"""Structured answers: always valid, whatever the model would rather say; compiled off the path."""

from __future__ import annotations

import json
import re
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fireside.engine import guidance
from fireside.engine.engine import Engine
from fireside.engine.guidance import Guide
from fireside.engine.params import Constraint, SamplingParams
from fireside.engine.request import Request
from fireside.errors import BadSchema

from .hash_runner import HashRunner
from .letters import Letters

LETTERS = Letters()
VOCABULARY = LETTERS.vocab_size + 5  # the model has rows that its tokenizer lacks
GUIDE = Guide(LETTERS, VOCABULARY)
SCHEMA = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}, "n": {"type": "integer", "maximum": 999}},
    "required": ["ok", "n"],
    "additionalProperties": False,
}


def engine_of(**options: object) -> Engine:
    runner = HashRunner(vocab_size=VOCABULARY, context=400, num_blocks=400)
    return Engine(runner, eos_ids=LETTERS.eos_ids, guide=GUIDE, **options)  # type: ignore[arg-type]


def finish(engine: Engine) -> None:
    deadline = time.monotonic() + 120
    while engine.step() or engine.stats().waiting:
        assert time.monotonic() < deadline
    assert engine.stats().used_blocks == 0


def texts_of(request: Request) -> list[str]:
    ids: list[list[int]] = [[] for _ in range(request.params.candidates)]
    for step in request:
        ids[step.index] += step.token_ids
        assert step.finish_reason in (None, "stop"), step
    joined = (b"".join(map(LETTERS.token_bytes, some)) for some in ids)
    return [text.decode().removesuffix("<eos>") for text in joined]


def answers(constraint: Constraint, count: int = 4, **options: object) -> list[str]:
    """Several sampled answers and a greedy one; all of them end by themselves."""
    engine = engine_of(**options)
    requests = [
        engine.submit([1, 2], SamplingParams(seed=3, n=count, constraint=constraint)),
        engine.submit([1, 2], SamplingParams(temperature=0, constraint=constraint)),
    ]
    finish(engine)
    return [text for request in requests for text in texts_of(request)]


@pytest.fixture(autouse=True)
def _time_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a machine that is busy: what is tried here is tried well within them elsewhere."""
    monkeypatch.setattr(guidance, "PROBE_SECONDS", 120)
    monkeypatch.setattr(guidance, "COMPILE_SECONDS", 120)


@pytest.mark.parametrize("speculative", [False, True])
def test_a_schema(speculative: bool) -> None:
    constraint = Constraint(kind="json_schema", value=SCHEMA)
    for text in answers(constraint, speculative=speculative):
        value = json.loads(text)
        assert isinstance(value["ok"], bool)
        assert isinstance(value["n"], int)
        assert value["n"] <= 999


def test_a_regular_expression() -> None:
    for text in answers(Constraint(kind="regex", value="(ab|é){2,5}-[0-9]{3}")):
        assert re.fullmatch("(ab|é){2,5}-[0-9]{3}", text)


def test_a_grammar() -> None:
    grammar = 'start: sum\nsum: NUMBER ("+" NUMBER)? "=" NUMBER\nNUMBER: /[0-9]{1,3}/'
    for text in answers(Constraint(kind="lark", value=grammar)):
        assert re.fullmatch(r"\d{1,3}(\+\d{1,3})?=\d{1,3}", text)


@settings(deadline=None, max_examples=30)
@given(choices=st.lists(st.text(max_size=6), min_size=1, max_size=4))
def test_a_choice_of_any_strings(choices: list[str]) -> None:
    constraint = Constraint(kind="choice", value=tuple(choices))
    assert set(answers(constraint, count=2)) <= set(choices)


def test_control_tokens_are_never_text() -> None:
    engine = engine_of()
    spelled = Constraint(kind="choice", value=("<bos><eos>!",))
    request = engine.submit([1], SamplingParams(seed=1, constraint=spelled))
    finish(engine)
    ids = [token_id for step in request for token_id in step.token_ids]
    assert bytes(ids) == b"<bos><eos>!"


def test_a_constraint_does_not_change_what_it_allows() -> None:
    engine = engine_of()
    anything = Constraint(kind="regex", value="[^é]*")
    free = SamplingParams(temperature=0, max_tokens=1, ignore_eos=True)
    plain = engine.submit([5, 6, 7], free)
    bound = engine.submit(
        [5, 6, 7], SamplingParams(temperature=0, max_tokens=1, constraint=anything)
    )
    finish(engine)
    if next(plain).token_ids[0] < 128:
        assert next(bound).token_ids[0] < 128


@pytest.mark.parametrize(
    ("constraint", "reason"),
    [
        (Constraint(kind="regex", value="a("), "unclosed group"),
        (Constraint(kind="regex", value=True), "bool"),
        (Constraint(kind="json_schema", value={"type": "nosuch"}), "nosuch"),
        (Constraint(kind="json_schema", value={"not": {}}), "not"),
        (Constraint(kind="lark", value="start: x"), "x"),
        (Constraint(kind="choice", value=()), "choice"),
    ],
)
def test_what_cannot_be_compiled_says_why(constraint: Constraint, reason: str) -> None:
    engine = engine_of()
    request = engine.submit([1], SamplingParams(constraint=constraint))
    finish(engine)
    with pytest.raises(BadSchema, match=re.escape(reason)) as refused:
        next(request)
    assert "\n" not in str(refused.value)
    assert list(request) == []


def test_others_run_while_one_compiles_and_too_long_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release = threading.Event()
    monkeypatch.setattr(Guide, "_compile", lambda *_: release.wait(120))
    monkeypatch.setattr(guidance, "COMPILE_SECONDS", 120)
    engine = engine_of()
    engine.start()
    slow = engine.submit([1], SamplingParams(constraint=Constraint(kind="regex", value="a")))
    quick = engine.submit([1], SamplingParams(temperature=0, max_tokens=5))
    assert list(quick)[-1].finish_reason == "length"
    assert engine.stats().waiting == 1
    monkeypatch.setattr(guidance, "COMPILE_SECONDS", 0.3)
    engine.submit([1], SamplingParams(temperature=0, max_tokens=1))  # so that it looks again
    with pytest.raises(BadSchema, match=r"0\.3 s"):
        next(slow)
    release.set()
    engine.stop()


def test_a_request_can_be_cancelled_while_it_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(Guide, "_compile", lambda *_: release.wait(120))
    monkeypatch.setattr(guidance, "COMPILE_SECONDS", 120)
    engine = engine_of()
    engine.start()
    request = engine.submit([1], SamplingParams(constraint=Constraint(kind="regex", value="a")))
    request.cancel()
    assert [step.finish_reason for step in request] == ["cancelled"]
    release.set()
    engine.stop()
    assert engine.stats().idle
