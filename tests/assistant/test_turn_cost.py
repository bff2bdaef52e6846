"""A turn pays for itself: summaries come in steps, prompts grow at their end, nothing is lost
unsaid.  With models that count, over conversations that branch, change model and are restarted.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_model import FakeModel, FakeModels
from long_conversation import filled

from fireside.assistant.assistant import Assistant
from fireside.assistant.chat import Chat
from fireside.assistant.compaction import KIND, Compaction
from fireside.assistant.persona import Personas
from fireside.assistant.pipeline import Pipeline
from fireside.assistant.steps.compact import Compact
from fireside.assistant.turn import Done, Turn
from fireside.storage import Store, StoredMessage

CONTEXT = 2400
ENTRY = SimpleNamespace(thinks=False, parameters=1, sampling=None)
"""Of a model that is too small to be asked for a summary."""
PERSONA = 'model = "small"\n[memory.compaction]\nenabled = {}\n'


@dataclass
class Several:
    """Models by name, of several windows."""

    models: dict[str, FakeModel] = field(default_factory=dict)

    def get(self, name: str | None, *, owner: str = "") -> FakeModel:
        known = name or "small"
        window = {"small": CONTEXT, "large": 3 * CONTEXT}[known]
        return self.models.setdefault(known, FakeModel(name=known, context=window, entry=ENTRY))

    def close(self) -> None: ...


def chat_of(store: Store, models: Any, folder: Path | None = None) -> Chat:
    steps = Pipeline.of([Compact(Compaction(store.objects))])
    return Chat(models, store, Assistant(Personas(folder) if folder else None, steps))


def finish(turn: Turn) -> Done:
    *_, done = turn
    assert isinstance(done, Done)
    return done


def step(done: Done, name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [s for s in done.receipt["steps"] if s["name"] == name]
    return found[0] if found else {}


def cached(prompts: Sequence[str]) -> list[float]:
    """The share of each prompt that it has in common with the one before it."""
    shares = []
    for before, prompt in pairwise(prompts):
        same = next(
            (i for i, (a, b) in enumerate(zip(before, prompt, strict=False)) if a != b),
            min(len(before), len(prompt)),
        )
        shares.append(same / len(prompt))
    return shares


def check_whole(path: Sequence[StoredMessage], done: Done, prompt: str) -> None:
    """Law: each message before the question is summed up, left out by name, or in the prompt."""
    places = {message.id: place for place, message in enumerate(path)}
    covers = step(done, "compact").get("covers")
    out: list[int] = []
    for each in [*done.receipt["dropped"], *([covers] if covers else [])]:
        stretch = range(places[each["first_id"]], places[each["last_id"]] + 1)
        assert len(stretch) == each["messages"]
        out.extend(stretch)
    assert sorted(out) == list(range(len(out)))  # the beginning, and none of it twice
    for place, message in enumerate(path[:-1]):
        sign = f"<{message.role}>{message.content}<"
        assert (sign in prompt) == (place >= len(out)), (place, len(out))


@pytest.fixture(params=[True, False], ids=["summed up", "left out"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    text = PERSONA.format(str(request.param).lower())
    (tmp_path / "friend.toml").write_text(text, encoding="utf-8")
    return tmp_path


def test_old_turns_go_in_steps(store: Store, folder: Path) -> None:
    models = Several()
    chat = chat_of(store, models, folder)
    conversation = store.create_conversation(model="persona:friend")
    begins, made, prompts = [], 0, []
    for n in range(100):
        models.get(None).script = [[f"Answer {n}: " + "well " * 8]]
        done = finish(chat.turn(conversation.id, f"Question {n} of {n * n}?"))
        made += step(done, "compact").get("made", 0)
        gone = sum(each["messages"] for each in done.receipt["dropped"])
        begins.append(gone + step(done, "compact").get("covers", {}).get("messages", 0))
        prompts.append(models.get(None).asked[-1].prompt)
        check_whole(store.path_to(str(done.message.parent_id)), done, prompts[-1])
    moves = sum(a != b for a, b in pairwise(begins))
    assert begins == sorted(begins)
    assert begins[-1] > 150
    assert moves < 100 / 4
    assert made in (0, moves)
    shares = cached(prompts)
    assert sum(share >= 0.8 for share in shares) >= 0.8 * len(shares)
    assert sum(shares) / len(shares) >= 0.75


def test_beyond_what_is_read(store: Store) -> None:
    """A conversation that was brought here whole, far longer than a turn reads."""
    models = FakeModels(FakeModel(context=CONTEXT, entry=ENTRY))
    chat, model = chat_of(store, models), models.model
    conversation, _ = filled(store, 2000, lambda n: f"{'Yes' if n % 2 else 'Is it'} {n}.")
    found, prompts = [], []
    for n in range(24):
        model.script = [[f"Then {n}."]]
        done = finish(chat.turn(conversation, f"And {n}, then?"))
        prompts.append(model.asked[-1].prompt)
        found.append((step(done, "compact"), done.receipt["dropped"]))
        path = store.path_to(str(done.message.parent_id))
        check_whole(path, done, prompts[-1])
    (compact, [gone]), *later = found
    assert gone["messages"] > 900
    assert gone["first_id"] == path[0].id
    assert "older" in gone["reason"]
    assert compact["made"] > 1
    assert all(dropped == [gone] for _, dropped in later)
    assert sum(step["made"] for step, _ in later) <= 24 / 8
    assert sum(share > 0.9 for share in cached(prompts)) >= 20


@pytest.mark.parametrize("seed", range(3))
def test_however_it_grows_each_message_is_somewhere(
    tmp_path: Path, folder: Path, seed: int
) -> None:
    """Branches, edits, second answers, another model, and a new process, in any order."""
    dice = random.Random(seed)
    path = tmp_path / "fireside.db"
    store = Store.open(path)
    models = Several()
    chat = chat_of(store, models, folder)
    conversation = store.create_conversation(model="persona:friend").id
    for n in range(60):
        for each in ("small", "large"):
            models.get(each).script = [[f"Answer {n}. " + "so " * dice.randrange(40)]]
        name = dice.choice(["persona:friend"] * 4 + ["large"])
        said = f"Question {n}? " + "why " * dice.randrange(40)
        head = store.get(conversation).head_id
        what = dice.choice(["say"] * 5 + ["edit", "regenerate", "branch", "restart"])
        if what == "restart":
            store.close()
            store = Store.open(path)
            chat = chat_of(store, models, folder)
        if head is None or what in ("say", "restart"):
            turn = chat.turn(conversation, said, model=name)
        elif what == "regenerate":
            turn = chat.regenerate(head, model=name)
        else:
            rows = store.path_to(head)
            chosen = dice.choice(rows[-60:])
            if what == "edit":
                chosen = chosen if chosen.role == "user" else store.message(str(chosen.parent_id))
                turn = chat.edit(chosen.id, said, model=name)
            else:
                chosen = chosen if chosen.role == "assistant" else rows[-1]
                turn = chat.turn(conversation, said, parent_id=chosen.id, model=name)
        done = finish(turn)
        prompt = models.get(done.receipt["model"]).asked[-1].prompt
        check_whole(store.path_to(str(done.message.parent_id)), done, prompt)
    store.close()


def test_each_model_goes_on_where_its_own_prompt_began(store: Store) -> None:
    """Two models in turn: neither costs the other its place."""
    models = Several()
    chat = chat_of(store, models)
    conversation = store.create_conversation()
    prompts: dict[str, list[str]] = {"small": [], "large": []}
    for n in range(80):
        name = ("small", "large")[n % 2]
        models.get(name).script = [["Well, so it is. " * 3]]
        finish(chat.turn(conversation.id, f"Question {n}, and what of it?", model=name))
        prompts[name].append(models.get(name).asked[-1].prompt)
    for each in prompts.values():
        shares = cached(each)
        assert sum(share >= 0.7 for share in shares) >= 0.7 * len(shares)
    assert len(prompts["large"][-1]) > len(prompts["small"][-1])
    assert store.objects.count(KIND, owner=None) < 40


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "kept" / "fireside.db") as opened:
        yield opened
