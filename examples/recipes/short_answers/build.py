"""Preference pairs from a rule: the short answer is better than the one that chats around it.

    python examples/recipes/short_answers/build.py ../shared/data/instructions_train.jsonl

Writes pairs.jsonl (1,000) and held_out.jsonl (200) beside this file.  The chosen answer is the
beginning of a person's; the rejected one is the same, wrapped in courtesies.  No prompt of the
held-out pairs is in the others.  The same input and seed, the same pairs.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from pathlib import Path

HERE = Path(__file__).parent
MOST_WORDS = 25
OPENINGS = (
    "Sure! Here is an answer to your question.",
    "That is a great question, and I am happy to help.",
    "Of course! Let me explain this to you.",
    "Thank you for asking!",
    "Certainly, I would be glad to help you with that.",
    "What an interesting topic!",
)
CLOSINGS = (
    "I hope this helps! Please let me know if you have any other questions.",
    "Feel free to ask if you would like to know more about this topic.",
    "If you need further details, do not hesitate to ask me at any time.",
    "Is there anything else that I can do for you today?",
    "I hope that this answers your question in a satisfying way.",
    "Let me know if you would like me to go into more depth.",
)


def question(prompt: str) -> str:
    """The instruction alone, out of Alpaca's wording."""
    return prompt.split("### Instruction:\n")[1].split("\n\n### Response:")[0].strip()


def beginning(answer: str) -> str:
    """The first sentence, or the first words of a long one."""
    sentence = re.split(r"(?<=[.!?])\s+|\n", answer.strip())[0]
    words = sentence.split()
    return (
        sentence if len(words) <= MOST_WORDS else " ".join(words[:MOST_WORDS]).rstrip(",;:") + "."
    )


def pair(asked: str, answer: str, dice: random.Random) -> dict[str, str]:
    chatty = f"{dice.choice(OPENINGS)} {answer} {dice.choice(CLOSINGS)}"
    return {"prompt": asked, "chosen": answer, "rejected": chatty}


def build(source: Path, count: int, held_out: int, seed: int) -> None:
    rows = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    dice = random.Random(seed)
    asked = {question(row["prompt"]): beginning(row["response"]) for row in rows}
    known = [(one, answer) for one, answer in asked.items() if answer and len(one.split()) <= 40]
    dice.shuffle(known)
    prompts = {"held_out.jsonl": known[:held_out], "pairs.jsonl": known[held_out:]}
    for name, size in (("held_out.jsonl", held_out), ("pairs.jsonl", count)):
        some = prompts[name]
        made = [pair(*some[number % len(some)], dice) for number in range(size)]
        lines = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in made)
        (HERE / name).write_text(lines, encoding="utf-8")
        print(f"{HERE / name}: {size:,} pairs of {len(some):,} prompts")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--held-out", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    build(given.source, given.count, given.held_out, given.seed)
