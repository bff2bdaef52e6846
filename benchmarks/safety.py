"""What the shipped heads cost and what the moderators flag: the figures of docs/safety.md.

    python benchmarks/safety.py speed
    python benchmarks/safety.py moderation --data ../shared/data
    python benchmarks/safety.py mood --data ../shared/data

`speed`: processor time of one turn on one thread, and the wall's, over real user turns of 5 to 60
words.  `moderation`: both moderators on tweets and harmless sentences that no fit has seen.
`mood`: how often requests without a mood, in a row, look like a bad one.  The
scores of the heads themselves stand in their files (`python -m fireside.training.heads`).
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from fireside.assistant.mood import MoodConfig
from fireside.engine.models import Models
from fireside.safety.guards import Guards
from fireside.safety.moderation import MODERATION_MODEL
from fireside.safety.rules import RULES_MODEL
from fireside.settings import load_settings
from fireside.training.heads import moderation, sentiment
from fireside.training.heads.figures import share
from fireside.training.heads.rows import instructions

TURNS = 100


def timed(name: str, judge: Callable[[str], object], texts: Sequence[str]) -> None:
    judge(texts[0])
    wall, cpu = [], []
    for text in texts[1:]:
        began, used = time.perf_counter(), time.process_time()
        judge(text)
        wall.append(1000 * (time.perf_counter() - began))
        cpu.append(1000 * (time.process_time() - used))
    print(
        f"{name:<12} processor {statistics.median(cpu):5.1f} ms (p95 {_p95(cpu):5.1f})"
        f"   wall {statistics.median(wall):5.1f} ms (p95 {_p95(wall):5.1f})"
    )


def _p95(values: Sequence[float]) -> float:
    return sorted(values)[int(0.95 * len(values))]


def speed(guards: Guards, folder: Path) -> None:
    asked = instructions(folder / "instructions_train.jsonl")
    turns = [text for text in asked if 5 <= len(text.split()) <= 60][: TURNS + 1]
    words = statistics.mean(len(text.split()) for text in turns)
    print(f"{TURNS} turns of {words:.0f} words on average, one at a time")
    feelings, inspector = guards.sentiment("en"), guards.inspector()
    timed("sentiment", lambda text: feelings.judge([text]), turns)
    timed("injection", lambda text: inspector.inspect([text]), turns)
    for name in (MODERATION_MODEL, RULES_MODEL):
        moderator = guards.moderator(name)
        timed(name[9:], lambda text, it=moderator: it.judge([text]), turns)  # type: ignore[misc]


def both(guards: Guards, folder: Path) -> None:
    parts = moderation.split(folder)
    for marked in (True, False):
        some = [
            t for part in parts for t in part if bool(moderation.DIALECT.search(t.text)) == marked
        ]
        rude = share([t.kind != 2 for t in some])
        with_ = "with" if marked else "without"
        print(
            f"{len(some)} tweets {with_} African American English markers: {rude:.1%} labelled rude"
        )
    held = parts[2]
    sets = {
        "tweets: hate": [t.text for t in held if t.kind == 0],
        "tweets: offensive": [t.text for t in held if t.kind == 1],
        "tweets: neither": [t.text for t in held if t.kind == 2],
        "… with African American English markers": [
            t.text for t in held if t.kind == 2 and moderation.DIALECT.search(t.text)
        ],
        **moderation.harmless_held_out(folder),
    }
    print(f"{'share flagged of':<42}{'rows':>6}{RULES_MODEL:>20}{MODERATION_MODEL:>24}")
    for name, texts in sets.items():
        found = [
            share([verdict.flagged for verdict in guards.moderator(model).judge(texts)])
            for model in (RULES_MODEL, MODERATION_MODEL)
        ]
        print(f"{name:<42}{len(texts):>6}{found[0]:>20.1%}{found[1]:>24.1%}", flush=True)


def calm(guards: Guards, folder: Path) -> None:
    low = MoodConfig().low
    texts = sentiment.neutral(folder, out=True)
    Random(0).shuffle(texts)
    scores = [each.valence for each in guards.sentiment("en").judge(texts)]
    for window in (1, 2, 3):
        means = [sum(scores[k : k + window]) / window for k in range(len(scores) - window + 1)]
        below = share([mean < low for mean in means])
        print(f"{window} in a row of {len(texts)}: {below:.1%} have a mean below {low}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["speed", "moderation", "mood"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    asked = parser.parse_args()
    models = Models(load_settings())
    try:
        {"speed": speed, "moderation": both, "mood": calm}[asked.what](Guards(models), asked.data)
    finally:
        models.close()


if __name__ == "__main__":
    main()
