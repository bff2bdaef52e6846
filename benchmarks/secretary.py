"""The shipped secretary on requests as people of different habits write them.

    python benchmarks/secretary.py benchmarks/secretary.txt benchmarks/secretary_unseen.txt

Each request is a conversation of its own with the persona, through the path that answers people,
in a home that is thrown away; people are contacts, and what is to be moved stands in the calendar.
Right: exactly the calls that the file asks for, with arguments that mean the same; or a question,
a plain "I can only ...", or words, and no call.  A wrong action is a call that changes or sends
something and is not the one asked for.  It also counts messages that went out unasked.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fireside.assistant.chat import Chat
from fireside.assistant.lineup import assistant_of
from fireside.assistant.persona import Personas
from fireside.engine.models import Models
from fireside.errors import FiresideError
from fireside.language.arithmetic import evaluate
from fireside.language.moments import read_moment
from fireside.language.units import find_unit
from fireside.settings import Settings, load_settings
from fireside.storage import Store
from fireside.tools.calendar_file import FileCalendar
from fireside.tools.events import Event

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ACTS = frozenset({"calendar_add", "calendar_move", "send_sms", "send_email"})
SENDS = frozenset({"send_sms", "send_email"})
PEOPLE = """
[tools.contacts.Ana]
phone = "+4930123456"
email = "ana@example.org"
[tools.contacts.Priya]
phone = "+4930123457"
email = "priya@example.org"
[tools.contacts.Tom]
phone = "+4930123458"
email = "tom@example.org"
[tools.contacts."Mr Okafor"]
email = "okafor@example.org"
"""
Call = tuple[str, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class CheckedRequest:
    """right: alternatives, each a list of calls or one of `ask`, `cannot`, `talk`."""

    habit: str
    text: str
    right: Sequence[str | list[Call]]


@dataclass(frozen=True, kw_only=True)
class Answered:
    text: str
    calls: Sequence[Call]
    sent: int
    by: str


def read(path: Path) -> Iterator[CheckedRequest]:
    habit = ""
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("## "):
            habit = line[3:]
        elif line and not line.startswith("#"):
            text, _, right = line.rpartition(" => ")
            options = re.split(r" \| (?=ask|cannot|talk|[a-z_]+ \{)", right)
            yield CheckedRequest(habit=habit, text=text, right=[_option(each) for each in options])


def _option(text: str) -> str | list[Call]:
    if text.strip() in ("ask", "cannot", "talk"):
        return text.strip()
    calls = (each.strip().split(" ", 1) for each in text.split(" ; "))
    return [(name, json.loads(arguments)) for name, arguments in calls]


def is_right(asked: CheckedRequest, answer: Answered) -> bool:
    for option in asked.right:
        if isinstance(option, list):
            same = len(option) == len(answer.calls) and all(
                name == made and _fits(name, wanted, given)
                for (name, wanted), (made, given) in zip(option, answer.calls, strict=True)
            )
        elif answer.calls or not answer.text.strip():
            same = False
        elif option == "ask":
            same = answer.text.rstrip().endswith("?")
        else:
            same = option == "talk" or "can only" in answer.text
        if same:
            return True
    return False


def _fits(name: str, wanted: dict[str, Any], given: dict[str, Any]) -> bool:
    more = {"subject", "text"} if name == "send_email" else set()
    return set(wanted) <= set(given) <= set(wanted) | more and all(
        any(_same(name, key, each, given[key]) for each in str(text).split("|"))
        if isinstance(text, str)
        else math.isclose(text, float(given[key]))
        for key, text in wanted.items()
    )


def _same(name: str, key: str, wanted: str, given: Any) -> bool:
    try:
        if key in ("when", "to", "since") and name not in SENDS:
            one, other = read_moment(wanted, NOW), read_moment(str(given), NOW)
            stretch = " to " not in wanted or one.end == other.end
            dated = name != "calendar_move" or one.dated == other.dated
            return (one.start, one.timed) == (other.start, other.timed) and stretch and dated
        if key == "expression":
            return evaluate(wanted) == evaluate(str(given))
        if key.startswith("unit"):
            return find_unit(wanted).name == find_unit(str(given)).name
    except FiresideError:
        return False
    one_words, words = _words(wanted), _words(str(given))
    if key == "title":
        return set(one_words) <= set(words) and len(words) <= len(one_words) + 4
    return one_words == words


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold().replace("'", "").replace("’", ""))


@contextmanager
def secretary(models: Models, settings: Settings) -> Iterator[tuple[Chat, Store, Path]]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "personas").mkdir()
        shipped = Personas().path("secretary").read_text("utf-8")
        (home / "personas" / "secretary.toml").write_text(shipped + PEOPLE, "utf-8")
        own = settings.model_copy(update={"home": home, "try_anyway": True})
        with Store.open(own.database_path) as store:
            assistant = assistant_of(
                models, store, own, personas=Personas(home / "personas"), clock=lambda: NOW
            )
            yield Chat(models, store, assistant), store, home / "calendars" / "me.ics"


def answer_to(asked: CheckedRequest, chat: Chat, store: Store, calendar: Path) -> Answered:
    calendar.unlink(missing_ok=True)
    for option in asked.right:
        for name, wanted in option if isinstance(option, list) else ():
            if name == "calendar_move":
                start = NOW + timedelta(days=9)
                there = Event(
                    uid="one", title=wanted["title"], start=start, end=start + timedelta(hours=1)
                )
                calendar.parent.mkdir(exist_ok=True)
                FileCalendar(calendar).add(there, NOW)
    conversation = store.create_conversation(model="persona:secretary")
    *_, done = chat.turn(conversation.id, asked.text)
    receipt = done.message.receipt
    ran = [(each["name"], json.loads(each["arguments"])) for each in receipt.get("tools", ())]
    asks = [(each["name"], json.loads(each["arguments"])) for each in receipt.get("asks", ())]
    steps = {step["name"]: step for step in receipt["steps"]}
    return Answered(
        text=done.message.content, calls=[*ran, *asks], sent=sum(n in SENDS for n, _ in ran),
        by=steps.get("requests", {}).get("by", ""),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--only", choices=["rules", "model"], help="of those that it read")
    given = parser.parse_args()
    settings = load_settings()
    models = Models(settings)
    for path in given.files:
        count: Counter[str] = Counter()
        habits: Counter[str] = Counter()
        with secretary(models, settings) as (chat, store, calendar):
            for asked in read(path):
                answer = answer_to(asked, chat, store, calendar)
                right = is_right(asked, answer)
                wrong = not right and any(name in ACTS for name, _ in answer.calls)
                count.update({"all": 1, "right": right, "wrong actions": wrong,
                              "sent unasked": answer.sent, f"by {answer.by}": 1,
                              f"by {answer.by}, right": right})  # fmt: skip
                habits[asked.habit] += right
                if not right:
                    mark = "WRONG ACTION" if wrong else "not right"
                    print(f"{mark} ({answer.by}): {asked.text}\n    {answer.calls or answer.text}")
        print(path.name, dict(count), dict(habits), sep="\n")
    models.close()


if __name__ == "__main__":
    main()
