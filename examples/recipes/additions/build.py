"""Problems whose answer can be checked: small additions, asked in several ways.

    python examples/recipes/additions/build.py

Writes problems.jsonl (380) beside this file; no addition is in it twice.  The same seed, the
same problems.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

HERE = Path(__file__).parent
MOST = 20
WAYS = (
    "What is {a} + {b}?",
    "Add {a} and {b}.",
    "{a} + {b} =",
    "I have {a} apples and get {b} more. How many are there?",
)
SYSTEM = "Answer with the number alone."


def build(count: int, seed: int) -> None:
    dice = random.Random(seed)
    sums = [(a, b) for a in range(1, MOST + 1) for b in range(1, MOST + 1)]
    lines = []
    for a, b in dice.sample(sums, count):
        asked = dice.choice(WAYS).format(a=a, b=b)
        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": asked}]
        lines.append(json.dumps({"messages": messages, "answer": str(a + b)}))
    (HERE / "problems.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{HERE / 'problems.jsonl'}: {count:,} problems")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=380)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    build(given.count, given.seed)
