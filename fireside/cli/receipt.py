"""A receipt as rows to read: each step with its time, the prompt part by part, what ran."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fireside.storage import StoredMessage

KNOWN = ("stage", "name", "ms")


def receipt_rows(said: StoredMessage) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("message", said.id), ("status", said.status)]
    for key, value in said.receipt.items():
        if key == "steps":
            rows.extend(_steps(value))
        else:
            rows.append((key.replace("_", " "), _words(value)))
    return rows


def question_of(asked: Mapping[str, Any]) -> str:
    """What the person is asked before a tool runs."""
    own = asked.get("question")
    return str(own or f"May {asked['name']} run with {asked['arguments']}?")


def _steps(steps: list[Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    for step in steps:
        rest = {name: value for name, value in step.items() if name not in KNOWN}
        found = _words(rest) if rest else ""
        yield f"{step['stage']}: {step['name']}", f"{step['ms']} ms  {found}".rstrip()


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        told = ", ".join(f"{name} {_words(one)}" for name, one in value.items())
        return told or "none"
    if isinstance(value, list):
        return "; ".join(_words(one) for one in value) or "none"
    return "none" if value is None or value == "" else str(value)
