"""Deferred steps stand where their own steps stand, and are made once, when a turn needs them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fireside.assistant.deferred import Deferred
from fireside.assistant.knowledge import Knowledge
from fireside.assistant.lineup import steps_of
from fireside.assistant.memory.memories import Memories
from fireside.assistant.steps import Step
from fireside.assistant.tickets import Tickets
from fireside.safety.guards import Guards
from fireside.settings import Settings
from fireside.storage import Store
from fireside.tools.mcp.servers import Servers
from fireside.tools.registry import Registry


def test_each_is_the_step_that_it_names(tmp_path: Path) -> None:
    models: Any = SimpleNamespace(embedder=lambda name=None: None)
    with Store.open(tmp_path / "store.db") as store:
        steps = steps_of(
            models, store, Settings(home=tmp_path), Servers({}), lambda: Registry([]),
            knowledge=Knowledge(None), guards=Guards(models, tmp_path),
            memories=lambda: Memories(store.objects, None), tickets=Tickets(tmp_path),
        )  # fmt: skip
        deferred = [each for each in steps if isinstance(each, Deferred)]
        assert len(deferred) > 10
        for each in deferred:
            assert (each.stage, each.name) == (each.step.stage, each.step.name)


def test_it_is_made_when_a_turn_needs_it_and_once() -> None:
    made = []

    def make() -> Step:
        made.append(SimpleNamespace(stage="check", name="late", run=lambda exchange: exchange))
        return made[-1]

    late = Deferred("check", "late", bool, make)
    none, some = "", "an exchange"
    assert late.run(none) is None  # type: ignore[arg-type]
    assert not made
    assert [late.run(some), late.run(some)] == [some, some]  # type: ignore[arg-type]
    assert len(made) == 1
