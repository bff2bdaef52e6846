"""Turns to teach slot filling with: which name a message says, or that it says none.

    python examples/recipes/slots/build.py ../shared/data

Writes turns.jsonl beside this file, from the dialogues with an even number of
dialogue_state_sample.json (Schema-Guided Dialogue, CC BY-SA 4.0); those with an odd number are what
`benchmarks/dialogue_state.py` measures with.  The prompt is the assistant's own
(`fireside.dialogue.extraction.prompt`), so what is learnt is what is asked.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fireside.dialogue.extraction import prompt

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[2] / "benchmarks"))
from dialogue_state import service_of  # noqa: E402 - the slots that it measures

COPIES = 3
"""Of each turn with a detail, with another name in its place."""
OTHERS = (
    "Lisbon", "Kyoto", "Buenos Aires", "Oslo", "Graz", "Cape Town", "Hanoi", "Porto Alegre", "Lyon",
    "Old Harbour", "Santa Clara", "Bergen", "Little Rock", "Tbilisi", "New Delhi", "Quito",
)  # fmt: skip
NOTHING = 1.5
"""So many turns without the detail to one with it."""


def build(data: Path, seed: int) -> None:
    dice = random.Random(seed)
    schemas = json.loads((data / "dialogue_state_schema.json").read_text("utf-8"))
    services = {s["service_name"]: service_of(s, ask="trained") for s in schemas}
    dialogues = json.loads((data / "dialogue_state_sample.json").read_text("utf-8"))
    said, unsaid = [], []
    for dialogue in dialogues[::2]:
        for text, about, asked, value in examples(dialogue, services):
            (unsaid if value is None else said).append((text, about, asked, value))
    said += [again for each in said for again in renamed(each, dice)]
    dice.shuffle(unsaid)
    chosen = said + unsaid[: int(NOTHING * len(said))]
    dice.shuffle(chosen)
    lines = []
    for text, about, asked, value in chosen:
        messages = [
            {"role": each.role, "content": each.content}
            for each in prompt(text, about, asked, shots=False)
        ]
        messages.append({"role": "assistant", "content": json.dumps({"value": value})})
        lines.append(json.dumps({"messages": messages}))
    (HERE / "turns.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{HERE / 'turns.jsonl'}: {len(lines):,} turns, {len(said):,} with a value")


def renamed(
    example: tuple[str, str, str, str | None], dice: random.Random
) -> Iterator[tuple[str, str, str, str | None]]:
    """The same turn about other places: what is to be learnt is where a name stands."""
    text, about, asked, value = example
    assert value is not None
    for other in dice.sample(OTHERS, COPIES):
        yield text.replace(value, other), about, asked, other


def examples(
    dialogue: Mapping[str, Any], services: Mapping[str, Any]
) -> Iterator[tuple[str, str, str, str | None]]:
    """Message, detail, the question that it answers, and what it says."""
    service = services[dialogue["services"][0]]
    names = {name: slot for name, slot in service.slots.items() if slot.type == "name"}
    asked: dict[str, str] = {}
    for turn in dialogue["turns"]:
        actions = [action for frame in turn["frames"] for action in frame["actions"]]
        if turn["speaker"] == "SYSTEM":
            asked = {a["slot"]: turn["utterance"] for a in actions if a["act"] == "REQUEST"}
            continue
        informed = {a["slot"]: a["values"][0] for a in actions if a["act"] == "INFORM"}
        for name, slot in names.items():
            value = informed.get(name)
            if value is not None and value not in turn["utterance"]:
                continue  # "dontcare", and what was said in other words
            yield turn["utterance"], slot.about, asked.get(name, ""), value


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    build(given.data, given.seed)
