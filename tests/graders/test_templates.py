"""Names to values: written down once, never read again."""

from __future__ import annotations

import json
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.errors import BadRequest
from fireside.graders.scoring import values_of
from fireside.graders.templates import (
    LONGEST,
    MOST_PLACES,
    FilledTooLong,
    UnknownVariable,
    check,
    fill,
    find,
)

ITEM = {
    "q": "why {{item.secret}}?",
    "secret": "no",
    "list": [{"a": 1}, "b"],
    "odd key": 2,
    "n": None,
}
VALUES = values_of(ITEM, '{"label": "yes"}')


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("{{item.secret}}", "no"),
        ("{{ item.secret }}{{item.secret}}", "nono"),
        ("{{item.q}}", "why {{item.secret}}?"),  # a value is no template
        ("{{item.list[0].a}} {{item.list.1}}", "1 b"),
        ("{{item['odd key']}}", "2"),
        ("{{item.list}}", '[{"a": 1}, "b"]'),
        ("{{sample.output_text}}", '{"label": "yes"}'),
        ("{{sample.output_json.label}}", "yes"),
        ("{single} {{}", "{single} {{}"),
        ("{{item.n}}", "null"),
    ],
)
def test_filled(template: str, text: str) -> None:
    assert fill(template, VALUES) == text


@pytest.mark.parametrize(
    "template",
    ["{{item.x}}", "{{x}}", "{{}}", "{{item.__class__}}", "{{item.list[9]}}", "{{1+1}}",
     "{{item.q.upper()}}", "{{ sample.output_json.label.a }}", "{{item..q}}", "{{item.list[-1]}}"],
)  # fmt: skip
def test_what_is_not_there(template: str) -> None:
    with pytest.raises(UnknownVariable):
        fill(template, VALUES)


@pytest.mark.parametrize("template", ["{{x}}", "{{}}", "{{items.a}}", "{{a b}}"])
def test_what_never_could_be_is_told_before(template: str) -> None:
    with pytest.raises(BadRequest):
        check(template, "input")


@given(st.text(max_size=50))
def test_any_name_is_there_or_refused(name: str) -> None:
    with suppress(UnknownVariable):
        json.dumps(find(name, VALUES))


def test_what_is_filled_has_a_bound_that_is_seen_before_it_is_made() -> None:
    values = {"item": {"q": "x" * 100_000}}
    assert len(fill("{{item.q}}" * 10, values)) == LONGEST
    tracemalloc.start()
    with pytest.raises(FilledTooLong, match="1,000,000 characters"):
        fill("{{item.q}}" * 20_000, values)
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()
    with pytest.raises(FilledTooLong, match="more than 10 characters"):
        fill("01234567890{{item.q}}", {"item": {"q": ""}}, 10)


def test_a_template_of_too_many_places_is_refused_by_name() -> None:
    check("{{item.q}}" * MOST_PLACES, "input")
    with pytest.raises(FilledTooLong, match="at most 1,000 places; this has 20,000"):
        check("{{item.q}}" * 20_000, "input")
