"""Grammars that would hang or crash a process: refused, and nothing of it goes on running."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.engine import guidance
from fireside.engine.guidance import Guide, Matcher
from fireside.engine.params import Constraint
from fireside.engine.tame import is_tame, tame_schema
from fireside.errors import BadSchema

from .letters import Letters

LETTERS = Letters()


@pytest.fixture(scope="module")
def guide() -> Iterator[Guide]:
    made = Guide(LETTERS, LETTERS.vocab_size)
    yield made
    made.close()


def compiled(guide: Guide, constraint: Constraint) -> Matcher:
    """Waits as long as it takes: how long is not what these tests are about."""
    done = threading.Event()
    compilation = guide.compile(constraint, done.set)
    assert done.wait(120)
    assert compilation.future is not None
    return compilation.future.result()


def schema(value: Any) -> Constraint:
    return Constraint(kind="json_schema", value=value)


def deep(levels: int) -> dict[str, Any]:
    nested: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        nested = {"type": "object", "properties": {"a": nested}}
    return nested


CHAIN = "".join(f'r{i}: "a" r{i + 1} | "b" r{i * 7 % 3000}\n' for i in range(3000))
BAD = {
    "60,000 deep": schema(deep(60_000)),
    "a deep stack": Constraint(kind="lark", value=f'start: r0\n{CHAIN}r3000: "c"\n'),
    "huge choice": Constraint(kind="choice", value=tuple(f"v{i * 7919}" for i in range(200_000))),
    "huge enum": schema({"enum": [{"a": i, "b": [i] * 20} for i in range(20_000)]}),
    "large grammar": Constraint(kind="lark", value="start: " + '"a" | ' * 300_000 + '"b"'),
    "only itself": schema({"$ref": "#"}),
    "each other": schema(
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}
    ),
    "all of itself": schema({"allOf": [{"$ref": "#"}, {"type": "object"}]}),
    "far away": schema({"$ref": "http://127.0.0.1:1/x.json"}),
    "nowhere": schema({"$ref": "#/$defs/nothing"}),
    "nothing": schema(False),
    "unsatisfiable": schema({"type": "string", "minLength": 5, "maxLength": 2}),
    "a look-ahead": schema({"type": "string", "pattern": "(?=a)b"}),
    "a back reference": Constraint(kind="regex", value=r"(a)\1"),
    "loosened": schema({"uniqueItems": True, "x-guidance": {"lenient": True}}),
    "one of many": schema({"oneOf": [{"type": "string"}, {"pattern": "^a"}]}),
    "unknown format": schema({"type": "string", "format": "nosuch"}),
    **{
        keyword: schema({keyword: value})
        for keyword, value in {
            "not": {"type": "string"},
            "if": {"type": "string"},
            "contains": {"type": "string"},
            "propertyNames": {"pattern": "^a"},
            "dependentRequired": {"a": ["b"]},
            "unevaluatedProperties": False,
        }.items()
    },
}
GOOD = {
    "a catastrophic pattern": (Constraint(kind="regex", value="(a+)+$"), "aaa"),
    "another": (Constraint(kind="regex", value="(a|b)*a(a|b){50}"), "ba"),
    "in a schema": (schema({"type": "string", "pattern": "^(a+)+$"}), '"aa"'),
    "a recursive schema": (
        schema(
            {
                "$defs": {"n": {"type": "object", "properties": {"c": {"$ref": "#/$defs/n"}}}},
                "$ref": "#/$defs/n",
            }
        ),
        '{"c": {"c": {}}}',
    ),
    "long": (Constraint(kind="regex", value="a{1000}"), "a" * 1000),
    "60 deep": (schema(deep(60)), '{"a":'),
    "many shapes": (
        schema(
            {
                "oneOf": [
                    {"type": "object", "properties": {"k": {"const": k}}, "required": ["k"]}
                    for k in "ab"
                ]
            }
        ),
        '{"k": "a"',
    ),
    "any JSON": (schema(True), "[1, null]"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_compiled_is_refused_in_one_line(guide: Guide, name: str) -> None:
    with pytest.raises(BadSchema) as refused:
        compiled(guide, BAD[name])
    assert refused.value.param == "constraint"
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("name", GOOD)
def test_what_only_looks_bad_compiles(
    guide: Guide, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(guidance, "PROBE_SECONDS", 60)
    constraint, text = GOOD[name]
    ids = LETTERS.encode(text)
    assert compiled(guide, constraint)._matcher.validate_tokens(ids) == len(ids)


def test_what_takes_too_long_is_killed(guide: Guide, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four minutes of llguidance 1.9, which no limit of its own ends."""
    monkeypatch.setattr(guidance, "PROBE_SECONDS", 0.2)
    constraint = schema({"type": "integer", "multipleOf": 9_999_991})
    guide._probe.start()
    process = guide._probe._process[0]
    with pytest.raises(BadSchema, match="takes more than"):
        compiled(guide, constraint)
    assert process.poll() is not None
    assert guide._probe._process == []
    with pytest.raises(BadSchema, match="takes more than"):
        compiled(guide, constraint)
    # It is remembered: a hundred of the same cost nothing.
    assert [key for key in guide._probe._known.values() if "takes more" in key]


def test_a_crash_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guidance, "PROBE_SECONDS", 60)
    with closing(Guide(LETTERS, LETTERS.vocab_size)) as guide:
        with pytest.raises(BadSchema, match="too complex"):
            compiled(guide, BAD["a deep stack"])
        compiled(guide, Constraint(kind="regex", value="still (here)+"))


def test_the_other_process_ends_with_its_guide() -> None:
    made = Guide(LETTERS, LETTERS.vocab_size)
    compiled(made, Constraint(kind="regex", value="a"))
    (process,) = made._probe._process
    made.close()
    assert process.poll() is not None
    compiled(made, Constraint(kind="regex", value="b"))  # and it starts again
    made.close()


@pytest.mark.parametrize(
    ("value", "tame"),
    [
        ({}, True),
        (True, True),
        ({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}, True),
        ({"$defs": {"a": {"type": "null"}}, "$ref": "#/$defs/a"}, True),
        ({"pattern": "a"}, False),
        ({"properties": {"a": {"items": {"multipleOf": 3}}}}, False),
        ({"$defs": {"a": {"format": "email"}}}, False),
        ({"additionalProperties": {"pattern": "a"}}, False),
        ({"anyOf": [{"minimum": 1}]}, False),
        ({"enum": ["x" * 30_000]}, False),
        ({"maxLength": 5000}, False),
        ({"properties": {str(i): {} for i in range(1000)}}, False),
        ({"x-guidance": {}}, False),
        (deep(60), False),
        ({"items": 5}, False),
    ],
)
def test_what_is_tame(value: Any, tame: bool) -> None:
    assert tame_schema(value) == tame
    assert is_tame(schema(value)) == tame
    assert not is_tame(Constraint(kind="regex", value="a"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "properties", "items", "anyOf", "enum", "$defs", "a"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(value=st.dictionaries(st.sampled_from(["type", "properties", "anyOf"]), json_values))
def test_any_schema_compiles_or_is_refused(value: dict[str, Any]) -> None:
    assert tame_schema(value) in (True, False)
    if tame_schema(value):
        with suppress(BadSchema):
            GUIDE._compile(schema(value), GUIDE._ready_tokenizer())


GUIDE = Guide(LETTERS, LETTERS.vocab_size)
