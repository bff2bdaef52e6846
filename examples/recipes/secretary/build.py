"""Dialogues with a secretary, made up: `train.jsonl` to learn from, `held_out.jsonl` to measure.

    python examples/recipes/secretary/build.py --out runs/secretary-data --dialogues 9000

Tools are called for real, against a calendar in a temporary folder and a clock that stands still,
so that results are what the assistant will see; messages go nowhere.  Held-out requests use
templates, names, titles, topics and messages that no training dialogue has (`phrases.toml`).

The functions are not described in the prompt: the adapter knows them.  Their description takes 800
tokens and a request with its call 90, so without it an hour teaches several times as many requests.
Most dialogues are one request and its calls, because what the tools answer is said as it is, not
by the model; some go on, and some answer a question.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from asking import Asker, Request

from fireside.assistant.steps.tools import today
from fireside.tools.calculator import calculate
from fireside.tools.calendar_file import FileCalendar
from fireside.tools.calendar_tools import calendar_tools
from fireside.tools.calls import call
from fireside.tools.clock import date_time
from fireside.tools.converter import convert
from fireside.tools.messages import message_tools
from fireside.tools.outcome import Outcome
from fireside.tools.tool import Tool, ToolContext

ALONE = 0.8
"""Share of the dialogues that are one request."""


def tools_for(folder: Path) -> list[Tool]:
    """A secretary's, with a calendar in the folder and messages that are only said to be sent."""

    def sent(arguments: Any, context: ToolContext) -> Outcome:
        return Outcome(text=f"Sent to {arguments['to']}.")

    silent = [replace(each, run=sent) for each in message_tools(None, None)]
    calendar = calendar_tools(lambda owner: FileCalendar(folder / "me.ics"))
    return [*calendar, *silent, calculate, convert, date_time]


def system(now: datetime) -> str:
    """As the persona `secretary` and the step `tools` put it together."""
    return f"You are a secretary.\n\n{today(now)}"


def put_there(
    tools: Mapping[str, Tool], calls: Iterable[Sequence[Any]], context: ToolContext
) -> None:
    """Into the calendar what these calls will move."""
    for name, given in calls:
        if name == "calendar_move":
            there = {"title": given["title"], "when": "in 3 days at 9:05"}
            call(tools["calendar_add"], json.dumps(there), context)


def dialogue(requests: Sequence[Request], now: datetime) -> dict[str, Any]:
    """OpenAI's messages: each request and its calls; between two requests the real results."""
    with tempfile.TemporaryDirectory() as folder:
        tools = {tool.name: tool for tool in tools_for(Path(folder))}
        messages: list[dict[str, Any]] = [{"role": "system", "content": system(now)}]
        for place, request in enumerate(requests):
            last = place == len(requests) - 1
            messages += _turns(request, tools, ToolContext(now=now), is_last=last)
    return {"messages": messages}


def _turns(
    request: Request, tools: Mapping[str, Tool], context: ToolContext, *, is_last: bool
) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = [{"role": "user", "content": request.text}]
    if request.reply:
        made.append({"role": "assistant", "content": request.reply})
    if request.answer:
        made.append({"role": "user", "content": request.answer})
    if not request.calls:
        return made
    calls, results = [], []
    put_there(tools, request.calls, context)
    for number, (name, given) in enumerate(request.calls):
        arguments = json.dumps(given, ensure_ascii=False)
        called = {"name": name, "arguments": arguments}
        calls.append({"id": f"call_{number}", "type": "function", "function": called})
        results.append(call(tools[name], arguments, context).outcome.for_model)
    made.append({"role": "assistant", "content": "", "tool_calls": calls})
    if not is_last:
        made += [
            {"role": "tool", "tool_call_id": f"call_{number}", "content": result}
            for number, result in enumerate(results)
        ]
        told = "\n".join(each.removeprefix("Error: ") for each in results)
        made.append({"role": "assistant", "content": told})
    return made


def clocks(seed: int) -> Iterator[datetime]:
    draw = random.Random(seed)
    while True:
        yield datetime(2026, 1, 5, 9, 30, tzinfo=UTC) + timedelta(days=draw.randint(0, 700))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/secretary-data"))
    parser.add_argument("--dialogues", type=int, default=9000)
    parser.add_argument("--held-out", type=int, default=200, help="requests")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    asker, clock, draw = Asker("train", 1), clocks(1), random.Random(3)
    with (given.out / "train.jsonl").open("w", encoding="utf-8") as file:
        for _ in range(given.dialogues):
            count = 1 if draw.random() < ALONE else draw.randint(2, 3)
            made = dialogue([asker.request() for _ in range(count)], next(clock))
            file.write(json.dumps(made, ensure_ascii=False) + "\n")
    asker, clock = Asker("held_out", 2), clocks(2)
    with (given.out / "held_out.jsonl").open("w", encoding="utf-8") as file:
        for number in range(given.held_out):
            one = asker.request(asker.kinds[number % len(asker.kinds)])
            row = {"kind": one.kind, "now": next(clock).isoformat(), "text": one.text,
                   "calls": one.calls}  # fmt: skip
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
