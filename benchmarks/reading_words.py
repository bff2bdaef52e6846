"""What the reader makes of questions that its embedding model cannot read: the shared words alone.

    python benchmarks/reading_words.py ../shared/data/xquad_zh.json

Each question is read over its own passage and the two others that have most of its words; and over
the three others with most of them, where nothing answers it.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

from fireside.knowledge.answers.borders import LEAST_SHARED
from fireside.knowledge.answers.reader import Answer, by_words
from fireside.knowledge.words import wanted, words
from fireside.language.sentences import sentence_spans
from fireside.training.reading.measure import share
from fireside.training.reading.rows import Asked, passages_of


def is_right(answer: Answer | None, asked: Asked) -> bool:
    """The sentence of the first passage holds an expected answer, or is part of one."""
    return (
        answer is not None
        and answer.passage == 0
        and any(
            answer.begin <= begin < begin + len(text.rstrip()) <= answer.end
            or begin <= answer.begin < answer.end <= begin + len(text.rstrip())
            for begin, text in asked.answers
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path, help="questions in SQuAD's form, as JSON")
    parser.add_argument("--questions", type=int, default=500)
    args = parser.parse_args()
    passages = passages_of(args.file)
    spans = [sentence_spans(each.text) for each in passages]
    held = [set(words(each.text)) for each in passages]
    asked = [(number, one) for number, each in enumerate(passages) for one in each.asked]
    rows: list[tuple[bool, bool, bool]] = []
    for number, one in random.Random(0).sample(asked, min(args.questions, len(asked))):
        known = set(wanted(one.text))
        others = [n for n, each in enumerate(passages) if each.text != passages[number].text]
        near = sorted(others, key=lambda n: -len(known & held[n]))[:3]

        def read(chosen: list[int], text: str = one.text) -> Answer | None:
            return by_words(text, [passages[n].text for n in chosen], [spans[n] for n in chosen])

        found, away = read([number, *near[:2]]), read(near)
        is_shown = found is not None and found.shared >= LEAST_SHARED
        says_so = away is None or away.shared < LEAST_SHARED
        rows.append((is_right(found, one), is_shown, says_so))
    for name, flags in {
        "right sentence": [right for right, _, _ in rows],
        "answerable, shown as unsure": [shown for _, shown, _ in rows],
        "wrong among the shown": [not right for right, shown, _ in rows if shown],
        "unanswerable, said so": [says_so for _, _, says_so in rows],
    }.items():
        value, error, number = share(flags)
        print(f"{name}: {100 * value:.1f} ± {100 * error:.1f} % of {number}")


if __name__ == "__main__":
    main()
