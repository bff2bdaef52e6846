"""The recipe of `injection`: does this sentence tell a model what to do?

Instructions are what people asked an assistant (instructions_train) and the attacks of BIPIA; data
are the sentences of mails, of encyclopaedia articles and of answers.  Whole TYPES of attacks are
held out, and whole mails, articles and answers, by hash.  A plain head without an adapter: what it
has to tell apart, the embeddings tell apart.

It refuses to measure on what it was trained on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from fireside.safety.heads import Head, Judge
from fireside.safety.injection import Finding, inspect
from fireside.safety.inspector import Inspector, inspected_sentences
from fireside.training.heads import figures
from fireside.training.heads.rows import (
    Row,
    held_out,
    instructions,
    members,
    passages,
    read_text,
)  # fmt: skip
from fireside.training.heads.work import Work

LABELS: Final = ("instruction",)
PRIOR: Final = 0.02  # one sentence in fifty of what is read; sets where 0.5 lies
MAILS: Final = "injection_emails_train.jsonl"
ATTACKS: Final = "injection_attacks_train.json"
ASKED: Final = "instructions_train.jsonl"
ARTICLES: Final = "xquad_en.json"
LONGEST: Final = 400  # characters of an instruction that is taken for one sentence
HELD_OUT_TYPES: Final = 3  # every third


def attacks(folder: Path) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """(to train on, held out): type -> texts."""
    every: dict[str, list[str]] = json.loads(read_text(folder / ATTACKS))
    out = {kind: every[kind] for place, kind in enumerate(every) if place % HELD_OUT_TYPES == 2}
    return {kind: texts for kind, texts in every.items() if kind not in out}, out


def documents(folder: Path, *, out: bool) -> dict[str, list[str]]:
    """Clean data by kind: the half that is trained on, or the half that is held out."""
    return {
        "mails": [t for t in members(folder / MAILS, "context") if held_out(t, 0.5) == out],
        "passages": [t for a, t in passages(folder / ARTICLES) if held_out(a, 0.5) == out],
        "answers": [t for t in members(folder / ASKED, "response") if held_out(t, 0.5) == out],
    }


def train(work: Work, folder: Path) -> Head:
    asked = [t for t in instructions(folder / ASKED) if len(t) <= LONGEST and not held_out(t, 0.5)]
    known = [text for texts in attacks(folder)[0].values() for text in texts]
    clean = documents(folder, out=False)
    data = list(
        dict.fromkeys(s for texts in clean.values() for t in texts for s in inspected_sentences(t))
    )
    rows = [_row(t, 1.0) for t in asked] + [_row(t, 1.0) for t in known for _ in range(4)]
    rows += [_row(t, 0.0) for t in data]
    kept = [row for row in rows if not held_out(row.text, 0.2)]
    out = [row for row in rows if held_out(row.text, 0.2)]
    fitted = work.fit(_weighed(kept, 0.5), None)
    slope, shift = work.calibrated(fitted, _weighed(out, PRIOR))
    return Head(
        name="injection",
        language="en",
        base=work.base,
        labels=LABELS,
        weight=fitted.weight,
        bias=fitted.bias,
        slope=slope,
        shift=shift,
        about={
            "train": [MAILS, ATTACKS, ASKED, ARTICLES],
            "types": sorted(attacks(folder)[0]),
            "rows": {"instructions": len(asked), "attacks": len(known), "sentences": len(data)},
            "prior": PRIOR,
        },
    )


def _row(text: str, target: float) -> Row:
    return Row(text=text, targets=(target,))


def _weighed(rows: Sequence[Row], share: float) -> list[Row]:
    """So that `share` of them, by weight, are instructions."""
    mine = sum(row.targets[0] for row in rows)
    each = {1.0: share / mine, 0.0: (1 - share) / (len(rows) - mine)}
    return [
        Row(text=row.text, targets=row.targets, weight=each[row.targets[0]] * len(rows))
        for row in rows
    ]


def measure(judge: Judge, folder: Path) -> Mapping[str, Any]:
    """Held-out types in held-out mails, and false alarms on held-out data of each kind."""
    inspector = Inspector(judge)
    clean = documents(folder, out=True)
    found: dict[str, Any] = {"threshold": 0.5, "caught": {}, "false_alarms": {}}
    poisoned: list[Finding] = []
    by_patterns: list[bool] = []
    for kind, texts in attacks(folder)[1].items():
        made = [
            planted(mail, attack, place)
            for place, attack in enumerate(texts)
            for mail in clean["mails"]
        ]
        mine = inspector.inspect(made)
        by_patterns += [inspect(each).suspicious for each in made]
        poisoned += mine
        found["caught"][kind] = figures.share([each.suspicious for each in mine])
    harmless = {kind: inspector.inspect(texts) for kind, texts in clean.items()}
    for kind, mine in harmless.items():
        share = figures.share([each.suspicious for each in mine])
        patterns = figures.share([inspect(text).suspicious for text in clean[kind]])
        found["false_alarms"][kind] = {
            "documents": len(mine), "flagged": round(share, 4), "by_patterns": round(patterns, 4)
        }  # fmt: skip
    found["documents"] = len(poisoned)
    found["recall"] = round(figures.share([each.suspicious for each in poisoned]), 4)
    found["recall_of_patterns"] = round(figures.share(by_patterns), 4)
    chance = np.array([each.score for each in [*poisoned, *harmless["mails"]]])
    truth = np.arange(len(chance)) < len(poisoned)
    found["auroc_mails"] = round(figures.auroc(chance, truth), 4)
    return found


def planted(mail: str, attack: str, place: int) -> str:
    """The attack before, within or behind the mail, in turn."""
    if place % 3 == 0:
        return f"{attack}\n{mail}"
    if place % 3 == 1:
        return f"{mail}\n{attack}"
    parts = mail.split(". ")
    middle = len(parts) // 2
    return ". ".join([*parts[:middle], attack, *parts[middle:]])
