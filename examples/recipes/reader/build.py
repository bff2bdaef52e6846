"""Chats of a reader: numbered passages and a question; an answer in the passage's words, or none.

    python examples/recipes/reader/build.py --data ../shared/data/xquad_en.json

Writes chats.jsonl beside this file, and held_out.json: the other half of the articles, for
`benchmarks/reading.py`.  The prompts are those of the assistant's own `knowledge` step, letter by
letter.  A third of the questions stand over passages that do not answer them: half of these are of
the same article, so that the subject alone gives nothing away.  The same seed, the same chats.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fireside.assistant.exchange import Source
from fireside.assistant.sources import with_sources
from fireside.messages import Message
from fireside.safety.injection import RULE

HERE = Path(__file__).parent
INSTRUCTIONS = (
    "Answer from the passages, in a few of their words, and write the passage's number in square "
    "brackets. If they do not answer the question, say: That is not in the passages."
)
NOT_THERE = "That is not in the passages."
LONGEST = 1_300  # letters of all passages of a chat: about 300 tokens


def build(data: Path, seed: int, rounds: int) -> None:
    dice = random.Random(seed)
    articles = json.loads(data.read_text(encoding="utf-8"))["data"]
    seen, unseen = articles[::2], articles[1::2]
    lines = [json.dumps(chat) for _ in range(rounds) for chat in chats(seen, dice)]
    (HERE / "chats.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (HERE / "held_out.json").write_text(json.dumps({"data": unseen}), encoding="utf-8")
    print(f"{HERE / 'chats.jsonl'}: {len(lines):,} chats; {len(unseen)} articles are held out")


def chats(articles: Sequence[dict[str, Any]], dice: random.Random) -> list[dict[str, Any]]:
    every = [p["context"] for article in articles for p in article["paragraphs"]]
    made = []
    for article in articles:
        own = [p["context"] for p in article["paragraphs"]]
        for paragraph in article["paragraphs"]:
            for asked in paragraph["qas"]:
                right = paragraph["context"]
                others = own if dice.random() < 0.5 else every
                wrong = [text for text in others if text != right]
                answered = dice.random() >= 1 / 3
                texts = [right] if answered else [dice.choice(wrong)]
                texts += dice.sample(wrong, dice.randint(0, 2))
                while len(texts) > 1 and sum(map(len, texts)) > LONGEST:
                    texts.pop()
                texts = list(dict.fromkeys(texts))
                dice.shuffle(texts)
                answer = NOT_THERE
                if answered:
                    answer = f"{asked['answers'][0]['text']} [{texts.index(right) + 1}]"
                made.append(chat(article["title"], texts, asked["question"], answer))
    dice.shuffle(made)
    return made


def chat(title: str, texts: Sequence[str], question: str, answer: str) -> dict[str, Any]:
    sources = [
        Source(number=i, text=text, file_id="", filename=f"{title}.txt", score=1.0)
        for i, text in enumerate(texts, 1)
    ]
    said = with_sources(Message(role="user", content=question), sources)
    return {
        "messages": [
            {"role": "system", "content": f"{INSTRUCTIONS}\n\n{RULE}"},
            {"role": "user", "content": said.content},
            {"role": "assistant", "content": answer},
        ]
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="XQuAD or SQuAD, as JSON")
    parser.add_argument("--rounds", type=int, default=2, help="times that each question is asked")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    build(given.data, given.seed, given.rounds)
