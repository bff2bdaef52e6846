"""What memory keeps, what it recalls, and how long that takes.

    python benchmarks/memory.py facts      # rules over sentences written by hand
    python benchmarks/memory.py model      # the chat model as a judge of the same sentences
    python benchmarks/memory.py recall     # thresholds: what bears on a question
    python benchmarks/memory.py speed      # search among ten thousand facts

Real models from FIRESIDE_HOME.  The sentences are in tests/assistant/memory.
"""

from __future__ import annotations

import base64
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from fireside.assistant.memory.config import MemoryConfig
from fireside.assistant.memory.facts import facts_in
from fireside.assistant.memory.index import VECTOR, row_id
from fireside.assistant.memory.memories import Memories
from fireside.assistant.memory.records import KIND, Source, body_of, memory_of
from fireside.engine.models import Models
from fireside.engine.params import Constraint, SamplingParams
from fireside.messages import Message
from fireside.settings import load_settings
from fireside.storage import Store
from fireside.storage.ids import new_id
from fireside.storage.objects import New

DATA = Path(__file__).parent.parent / "tests" / "assistant" / "memory"
SETS = ("sentences.tsv", "held_out.tsv")
JUDGE = (
    "Does this message state a lasting fact about the person who wrote it, such as their name, "
    "home, job, family, health or preferences? Answer keep or skip.\n\nMessage: {}"
)


def labelled(name: str) -> list[tuple[bool, str]]:
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return [(label == "keep", text) for label, _, text in (line.partition("\t") for line in lines)]


def rates(pairs: list[tuple[bool, bool]]) -> str:
    kept = [wanted for wanted, said in pairs if said]
    right = sum(kept)
    precision = right / len(kept) if kept else float("nan")
    return f"precision {precision:.3f}  recall {right / sum(w for w, _ in pairs):.3f}"


def facts() -> None:
    for name in SETS:
        for least in (0.5, 0.7, 0.8, 0.9):
            pairs = [
                (wanted, any(fact.score >= least for fact in facts_in(text)))
                for wanted, text in labelled(name)
            ]
            default = "  (default)" if least == MemoryConfig().least_score else ""
            print(f"{name:14} least_score {least}: {rates(pairs)}{default}")


def model() -> None:
    models = Models(load_settings())
    judge = models.get()
    choice = Constraint(kind="choice", value=("keep", "skip"))
    for name in SETS:
        pairs, both = [], []
        for wanted, text in labelled(name):
            prompt = judge.tokenizer.render([Message(role="user", content=JUDGE.format(text))]).ids
            params = SamplingParams(temperature=0.0, max_tokens=8, constraint=choice)
            said = "".join(event.text for event in judge.generate(prompt, params)) == "keep"
            rule = any(fact.score >= MemoryConfig().least_score for fact in facts_in(text))
            pairs.append((wanted, said))
            both.append((wanted, said and rule))
        print(f"{name:14} {judge.name} alone: {rates(pairs)};  after the rules: {rates(both)}")
    models.close()


def recall() -> None:
    models = Models(load_settings())
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "m.db") as store:
        memories = Memories(store.objects, models.embedder)
        ids: list[str] = []
        asked: list[tuple[str, str | None]] = []
        for line in (DATA / "questions.tsv").read_text(encoding="utf-8").splitlines():
            kind, text, *number = line.split("\t")
            if kind == "fact":
                ids.append(memories.add("", text).memory.id)
            else:
                asked.append((text, ids[int(number[0]) - 1] if number else None))
        found = [(memories.search("", text, limit=5, least=0).found, want) for text, want in asked]
        for threshold in (0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45):
            shown = [([f for f in each if f.score >= threshold], want) for each, want in found]
            bearing = [(each, want) for each, want in shown if want is not None]
            hit = sum(any(f.memory.id == want for f in each) for each, want in bearing)
            beside = statistics.mean(
                sum(f.memory.id != want for f in each) for each, want in bearing
            )
            none = [each for each, want in shown if want is None]
            quiet = sum(not each for each in none)
            print(
                f"threshold {threshold:.2f}: found {hit}/{len(bearing)}, others shown beside "
                f"{beside:.2f}; silent where nothing bears {quiet}/{len(none)}"
            )
    models.close()


def speed() -> None:
    models = Models(load_settings())
    words = "river lamp tea train violin garden winter salt copper window north bread".split()  # noqa: SIM905
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "m.db") as store:
        memories = Memories(store.objects, models.embedder)
        new = []
        for i in range(10_000):
            text = f"Note {i}: the {words[i % 12]} is beside the {words[i // 12 % 12]} since {i}."
            body = body_of(
                text, kind="note", subject=None, persona=None, source=Source(), score=1.0,
                expires_at=None,
            )  # fmt: skip
            new.append(New(id=new_id("mem"), body=body, status="kept"))
        rows = store.objects.add_all(KIND, new, owner="")
        # Embedding them takes minutes and is not what is measured: any vectors will do.
        drawn = np.random.default_rng(0).normal(size=(len(rows), 384))
        drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
        model = models.embedder().name
        for row, vector in zip(rows, drawn, strict=True):
            body = {"f2": base64.b64encode(vector.astype("<f2").tobytes()).decode()}
            kept = [New(id=row_id(memory_of(row), model), body=body)]
            store.objects.add_all(VECTOR, kept, owner="", parent_id=row.id)
        began = time.perf_counter()
        memories.search("", "river")
        print(f"the first search: {1000 * (time.perf_counter() - began):.0f} ms")
        began = time.perf_counter()
        memories.add("", "I live in Lisbon.")
        print(f"one more fact beside 10,000: {1000 * (time.perf_counter() - began):.0f} ms")
        memories.search("", "river")
        times = []
        for i in range(20):
            began = time.perf_counter()
            memories.search("", f"Where is the {words[i % 12]} of number {i}?")
            times.append(time.perf_counter() - began)
        print(
            f"a search: median {1000 * statistics.median(times):.0f} ms, "
            f"the slowest {1000 * max(times):.0f} ms"
        )
        memories.used("", [memories.search("", "tea").found[0].memory.id])
        began = time.perf_counter()
        memories.search("", "And after a change?")
        print(f"after a change: {1000 * (time.perf_counter() - began):.0f} ms")
    models.close()


if __name__ == "__main__":
    {"facts": facts, "model": model, "recall": recall, "speed": speed}[sys.argv[1]]()
