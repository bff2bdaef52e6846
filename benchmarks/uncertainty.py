"""Signals of uncertainty: how well they tell right answers from wrong ones, and their calibration.

    python benchmarks/uncertainty.py collect --data ../shared/data/xquad_en.json --out rows.jsonl \
        --questions 200
    python benchmarks/uncertainty.py fit --rows rows.jsonl --out fireside/assistant/uncertainty.toml

`collect` asks the model: two of three questions with the paragraph that answers them, as the
assistant shows a source; each third with none, which the default model mostly cannot answer.  An
answer is right where it holds the expected one (SQuAD's normalisation).  For each: the
log-probabilities of the greedy answer's tokens, and `--samples` further answers, drawn as the
step draws them.  It goes on where it was stopped.

`fit`: half of the articles make a logistic regression (of the tokens alone, and of all signals),
the other half the figures: AUROC of each signal and of the fit, ECE before (exp of the mean
log-probability taken as a probability) and after, in ten bins.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from shelf import Asked, Book, auroc

from fireside.assistant.exchange import Source
from fireside.assistant.sources import with_sources
from fireside.assistant.uncertainty import (
    COMPARED,
    SIGNALS,
    TEMPERATURE,
    Signals,
    of_samples,
    of_tokens,
)
from fireside.engine.models import Models
from fireside.engine.params import SamplingParams
from fireside.engine.text import TextModel
from fireside.evaluation.squad import normalised
from fireside.messages import Message
from fireside.settings import load_settings

KINDS = {"tokens": ("logprob", "least"), "samples": SIGNALS}


def collect(args: argparse.Namespace) -> None:
    book = Book.read(args.data)
    asked = book.some(args.questions)
    random.Random(1).shuffle(asked)
    done = len(args.out.read_text().splitlines()) if args.out.exists() else 0
    models = Models(load_settings())
    try:
        model, embedder = models.get(args.model), models.embedder()
        with args.out.open("a", encoding="utf-8") as file:
            for number, one in enumerate(asked[done:], done):
                row = answered(model, book, one, alone=number % 3 == 2, samples=args.samples)
                vectors = embedder.embed([text[:1000] or " " for text in row["texts"]])[0]
                row["vectors"] = [[round(x, 5) for x in vector] for vector in vectors.tolist()]
                file.write(json.dumps(row) + "\n")
                file.flush()
    finally:
        models.close()


def answered(
    model: TextModel, book: Book, one: Asked, *, alone: bool, samples: int
) -> dict[str, Any]:
    source = Source(
        number=1, text=book.paragraphs[one.paragraph], file_id="", filename="a.txt", score=1.0
    )
    said = with_sources(Message(role="user", content=one.question), [] if alone else [source])
    ids = model.tokenizer.render([said]).ids
    greedy = SamplingParams(temperature=0.0, max_tokens=COMPARED, logprobs=0)
    answer, logprobs = "", []
    for event in model.generate(ids, greedy):
        answer += event.text
        logprobs += [token.logprob for token in event.tokens]
    texts = [""] * samples
    drawn = SamplingParams(temperature=TEMPERATURE, max_tokens=COMPARED, n=samples, seed=0)
    for event in model.generate(ids, drawn):
        texts[event.index] += event.text
    return {
        "article": one.article,
        "alone": alone,
        "right": normalised(one.answer) in normalised(answer),
        "logprobs": logprobs,
        "texts": [answer, *texts],
    }


def fit(args: argparse.Namespace) -> None:
    rows = [json.loads(line) for line in args.rows.open(encoding="utf-8")]
    signals = [of_samples(of_tokens(r["logprobs"]), np.array(r["vectors"], "f4")) for r in rows]
    right = np.array([row["right"] for row in rows])
    held = np.array([row["article"] % 2 == 1 for row in rows])
    print(f"{(~held).sum()} answers to fit on, {held.sum()} held out; {right.mean():.3f} right")
    for name in SIGNALS:
        values = [getattr(one, name) for one in signals]
        sign = -1 if name == "entropy" else 1
        for part, chosen in parts(rows, held):
            print(f"  {name:10} {part:18} AUROC {area(right, sign * np.array(values), chosen)}")
    raw = np.exp([one.logprob for one in signals])
    print(f"before: ECE {ece(raw[held], right[held]):.3f}")
    table = [f'fitted_on = "{args.fitted_on}"', f"answers = {int((~held).sum())}", ""]
    for kind, names in KINDS.items():
        x = matrix(signals, names)
        weights = logistic(x[~held], right[~held])
        p = 1 / (1 + np.exp(-(x @ weights[1:] + weights[0])))
        print(f"{kind}: held out ECE {ece(p[held], right[held]):.3f}", end="")
        for part, chosen in parts(rows, held):
            print(f"; {part}: AUROC {area(right, p, chosen)}", end="")
        print()
        named = ", ".join(f"{n} = {w:.4f}" for n, w in zip(names, weights[1:], strict=True))
        table += [f"[{kind}]", f"intercept = {weights[0]:.4f}", f"weights = {{ {named} }}", ""]
    if args.out:
        args.out.write_text(HEAD + "\n".join(table).rstrip() + "\n", encoding="utf-8")


HEAD = (
    "# Fitted by benchmarks/uncertainty.py; docs/uncertainty.md has the command and its figures.\n"
)


def parts(rows: Sequence[dict[str, Any]], held: Any) -> list[tuple[str, Any]]:
    alone = np.array([row["alone"] for row in rows])
    return [("held out", held), ("with its passage", held & ~alone)]


def matrix(signals: Sequence[Signals], names: Sequence[str]) -> Any:
    return np.array([[getattr(one, name) for name in names] for one in signals], "f8")


def logistic(x: Any, y: Any, penalty: float = 1e-2) -> Any:
    """Newton's method; a small ridge on all but the intercept."""
    x = np.hstack([np.ones((len(x), 1)), x])
    ridge = penalty * np.diag([0.0] + [1.0] * (x.shape[1] - 1)) * len(x)
    weights = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-(x @ weights)))
        slope = x.T @ (p - y) + ridge @ weights
        weights -= np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + ridge, slope)
    return weights


def ece(p: Any, right: Any, bins: int = 10) -> float:
    """Expected calibration error: mean distance of confidence and share right, by bins."""
    places = np.minimum((p * bins).astype(int), bins - 1)
    return float(
        sum(
            abs(p[places == b].mean() - right[places == b].mean()) * (places == b).mean()
            for b in range(bins)
            if (places == b).any()
        )
    )


def area(right: Any, values: Any, chosen: Any) -> str:
    values, right = values[chosen], right[chosen]
    dice = np.random.default_rng(0)

    def one(at: Any) -> float:
        return auroc(list(values[at][right[at]]), list(values[at][~right[at]]))

    drawn = [one(at) for at in dice.integers(0, len(right), (200, len(right))) if right[at].any()]
    return f"{one(np.arange(len(right))):.3f} ± {np.std(drawn):.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("collect", "fit"))
    parser.add_argument("--data", type=Path, help="XQuAD or SQuAD, as JSON")
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--model", help="a model's name or folder; else the default one")
    parser.add_argument("--rows", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--fitted-on", default="smollm2:135m, XQuAD")
    args = parser.parse_args()
    {"collect": collect, "fit": fit}[args.part](args)


if __name__ == "__main__":
    main()
