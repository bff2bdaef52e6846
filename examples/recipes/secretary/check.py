"""The right tool with the right arguments, on requests whose words the model has not seen.

    python examples/recipes/secretary/check.py runs/secretary [--base] [--data runs/secretary-data]

A request counts when the answer makes exactly its calls, in order: the same tools, and arguments
that mean the same.  Times mean the same when the tool resolves them to the same moment, sums when
they have the same value, texts when they have the same letters.  Nothing is counted in part.  Calls
are made with the token mask that every answer has, without a description of the tools, as they are
served (`build.py`).  Rules and guards of the assistant are left out: benchmarks/secretary.py has
them.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections import Counter
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from build import system, tools_for

from fireside.engine.calling import Arguments, Calling, CallStarted, calling_for
from fireside.engine.models import Models
from fireside.engine.params import SamplingParams
from fireside.errors import FiresideError
from fireside.language.arithmetic import evaluate
from fireside.language.moments import Moment, read_moment
from fireside.messages import Message, ToolCall
from fireside.settings import load_settings

TIMES = {"when", "to", "since"}


def alike(name: str, wanted: Any, given: Any, tool: str, now: datetime) -> bool:
    if isinstance(wanted, int | float):
        return isinstance(given, int | float) and math.isclose(wanted, given)
    if wanted == given:
        return True
    if not isinstance(given, str):
        return False
    try:
        if name == "expression":
            return evaluate(wanted) == evaluate(given)
        if name in TIMES and tool.startswith(("calendar", "date")):
            return _same_time(read_moment(wanted, now), read_moment(given, now), tool)
    except FiresideError:
        return False
    return _letters(wanted) == _letters(given)


def _same_time(one: Moment, other: Moment, tool: str) -> bool:
    """An hour without a day moves within the event's own day; elsewhere it is today's."""
    if tool == "calendar_move" and one.dated != other.dated:
        return False
    return (one.start, one.end, one.timed) == (other.start, other.end, other.timed)


def _letters(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split())


def right(wanted: list[Any], made: list[tuple[str, dict[str, Any]]], now: datetime) -> bool:
    if [name for name, _ in wanted] != [name for name, _ in made]:
        return False
    return all(
        given.keys() == expected.keys()
        and all(alike(key, expected[key], given[key], name, now) for key in expected)
        for (name, expected), (_, given) in zip(wanted, made, strict=True)
    )


def calls_of(calling: Calling, text: str) -> list[ToolCall]:
    parser = calling.parser()
    calls: list[ToolCall] = []
    for piece in (*parser.feed(text), *parser.finish()):
        match piece:
            case CallStarted(id=number, name=name):
                calls.append(ToolCall(id=number, name=name, arguments=""))
            case Arguments(text=more):
                calls[-1] = replace(calls[-1], arguments=calls[-1].arguments + more)
    return calls


def answered(model: Any, text: str, now: datetime) -> list[tuple[str, dict[str, Any]]]:
    """The calls of one answer, which is all that the adapter is asked for."""
    messages = [Message(role="system", content=system(now)), Message(role="user", content=text)]
    with tempfile.TemporaryDirectory() as folder:
        functions = [tool.function for tool in tools_for(Path(folder))]
    calling = calling_for(model.tokenizer, functions, parallel=True, described=False)
    params = SamplingParams(temperature=0.0, max_tokens=160)
    held = replace(params, constraint=calling.constraint, shown_ids=calling.shown_ids)
    prompt = calling.render(model.tokenizer, messages).ids
    calls = calls_of(calling, "".join(event.text for event in model.generate(prompt, held)))
    return [(one.name, json.loads(one.arguments)) for one in calls]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--data", type=Path, default=Path("runs/secretary-data"))
    parser.add_argument("--limit", type=int, default=None)
    given = parser.parse_args()
    rows = [json.loads(line) for line in (given.data / "held_out.jsonl").open(encoding="utf-8")]
    models = Models(load_settings())
    model = models.get(given.model)
    hits: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for row in rows[: given.limit]:
        now = datetime.fromisoformat(row["now"])
        try:
            made = answered(model, row["text"], now)
        except ValueError:  # a call that was cut off
            made = [("", {})]
        ok = right(row["calls"], made, now)
        seen[row["kind"]] += 1
        hits[row["kind"]] += ok
        if not ok:
            print(f"  {row['text']}\n    wanted {json.dumps(row['calls'], ensure_ascii=False)}"
                  f"\n    made   {json.dumps(made, ensure_ascii=False)}")  # fmt: skip
    for kind in seen:
        print(f"{kind:14} {hits[kind]:3} of {seen[kind]}")
    total, share = sum(seen.values()), sum(hits.values()) / sum(seen.values())
    error = math.sqrt(share * (1 - share) / total)
    print(f"right tools and arguments: {100 * share:.1f} % ± {100 * error:.1f} of {total} requests")
    models.close()


if __name__ == "__main__":
    main()
