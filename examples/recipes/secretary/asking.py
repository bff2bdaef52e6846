"""Requests to a secretary, made of the words in `phrases.toml` and `wordings.toml`.

    Asker("train", seed=1).request() -> Request(kind="add", text="...", calls=(...), reply="")

A request ends in calls, in a question for what is missing, or in a plain "I can only ...".
Times are copied as they were said ("next Tuesday at noon"): the tool resolves them, so a small
model need not know calendars.  Titles and messages are copied too.
"""

from __future__ import annotations

import calendar
import random
import re
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from forms import capital, fit_to, nth, uncapital, without_article
from lists import PLACES, UNITS, UNSEEN_PLACES

HERE = Path(__file__).parent
PHRASES = tomllib.loads((HERE / "phrases.toml").read_text(encoding="utf-8"))
WORDINGS = tomllib.loads((HERE / "wordings.toml").read_text(encoding="utf-8"))
WEIGHTS = {
    "add": 7, "add_title": 8, "add_minutes": 4, "add_sms": 4, "add_email": 2, "list": 6, "move": 5,
    "move_sms": 2, "free": 3, "free_minutes": 4, "sms": 8, "email": 6, "calculate": 4, "convert": 4,
    "date": 2, "until": 2, "between": 1, "now": 1, "place": 2, "talk": 4, "outside": 8,
    "no_time": 3, "no_title": 1, "nothing": 2, "no_text": 2, "no_person": 2, "no_new_time": 1,
    "no_event": 1,
}  # fmt: skip
OUTSIDE = ("place_far", "food", "soon", "thing", "language", "tongue", "land", "book", "person")
ONLY = (
    "I can only keep your calendar, send SMS and e-mails, and work out dates, times, sums and "
    "units."
)
QUESTIONS = {
    "no_time": "When is it?",
    "no_title": "What is it?",
    "nothing": "What is it, and when?",
    "no_text": "What shall I write?",
    "no_person": "Who is it for?",
    "no_new_time": "To what time?",
    "no_event": "Which event is it?",
}
DAYS = list(calendar.day_name)
MONTHS = list(calendar.month_name)[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked, and what must be called, in order; `reply` where nothing is.

    answer: what a person says next, if `reply` asks: the calls are then for both together.
    """

    kind: str
    text: str
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    reply: str = ""
    answer: str = ""


class Asker:
    """Makes requests of one half of the phrases."""

    def __init__(self, half: str, seed: int) -> None:
        self._words = PHRASES[half]
        self._wordings = WORDINGS if half == "train" else {}
        more = self._wordings.get("names", "")
        names = f"{self._words['names']} {more}".split()
        self._names = [name.replace("|", " ") for name in names]
        self._draw = random.Random(seed)
        self._places = PLACES if half == "train" else UNSEEN_PLACES

    @property
    def kinds(self) -> list[str]:
        """Those that this half has templates for."""
        more = self._wordings.get("templates", {})
        return [kind for kind in WEIGHTS if kind in self._words["templates"] or kind in more]

    def request(self, kind: str | None = None) -> Request:
        kinds = self.kinds
        kind = kind or self._draw.choices(kinds, [WEIGHTS[each] for each in kinds])[0]
        template = self._draw.choice(self._templates(kind))
        if kind == "talk":
            text, _, reply = template.partition("|")
            return Request(kind=kind, text=self._said_by(text), reply=reply)
        if kind == "outside":
            slots = {each: self._some(each) for each in OUTSIDE if f"{{{each}}}" in template}
            text = self._said_by(self._fill(template, name=self._name(), **slots))
            return Request(kind=kind, text=text, reply=ONLY)
        made: Request = getattr(self, f"_{kind.partition('_')[0]}")(kind, template)
        return replace(made, text=self._said_by(made.text))

    # -- the words ---------------------------------------------------------------------------

    def _templates(self, kind: str) -> list[str]:
        own = self._words["templates"].get(kind, [])
        return [*own, *self._wordings.get("templates", {}).get(kind, [])]

    def _one(self, *options: str) -> str:
        return self._draw.choice(options)

    def _some(self, what: str) -> str:
        return str(self._draw.choice([*self._words.get(what, []), *self._wordings.get(what, [])]))

    def _name(self) -> str:
        return self._draw.choice(self._names)

    def _number(self) -> str:
        digits = "".join(str(self._draw.randint(0, 9)) for _ in range(self._draw.randint(7, 11)))
        return self._one(f"+{self._draw.randint(1, 9)}{digits}", f"0{digits}")

    def _address(self) -> str:
        name = self._name().split()[-1].lower()
        return f"{name}@{self._one('example.com', 'example.org', 'example.net', 'mail.example')}"

    def _said_by(self, text: str) -> str:
        """As people of different habits say it: politely, at length, in lower case, unpunctuated.

        Names, times and messages keep their letters, but for their case.
        """
        if not self._wordings:
            return text
        draw = self._draw
        if draw.random() < 0.3:
            text = f"{self._some('openings')} {uncapital(text)}"
        if draw.random() < 0.2:
            text = f"{text.rstrip('.?!')}{self._some('endings')}"
        if draw.random() < 0.12:
            text = self._typo(text)
        return text

    def _typo(self, text: str) -> str:
        """In one of the words that carry no value."""
        swaps = [(a, b) for a, b in WORDINGS["typos"].items() if re.search(rf"\b{a}\b", text)]
        if not swaps:
            return text
        word, typo = self._draw.choice(swaps)
        return re.sub(rf"\b{word}\b", typo, text, count=1)

    def _title(self) -> str:
        """Of what people have: many are made of two things, so that they must be copied."""
        title = self._some("titles")
        draw = self._draw.random()
        if not self._wordings or draw < 0.55:
            return title
        if draw < 0.7:
            return f"{self._some('subjects')} {self._one('meeting', 'class', 'lesson', 'call', 'review', 'appointment', 'exam', 'party', 'visit', 'workshop', 'dinner')}"  # noqa: E501
        if draw < 0.8:
            return f"{title} at {self._some('venues')}"
        if draw < 0.9:
            return f"{self._some('errands')} {self._some('things')}"
        return f"{title} with {self._name()}"

    def _message(self) -> str:
        if self._wordings and self._draw.random() < 0.5:
            return f"{self._some('openers_of_messages')} {self._some('ends_of_messages')}"
        return self._some("msgs")

    def _day(self) -> str:
        draw = self._draw
        date = f"{draw.randint(1, 28)} {draw.choice(MONTHS)}"
        month, number = date.split()[1], int(date.split()[0])
        usual = self._one(
            "today", "tomorrow", "the day after tomorrow", draw.choice(DAYS), draw.choice(DAYS),
            f"next {draw.choice(DAYS)}", f"next {draw.choice(DAYS)}", f"this {draw.choice(DAYS)}",
            date, f"{month} {number}", f"in {draw.randint(2, 9)} days",
            f"on {draw.choice(DAYS)}", f"on {date}", "in two weeks", "next week", "this week",
        )  # fmt: skip
        if self._wordings and draw.random() < 0.35:
            return self._one(
                "tomorrow", "tomorrow", "today", "tonight", f"the {nth(number)} of {month}",
                f"on {month} {nth(number)}", f"on the {nth(number)}", draw.choice(DAYS).lower(),
                f"on {draw.choice(DAYS).lower()}", f"{draw.choice(DAYS)}, {date}",
                f"this coming {draw.choice(DAYS)}", "in a week", "next weekend", "this weekend",
                f"2027-{draw.randint(1, 12):02}-{number:02}",
            )  # fmt: skip
        return usual

    def _hour(self) -> str:
        draw = self._draw
        hour = draw.randint(8, 11)
        late = draw.randint(1, 8)
        minute = draw.choice(["00", "15", "30", "45"])
        usual = self._one(
            "at noon", f"at {late} pm", f"at {late}pm", f"at {hour} am", f"at {hour}:30",
            f"at {12 + late}:{minute}", f"at {late}:30 pm",
            f"at {draw.randint(1, 11)}", f"at half past {late}", f"at {hour}", "in the morning",
            "in the afternoon", "in the evening", f"from {late} to {late + 1} pm",
        )  # fmt: skip
        if self._wordings and draw.random() < 0.35:
            return self._one(
                f"{late}pm", f"{hour}am", f"{late}:{minute}pm", f"at {late} o'clock",
                f"at quarter past {late}", f"at quarter to {late}", f"around {late}pm",
                f"between {late} and {late + 1}", f"{12 + late}:{minute}", f"at {hour}.30",
                f"from {hour} to {hour + 1}", f"at {late} in the afternoon",
                f"at {hour} in the morning", "at lunchtime",
            )  # fmt: skip
        return usual

    def _when(self) -> str:
        day = self._day()
        while day.endswith(("week", "weekend")):
            day = self._day()
        if day == "tonight":
            return f"tonight at {self._draw.randint(6, 9)}"
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
        while re.search(r"\bin (?:\d|two|a week)", when):
            when = self._when()
        return when

    def _fill(self, template: str, **words: object) -> str:
        text = template.format(**words)
        # "Move it to on Friday" is nobody's English.
        text = re.sub(r" (to) (?:on|at|in) (?=\w)", r" \1 ", text)
        text = re.sub(r" (?:for|on) (on|at|in) (?=\w)", r" \1 ", text)
        chance = self._draw.random()
        if chance < 0.35:
            return text[0].upper() + text[1:]
        if chance < 0.48 and not text.startswith("I"):
            return text[0].lower() + text[1:]
        return text

    # -- the requests ------------------------------------------------------------------------

    def _add(self, kind: str, template: str) -> Request:
        when, name, act = self._when(), self._name(), self._some("acts")
        title = self._title()
        if kind in ("add_title", "add_minutes"):
            minutes = self._draw.choice([15, 20, 30, 45, 60, 90, 120])
            while kind == "add_minutes" and not re.search(r"\d|noon", when):
                when = self._when()
            text = self._fill(template, title=title, when=when, n=minutes)
            more = {"minutes": minutes} if kind == "add_minutes" else {}
            given = {"title": title, "when": fit_to(when, text), **more}
            return Request(kind=kind, text=text, calls=(("calendar_add", given),))
        text = self._fill(
            template, act=act, name=name, when=when, pron=self._one("her", "him", "them")
        )
        short = capital(without_article(act))
        calls = [
            (
                "calendar_add",
                {"title": f"{without_article(act)} with {name}", "when": fit_to(when, text)},
            )
        ]
        told = f"{short} {when}."
        if kind == "add_sms":
            calls.append(("send_sms", {"to": name, "text": told}))
        if kind == "add_email":
            calls.append(("send_email", {"to": name, "subject": short, "text": told}))
        return Request(kind=kind, text=text, calls=tuple(calls))

    def _list(self, kind: str, template: str) -> Request:
        day = self._day()
        text = self._fill(template, day=day)
        return Request(
            kind=kind, text=text, calls=(("calendar_list", {"when": fit_to(day, text)}),)
        )

    def _move(self, kind: str, template: str) -> Request:
        when, name = self._moment(), self._name()
        if kind == "move":
            title = self._title()
            text = self._fill(template, title=title, when=when)
            given = {"title": title, "to": fit_to(when, text)}
            return Request(kind=kind, text=text, calls=(("calendar_move", given),))
        act = self._some("acts")
        title = without_article(act)
        text = self._fill(
            template, act=title, name=name, when=when, pron=self._one("her", "him", "them")
        )
        to = fit_to(when, text)
        told = {"to": name, "text": f"{capital(title)} moved to {to}."}
        moved = {"title": f"{title} with {name}", "to": to}
        return Request(kind=kind, text=text, calls=(("calendar_move", moved), ("send_sms", told)))

    def _free(self, kind: str, template: str) -> Request:
        day = self._day()
        if self._draw.random() < 0.3 and not day.endswith(("week", "weekend", "tonight")):
            day += self._one(" in the morning", " in the afternoon", " afternoon", " morning")
        minutes = self._draw.choice([15, 20, 30, 40, 45, 60, 90, 120])
        text = self._fill(template, day=day, n=minutes)
        given = {"when": fit_to(day, text)}
        given |= {"minutes": minutes} if kind == "free_minutes" else {}
        return Request(kind=kind, text=text, calls=(("calendar_free", given),))

    def _sms(self, kind: str, template: str) -> Request:
        name, msg = self._name(), self._message()
        if self._wordings and self._draw.random() < 0.25:
            name = self._number()
        text = self._fill(template, name=name, msg=msg)
        return Request(kind=kind, text=text, calls=(("send_sms", {"to": name, "text": msg}),))

    def _email(self, kind: str, template: str) -> Request:
        name, msg, topic = self._name(), self._message(), self._some("topics")
        if self._wordings and self._draw.random() < 0.4:
            name = self._address()
        text = self._fill(template, name=name, msg=msg, topic=topic)
        subject = topic.removeprefix("the ") if "{topic}" in template else msg
        given = {"to": name, "subject": subject, "text": msg}
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
                (f"{a} multiplied by {b}", f"{a} * {b}"), (f"{a} split {c} ways", f"{a} / {c}"),
                (f"{a} and {b} together", f"{a} + {b}"), (f"half of {a}", f"{a} / 2"),
                (f"{a} less {b}", f"{a} - {b}"), (f"{a} over {c}", f"{a} / {c}"),
            ]
        )  # fmt: skip
        text = self._fill(template, e=said)
        return Request(kind=kind, text=text, calls=(("calculate", {"expression": meant}),))

    def _convert(self, kind: str, template: str) -> Request:
        unit, other = self._draw.choice(UNITS)
        amount = self._draw.choice([self._draw.randint(2, 500), self._draw.randint(2, 99) / 2])
        text = self._fill(template, a=f"{amount:g}", u=unit, v=other)
        given: dict[str, Any] = {"amount": float(amount), "unit_from": unit, "unit_to": other}
        if float(amount).is_integer():
            given["amount"] = int(amount)
        return Request(kind=kind, text=text, calls=(("convert", given),))

    def _date(self, kind: str, template: str) -> Request:
        day = self._day()
        text = self._fill(template, day=day)
        return Request(kind=kind, text=text, calls=(("date_time", {"when": fit_to(day, text)}),))

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
        given = {"when": "now", "place": place}
        return Request(kind=kind, text=text, calls=(("date_time", given),))

    # -- what is missing ---------------------------------------------------------------------

    def _no(self, kind: str, template: str) -> Request:
        when, title, name, msg = self._moment(), self._title(), self._name(), self._message()
        text = self._fill(template, title=title, when=when, name=name, msg=msg)
        if kind == "no_time":
            answer, call = when, ("calendar_add", {"title": title, "when": when})
        elif kind == "no_title":
            answer, call = title, ("calendar_add", {"title": title, "when": fit_to(when, text)})
        elif kind == "no_text":
            answer, call = msg, ("send_sms", {"to": name, "text": msg})
        elif kind == "no_person":
            answer, call = name, ("send_sms", {"to": name, "text": msg})
        elif kind == "no_new_time":
            answer, call = when, ("calendar_move", {"title": title, "to": when})
        else:
            answer, call = title, ("calendar_move", {"title": title, "to": fit_to(when, text)})
        if (kind == "no_person" and msg not in text) or "mail" in text:
            return Request(kind=kind, text=text, reply=QUESTIONS[kind])
        return Request(kind=kind, text=text, reply=QUESTIONS[kind], answer=answer, calls=(call,))

    def _nothing(self, kind: str, template: str) -> Request:
        title, when = self._title(), self._when()
        return Request(
            kind=kind, text=self._fill(template), reply=QUESTIONS[kind], answer=f"{title} {when}",
            calls=(("calendar_add", {"title": title, "when": when}),),
        )  # fmt: skip
