"""The step privacy, through a whole turn: what is stored, what the model sees, what is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_model import FakeModel, FakeModels

from fireside.assistant import Assistant, Chat, Delta, Done
from fireside.assistant.persona import Personas
from fireside.assistant.pipeline import Pipeline
from fireside.assistant.steps.privacy import LONGEST, Privacy
from fireside.errors import BadRequest, Corrupt
from fireside.safety.privacy.vault import Vault
from fireside.storage import Store

SAID = "I am Ana Lee, write to ana.lee@example.com please."


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    with Store.open(home / "fireside.db") as opened:
        yield opened


@pytest.fixture
def model() -> FakeModel:
    return FakeModel()


@pytest.fixture
def talk(store: Store, model: FakeModel, home: Path) -> Talk:
    return Talk(store, model, home)


class Talk:
    """One conversation with a persona of this section."""

    def __init__(self, store: Store, model: FakeModel, home: Path) -> None:
        self.store, self.model, self.home = store, model, home
        self.vault = Vault(store.objects, home)
        (home / "personas").mkdir()
        assistant = Assistant(Personas(home / "personas"), Pipeline.of([Privacy(self.vault)]))
        models: Any = FakeModels(model)
        self.chat = Chat(models, store, assistant)
        self.id = store.create_conversation(owner="a").id

    def persona(self, section: str) -> None:
        (self.home / "personas" / "p.toml").write_text(f"[safety.privacy]\n{section}\n")

    def say(self, text: str, answer: list[str] | None = None) -> tuple[str, Done]:
        if answer is not None:
            self.model.script.append(answer)
        *deltas, done = self.chat.turn(self.id, text, model="persona:p")
        assert isinstance(done, Done)
        return "".join(each.text for each in deltas if isinstance(each, Delta)), done

    def stored(self) -> list[str]:
        return [message.content for message in self.store.messages(self.id)]


def privacy(done: Done) -> dict[str, Any]:
    (row,) = [step for step in done.receipt["steps"] if step["name"] == "privacy"]
    return row


def test_without_the_section_nothing_changes(talk: Talk) -> None:
    talk.persona("")
    shown, done = talk.say(SAID, ["Dear Ana Lee"])
    assert talk.stored() == [SAID, "Dear Ana Lee"]
    assert shown == "Dear Ana Lee"
    assert not [s for s in done.receipt["steps"] if s["name"] == "privacy"]


def test_redact(talk: Talk) -> None:
    talk.persona('mode = "redact"')
    shown, done = talk.say(SAID, ["Hello. ", "Mail bo@exa", "mple.org. ", "Bye."])
    assert talk.stored() == [
        "I am [NAME], write to [EMAIL] please.",
        "Hello. Mail [EMAIL]. Bye.",
    ]
    assert shown == talk.stored()[1]
    assert "Ana" not in talk.model.asked[0].prompt
    assert privacy(done)["found"] == {"EMAIL": 1, "NAME": 1}
    assert privacy(done)["masked"] == {"EMAIL": 1}
    assert "ana.lee" not in json.dumps(dict(done.receipt))
    assert talk.store.get(talk.id).title == "I am [NAME], write to [EMAIL] please."


def test_pseudonyms_are_stored_and_their_owner_sees_the_values(talk: Talk) -> None:
    talk.persona('mode = "pseudonymise"')
    shown, done = talk.say(SAID, ["Yes [NAME_1], to [EMA", "IL_1]. ", "Not bo@example.org."])
    assert shown == "Yes Ana Lee, to ana.lee@example.com. Not [EMAIL]."
    assert talk.stored() == [
        "I am [NAME_1], write to [EMAIL_1] please.",
        "Yes [NAME_1], to [EMAIL_1]. Not [EMAIL].",
    ]
    shown, _ = talk.say("And Bo Smith or Ana Lee?", ["[NAME_2]"])
    assert shown == "Bo Smith"
    assert talk.stored()[2] == "And [NAME_2] or [NAME_1]?"
    assert "[NAME_1]" in talk.model.asked[1].prompt
    assert "LITERAL" not in talk.model.asked[1].prompt
    for path in talk.home.rglob("*"):
        if path.is_file():
            assert b"ana.lee@" not in path.read_bytes(), path
    assert "ana.lee" not in json.dumps(dict(done.receipt))


def test_an_answer_made_again_sees_the_same_question(talk: Talk) -> None:
    talk.persona('mode = "pseudonymise"')
    _, done = talk.say(SAID, ["one"])
    talk.model.script.append(["to [EMAIL_1]"])
    *_, again = talk.chat.regenerate(done.message.id, model="persona:p")
    assert isinstance(again, Done)
    first, second = (asked.prompt for asked in talk.model.asked)
    assert first == second
    assert again.message.content == "to [EMAIL_1]"


def test_a_placeholder_of_ones_own(talk: Talk) -> None:
    talk.persona('mode = "pseudonymise"')
    shown, _ = talk.say("What is [EMAIL_1]? I am at a@example.com", ["[LITERAL_1], [EMAIL_1]"])
    assert talk.stored()[0] == "What is [LITERAL_1]? I am at [EMAIL_1]"
    assert shown == "[EMAIL_1], a@example.com"


def test_block_names_kinds_and_stores_nothing(talk: Talk) -> None:
    talk.persona('mode = "block"')
    with pytest.raises(BadRequest) as caught:
        talk.say(SAID)
    assert "an e-mail address" in str(caught.value)
    assert "a person's name" in str(caught.value)
    assert "ana" not in str(caught.value).lower()
    assert caught.value.code == "personal_data"
    assert talk.stored() == []
    assert talk.model.asked == []
    shown, _ = talk.say("What time is it?", ["Ask bo@example.org."])
    assert shown == "Ask [EMAIL]."


def test_kinds_allow_and_answers(talk: Talk) -> None:
    talk.persona('mode = "redact"\nkinds = ["EMAIL"]\nallow = ["a@example.com"]\nanswers = false')
    shown, done = talk.say("Ana Lee, a@example.com, b@example.com", ["c@example.com"])
    assert talk.stored() == ["Ana Lee, a@example.com, [EMAIL]", "c@example.com"]
    assert shown == "c@example.com"
    assert "masked" not in privacy(done)


def test_a_lost_key_refuses_the_turn_and_stores_nothing(talk: Talk) -> None:
    talk.persona('mode = "pseudonymise"')
    talk.say(SAID)
    for path in (talk.home / "vault").iterdir():
        path.unlink()
    before = talk.stored()
    with pytest.raises(Corrupt, match="restore"):
        talk.say("and again")
    assert talk.stored() == before


def test_a_text_too_long_to_be_looked_at_is_refused(talk: Talk) -> None:
    talk.persona('mode = "redact"')
    with pytest.raises(BadRequest, match="400,000"):
        talk.say("a " * LONGEST)
    assert talk.stored() == []


def test_tools_get_values_and_the_model_gets_placeholders(talk: Talk) -> None:
    from fireside.assistant.exchange import Exchange
    from fireside.messages import Message

    talk.persona('mode = "pseudonymise"')
    model: Any = talk.model
    exchange = Exchange(
        owner="a", scope=talk.id, model=model,
        persona=talk.chat.assistant.named("persona:p").persona,
        question=Message(role="user", content=SAID),
    )  # fmt: skip
    result = Privacy(talk.vault).run(exchange)
    assert result is not None
    asked = '{"to": "[EMAIL_1]", "n": [1, {"[NAME_1]": "a \\"b\\""}]}'
    assert json.loads(result.reveal(asked)) == {
        "to": "ana.lee@example.com", "n": [1, {"Ana Lee": 'a "b"'}]
    }  # fmt: skip
    assert result.reveal("{not json [EMAIL_1]") == "{not json [EMAIL_1]"
    assert result.reveal("[" * 100_000) == "[" * 100_000
    assert result.hide("sent to ana.lee@example.com, copy to bo@example.org") == (
        "sent to [EMAIL_1], copy to [EMAIL_2]"
    )
    (showing,) = exchange.shown
    assert showing.feed("[EMAIL_2]") == "bo@example.org"
