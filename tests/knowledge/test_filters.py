"""Filters: what plain Python says of the same attributes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.knowledge.filters import Comparison, Compound, Filter

values = st.sampled_from(["a", "b", "", 0, 1, 1.5, -2.0, True, False])
attributes = st.dictionaries(st.sampled_from("xyz"), values)
comparisons = st.builds(
    lambda kind, key, one, many: Comparison(
        type=kind, key=key, value=many if kind in ("in", "nin") else one
    ),
    st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"]),
    st.sampled_from("xyz"),
    values,
    st.lists(values, max_size=3),
)
filters = st.recursive(
    comparisons,
    lambda inner: st.builds(
        lambda kind, parts: Compound(type=kind, filters=parts),
        st.sampled_from(["and", "or"]),
        st.lists(inner, max_size=3),
    ),
    max_leaves=8,
)


def plainly(which: Filter, found: dict[str, Any]) -> bool:
    if isinstance(which, Compound):
        results = [plainly(each, found) for each in which.filters]
        return all(results) if which.type == "and" else any(results)
    kind = lambda value: "bool" if isinstance(value, bool) else isinstance(value, str)  # noqa: E731
    there = found.get(which.key)
    alike = [v for v in (which.value if isinstance(which.value, list) else [which.value])
             if which.key in found and kind(v) == kind(there)]  # fmt: skip
    match which.type:
        case "eq" | "in":
            return there in alike
        case "ne" | "nin":
            return there not in alike
    if not alike or isinstance(there, bool):
        return False
    return {
        "gt": lambda: there > alike[0],
        "gte": lambda: there >= alike[0],
        "lt": lambda: there < alike[0],
        "lte": lambda: there <= alike[0],
    }[which.type]()


@given(filters, attributes)
def test_as_python_has_it(which: Filter, found: dict[str, Any]) -> None:
    assert which.accepts(found) == plainly(which, found)


@given(comparisons, attributes)
def test_opposites(which: Comparison, found: dict[str, Any]) -> None:
    opposite = {"eq": "ne", "in": "nin"}.get(which.type)
    if opposite:
        other = Comparison(type=opposite, key=which.key, value=which.value)  # type: ignore[arg-type]
        assert which.accepts(found) != other.accepts(found)


@pytest.mark.parametrize(("value", "there"), [(1, True), (True, 1), ("1", 1), (0, False)])
def test_types_are_not_mixed(value: Any, there: Any) -> None:
    assert not Comparison(type="eq", key="x", value=value).accepts({"x": there})
    assert Comparison(type="ne", key="x", value=value).accepts({"x": there})
