"""The step `requests`: rules before the model, the adapter for the rest, consent as ever."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import torch
from fake_model import FakeModel

from fireside.assistant import Chat, Done, Turn, adapters
from fireside.assistant.ability.scores import Scores
from fireside.assistant.ability.states import Abilities
from fireside.assistant.adapters import packed, shipped_adapter, unpacked
from fireside.assistant.assistant import Assistant
from fireside.assistant.persona import Personas
from fireside.assistant.pipeline import Pipeline
from fireside.assistant.requests.guard import UNCLEAR
from fireside.assistant.steps.requests import PlainRequests
from fireside.assistant.steps.tools import Tools
from fireside.engine.models import Models
from fireside.settings import Settings, load_settings
from fireside.storage import Store
from fireside.tools.shipped import shipped

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
CONTACTS = '\n[tools.contacts.Ana]\nphone = "+4930123456"\n'


def ended(turn: Turn) -> Done:
    *_, done = turn
    assert isinstance(done, Done)
    return done


class Desk:
    """The shipped secretary, who knows Ana, in one conversation."""

    def __init__(self, folder: Path, store: Store, models: Any) -> None:
        (folder / "personas").mkdir()
        text = Personas().path("secretary").read_text("utf-8") + CONTACTS
        (folder / "personas" / "secretary.toml").write_text(text, "utf-8")
        registry = shipped(Settings(home=folder))
        adapting = models if hasattr(models, "adapted") else None
        steps = [
            Tools(lambda: registry, store, lambda: NOW),
            PlainRequests(adapting, folder, lambda: NOW),
        ]
        assistant = Assistant(Personas(folder / "personas"), Pipeline.of(steps))
        self.chat = Chat(models, store, assistant)
        self.conversation = store.create_conversation(model="persona:secretary")

    def ask(self, text: str) -> Done:
        return ended(self.chat.turn(self.conversation.id, text))


@pytest.fixture
def desk(tmp_path: Path, store: Store, model: FakeModel, models: Any) -> Desk:
    model.context = 20_000  # its tokens are letters
    return Desk(tmp_path, store, models)


def test_a_plain_request_asks_no_model(desk: Desk, model: FakeModel, tmp_path: Path) -> None:
    done = desk.ask("Add a dentist appointment tomorrow at 3pm")
    assert done.message.content.startswith("Added: dentist appointment, Tuesday 1 December 2026")
    assert "dentist" in (tmp_path / "calendars" / "me.ics").read_text()
    assert desk.ask("What do I have tomorrow?").message.content.startswith("dentist appointment,")
    step = next(each for each in done.receipt["steps"] if each["name"] == "requests")
    assert (step["by"], step["kind"]) == ("rules", "calendar_add")
    assert not model.asked


def test_a_message_asks_before_it_goes(desk: Desk, model: FakeModel) -> None:
    done = desk.ask("Send Ana a message that I will be late")
    (asked,) = done.receipt["asks"]
    assert asked["question"] == "Send an SMS to Ana (+4930123456): I will be late"
    assert "tools" not in done.receipt
    declined = ended(desk.chat.consent(done.message.id, False))
    assert declined.message.content == "All right: nothing was done."
    again = desk.ask("Send Ana a message that I will be late")
    agreed = ended(desk.chat.consent(again.message.id, True))
    assert "SMS is not set up" in agreed.message.content
    assert not model.asked


def test_an_event_and_a_message_about_it(desk: Desk) -> None:
    done = desk.ask("Lunch with Ana on Friday at 1, and text her")
    assert done.message.content.startswith("Added: Lunch with Ana, Friday 4 December 2026, 13:00")
    (asked,) = done.receipt["asks"]
    assert json.loads(asked["arguments"]) == {"to": "Ana", "text": "Lunch Friday at 1."}


def test_what_is_not_plain_is_the_models(desk: Desk, model: FakeModel) -> None:
    model.script = [["Hm."]]
    done = desk.ask("My cat is ill and I am sad about it")
    assert done.message.content == "Hm."
    assert len(model.asked) == 1


def test_an_adapter_is_for_its_model_and_its_tools_alone(models: Any) -> None:
    adapter = shipped_adapter(Personas().get("secretary"))
    assert adapter is not None
    assert adapter.size_bytes < 6_500_000
    assert not adapter.suits(None, adapter.tools)
    assert shipped_adapter(Personas().get("tutor")) is None
    assert (adapter.folder / "README.md").is_file()


def test_a_score_with_the_adapter_says_so() -> None:
    abilities = Abilities(Scores(None), larger=lambda needs, knows: pytest.fail("not asked"))
    line = abilities.of(Personas().get("secretary"), "smollm2:135m").line
    assert "with its adapter of 5.6 MB" in line
    assert "adapter" not in abilities.of(Personas().get("sentiment"), "smollm2:135m").line


def test_eight_bits_keep_the_adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from safetensors.torch import load_file, save_file

    tensor = torch.randn(16, 64, generator=torch.Generator().manual_seed(1))
    folder = tmp_path / "shipped" / "secretary"
    folder.mkdir(parents=True)
    save_file(packed({"one.weight": tensor}), folder / "adapter.safetensors")
    (folder / "adapter_config.json").write_text("{}")
    (folder / "adapter.json").write_text('{"base": "b", "sha256": "c", "tools": ["d"]}')
    monkeypatch.setattr(adapters, "FOLDER", tmp_path / "shipped")
    adapter = shipped_adapter(Personas().get("secretary"))
    assert adapter is not None
    back = load_file(unpacked(adapter, tmp_path) / "adapter_model.safetensors")["one.weight"]
    assert torch.allclose(back, tensor, atol=float(tensor.abs().max()) / 127)
    assert unpacked(adapter, tmp_path) == unpacked(adapter, tmp_path)


def test_the_adapter_calls_and_is_guarded(tmp_path: Path, store: Store, smollm2_path: Path) -> None:
    """The real model: a story that no rule reads, and one that asks for nothing."""
    models = Models(load_settings())
    try:
        desk = Desk(tmp_path, store, models)
        for text in (
            "My wife would be happy if dinner with her on Saturday at 8 pm were in the calendar.",
            "My grandson is a clever boy, you know, and he has a new red bicycle.",
        ):
            done = desk.ask(text)
            step = next(each for each in done.receipt["steps"] if each["name"] == "requests")
            assert step == step | {"by": "model", "adapter": "secretary"}
            for ran in done.receipt.get("tools", ()):
                assert set(json.loads(ran["arguments"]).get("title", "").lower().split()) <= set(
                    text.lower().replace(".", "").split()
                )
            assert done.message.content
        assert done.message.content == UNCLEAR or "tools" not in done.receipt
        assert models.names() == [name for name in models.names() if " with " not in name]
    finally:
        models.close()
