"""Joint goal accuracy on Schema-Guided Dialogue, zero-shot or with an adapter.

    python benchmarks/dialogue_state.py --data ../shared/data
    python benchmarks/dialogue_state.py --data ../shared/data --model runs/slots --ask trained
    python benchmarks/dialogue_state.py --data ../shared/data --ask never    # parsers alone

Dialogues with an odd number are held out and measured; those with an even one are what the parsers
were looked at with, and what `examples/recipes/slots` trains on.  The service is given, as in the
usual definition, and so is what the assistant said; the user's turns are read one by one, and the
state that is read goes on to the next turn, mistakes included.

Joint goal accuracy of a turn is the product of its slots' accuracies: 0 or 1 for those with a list
of values, the best fuzzy match (token sort ratio) with one of the given wordings for the others, 0
for a slot that is missing or too much (Rastogi et al. 2020, section 5.2 and their `metrics.py`).
The figure is the mean over all user turns.  "exact": all slots right to the letter, case aside.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from fireside.dialogue.acts import ActReader, Acts
from fireside.dialogue.config import SlotConfig
from fireside.dialogue.extraction import Extractor
from fireside.dialogue.placing import Placing
from fireside.dialogue.reading import can_answer
from fireside.graders.similarity import fuzzy

TODAY = date(2019, 3, 1)  # of the data set
DAY_WORDS = ("date",)
HALF = {"held-out": 1, "seen": 0}

# The cues of a schema's wording, from what its slots are called and described as, for any service.
CUES: Sequence[tuple[tuple[str, ...], tuple[str, ...]]] = (
    (("origin", "pickup", "leaving", "departs", "starting"), (
        "from", "leaving", "departing", "departing from", "leaving from", "depart from", "out of",
        "fly out of", "departure city is", "starting from", "leave from", "coming from")),
    (("destination", "going to", "ends"), (
        "to", "going to", "headed to", "heading to", "fly to", "towards", "arriving in",
        "arrive in", "into", "destination is", "heading for")),
    (("return",), ("return", "returning", "come back", "coming back", "back", "get back")),
    (("departure", "leaving date"), ("leave", "leaving", "depart", "departing", "departure", "go")),
    (("passengers", "travelers", "seats", "riders", "number_of_seats"), (
        "people", "person", "passenger", "ticket", "seat", "traveler", "traveller", "rider",
        "adult", "of us", "for", "party of", "table for")),
    (("bags",), ("bag", "luggage", "baggage", "suitcase", "checked")),
    (("location", "city"), ("in", "around", "near")),
    (("restaurant_name",), (
        "at", "restaurant called", "called", "try", "named", "restaurant is", "table at", "go with",
        "specifically", "like", "find", "for", "about")),
)  # fmt: skip
WORDS: Mapping[str, tuple[str, ...]] = {
    "cheap": ("inexpensive", "affordable", "budget", "low priced"),
    "moderate": ("moderately priced", "mid priced", "average priced", "reasonably priced"),
    "pricey": ("expensive", "costly", "upscale"),
    "ultra high-end": ("ultra high end", "very expensive", "luxurious", "high end", "fine dining"),
    "Economy": ("coach",),
    "First Class": ("first-class",),
    "Business": ("business class",),
    "Premium Economy": ("premium-economy",),
}


@dataclass(frozen=True, kw_only=True)
class Service:
    slots: Mapping[str, SlotConfig]
    categorical: frozenset[str]
    intents: Mapping[str, frozenset[str]]


def service_of(schema: Mapping[str, Any], *, ask: str) -> Service:
    """A service of the schema as our slots: types and cues from names and descriptions alone."""
    used = {slot for intent in schema["intents"] for slot in (
        *intent["required_slots"], *intent["optional_slots"])}  # fmt: skip
    slots = {slot["name"]: slot_of(slot, ask) for slot in schema["slots"] if slot["name"] in used}
    return Service(
        slots=slots,
        categorical=frozenset(s["name"] for s in schema["slots"] if s["is_categorical"]),
        intents={
            intent["name"]: frozenset((*intent["required_slots"], *intent["optional_slots"]))
            for intent in schema["intents"]
        },
    )


def slot_of(slot: Mapping[str, Any], when: str) -> SlotConfig:
    name, values = slot["name"], slot["possible_values"]
    described = f"{name} {slot['description']}".lower()
    cues = [cue for words, given in CUES for cue in given if any(w in described for w in words)]
    made: dict[str, Any] = {"about": slot["description"], "cues": cues, "model": when}
    if values and all(value.isdigit() for value in values):
        numbers = [int(value) for value in values]
        made |= {"type": "number", "min": min(numbers), "max": max(numbers)}
    elif values and set(values) == {"True", "False"}:
        words = [w for w in name.split("_") if w not in ("has", "is", "allowed", "good", "for")]
        made |= {"type": "yes_no", "cues": [" ".join(words), *words]}
    elif values:
        made |= {"type": "choice", "choices": {v: list(WORDS.get(v, ())) for v in values}}
    elif "date" in name:
        made["type"] = "date"
    elif "time" in name.split("_"):
        made["type"] = "time"
    else:
        made["type"] = "name"
    return SlotConfig.model_validate(made)


@dataclass(kw_only=True)
class Tracker:
    """Reads one dialogue; `state` is what it believes."""

    service: Service
    acts: ActReader
    extractor: Extractor | None

    def __post_init__(self) -> None:
        self.state: dict[str, str] = {}
        self.system = ""
        self.slots = dict(self.service.slots)

    def hear(self, text: str) -> dict[str, str]:
        acts = self.acts.read(text)
        asked = self._asked()
        if self._agrees(acts, text):
            self.state |= self._offered()
        placed = Placing(
            slots=self.slots,
            text=text,
            today=TODAY,
            date_order="month_first",
            asked=asked,
            question=self.system,
            answers=can_answer(acts, text),
            extractor=self.extractor,
        ).run()
        for name, found in placed.values.items():
            self.state[name] = self._value(name, found[-1].value, found[-1].said)
        for loose in placed.unplaced:
            free = [name for name in loose.slots if name not in self.state] or [*loose.slots]
            self.state[free[0]] = loose.found.said
        return dict(self.state)

    def _value(self, name: str, value: str, said: str) -> str:
        if value == "dontcare":
            return value
        kind = self.slots[name].type
        if kind == "yes_no":
            return "True" if value == "yes" else "False"
        return said if kind in ("date", "time", "name") else value

    def _asked(self) -> str | None:
        """The slot that the assistant's last question was about, if it was about one."""
        if "?" not in self.system:
            return None
        question = self.system.lower()
        words = {
            name: set(f"{name.replace('_', ' ')} {slot.about.lower()}".split()) - COMMON
            for name, slot in self.slots.items()
            if name not in self.state and slot.type != "yes_no"
        }
        hits = {n: sum(w in question for w in each) for n, each in words.items()}
        best = max(hits.values(), default=0)
        return next((n for n, hit in hits.items() if hit == best), None) if best else None

    def _agrees(self, acts: Acts, text: str) -> bool:
        if acts.has("deny", "correct") and acts.main != "confirm":
            return text.lower().startswith(("no, that", "no that", "no need", "nope, that"))
        return acts.has("confirm", "thank", "goodbye")

    def _offered(self) -> dict[str, str]:
        """What the assistant named and the user did not."""
        placed = Placing(
            slots={
                n: s for n, s in self.slots.items() if n not in self.state or s.type == "choice"
            },
            text=self.system,
            today=TODAY,
            date_order="month_first",
        ).run()
        return {
            name: self._value(name, found[0].value, found[0].said)
            for name, found in placed.values.items()
            if self.slots[name].type in ("choice", "name", "time", "date")
            or (self.slots[name].type == "number" and "confirm" in self.system.lower())
        }


