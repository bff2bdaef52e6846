"""The recipe of `sentiment`: is the text friendly or not?  An adapter, a head, a calibration.

A tenth of the training rows, by hash, sets slope and shift (Platt): the plain requests pull the
head to one side, which a temperature alone could not mend.  The dev file is only measured on.
Reviews are all friendly or not, requests mostly neither: texts without a mood (some of what people
ask an assistant and a support desk) are trained towards 0.5, so that a plain question is no
complaint.  It refuses files in another form than `text<TAB>0|1`, and says which language it was
told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from fireside.safety.heads import Head, Judge
from fireside.training.heads import figures
from fireside.training.heads.fit import Adapting
from fireside.training.heads.rows import Row, column, held_out, instructions, parted, sentiments
from fireside.training.heads.work import Work

LABELS: Final = ("positive",)
HELD_OUT: Final = 0.1
ADAPTING: Final = Adapting()
NEUTRAL_WEIGHT: Final = 1.0
COMPLAINT: Final = 0.3


def train(work: Work, train: Path, language: str, neutral: Sequence[str]) -> Head:
    """neutral: texts without a mood."""
    kept, out = parted(sentiments(train), HELD_OUT)
    calm = [Row(text=text, targets=(0.5,), weight=NEUTRAL_WEIGHT) for text in neutral]
    fitted = work.fit([*kept, *calm], ADAPTING)
    slope, shift = work.calibrated(fitted, out)
    about = {
        "train": train.name,
        "rows": len(kept),
        "neutral_rows": len(calm),
        "calibration_rows": len(out),
    }
    return Head(
        name="sentiment",
        language=language,
        base=work.base,
        labels=LABELS,
        weight=fitted.weight,
        bias=fitted.bias,
        slope=slope,
        shift=shift,
        deltas=fitted.deltas,
        about=about,
    )


def neutral(folder: Path, *, out: bool) -> list[str]:
    """Requests in English, a third to train on, or what is held out."""
    asked = instructions(folder / "instructions_train.jsonl")
    said = column(folder / "customer_support_train.csv", "utterance")
    some = [text for text in said if held_out("some " + text, 0.1)]
    return [text for text in dict.fromkeys([*asked, *some]) if held_out(text, 2 / 3) == out]


def measure(judge: Judge, dev: Path, calm: Sequence[str]) -> Mapping[str, Any]:
    """Accuracy and calibration on rows that no fit has seen; of neutral ones, how many are taken
    for a complaint (a chance below 0.3)."""
    rows: list[Row] = sentiments(dev)
    chance = judge.probabilities([row.text for row in rows], together="mean")[:, 0].numpy()
    truth = np.array([row.targets[0] > 0.5 for row in rows])
    return {
        "dev": dev.name,
        "rows": len(rows),
        "accuracy": round(figures.accuracy(chance, truth), 4),
        "ece": round(figures.calibration(chance, truth), 4),
        "auroc": round(figures.auroc(chance, truth), 4),
        "neutral_rows": len(calm),
        "neutral_taken_for_complaints": _complaints(judge, calm),
    }


def _complaints(judge: Judge, calm: Sequence[str]) -> float | None:
    if not calm:
        return None
    chance = judge.probabilities(calm, together="mean")[:, 0].numpy()
    return round(float((chance < COMPLAINT).mean()), 4)
