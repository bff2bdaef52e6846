"""What a long conversation costs a turn, and what its running summary still knows.

    python benchmarks/compaction.py ../shared/data/xquad_en.json
    python benchmarks/compaction.py ../shared/data/xquad_en.json --planted 24

Conversations are questions and paragraphs of xquad.  The cost: a conversation of so many turns is
written into the store, then some more turns are asked through the whole path; processor seconds of
each, rows read, prompt and cached tokens.  Planted: one statement of the user's in every third
turn; it is found again if its number or its name stands in the last summary.  Real model from
FIRESIDE_HOME; for planted statements the window is made small so that twenty turns are many.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from statistics import mean
from typing import Any

from sqlalchemy import Select, insert

from fireside.assistant.assistant import Assistant
from fireside.assistant.chat import Chat
from fireside.assistant.compaction import KIND, Compaction, Old
from fireside.assistant.pipeline import Pipeline
from fireside.assistant.steps.compact import Compact
from fireside.assistant.summary import By
from fireside.assistant.turn import Done
from fireside.engine.models import Models
from fireside.messages import Message
from fireside.settings import load_settings
from fireside.storage import Store, StoredMessage
from fireside.storage.rows import values_of
from fireside.storage.schema import messages as messages_table

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


def conversation(
    paragraphs: list[dict[str, str]], turns: int, *, planted: bool = True
) -> tuple[list[Message], list[str]]:
    said, marks = [], []
    for turn in range(turns):
        question = paragraphs[turn % len(paragraphs)]["question"]
        if planted and turn % 3 == 0 and turn // 3 < len(PLANTED):
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


def cost(models: Models, paragraphs: list[dict[str, str]], lengths: list[int], asked: int) -> None:
    models.get()  # loading it is no turn's cost
    print("| turns before | | processor s | rows read | prompt | cached | summaries made |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for turns in lengths:
        messages, _ = conversation(paragraphs, turns, planted=False)
        with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "c.db") as store:
            rows = counted(store)
            conversation_id = written(store, messages)
            pipeline = Pipeline.of([Compact(Compaction(store.objects))])
            chat = Chat(models, store, Assistant(pipeline=pipeline))
            spent = []
            for n in range(asked):
                rows.clear()
                began = time.process_time()
                question = paragraphs[-n - 1]["question"]
                *_, done = chat.turn(conversation_id, question, sampling={"max_tokens": 16})
                assert isinstance(done, Done)
                spent.append((time.process_time() - began, sum(rows), done))
        print(line(turns, "the first", spent[:1]), flush=True)
        print(line(turns, f"the next {asked - 1}, mean", spent[1:]), flush=True)


def line(turns: int, which: str, spent: list[tuple[float, int, Done]]) -> str:
    receipts = [done.receipt for _, _, done in spent]
    made = [s["made"] for r in receipts for s in r["steps"] if s["name"] == "compact"]
    values = (
        f"{mean(seconds for seconds, _, _ in spent):.2f}",
        f"{mean(rows for _, rows, _ in spent):,.0f}",
        f"{mean(receipt['prompt_tokens'] for receipt in receipts):,.0f}",
        f"{mean(receipt['cached_tokens'] for receipt in receipts):,.0f}",
        f"{sum(made)}",
    )
    return f"| {turns:,} | {which} | {' | '.join(values)} |"


def counted(store: Store) -> list[int]:
    """Grows by how many messages each query of the store reads."""
    rows: list[int] = []
    read = store._messages

    def reading(query: Select[Any]) -> list[StoredMessage]:
        found = read(query)
        rows.append(len(found))
        return found

    store._messages = reading  # type: ignore[method-assign]
    return rows


def written(store: Store, messages: list[Message]) -> str:
    made = store.create_conversation(title="Long")
    values, parent = [], None
    for n, each in enumerate(messages):
        row = StoredMessage(
            id=f"msg_{n:018}", conversation_id=made.id, parent_id=parent, role=each.role,
            content=each.content, created_at=float(n),
        )  # fmt: skip
        parent = row.id
        values.append(values_of(row))
    with store._writer.begin() as connection:
        connection.execute(insert(messages_table), values)
    store.set_head(made.id, parent)
    return made.id


def planted(models: Models, paragraphs: list[dict[str, str]], turns: int) -> None:
    model = models.get()
    modes: tuple[By, ...] = ("extract", "model")
    for by in modes:
        found = asked = rows_made = 0
        began = time.perf_counter()
        used: list[str] = []
        for start in (0, 60, 120):
            said, marks = conversation(paragraphs[start:], turns)
            ids = [f"m{start}_{i}" for i in range(len(said))]
            with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "c.db") as s:
                compaction, last = Compaction(s.objects), None
                for length in range(0, len(said), 2):
                    question = said[length]
                    old = Old(
                        owner="", conversation_id="c", messages=said[:length], ids=ids[:length],
                        after=None if last is None else last.summary.id,
                    )  # fmt: skip
                    last = compaction.compacted(model, old, question, room=ROOM, by=by)
                rows = s.objects.listed(KIND, owner="", limit=100).items
                assert last is not None
                inside = "\n".join(each.content for each in said[: last.messages])
                gone = [mark for mark in marks if mark in inside]
                found += sum(mark in last.summary.body["text"] for mark in gone)
                asked += len(gone)
                rows_made += len(rows)
                used += [row.body["by"] for row in rows]
                print(f"--- {by}, last summary of {last.messages} messages:")
                print(last.summary.body["text"])
        seconds = (time.perf_counter() - began) / max(1, rows_made)
        print(
            f"== {by}: {found} of {asked} statements found again; {rows_made} summaries, "
            f"{used.count('model')} by the model, {seconds:.1f} s each"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="a file of xquad")
    parser.add_argument("--turns", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--asked", type=int, default=12, help="turns that are measured")
    parser.add_argument("--planted", type=int, metavar="TURNS")
    given = parser.parse_args()
    paragraphs, models = read(given.data), Models(load_settings())
    if given.planted:
        planted(models, paragraphs, given.planted)
    else:
        cost(models, paragraphs, given.turns, given.asked)
    models.close()


if __name__ == "__main__":
    main()
