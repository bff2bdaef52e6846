"""Both moderators, category by category, on texts of other people: the figures of docs/safety.md.

    python benchmarks/moderation.py --others FOLDER

FOLDER holds files of public repositories, none of which anything here was fitted to:
`samples-1680.jsonl` (openai/moderation-api-release, MIT: eight of the thirteen categories),
`test_suite_cases.csv` (paul-rottger/hatecheck-data, CC BY 4.0: hate by 29 types) and
`xstest_prompts.csv` (paul-rottger/xstest, CC BY 4.0: harmless questions beside questions that look
like them).  The harmless questions of `harmless_questions.json` were written for this project: the
half `mending` was read while the rules were changed, the half `unseen` was not.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from fireside.engine.models import Models
from fireside.safety.guards import Guards
from fireside.safety.moderation import MODERATION_MODEL, Moderator
from fireside.safety.rules import RULES_MODEL, Verdict
from fireside.settings import load_settings
from fireside.training.heads.figures import auroc, share

OPENAI = {
    "S": "sexual", "H": "hate", "V": "violence", "HR": "harassment", "SH": "self-harm",
    "S3": "sexual/minors", "H2": "hate/threatening", "V2": "violence/graphic",
}  # fmt: skip
"""Its labels; a row without one is not labelled for that category."""
HARMLESS = Path(__file__).with_name("harmless_questions.json")


def judged(moderator: Moderator, texts: Sequence[str]) -> list[Verdict]:
    return [
        verdict
        for start in range(0, len(texts), 64)
        for verdict in moderator.judge(texts[start : start + 64])
    ]


def categories(moderator: Moderator, path: Path) -> Iterator[str]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    verdicts = judged(moderator, [row["prompt"] for row in rows])
    for label, name in OPENAI.items():
        known = [place for place, row in enumerate(rows) if label in row]
        truth = np.array([rows[place][label] == 1 for place in known])
        score = np.array([verdicts[place].scores[name] for place in known])
        flags = np.array([name in verdicts[place].categories for place in known])
        border = np.sort(score[~truth])[::-1][int(0.01 * (~truth).sum())]
        area, low, high = interval(score, truth)
        found, wrong = flags[truth].mean(), flags[~truth].mean()
        yield (
            f"{name:<18}{truth.sum():>4} of {len(known)}  found {found:6.1%}  wrongly {wrong:5.1%}"
            f"  found at 1 % wrongly {(score[truth] > border).mean():6.1%}"
            f"  AUROC {area:.3f} ({low:.3f} to {high:.3f})"
        )
    clean = [v.flagged for v, row in zip(verdicts, rows, strict=True) if not _is_bad(row)]
    bad = [v.flagged for v, row in zip(verdicts, rows, strict=True) if _is_bad(row)]
    yield f"any: {share(bad):.1%} of {len(bad)} bad ones, {share(clean):.1%} of {len(clean)}"


def _is_bad(row: dict[str, object]) -> bool:
    return any(value == 1 for name, value in row.items() if name != "prompt")


def interval(score: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    """AUROC, and 95 % of it by 500 draws."""
    dice = np.random.default_rng(0)
    drawn = [auroc(score[at], truth[at]) for at in dice.integers(0, len(truth), (500, len(truth)))]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return auroc(score, truth), float(low), float(high)


def hate(moderator: Moderator, path: Path) -> Iterator[str]:
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    by_type: dict[tuple[str, str], list[Verdict]] = defaultdict(list)
    verdicts = judged(moderator, [row["test_case"] for row in rows])
    for row, verdict in zip(rows, verdicts, strict=True):
        by_type[row["label_gold"], row["functionality"]].append(verdict)
    yield from _tabled(by_type)


def contrasts(moderator: Moderator, path: Path) -> Iterator[str]:
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    by_type: dict[tuple[str, str], list[Verdict]] = defaultdict(list)
    verdicts = judged(moderator, [row["prompt"] for row in rows])
    for row, verdict in zip(rows, verdicts, strict=True):
        by_type[row["label"], row["type"]].append(verdict)
    yield from _tabled(by_type)


def harmless(moderator: Moderator) -> Iterator[str]:
    by_type: dict[tuple[str, str], list[Verdict]] = {}
    for part, topics in json.loads(HARMLESS.read_text(encoding="utf-8")).items():
        for topic, texts in topics.items():
            by_type[part, topic] = judged(moderator, texts)
    yield from _tabled(by_type)


def _tabled(by_type: dict[tuple[str, str], list[Verdict]]) -> Iterator[str]:
    whole: dict[str, list[bool]] = defaultdict(list)
    for (part, name), verdicts in by_type.items():
        flags = [verdict.flagged for verdict in verdicts]
        whole[part] += flags
        yield f"  {part:<12}{name:<34}{len(flags):>5}  flagged {share(flags):6.1%}"
    for part, flags in whole.items():
        yield f"{part:<14}{'all types':<34}{len(flags):>5}  flagged {share(flags):6.1%}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--others", type=Path, help="the folder with the public files")
    parser.add_argument(
        "--model", choices=(MODERATION_MODEL, RULES_MODEL), default=MODERATION_MODEL
    )
    asked = parser.parse_args()
    models = Models(load_settings())
    try:
        moderator = Guards(models).moderator(asked.model)
        parts = [("harmless questions", harmless(moderator))]
        if asked.others:
            parts += [
                ("categories", categories(moderator, asked.others / "samples-1680.jsonl")),
                ("hate by type", hate(moderator, asked.others / "test_suite_cases.csv")),
                ("contrasts", contrasts(moderator, asked.others / "xstest_prompts.csv")),
            ]
        for title, lines in parts:
            print(title)
            for line in lines:
                print(line, flush=True)
    finally:
        models.close()


if __name__ == "__main__":
    main()
