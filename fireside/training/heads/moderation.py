"""The recipe of `moderation`: hate and harassment, from tweets that people have judged.

A target is the share of the annotators who said so: their doubt is part of the data.  Harmless
sentences of other kinds (reviews, requests to a support desk) stand beside the tweets, so that the
head does not take whatever is no tweet for a tweet.  Tweets are divided by hash: four fifths to
train on, a tenth for the calibration, a tenth to measure on.  The calibration weighs the rows as if
one message in `1 / PRIOR` were rude: the tweets were picked by rude words, and four in five are.

It refuses to teach the other categories: this data says nothing of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from fireside.safety.heads import Head, Judge
from fireside.training.heads import figures
from fireside.training.heads.rows import (
    Row,
    Tweet,
    column,
    held_out,
    instructions,
    members,
    parted,
    sentiments,
    tweets,
)  # fmt: skip
from fireside.training.heads.work import Work

LABELS: Final = ("hate", "harassment")
WINDOW: Final = 64  # a tweet's length: one bad sentence is not drowned by a long good text
PRIOR: Final = 0.1
OFFENSIVE_KEPT: Final = 0.2  # of the tweets that are only offensive: they are four in five
TWEETS: Final = "hate_speech_train.csv"
HARMLESS: Final = ("sst2_train.tsv", "customer_support_train.csv")
# Words and spellings that are frequent in African American English and rare elsewhere (after
# Blodgett et al. 2016, Sap et al. 2019), none of them rude.
DIALECT: Final = re.compile(
    r"\b(?:finna|tryna|gon|ain'?t|y'?all|bruh|dat|dis|dem|wit|imma|ima|iont|homie|fam|lil|bout|nuttin|"
    r"nothin|somethin|sumthin|aint|wassup|fasho|doe|tho|turnt|cuz|den|dey|yo|bae|shawty|ion|deadass)\b",
    re.I,
)


def split(folder: Path) -> tuple[list[Tweet], list[Tweet], list[Tweet]]:
    """(train, calibrate, measure), by hash."""
    every = tweets(folder / TWEETS)
    rest = [each for each in every if not held_out(each.text, 0.2)]
    out = [each for each in every if held_out(each.text, 0.2)]
    return rest, [t for t in out if not held_out(t.text, 0.1)], [
        t for t in out if held_out(t.text, 0.1)
    ]  # fmt: skip


def train(work: Work, folder: Path) -> Head:
    mine, middle, _ = split(folder)
    fewer = [t for t in mine if t.kind != 1 or held_out("fewer " + t.text, OFFENSIVE_KEPT)]
    harmless, harmless_out = parted(_harmless(folder), 0.1)
    rows = [_row(t, 1 / OFFENSIVE_KEPT if t.kind == 1 else 1.0) for t in fewer] + harmless
    fitted = work.fit(_evened(rows, 0.5), None)
    slope, shift = work.calibrated(
        fitted, _evened([_row(t, 1.0) for t in middle] + harmless_out, PRIOR)
    )
    return Head(
        name="moderation",
        language="en",
        base=work.base,
        labels=LABELS,
        weight=fitted.weight,
        bias=fitted.bias,
        slope=slope,
        shift=shift,
        deltas=fitted.deltas,
        window=WINDOW,
        about={
            "train": [TWEETS, *HARMLESS],
            "rows": {"tweets": len(fewer), "harmless": len(harmless)},
            "calibration_rows": {"tweets": len(middle), "harmless": len(harmless_out)},
            "prior": PRIOR,
        },
    )


def _row(tweet: Tweet, weight: float) -> Row:
    return Row(text=tweet.text, targets=(tweet.hate, tweet.rude), weight=weight)


def _harmless(folder: Path) -> list[Row]:
    reviews, requests = HARMLESS
    texts = [row.text for row in sentiments(folder / reviews)][::4]
    texts += column(folder / requests, "utterance")[::4]
    return [Row(text=text, targets=(0.0, 0.0)) for text in dict.fromkeys(texts)]


def _evened(rows: Sequence[Row], rude: float) -> list[Row]:
    """The same rows, weighed so that `rude` of them, by weight, are rude."""
    total = sum(row.weight for row in rows)
    of_rude = sum(row.weight * row.targets[1] for row in rows)
    up, down = rude / (of_rude / total), (1 - rude) / (1 - of_rude / total)
    return [
        Row(
            text=row.text,
            targets=row.targets,
            weight=row.weight * (up * row.targets[1] + down * (1 - row.targets[1])),
        )
        for row in rows
    ]


def measure(judge: Judge, folder: Path) -> Mapping[str, Any]:
    """Misses and over-refusal, on rows that no fit has seen; the threshold is 0.5."""
    held = split(folder)[2]
    chance = _chances(judge, [t.text for t in held])
    kind = np.array([t.kind for t in held])
    truths = {"hate": kind == 0, "harassment": kind != 2}
    found: dict[str, Any] = {"tweets": len(held)}
    for place, label in enumerate(LABELS):
        precision, recall = figures.precision_recall(chance[:, place], truths[label], 0.5)
        found[label] = {
            "positives": int(truths[label].sum()),
            "auprc": round(figures.auprc(chance[:, place], truths[label]), 4),
            "auroc": round(figures.auroc(chance[:, place], truths[label]), 4),
            "precision": round(precision, 4),
            "recall": round(recall, 4),
        }
    neither = [t.text for t in held if t.kind == 2]
    dialect = [bool(DIALECT.search(text)) for text in neither]
    flagged = _flagged(chance[kind == 2])
    found["neither"] = {"flagged": _share(flagged), "rows": len(neither)}
    found["neither, African American English markers"] = {
        "flagged": _share(flagged[np.array(dialect)]),
        "rows": sum(dialect),
    }
    found["over_refusal"] = {
        name: {"flagged": _share(_flagged(_chances(judge, texts))), "rows": len(texts)}
        for name, texts in harmless_held_out(folder).items()
    }
    return found


def harmless_held_out(folder: Path) -> dict[str, list[str]]:
    """Sentences that nobody should be refused; of the first two kinds others were trained on."""
    return {
        "sst2_dev": [row.text for row in sentiments(folder / "sst2_dev.tsv")],
        "customer_support_dev": column(folder / "customer_support_dev.csv", "utterance"),
        "banking77_train": column(folder / "banking77_train.csv", "text")[::10],
        "instructions_train": instructions(folder / "instructions_train.jsonl"),
        "answers of instructions_train": members(folder / "instructions_train.jsonl", "response")[
            ::4
        ],
    }


def _chances(judge: Judge, texts: Sequence[str]) -> np.ndarray:
    return judge.probabilities(texts, together="max").numpy()


def _flagged(chances: np.ndarray) -> np.ndarray:
    flags: np.ndarray = np.any(chances >= 0.5, axis=1)
    return flags


def _share(flags: np.ndarray) -> float:
    return round(float(flags.mean()), 4) if len(flags) else 0.0
