"""The shipped estimate of uncertainty on nine tasks that it was not fitted on, and fits to others.

    python benchmarks/uncertain_tasks.py collect --data ../shared/data --out rows.jsonl --each 320
    python benchmarks/uncertain_tasks.py judge --out rows.jsonl

`collect` asks the default model questions with known answers, which it answers in its own words
(a choice is right where its text, and no other's, stands in the answer), and goes on where it was
stopped.  `judge`: AUROC, ECE and the share called unsure of the shipped estimate, by task; and the
same of logistic regressions of features that do not fall with length, each task judged by the fit
on the other eight.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from uncertainty import ece, logistic

from fireside.assistant.uncertainty import COMPARED, load_calibrations, of_tokens
from fireside.engine.models import Models
from fireside.engine.params import SamplingParams
from fireside.engine.text import TextModel
from fireside.evaluation.squad import normalised
from fireside.messages import Message
from fireside.settings import load_settings
from fireside.training.heads.figures import auroc

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


def collect(args: argparse.Namespace) -> None:
    done = set()
    if args.out.exists():
        done = {(row["task"], row["number"]) for row in _rows(args.out)}
    tasks = load_tasks(args.data, args.each)
    models = Models(load_settings())
    try:
        model = models.get(None)
        with args.out.open("a", encoding="utf-8") as file:
            for number in range(args.each):
                for name, questions in tasks.items():
                    if number < len(questions) and (name, number) not in done:
                        row = {"task": name, "number": number, **answered(model, questions[number])}
                        file.write(json.dumps(row) + "\n")
                        file.flush()
    finally:
        models.close()


def answered(model: TextModel, question: Question) -> dict[str, Any]:
    """tokens: text, log-probability, and those of the twenty likeliest."""
    ids = model.tokenizer.render([Message(role="user", content=question.prompt)]).ids
    params = SamplingParams(temperature=0.0, max_tokens=COMPARED, logprobs=20)
    answer, tokens = "", []
    for event in model.generate(ids, params):
        answer += event.text
        tokens += [(one.text, one.logprob, [top[3] for top in one.top]) for one in event.tokens]
    return {"right": question.is_right(answer), "answer": answer, "tokens": tokens}


def judge(args: argparse.Namespace) -> None:
    rows = [row for row in _rows(args.out) if row["tokens"]]
    right = np.array([row["right"] for row in rows])
    task = np.array([row["task"] for row in rows])
    signals = [of_tokens([token[1] for token in row["tokens"]]) for row in rows]
    shipped = np.array([load_calibrations()["tokens"].probability(one) for one in signals])
    entropies = [content_entropies(row["tokens"]) for row in rows]
    features = np.array(
        [[one.logprob, sum(e) / len(e), e[0]] for one, e in zip(signals, entropies, strict=True)]
    )
    print(f"{len(rows)} answers, {right.mean():.1%} right")
    report("shipped", shipped, right, task)
    for name, count in (("logprob", 1), ("and mean entropy", 2), ("and the first token's", 3)):
        fitted = np.zeros(len(rows))
        for each in np.unique(task):
            mine = task == each
            weights = logistic(features[~mine, :count], right[~mine])
            fitted[mine] = 1 / (1 + np.exp(-(features[mine, :count] @ weights[1:] + weights[0])))
        report(name, fitted, right, task)


def content_entropies(tokens: Sequence[Any]) -> list[float]:
    """Nats, at the tokens with a letter or digit: of the listed ones and the rest as one."""
    made = []
    for text, _, tops in tokens:
        if any(letter.isalnum() for letter in text):
            shares = [math.exp(top) for top in tops]
            rest = max(1e-6, 1 - sum(shares))
            made.append(-sum(p * math.log(max(p, 1e-12)) for p in [*shares, rest]))
    return made or [0.0]


def report(name: str, p: Any, right: Any, task: Any) -> None:
    print(
        f"{name:<24} AUROC {auroc(p, right):.3f}  ECE {ece(p, right):.3f}  "
        f"below 0.2: {(p < 0.2).mean():.1%}"
    )
    for each in np.unique(task):
        mine = task == each
        area = auroc(p[mine], right[mine])
        print(f"  {each:<22} AUROC {area:.2f}  {right[mine].mean():.0%} of {mine.sum()} right")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("collect", "judge"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--each", type=int, default=320, help="questions of each task")
    args = parser.parse_args()
    {"collect": collect, "judge": judge}[args.part](args)


if __name__ == "__main__":
    main()
