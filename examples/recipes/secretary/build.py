"""Dialogues with a secretary, made up: `train.jsonl` to learn from, `held_out.jsonl` to measure.

    python examples/recipes/secretary/build.py --out runs/secretary-data --dialogues 1500

Tools are called for real, against a calendar in a temporary folder and a clock that stands still,
so that results are what the assistant will see; messages go nowhere.  Held-out requests use
templates, names, titles, topics and messages that no training dialogue has (`phrases.toml`).  The
model writes times as words ("next Tuesday at noon") and the tool resolves them: a small model need
not know calendars.
"""

from __future__ import annotations

import argparse
import calendar
import json
import random
import re
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fireside.assistant.steps.tools import today
from fireside.assistant.tools.calculator import calculate
from fireside.assistant.tools.calendar_file import FileCalendar
from fireside.assistant.tools.calendar_tools import calendar_tools
from fireside.assistant.tools.calls import call
from fireside.assistant.tools.clock import date_time
from fireside.assistant.tools.messages import message_tools
from fireside.assistant.tools.outcome import Outcome
from fireside.assistant.tools.tool import Tool, ToolContext
from fireside.assistant.tools.units import convert

PHRASES = tomllib.loads((Path(__file__).parent / "phrases.toml").read_text(encoding="utf-8"))
WEIGHTS = {
    "add": 6, "add_title": 4, "add_minutes": 4, "add_sms": 6, "add_email": 3, "list": 4, "move": 5,
    "move_sms": 3, "free": 2, "free_minutes": 4, "sms": 4, "email": 4, "calculate": 4, "convert": 4,
    "date": 2, "until": 2, "between": 2, "now": 1, "place": 2, "talk": 4,
}  # fmt: skip
DAYS = list(calendar.day_name)
MONTHS = list(calendar.month_name)[1:]
UNITS = [
    ("miles", "km"), ("km", "miles"), ("kg", "pounds"), ("pounds", "kg"), ("feet", "meters"),
    ("meters", "feet"), ("inches", "cm"), ("cm", "inches"), ("liters", "gallons"), ("cups", "ml"),
    ("Fahrenheit", "Celsius"), ("Celsius", "Fahrenheit"), ("ounces", "grams"),
    ("acres", "hectares"),
    ("hours", "minutes"), ("days", "hours"), ("mph", "km/h"), ("GB", "MB"), ("kWh", "joules"),
    ("grams", "ounces"), ("yards", "meters"), ("knots", "mph"), ("weeks", "days"), ("tons", "kg"),
]  # fmt: skip
PLACES = [
    "Tokyo",
    "London",
    "Paris",
    "Sydney",
    "Berlin",
    "Cairo",
    "Lima",
    "Moscow",
    "Dubai",
    "Rome",
]
UNSEEN_PLACES = ["Vienna", "Oslo", "Nairobi", "Toronto", "Singapore", "Athens"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked, and what must be called, in order; `reply` where nothing is."""

    kind: str
    text: str
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    reply: str = ""


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


class Asker:
    """Makes requests of one half of the phrases."""

    def __init__(self, half: str, seed: int) -> None:
        self._words = PHRASES[half]
        self._names = [name.replace("|", " ") for name in self._words["names"].split()]
        self._draw = random.Random(seed)
        self._places = PLACES if half == "train" else UNSEEN_PLACES

    def request(self, kind: str | None = None) -> Request:
        kind = kind or self._draw.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        template = self._draw.choice(self._words["templates"][kind])
        if kind == "talk":
            text, _, reply = template.partition("|")
            return Request(kind=kind, text=text, reply=reply)
        return getattr(self, f"_{kind.partition('_')[0]}")(kind, template)

    # -- the words ---------------------------------------------------------------------------

    def _one(self, *options: str) -> str:
        return self._draw.choice(options)

    def _some(self, what: str) -> str:
        return str(self._draw.choice(self._words[what]))

    def _day(self) -> str:
        draw = self._draw
        date = f"{draw.randint(1, 28)} {draw.choice(MONTHS)}"
        return self._one(
            "today", "tomorrow", "the day after tomorrow", draw.choice(DAYS), draw.choice(DAYS),
            f"next {draw.choice(DAYS)}", f"next {draw.choice(DAYS)}", f"this {draw.choice(DAYS)}",
            date, f"{date.split()[1]} {date.split()[0]}", f"in {draw.randint(2, 9)} days",
            f"on {draw.choice(DAYS)}", f"on {date}", "in two weeks", "next week", "this week",
        )  # fmt: skip

    def _hour(self) -> str:
        draw = self._draw
        hour = draw.randint(8, 11)
        late = draw.randint(1, 8)
        return self._one(
            "at noon", f"at {late} pm", f"at {late}pm", f"at {hour} am", f"at {hour}:30",
            f"at {12 + late}:{draw.choice(['00', '15', '30', '45'])}", f"at {late}:30 pm",
            f"at {draw.randint(1, 11)}", f"at half past {late}", f"at {hour}", "in the morning",
            "in the afternoon", "in the evening", f"from {late} to {late + 1} pm",
        )  # fmt: skip

    def _when(self) -> str:
        day = self._day()
        while day.endswith("week"):
            day = self._day()
        kind = self._draw.random()
        if kind < 0.75:
            return f"{day} {self._hour()}"
        if kind < 0.9:
            return day
        between = " on " if day[0].isdigit() or day.partition(" ")[0] in (*MONTHS, *DAYS) else " "
        return f"{self._hour()}{between}{day}"

    def _moment(self) -> str:
        """That something can be moved to: "to in two weeks" is nobody's English."""
        when = self._when()
        while re.search(r"\bin (?:\d|two)", when):
            when = self._when()
        return when

    def _fill(self, template: str, **words: object) -> str:
        text = template.format(**words)
        # "Move it to on Friday" is nobody's English.
        text = re.sub(r" (to) (?:on|at|in) (?=\w)", r" \1 ", text)
        text = re.sub(r" (?:for|on) (on|at|in) (?=\w)", r" \1 ", text)
        if self._draw.random() < 0.35:
            text = text[0].upper() + text[1:]
        elif self._draw.random() < 0.2:
            text = text[0].lower() + text[1:] if not text.startswith("I") else text
        return text

    # -- the requests ------------------------------------------------------------------------

    def _add(self, kind: str, template: str) -> Request:
        when, name, act = self._when(), self._draw.choice(self._names), self._some("acts")
        title = self._some("titles")
        if kind in ("add_title", "add_minutes"):
            minutes = self._draw.choice([15, 20, 30, 45, 60, 90, 120])
            while kind == "add_minutes" and not any(c.isdigit() for c in when):
                when = self._when()
            text = self._fill(template, title=title, when=when, n=minutes)
            more = {"minutes": minutes} if kind == "add_minutes" else {}
            return Request(
                kind=kind, text=text,
                calls=(("calendar_add", {"title": title, "when": when, **more}),),
            )  # fmt: skip
        text = self._fill(
            template, act=act, name=name, when=when, pron=self._one("her", "him", "them")
        )
        short = _capital(_bare(act))
        calls = [("calendar_add", {"title": f"{_bare(act)} with {name}", "when": when})]
        told = f"{short} {when}."
        if kind == "add_sms":
            calls.append(("send_sms", {"to": name, "text": told}))
        if kind == "add_email":
            calls.append(("send_email", {"to": name, "subject": short, "text": told}))
        return Request(kind=kind, text=text, calls=tuple(calls))

    def _list(self, kind: str, template: str) -> Request:
        day = self._day()
        return Request(
            kind=kind, text=self._fill(template, day=day), calls=(("calendar_list", {"when": day}),)
        )

    def _move(self, kind: str, template: str) -> Request:
        when, name = self._moment(), self._draw.choice(self._names)
        if kind == "move":
            title = self._some("titles")
            text = self._fill(template, title=title, when=when)
            return Request(
                kind=kind,
                text=text,
                calls=(("calendar_move", {"title": title, "to": _as_said(when, text)}),),
            )
        act = self._some("acts")
        short = _capital(_bare(act))
        text = self._fill(
            template, act=_bare(act), name=name, when=when, pron=self._one("her", "him", "them")
        )
        return Request(
            kind=kind, text=text,
            calls=(
                (
                    "calendar_move",
                    {"title": f"{_bare(act)} with {name}", "to": _as_said(when, text)},
                ),
                ("send_sms", {"to": name, "text": f"{short} moved to {_noun(when)}."}),
            ),
        )  # fmt: skip

    def _free(self, kind: str, template: str) -> Request:
        day = self._day()
        if self._draw.random() < 0.3 and "week" not in day:
            day += self._one(" in the morning", " in the afternoon", " afternoon", " morning")
        minutes = self._draw.choice([15, 20, 30, 40, 45, 60, 90, 120])
        given = {"when": day} | ({"minutes": minutes} if kind == "free_minutes" else {})
        text = self._fill(template, day=day, n=minutes)
        return Request(kind=kind, text=text, calls=(("calendar_free", given),))

    def _sms(self, kind: str, template: str) -> Request:
        name, msg = self._draw.choice(self._names), self._some("msgs")
        text = self._fill(template, name=name, msg=msg)
        return Request(
            kind=kind, text=text, calls=(("send_sms", {"to": name, "text": f"{_capital(msg)}."}),)
        )

    def _email(self, kind: str, template: str) -> Request:
        name, msg, topic = self._draw.choice(self._names), self._some("msgs"), self._some("topics")
        text = self._fill(template, name=name, msg=msg, topic=topic)
        given = {
            "to": name,
            "subject": _capital(topic.removeprefix("the ")),
            "text": f"{_capital(msg)}.",
        }
        return Request(kind=kind, text=text, calls=(("send_email", given),))

    def _calculate(self, kind: str, template: str) -> Request:
        draw = self._draw
        a, b, c = draw.randint(2, 999), draw.randint(2, 99), draw.randint(2, 20)
        said, meant = draw.choice(
            [
                (f"{a} times {b}", f"{a} * {b}"), (f"{a} plus {b}", f"{a} + {b}"),
                (f"{a} minus {b}", f"{a} - {b}"), (f"{a} divided by {b}", f"{a} / {b}"),
                (f"{b}% of {a}", f"{b}% of {a}"), (f"{b} percent of {a}", f"{b}% of {a}"),
                (f"the square root of {a}", f"sqrt({a})"), (f"{c} squared", f"{c} ** 2"),
                (f"{a} * {b} + {c}", f"{a} * {b} + {c}"), (f"{a / 100} + {b / 10}",) * 2,
                (f"({a} + {b}) / {c}",) * 2, (f"({a} - {b}) * {c}",) * 2,
                (f"{c} to the power of {b % 5 + 2}", f"{c} ** {b % 5 + 2}"),
                (f"{a} x {b}", f"{a} * {b}"), (f"{a} - {b}",) * 2, (f"{a}/{c}", f"{a} / {c}"),
            ]
        )  # fmt: skip
        text = self._fill(template, e=said)
        return Request(kind=kind, text=text, calls=(("calculate", {"expression": meant}),))

    def _convert(self, kind: str, template: str) -> Request:
        unit, other = self._draw.choice(UNITS)
        amount = self._draw.choice([self._draw.randint(2, 500), self._draw.randint(2, 99) / 2])
        text = self._fill(template, a=f"{amount:g}", u=unit, v=other)
        given = {"amount": float(f"{amount:g}"), "unit_from": unit, "unit_to": other}
        if float(amount).is_integer():
            given["amount"] = int(amount)
        return Request(kind=kind, text=text, calls=(("convert", given),))

    def _date(self, kind: str, template: str) -> Request:
        day = self._day()
        text = self._fill(template, day=day)
        return Request(kind=kind, text=text, calls=(("date_time", {"when": day}),))

    def _until(self, kind: str, template: str) -> Request:
        date = f"{self._draw.randint(1, 28)} {self._draw.choice(MONTHS)}"
        text = self._fill(template, date=date)
        return Request(kind=kind, text=text, calls=(("date_time", {"when": date}),))

    def _between(self, kind: str, template: str) -> Request:
        first, second = sorted(self._draw.sample(range(12), 2))
        since = f"{self._draw.randint(1, 28)} {MONTHS[first]}"
        date = f"{self._draw.randint(1, 28)} {MONTHS[second]}"
        text = self._fill(template, since=since, date=date)
        return Request(kind=kind, text=text, calls=(("date_time", {"when": date, "since": since}),))

    def _now(self, kind: str, template: str) -> Request:
        return Request(kind=kind, text=template, calls=(("date_time", {"when": "now"}),))

    def _place(self, kind: str, template: str) -> Request:
        place = self._draw.choice(self._places)
        text = self._fill(template, place=place)
        return Request(
            kind=kind, text=text, calls=(("date_time", {"when": "now", "place": place}),)
        )


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _as_said(when: str, text: str) -> str:
    """ "on Friday" is "Friday" behind "to"."""
    return when if when.lower() in text.lower() else re.sub(r"^(?:on|at|in) ", "", when)


def _noun(when: str) -> str:
    return re.sub(r"^(?:on|at|in) (?!\d+ days|two)", "", when)


def _bare(act: str) -> str:
    first, _, rest = act.partition(" ")
    return rest if first in ("a", "an") else act


def put_there(
    tools: Mapping[str, Tool], calls: Iterable[Sequence[Any]], context: ToolContext
) -> None:
    """Into the calendar what these calls will move."""
    for name, given in calls:
        if name == "calendar_move":
            there = {"title": given["title"], "when": "in 3 days at 9:05"}
            call(tools["calendar_add"], json.dumps(there), context)


def dialogue(requests: list[Request], now: datetime) -> dict[str, Any]:
    """OpenAI's messages: each request, its calls one after another, their real results, a reply."""
    with tempfile.TemporaryDirectory() as folder:
        tools = {tool.name: tool for tool in tools_for(Path(folder))}
        context = ToolContext(now=now)
        messages: list[dict[str, Any]] = [{"role": "system", "content": system(now)}]
        for request in requests:
            messages.append({"role": "user", "content": request.text})
            results = []
            put_there(tools, request.calls, context)
            for name, given in request.calls:
                arguments = json.dumps(given, ensure_ascii=False)
                called = {"name": name, "arguments": arguments}
                number = f"call_{len(messages)}"
                messages.append({
                    "role": "assistant", "content": "",
                    "tool_calls": [{"id": number, "type": "function", "function": called}],
                })  # fmt: skip
                result = call(tools[name], arguments, context).outcome.for_model
                results.append(result.removeprefix("Error: "))
                messages.append({"role": "tool", "tool_call_id": number, "content": result})
            messages.append({"role": "assistant", "content": request.reply or " ".join(results)})
        listed = [tool.function.as_tool for tool in tools.values()]
    return {"messages": messages, "tools": listed}


def clocks(seed: int) -> Iterator[datetime]:
    draw = random.Random(seed)
    while True:
        yield datetime(2026, 1, 5, 9, 30, tzinfo=UTC) + timedelta(days=draw.randint(0, 700))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/secretary-data"))
    parser.add_argument("--dialogues", type=int, default=1500)
    parser.add_argument("--requests", type=int, default=4, help="in a dialogue")
    parser.add_argument("--held-out", type=int, default=200, help="requests")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    asker, clock = Asker("train", 1), clocks(1)
    with (given.out / "train.jsonl").open("w", encoding="utf-8") as file:
        for _ in range(given.dialogues):
            made = dialogue([asker.request() for _ in range(given.requests)], next(clock))
            file.write(json.dumps(made, ensure_ascii=False) + "\n")
    asker, clock = Asker("held_out", 2), clocks(2)
    kinds = list(WEIGHTS)
    with (given.out / "held_out.jsonl").open("w", encoding="utf-8") as file:
        for number in range(given.held_out):
            one = asker.request(kinds[number % len(kinds)])
            row = {"kind": one.kind, "now": next(clock).isoformat(), "text": one.text,
                   "calls": one.calls}  # fmt: skip
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
