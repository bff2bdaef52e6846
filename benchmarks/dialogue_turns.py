"""How well a turn is understood: its act, and which intent it is or that it is none.

    python benchmarks/dialogue_turns.py --data ../shared/data

Acts: user turns of the held-out (odd) half of dialogue_state_sample.json; a turn is right if its
main act is one of those that it was labelled with.  Intents: 400 messages of
customer_support_dev.csv, 27 intents of eight examples each from the training file; and 400 messages
of banking77_train.csv, which are none of them.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from pathlib import Path
from typing import Any

from fireside.dialogue.acts import ActReader
from fireside.dialogue.config import DialogueConfig
from fireside.dialogue.intents import IntentReader
from fireside.dialogue.vectors import Vectors

ACTS = {
    "INFORM": {"inform"},
    "INFORM_INTENT": {"inform", "request"},
    "REQUEST": {"request"},
    "SELECT": {"confirm"},
    "AFFIRM": {"confirm"},
    "NEGATE": {"deny"},
    "THANK_YOU": {"thank"},
    "GOODBYE": {"goodbye"},
    "REQUEST_ALTS": {"request", "correct"},
}
EXAMPLES = 8
ITEMS = 400


def acts(vectors: Vectors, data: Path) -> dict[str, Any]:
    reader = ActReader(vectors)
    right = total = 0
    for dialogue in json.loads((data / "dialogue_state_sample.json").read_text("utf-8"))[1::2]:
        for turn in dialogue["turns"]:
            if turn["speaker"] == "USER":
                labels = [a["act"] for frame in turn["frames"] for a in frame["actions"]]
                wanted = set().union(*(ACTS[label] for label in labels))
                right += reader.read(turn["utterance"]).main in wanted
                total += 1
    return {"turns": total, "right": right, "accuracy": round(right / total, 4)}


def intents(vectors: Vectors, data: Path) -> dict[str, Any]:
    dice = random.Random(0)
    train, dev, others = (
        rows(data / name, dice)
        for name in (
            "customer_support_train.csv",
            "customer_support_dev.csv",
            "banking77_train.csv",
        )
    )
    examples: dict[str, list[str]] = {}
    for row in train:
        known = examples.setdefault(row["intent"], [])
        if len(known) < EXAMPLES:
            known.append(row["utterance"])
    made = {name: {"examples": some, "reply": name} for name, some in examples.items()}
    config = DialogueConfig.model_validate({"intents": made, "handover": {"asked": False}})
    reader = IntentReader(config, vectors)
    found = [(reader.match(row["utterance"]), row["intent"]) for row in dev[:ITEMS]]
    strange = [reader.match(row["text"]) for row in others[:ITEMS]]
    return {
        "threshold": config.threshold,
        "margin": config.margin,
        "right": sum(match.one == wanted for match, wanted in found) / ITEMS,
        "asked": sum(len(match.names) > 1 for match, _ in found) / ITEMS,
        "none": sum(not match.names for match, _ in found) / ITEMS,
        "wrong": sum(match.one not in (None, wanted) for match, wanted in found) / ITEMS,
        "others_told_as_none": sum(not match.names for match in strange) / ITEMS,
        "others_taken": sum(match.one is not None for match in strange) / ITEMS,
    }


def rows(path: Path, dice: random.Random) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    dice.shuffle(found)
    return found


if __name__ == "__main__":
    from fireside.engine.models import Models
    from fireside.settings import load_settings

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    given = parser.parse_args()
    embedder = Models(load_settings()).embedder()
    print(
        json.dumps({"acts": acts(embedder, given.data), "intents": intents(embedder, given.data)})
    )
