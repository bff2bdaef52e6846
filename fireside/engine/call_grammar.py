"""A grammar that holds an answer to text or function calls, so that arguments always validate.

Lark as llguidance reads it: the family's literal syntax (`tokenizer/call_syntax.py`) around each
function's JSON schema.  In `auto` an answer is free until a call begins; from there on the tokens
of a call are all that can be drawn.  It refuses to compile anything: `guidance.py` does, in time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fireside.engine.schemas import COMPACT, closes, prepare
from fireside.tokenizer.call_syntax import CallSyntax, Function

MAX_CALLS = 32
"""Of one answer: a small model that repeats its call would fill the window."""


def call_grammar(
    functions: Sequence[Function],
    syntax: CallSyntax,
    *,
    controls: Mapping[str, int],
    ends: Iterable[int],
    required: bool,
    parallel: bool,
    text_schema: Mapping[str, Any] | bool | None = None,
) -> str:
    """Lark text.

    controls: the model's control tokens, which a grammar must name by their ids.
    ends: those that end an answer.
    text_schema: what an answer that calls nothing must match, if it is not free.
    """
    lines = [_start(syntax, controls, ends, required, text_schema)]
    more = MAX_CALLS - 1 if parallel and syntax.between is not None else 0
    repeated = f" ({_spelled(syntax.between or '', controls)} call){{0,{more}}}" if more else ""
    first, last = _spelled(syntax.lead, controls), _spelled(syntax.closing, controls)
    lines.append(f"calls: {first} call{repeated} {last}")
    lines.append("call: " + " | ".join(f"call_{i}" for i in range(len(functions))))
    for i, function in enumerate(functions):
        before = _spelled(syntax.before_name + function.name + syntax.before_arguments, controls)
        after = _spelled(syntax.after_arguments, controls)
        lines.append(f"call_{i}: {before} arguments_{i} {after}")
        schema = prepare(arguments_schema(function.parameters)) | {"x-guidance": COMPACT}
        lines.append(f"arguments_{i}: %json {json.dumps(schema)}")
    return "\n".join(lines) + "\n"


def arguments_schema(parameters: Mapping[str, Any] | None) -> dict[str, Any]:
    """Of an object; without parameters, of an empty one."""
    given = dict(parameters or {"properties": {}})
    return given | {"type": "object"} | ({"additionalProperties": False} if closes(given) else {})


def _start(
    syntax: CallSyntax,
    controls: Mapping[str, int],
    ends: Iterable[int],
    required: bool,
    text_schema: Mapping[str, Any] | bool | None,
) -> str:
    opening = _spelled(syntax.opening, controls)
    if required:
        return f"start: {opening} calls"
    if text_schema is not None:
        schema = text_schema
        if isinstance(schema, Mapping):
            schema = prepare(schema) | {"x-guidance": COMPACT}
        return f"start: answer | {opening} calls\nanswer: %json {json.dumps(schema)}"
    if syntax.instead_of_text:
        unlike = f"{syntax.unlike_text}(?s:.*)"
        return f"start: TEXT | {opening} calls\nTEXT: /(?s:.*)/ & ~/{unlike}/"
    # Free means free: the control tokens that an unheld answer may hold, but those of a call.
    free = sorted(set(controls.values()) - shown_controls(syntax, controls) - set(ends))
    control = f" | <[{','.join(map(str, free))}]>" if free else ""
    begins = f"text {opening}" if syntax.opening in controls else "text opened"
    return "\n".join(
        [
            f"start: text | {begins} calls",
            f"text: (TEXT{control})*",
            "TEXT: /(?s:.+)/",
            f"opened[lazy]: /(?s:.*)/ {opening}",
        ][: 3 + (syntax.opening not in controls)]
    )


def _all_text(syntax: CallSyntax) -> str:
    parts = (
        syntax.opening, syntax.lead, syntax.before_name, syntax.before_arguments,
        syntax.after_arguments, syntax.between or "", syntax.closing,
    )  # fmt: skip
    return "\0".join(parts)


def shown_controls(syntax: CallSyntax, controls: Mapping[str, int]) -> frozenset[int]:
    """The control tokens that a call is written with: who reads it must see them."""
    written = _all_text(syntax)
    return frozenset(number for name, number in controls.items() if name in written)


def _spelled(text: str, controls: Mapping[str, int]) -> str:
    """Literals and control tokens, one after another."""
    marks = [re.escape(name) for name in sorted(controls, key=len, reverse=True) if name in text]
    pieces = re.split(f"({'|'.join(marks)})", text) if marks else [text]
    return " ".join(
        f"<[{controls[piece]}]>" if piece in controls else json.dumps(piece)
        for piece in pieces
        if piece
    )