COMMON = frozenset(
    ("the", "a", "an", "of", "for", "to", "in", "is", "name", "number", "or", "whether", "user's")
)


def right(service: Service, wanted: Mapping[str, Sequence[str]], got: Mapping[str, str]) -> float:
    """The product over the slots of either."""
    product = 1.0
    for name in wanted.keys() | got.keys():
        if name not in wanted or name not in got:
            return 0.0
        if name in service.categorical:
            product *= float(got[name] in wanted[name])
        else:
            product *= max(_sorted_ratio(got[name], value) for value in wanted[name])
    return product


def _sorted_ratio(one: str, other: str) -> float:
    # fuzzywuzzy's token_sort_ratio, as the task's own script has it.
    first, second = (
        " ".join(sorted("".join(c if c.isalnum() else " " for c in text.lower()).split()))
        for text in (one, other)
    )
    return round(fuzzy(first, second), 2)


def measure(args: argparse.Namespace) -> dict[str, Any]:
    from fireside.engine.models import Models
    from fireside.settings import load_settings

    models = Models(load_settings())
    extractor = None if args.ask == "never" else Extractor(models.get(args.model))
    acts = ActReader(models.embedder())
    schemas = json.loads((args.data / "dialogue_state_schema.json").read_text("utf-8"))
    services = {schema["service_name"]: service_of(schema, ask=args.ask) for schema in schemas}
    dialogues = json.loads((args.data / "dialogue_state_sample.json").read_text("utf-8"))
    half = [d for place, d in enumerate(dialogues) if place % 2 == HALF[args.half]]
    joint, exact, slots, began = [], [], Counter[str](), time.perf_counter()
    for dialogue in half[: args.limit]:
        for service, fuzzy_, wanted, got, text in track(dialogue, services, acts, extractor):
            joint.append(fuzzy_)
            exact.append(same(wanted, got))
            for name in wanted.keys() | got.keys():
                said = {v.lower() for v in wanted.get(name, ())}
                slots["right" if got.get(name, "").lower() in said else "wrong"] += 1
            if args.show and fuzzy_ < 0.9:
                print(f"{text!r}\n   wanted {dict(wanted)}\n   got    {got}")
            del service
    return {
        "model": "parsers alone" if args.ask == "never" else (args.model or "the default model"),
        "asked": args.ask,
        "half": args.half,
        "dialogues": len(half[: args.limit]),
        "turns": len(joint),
        "joint_goal_accuracy": round(sum(joint) / len(joint), 4),
        "standard_error": round(_error(joint), 4),
        "exact": round(sum(exact) / len(exact), 4),
        "slot_accuracy": round(slots["right"] / max(1, slots.total()), 4),
        "ms_per_turn": round(1000 * (time.perf_counter() - began) / len(joint)),
    }


