"""Whether a stranger's schema can hold the model's tokens, before a turn depends on it.

One tool whose schema cannot be compiled would refuse the whole turn; so each is tried alone, and
one that fails is left out by name.  Plain shapes are known to compile; anything else is tried in
the other process that `engine/probing.py` keeps for this.  It refuses to loosen a schema.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from fireside.engine.call_grammar import arguments_schema
from fireside.engine.probing import Probe
from fireside.engine.tame import tame_schema

SECONDS: Final = 1.0
LARGEST: Final = 64 * 1024
"""Bytes of a schema: it stands in every prompt."""
EOS: Final = 256


class Schemas:
    """Thread-safe.  What was tried is remembered."""

    def __init__(self) -> None:
        self._probe = Probe(_bytes)

    def objection(self, schema: Mapping[str, Any]) -> str:
        """Why a tool of this schema cannot be offered; empty where it can."""
        try:
            text = json.dumps(arguments_schema(schema))
        except (RecursionError, ValueError):
            return "its schema is no JSON"
        if len(text) > LARGEST:
            return f"its schema has {len(text)} bytes; {LARGEST} is the most"
        if schema.get("type", "object") != "object":
            return "its schema is none of an object"
        if tame_schema(schema):
            return ""
        wrong = " ".join(self._probe.check(_grammar(text), SECONDS).split())
        return f"its schema cannot be held: {wrong[:200]}" if wrong else ""

    def close(self) -> None:
        self._probe.close()


def _grammar(schema: str) -> str:
    from llguidance import LLMatcher

    from fireside.engine.guidance import STRICTLY

    return str(LLMatcher.grammar_from_json_schema(schema, overrides=STRICTLY))


def _bytes() -> str:
    """The smallest vocabulary: whether a schema compiles does not depend on the model's."""
    tokens = [bytes([each]).hex() for each in range(256)] + [b"<end>".hex()]
    return json.dumps({"tokens": tokens, "special": [EOS], "eos": [EOS]})
