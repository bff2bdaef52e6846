"""Scores into a model card: a section of its README.md between two marks.

What `fireside eval` measured last stands there, task by task; a task that is asked again replaces
its line, others stay.  With the bias probe stand its groups.  Refuses to touch a word outside the
marks, and a card that Fireside did not write.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fireside.errors import Unavailable
from fireside.evaluation.results import Evaluation, Result

CARD = "README.md"
OURS = "tags: [fireside]"
BEGIN, END = "<!-- fireside eval: begin -->", "<!-- fireside eval: end -->"
_KEPT = re.compile(r"^<!-- task ([^\n]*) -->\n(.*?)(?=\n\n<!-- |\Z)", re.DOTALL | re.MULTILINE)
# The card goes on with its data; scores stand before that, after the run's own.
_BEFORE = re.compile(r"^## (?:What it writes|Data|Do it again|Limits)$", re.MULTILINE)


def write_scores(folder: Path, result: Result) -> Path | None:
    """Put `result` into the card in `folder`; None where there is none of ours.

    Raises:
        Unavailable: it cannot be written; it is as it was.
    """
    path = folder / CARD
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if not path.is_file() or OURS not in (card := path.read_text(encoding="utf-8")):
            return None
        beside.write_text(with_scores(card, result), encoding="utf-8")
        beside.replace(path)
    except (OSError, UnicodeDecodeError) as error:
        beside.unlink(missing_ok=True)
        raise Unavailable(
            f"The scores could not be written into {path} ({error}): see that it can be written."
        ) from None
    return path


def with_scores(card: str, result: Result) -> str:
    """The card with these scores in it."""
    begin, end = card.find(BEGIN), card.find(END)
    old = card[begin + len(BEGIN) : end] if 0 <= begin < end else ""
    blocks = dict(_KEPT.findall(old.strip()))
    blocks |= {one.task: _block(one, result) for one in result.evaluations}
    body = "\n\n".join(f"<!-- task {task} -->\n{block.strip()}" for task, block in blocks.items())
    section = f"{BEGIN}\n\n## Evaluated\n\n{body}\n\n{END}"
    if 0 <= begin < end:
        # Back to the heading's own place: what stood between the marks is made anew, whole.
        return card[:begin] + section + card[end + len(END) :]
    place = _BEFORE.search(card)
    at = place.start() if place else len(card)
    return f"{card[:at].rstrip()}\n\n{section}\n\n{card[at:]}".rstrip() + "\n"


def _block(one: Evaluation, result: Result) -> str:
    drawn = f", {one.n:,} items drawn by seed {result.seed}" if result.limit else f", {one.n:,}"
    asked = "by the chat template" if result.chat else "in plain text"
    shots = f", {one.shots} examples" if one.shots else ""
    # Quoted as JSON: a task's name comes from a file, and may hold anything but a new line.
    lines = [f"**{json.dumps(one.task, ensure_ascii=False)[1:-1]}** ({asked}{shots}{drawn}): "]
    lines[0] += "; ".join(f"{score.metric.replace('_', ' ')} {score}" for score in one.scores)
    lines += [f"\n{_groups(axis)}" for axis in one.details.get("axes", ())]
    return "\n".join(lines)


def _groups(axis: Mapping[str, Any]) -> str:
    """The same sentences about different people, as a table."""
    rows = [f"| {axis['axis']} | P(positive) | log-likelihood per token |", "| --- | --- | --- |"]
    for group in axis["groups"]:
        good = _figure(group["positive"], group["positive_stderr"], 100, " %")
        said = _figure(group["likelihood"], group["likelihood_stderr"], 1, "")
        rows.append(f"| {group['group']} | {good} | {said} |")
    return "\n".join(rows)


def _figure(value: float, error: float | None, scale: float, unit: str) -> str:
    digits = 1 if scale > 1 else 3
    more = "" if error is None else f" ± {scale * error:.{digits}f}"
    return f"{scale * value:.{digits}f}{more}{unit}"