def track(
    dialogue: Mapping[str, Any],
    services: Mapping[str, Service],
    acts: ActReader,
    extractor: Extractor | None,
) -> list[tuple[Service, float, Mapping[str, Sequence[str]], dict[str, str], str]]:
    service = services[dialogue["services"][0]]
    tracker = Tracker(service=service, acts=acts, extractor=extractor)
    made = []
    for turn in dialogue["turns"]:
        if turn["speaker"] == "SYSTEM":
            tracker.system = turn["utterance"]
            continue
        got = tracker.hear(turn["utterance"])
        for frame in turn["frames"]:
            wanted = frame["state"]["slot_values"]
            made.append((service, right(service, wanted, got), wanted, got, turn["utterance"]))
    return made


def same(wanted: Mapping[str, Sequence[str]], got: Mapping[str, str]) -> bool:
    return wanted.keys() == got.keys() and all(
        got[name].lower() in {value.lower() for value in values} for name, values in wanted.items()
    )


def _error(values: Sequence[float]) -> float:
    """Of the mean, over dialogue turns drawn anew (bootstrap, 200 times)."""
    dice = random.Random(0)
    means = [sum(dice.choices(values, k=len(values))) / len(values) for _ in range(200)]
    mean = sum(means) / len(means)
    return (sum((each - mean) ** 2 for each in means) / (len(means) - 1)) ** 0.5


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default=None)
    parser.add_argument("--half", choices=[*HALF], default="held-out")
    parser.add_argument(
        "--ask", choices=["asked", "always", "trained", "never"], default="asked",
        help="when the model reads a name out of a turn; see docs/dialogue.md",
    )  # fmt: skip
    parser.add_argument("--limit", type=int, default=None)
    parser.add_argument("--show", action="store_true")
    print(json.dumps(measure(parser.parse_args()), indent=1))
