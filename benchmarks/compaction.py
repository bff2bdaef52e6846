"""What a running summary still knows: planted statements, found again after many turns.

    python benchmarks/compaction.py ../shared/data/xquad_en.json [TURNS]

Each conversation is questions and paragraphs of xquad, with one statement of the user's in every
third turn.  A statement is found again if its number or its name stands in the last summary.  Real
model from FIRESIDE_HOME; the window is made small so that twenty turns are many.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from fireside.assistant.compaction import KIND, Compaction
from fireside.assistant.prompt import starts_of
from fireside.assistant.summary import By
from fireside.engine.models import Models
from fireside.messages import Message
from fireside.settings import load_settings
from fireside.storage import Store

ROOM = 1500
PLANTED = (
    ("My booking number is 48213.", "48213"),
    ("We decided to meet on Thursday.", "Thursday"),
    ("Ingrid will bring the projector.", "Ingrid"),
    ("The budget is 2750 euros.", "2750"),
    ("I live in Lisbon.", "Lisbon"),
    ("Please keep the report under 900 words.", "900"),
    ("Our supplier is called Northwind.", "Northwind"),
    ("The deadline is 14 March.", "14 March"),
)


def conversation(paragraphs: list[dict[str, str]], turns: int) -> tuple[list[Message], list[str]]:
    said, marks = [], []
    for turn in range(turns):
        question = paragraphs[turn % len(paragraphs)]["question"]
        if turn % 3 == 0 and turn // 3 < len(PLANTED):
            statement, mark = PLANTED[turn // 3]
            question = f"{statement} {question}"
            marks.append(mark)
        said.append(Message(role="user", content=question))
        answer = paragraphs[turn % len(paragraphs)]["context"]
        said.append(Message(role="assistant", content=answer))
    return said, marks


def read(path: Path) -> list[dict[str, str]]:
    rows = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(rows, dict) and "data" in rows:
        return [
            {"question": paragraph["qas"][0]["question"], "context": paragraph["context"]}
            for article in rows["data"]
            for paragraph in article["paragraphs"]
        ]
    raise SystemExit("This is no file of xquad.")


def main() -> None:
    paragraphs = read(Path(sys.argv[1]))
    turns = int(sys.argv[2]) if len(sys.argv) > 2 else 24
    models = Models(load_settings())
    model = models.get()
    modes: tuple[By, ...] = ("extract", "model")
    for by in modes:
        found = planted = written = 0
        began = time.perf_counter()
        used: list[str] = []
        for start in (0, 60, 120):
            said, marks = conversation(paragraphs[start:], turns)
            ids = [f"m{start}_{i}" for i in range(len(said))]
            with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "c.db") as s:
                compaction = Compaction(s.objects)
                for length in range(0, len(said), 2):
                    question = said[length]
                    last = compaction.compacted(
                        model, said[:length], ids[:length], question, room=ROOM,
                        starts=starts_of(said[: length + 1]), by=by, owner="", conversation_id="c",
                    )  # fmt: skip
                rows = s.objects.listed(KIND, owner="", limit=100).items
                assert last is not None
                inside = "\n".join(each.content for each in said[: last.messages])
                asked = [mark for mark in marks if mark in inside]
                found += sum(mark in last.summary.body["text"] for mark in asked)
                planted += len(asked)
                written += len(rows)
                used += [row.body["by"] for row in rows]
                print(f"--- {by}, last summary of {last.messages} messages:")
                print(last.summary.body["text"])
        seconds = (time.perf_counter() - began) / max(1, written)
        print(
            f"== {by}: {found} of {planted} statements found again; {written} summaries, "
            f"{used.count('model')} by the model, {seconds:.1f} s each"
        )
    models.close()


if __name__ == "__main__":
    main()
