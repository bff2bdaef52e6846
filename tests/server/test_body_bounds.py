"""A small body must not become a large memory, nor a long wait."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.errors import BadRequest, FiresideError
from fireside.server import body
from fireside.server.body import TooLarge, Wire, parse
from fireside.server.chat_wire import ChatCompletionRequest
from fireside.server.embeddings import EmbeddingRequest
from fireside.server.vector_stores.wire import CreateBatch
from fireside.server.wire import CompletionRequest
from tests.measures import least_peak, seconds

LISTS = [
    (ChatCompletionRequest, "messages"),
    (CompletionRequest, "prompt"),
    (EmbeddingRequest, "input"),
]


@pytest.mark.parametrize(("wire", "name"), LISTS)
@pytest.mark.parametrize("value", ["1.5", "{}", "[]", "[{}]"])
def test_many_wrong_items_are_one_complaint(wire: type[Wire], name: str, value: str) -> None:
    """Each was a complaint of its own: 8 MB of them took 44 s and 6 GB."""
    raw = f'{{"model":"m","{name}":[{",".join([value] * 10_000)}]}}'.encode()
    tracemalloc.start()
    try:
        with pytest.raises(FiresideError) as told:
            body.parse(raw, wire)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (told.value.param or "").startswith(name)
    assert peak < 100 * len(raw) + 2**20


@pytest.mark.parametrize("value", ["1", "{}", '""', "[[]]", '{"a":1}'])
def test_too_many_values_are_refused_before_they_are_made(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "MAX_VALUES", 100_000)
    raw = f'{{"x":[{",".join([value] * 110_000)}]}}'.encode()

    def refuse() -> None:
        with pytest.raises(TooLarge, match="100000 values"):
            body.decode(raw)

    assert least_peak(refuse) < 2**18


def test_what_stands_in_a_text_is_no_value() -> None:
    text = '[{,"' * 900_000
    assert body.decode(json.dumps({"x": text}).encode()) == {"x": text}


def test_as_many_ids_as_an_embedding_takes() -> None:
    ids = list(range(300_000))
    assert body.decode(json.dumps({"input": ids}).encode()) == {"input": ids}


VALUES = st.recursive(
    st.none() | st.integers(0, 9) | st.text('a",[]{}:\\', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text('a"[\\', max_size=3), inner)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_no_value_goes_uncounted(value: object) -> None:
    """What the count lets through has at most as many values and names."""

    def values(of: object) -> int:
        if isinstance(of, dict):
            return 1 + sum(1 + values(each) for each in of.values())
        return 1 + (sum(map(values, of)) if isinstance(of, list) else 0)

    found = sum(1 for _ in body.ELEMENT.finditer(json.dumps({"x": value}).encode()))
    assert values({"x": value}) <= 2 * found + 1


@pytest.mark.parametrize(
    ("wire", "change"),
    [
        (ChatCompletionRequest, {"logit_bias": {str(n): "x" for n in range(100_000)}}),
        (ChatCompletionRequest, {"logit_bias": {str(n): 1 for n in range(100_000)}}),
        (ChatCompletionRequest, {"metadata": {str(n): {} for n in range(100_000)}}),
        (ChatCompletionRequest, {str(n): 1 for n in range(100_000)}),
        (CreateBatch, {"attributes": {str(n): {} for n in range(100_000)}}),
        (CompletionRequest, {"prompt": [[1]] * 100_000}),
        (CompletionRequest, {"prompt": ["a"] * 100_000}),
        (ChatCompletionRequest, {"stop": ["a"] * 100_000}),
    ],
)
def test_many_members_are_refused_at_once(wire: type[Wire], change: dict[str, object]) -> None:
    raw = json.dumps({"model": "m"} | change).encode()

    def refuse() -> None:
        with pytest.raises(BadRequest) as refused:
            parse(raw, wire)
        assert len(refused.value.message) < 400

    assert seconds(refuse) < 1


def test_a_complaint_does_not_repeat_a_megabyte_of_a_name() -> None:
    raw = json.dumps({"model": "m", "messages": [], "metadata": {"a" * 1_000_000: "x"}}).encode()
    with pytest.raises(BadRequest) as refused:
        parse(raw, ChatCompletionRequest)
    assert len(refused.value.message) + len(refused.value.param or "") < 600
