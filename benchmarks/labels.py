"""How well texts are sorted into labels by the embedding model, and into none of them.

    python benchmarks/labels.py sorted --data ../shared/data [--model-too 100]
    python benchmarks/labels.py border --data ../shared/data
    python benchmarks/labels.py triage --data ../shared/data

`sorted`: all labels of a source, by their names alone and with a few examples of each; with
`--model-too`, so many messages are given to the default chat model as well, with the names.
`border`: some labels of a source; the logistic of `nearest.py` is fitted on one source and judged
on the other, with texts of left-out labels (near) and of other subjects (far).
`triage`: the shipped persona on customer_support_dev.csv, whose labels are put under its own.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from fireside.assistant.persona import Personas
from fireside.assistant.steps.task import Scoring
from fireside.assistant.uses.classify import classify
from fireside.assistant.uses.nearest import LEAST, LabelReader, in_words
from fireside.engine.embedding import Embedder
from fireside.engine.models import Models
from fireside.settings import load_settings
from fireside.training.heads.fit import linear

UNDER = {
    "ORDER": "order", "DELIVERY": "delivery", "SHIPPING_ADDRESS": "delivery", "REFUND": "refund",
    "ACCOUNT": "account", "complaint": "complaint",
}  # fmt: skip
Rows = Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Source:
    """asked, taught: (text, label), to judge on and to take examples from."""

    name: str
    asked: Rows
    taught: Rows


class Remembering:
    """An embedding model that reads each text once."""

    def __init__(self, embedder: Embedder) -> None:
        self.window, self.unknown_id, self.tokens = (
            embedder.window, embedder.unknown_id, embedder.tokens,
        )  # fmt: skip
        self._embedder = embedder
        self._known: dict[str, torch.Tensor] = {}

    def embed(self, texts: Sequence[str]) -> tuple[torch.Tensor, list[int]]:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known |= dict(zip(new, self._embedder.embed(new)[0], strict=True))
        return torch.stack([self._known[text] for text in texts]), []


def sources(data: Path, most: int) -> list[Source]:
    def rows(name: str, text: str, label: str) -> list[tuple[str, str]]:
        with (data / name).open(encoding="utf-8", newline="") as file:
            found = [(row[text], row[label]) for row in csv.DictReader(file)]
        random.Random(0).shuffle(found)
        return found

    bank = rows("banking77_train.csv", "text", "category")
    shop = [
        rows(f"customer_support_{part}.csv", "utterance", "intent") for part in ("dev", "train")
    ]
    return [
        Source(name="banking77", asked=bank[:most], taught=bank[most:]),
        Source(name="customer_support", asked=shop[0][:most], taught=shop[1]),
    ]


def reader_of(
    labels: Sequence[str], taught: Rows, examples: int, embedder: Remembering
) -> LabelReader:
    given = {label: [text for text, own in taught if own == label][:examples] for label in labels}
    return LabelReader(labels, given, embedder)


def share(flags: Sequence[bool]) -> str:
    value = float(np.mean(flags))
    return f"{100 * value:.1f} ± {100 * (value * (1 - value) / len(flags)) ** 0.5:.1f} %"


def all_labels(models: Models, args: argparse.Namespace) -> None:
    embedder = Remembering(models.embedder())
    for source in sources(args.data, args.most):
        labels = sorted({label for _, label in source.asked})
        print(f"{source.name}: {len(labels)} labels, {len(source.asked)} messages", flush=True)
        for examples in (0, 1, 3, 8, 16):
            reader = reader_of(labels, source.taught, examples, embedder)
            right = [best(reader.chances(text)) == label for text, label in source.asked]
            print(f"  {examples:2} examples a label: {share(right)}", flush=True)
        if args.model_too:
            model = models.get(None)
            exchange: Any = SimpleNamespace(
                model=model, owner="", persona=SimpleNamespace(instructions="")
            )
            words = [in_words(label) for label in labels]
            right = [
                best(classify(Scoring(exchange), text, words)) == in_words(label)
                for text, label in source.asked[: args.model_too]
            ]
            print(
                f"  {model.name}, by the names, {len(right)} messages: {share(right)}", flush=True
            )


def best(chances: dict[str, float] | None) -> str:
    return max(chances, key=lambda label: chances[label]) if chances else ""


@dataclass(frozen=True, kw_only=True)
class Sorted:
    """signs: of `LabelReader`.  of: "label", "near" or "far".  weight: in the mixture."""

    examples: int
    signs: tuple[float, float]
    share: float
    right: bool
    of: str
    weight: float


def some_labels(source: Source, far: Sequence[str], embedder: Remembering) -> Iterator[Sorted]:
    """Draws of 4 to 16 labels: 120 messages with one of them, 60 of left-out ones, 60 of other
    subjects."""
    names = sorted({label for _, label in source.asked})
    for examples in (0, 1, 3, 6, 12):
        for count in (4, 8, 16):
            dice = random.Random(f"{examples} {count}")
            labels = dice.sample(names, min(count, len(names) // 2))
            reader = reader_of(labels, source.taught, examples, embedder)
            own = [row for row in source.asked if row[1] in labels][:120]
            near = [(text, "") for text, label in source.asked if label not in labels][:60]
            away = [(text, "") for text in dice.sample(far, 60)]
            for of, weight, rows in (("label", 0.8, own), ("near", 0.1, near), ("far", 0.1, away)):
                for text, label in rows:
                    vectors, _ = embedder.embed([text])
                    cosines = reader.cosines(vectors)
                    place = int(cosines.argmax())
                    yield Sorted(
                        examples=examples,
                        signs=reader.signs(vectors, cosines),
                        share=float(reader.shares(cosines).max()),
                        right=labels[place] == label,
                        of=of,
                        weight=weight / len(rows),
                    )


def border(models: Models, args: argparse.Namespace) -> None:
    embedder = Remembering(models.embedder())
    both = sources(args.data, args.most)
    others = list(other_subjects(args.data))
    found = {
        source.name: list(
            some_labels(source, [*others, *(text for text, _ in both[1 - n].asked)], embedder)
        )
        for n, source in enumerate(both)
    }
    for fitted, judged in ((0, 1), (1, 0)):
        weight, shift = fit(found[both[fitted].name])
        print(f"fitted on {both[fitted].name}: {weight} {shift:.2f}; on {both[judged].name}:")
        for examples in (0, 1, 3, 6, 12, None):
            rows = [each for each in found[both[judged].name] if examples in (None, each.examples)]
            judge(rows, weight, shift, "all" if examples is None else f"{examples} examples")
    weight, shift = fit([each for rows in found.values() for each in rows])
    print(f"fitted on both: {weight} {shift:.2f}")


def other_subjects(data: Path) -> Iterator[str]:
    told = json.loads((data / "qa_reddit.json").read_text("utf-8"))["data"]
    for article in told[:40]:
        for paragraph in article["paragraphs"][:10]:
            yield from (one["question"] for one in paragraph["qas"][:1])


def fit(rows: Sequence[Sorted]) -> tuple[list[float], float]:
    signs = torch.tensor([each.signs for each in rows])
    right = torch.tensor([[float(each.right)] for each in rows])
    weight, shift = linear(signs, right, torch.tensor([each.weight for each in rows]))
    return [round(float(each), 2) for each in weight[0]], float(shift[0])


def judge(rows: Sequence[Sorted], weight: Sequence[float], shift: float, name: str) -> None:
    logits = np.array([np.dot(weight, each.signs) + shift for each in rows])
    chance = np.minimum(1 / (1 + np.exp(-logits)), [each.share for each in rows])
    given, right = chance >= LEAST, np.array([each.right for each in rows])
    mass = np.array([each.weight for each in rows])
    of = np.array([each.of for each in rows])
    wrong = 0.0  # expected calibration error, ten bins
    for low in range(10):
        inside = (chance >= low / 10) & (chance < (low + 1) / 10 + (low == 9))
        wrong += abs(float((mass * (chance - right))[inside].sum())) / mass.sum()
    print(
        f"  {name}: of texts with a label {share(given[of == 'label'])} are given one, "
        f"{share(right[given & (of == 'label')])} of these rightly; none for near "
        f"{share(~given[of == 'near'])}, far {share(~given[of == 'far'])}; ECE {wrong:.3f}",
        flush=True,
    )


def triage(models: Models, args: argparse.Namespace) -> None:
    task = Personas().get("triage").task
    reader = LabelReader(task.labels, task.examples, models.embedder())
    with (args.data / "customer_support_dev.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    made: dict[str, list[str]] = {}
    for row in rows:
        expected = UNDER.get(row["intent"]) or UNDER.get(row["category"]) or task.none
        chances = reader.chances(row["utterance"]) or {}
        name = best(chances)
        made.setdefault(expected, []).append(name if chances[name] >= LEAST else task.none)
    every = [name == label for label, names in made.items() for name in names]
    print(f"triage, {len(every)} messages: {share(every)}")
    for label, names in made.items():
        print(f"  {label}: {share([name == label for name in names])} of {len(names)}")
    wrong = [n != label for label, names in made.items() for n in names if n != task.none]
    print(f"  wrong, of {len(wrong)} that were given a label: {share(wrong)}")


PARTS = {"sorted": all_labels, "border": border, "triage": triage}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--data", type=Path, required=True, help="the folder")
    parser.add_argument("--most", type=int, default=600, help="messages of a source")
    parser.add_argument("--model-too", type=int, default=0, metavar="N")
    args = parser.parse_args()
    with closing(Models(load_settings())) as models:
        PARTS[args.part](models, args)


if __name__ == "__main__":
    main()
