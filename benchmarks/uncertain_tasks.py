"""Questions with known answers, of nine tasks, that a chat model answers in a few words.

`load_tasks` reads them from the folder of data sets: task -> questions in a fixed, shuffled order.
"""

from __future__ import annotations

import csv
import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fireside.evaluation.squad import normalised

LONGEST = 1500  # characters of a passage: longer ones are left out, which would cost most time


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """prompt: the user's whole message.  answers: any of them is right.  others: any makes it
    wrong, of a closed choice."""

    prompt: str
    answers: tuple[str, ...]
    others: tuple[str, ...] = ()

    def is_right(self, answer: str) -> bool:
        """Whether the answer holds an expected one, as whole words, and none of the others."""
        text = f" {normalised(answer)} "
        return any(f" {normalised(each)} " in text for each in self.answers) and not any(
            f" {normalised(each)} " in text for each in self.others
        )


def load_tasks(folder: Path, count: int) -> dict[str, list[Question]]:
    """`count` questions of each task, or fewer where there are fewer."""
    readers: Mapping[str, Callable[[Path], list[Question]]] = {
        "boolq": lambda f: [_boolq(row) for row in _rows(f / "eval_boolq.jsonl")],
        "arc_easy": lambda f: [_choice(row) for row in _rows(f / "eval_arc_easy.jsonl")],
        "piqa": lambda f: [_choice(row) for row in _rows(f / "eval_piqa.jsonl")],
        "winogrande": lambda f: [_winogrande(row) for row in _rows(f / "eval_winogrande.jsonl")],
        "lambada": lambda f: [_lambada(row) for row in _rows(f / "eval_lambada_openai.jsonl")],
        "sst2": lambda f: _sst2(f / "sst2_dev.tsv"),
        "qa_reddit": lambda f: _squad(f / "qa_reddit.json"),
        "qa_amazon": lambda f: _squad(f / "qa_amazon_reviews.json"),
        "xquad": lambda f: _squad(f / "xquad_en.json"),
    }
    made = {}
    for name, read in readers.items():
        questions = [each for each in read(folder) if len(each.prompt) <= LONGEST]
        random.Random(name).shuffle(questions)
        made[name] = questions[:count]
    return made


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _boolq(row: Mapping[str, Any]) -> Question:
    asked = row["query"].removesuffix("\nAnswer: ").removesuffix("Answer:").strip()
    right = row["choices"][row["gold"]].strip()
    wrong = row["choices"][1 - row["gold"]].strip()
    return Question(prompt=f"{asked}\nAnswer with yes or no.", answers=(right,), others=(wrong,))


def _choice(row: Mapping[str, Any]) -> Question:
    asked = row["query"].removeprefix("Question: ").strip()
    return _chosen(asked, row["choices"], row["gold"])


def _chosen(asked: str, choices: Sequence[str], gold: int) -> Question:
    listed = "\n".join(f"- {each}" for each in choices)
    return Question(
        prompt=f"{asked}\nWhich of these is right? Copy it.\n{listed}",
        answers=(choices[gold],),
        others=tuple(each for k, each in enumerate(choices) if k != gold),
    )


def _winogrande(row: Mapping[str, Any]) -> Question:
    choices = [f"{each} {row['continuation']}" for each in row["context_options"]]
    return _chosen("One of two sentences makes sense.", choices, row["gold"])


def _lambada(row: Mapping[str, Any]) -> Question:
    return Question(
        prompt=f"Which single word comes next in this text?\n{row['context']}",
        answers=(row["continuation"],),
    )


def _sst2(path: Path) -> list[Question]:
    made = []
    with path.open(encoding="utf-8", newline="") as file:
        for text, label in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            words = ("negative", "positive")
            made.append(
                Question(
                    prompt=f"Is this review positive or negative? One word.\n{text}",
                    answers=(words[int(label)],),
                    others=(words[1 - int(label)],),
                )
            )
    return made


def _squad(path: Path) -> list[Question]:
    made = []
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            context = re.sub(r"\s+", " ", paragraph["context"])
            for asked in paragraph["qas"]:
                answers = tuple({each["text"] for each in asked["answers"]})
                prompt = f"{context}\n\nAnswer in a few words: {asked['question']}"
                made.append(Question(prompt=prompt, answers=answers))
    return made
