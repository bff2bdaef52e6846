"""The state of a dialogue over HTTP: it grows with the turns, is seen, edited, and its owner's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from fireside.settings import Settings
from fireside.storage import Store

from .fakes import FakeModel

DESK = r"""
[dialogue]
threshold = 0.97
[dialogue.slots.order]
type = "pattern"
pattern = '[A-Z]{2}-\d+'
question = "Which order?"
[dialogue.slots.day]
type = "date"
question = "Which day?"
[dialogue.intents.refund]
flow = "refund"
examples = ["money back please"]
[dialogue.flows.refund]
about = "your refund"
steps = [{ ask = "order" }, { ask = "day" }, { say = "Noted: {order}, {day}." }]
[dialogue.handover]
asked = false
"""
PERSONA = "persona:state_desk"


@pytest.fixture(autouse=True, scope="module")
def _desk(settings: Settings) -> Iterator[None]:
    folder = settings.home / "personas"
    folder.mkdir(exist_ok=True)
    (folder / "state_desk.toml").write_text(DESK, encoding="utf-8")
    yield
    (folder / "state_desk.toml").unlink()


@pytest.fixture
def say(client: openai.OpenAI) -> Any:
    def say(text: str, **where: Any) -> Any:
        return client.responses.create(model=PERSONA, input=text, **where)

    return say


def test_the_state_grows_is_seen_and_edited(
    client: openai.OpenAI, http: httpx.Client, say: Any
) -> None:
    conversation = client.conversations.create().id
    url = f"/v1/conversations/{conversation}/state"
    empty = http.get(url).json()
    assert (empty["object"], empty["after"], empty["slots"]) == ("dialogue_state", None, {})
    assert http.post(url, json={"goal": None}).status_code == 409
    assert say("money back please", conversation=conversation).output_text == "Which order?"
    first = http.get(url).json()
    assert say("AB-12", conversation=conversation).output_text == "Which day?"
    state = http.get(url).json()
    assert state["goal"] == "refund"
    assert state["questions"][0]["slot"] == "day"
    assert state["slots"]["order"] == {
        "value": "AB-12", "said": "AB-12", "message_id": state["after"], "how": "said",
    }  # fmt: skip
    assert http.get(url, params={"after": first["after"]}).json()["slots"] == {}
    edited = http.post(url, json={"slots": {"order": "AB-99"}}).json()
    assert edited["slots"]["order"]["how"] == "edited"
    said = say("2030-01-02", conversation=conversation).output_text
    assert said == "Noted: AB-99, Wednesday, 2 January 2030."


def test_a_chain_of_responses_keeps_its_state_and_its_branches(say: Any) -> None:
    first = say("money back please", store=True)
    left = say("AB-1", previous_response_id=first.id)
    right = say("AB-2", previous_response_id=first.id)
    for before, order in ((left, "AB-1"), (right, "AB-2")):
        done = say("2030-01-02", previous_response_id=before.id)
        assert done.output_text.startswith(f"Noted: {order}")


def test_a_digression_streams_and_the_question_follows(
    client: openai.OpenAI, model: FakeModel, say: Any
) -> None:
    conversation = client.conversations.create().id
    say("money back please", conversation=conversation)
    model.answer = [*"We do."]
    text = ""
    for event in say("Do you sell hats?", conversation=conversation, stream=True):
        if event.type == "response.output_text.delta":
            text += event.delta
        if event.type == "response.completed":
            assert event.response.output_text == text
    assert text == "We do.\n\nWhich order?"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"slots": {"order": 3}}, "slots"),
        ({"slots": {"order": "banana"}}, "slots"),
        ({"slots": {"nothing": "AB-1"}}, "slots"),
        ({"goal": "nosuch"}, "goal"),
        ({"gaol": None}, "gaol"),
        ({"handed_over": True}, "handed_over"),
        ({"after": "msg_none"}, "after"),
    ],
)
def test_what_cannot_be_edited_is_named(
    client: openai.OpenAI, http: httpx.Client, say: Any, body: dict[str, object], param: str
) -> None:
    conversation = client.conversations.create().id
    say("money back please", conversation=conversation)
    refused = http.post(f"/v1/conversations/{conversation}/state", json=body)
    assert refused.status_code in (400, 404)
    assert param in (refused.json()["error"]["param"] or "")


def test_another_branch_has_its_own_state(http: httpx.Client) -> None:
    """Of the page: what is shown and edited is what the next turn begins with."""
    made = http.post("/api/conversations", json={"model": PERSONA}).json()["id"]
    state = f"/v1/conversations/{made}/state"

    def say(url: str, text: str) -> list[Any]:
        assert http.post(url, json={"content": text}).status_code == 200
        found: list[Any] = http.get(f"/api/conversations/{made}").json()["messages"]
        return found

    say(f"/api/conversations/{made}/turns", "money back please")
    first = say(f"/api/conversations/{made}/turns", "AB-1")
    say(f"/api/messages/{first[2]['id']}/edit", "AB-2")
    assert http.get(state).json()["slots"]["order"]["value"] == "AB-2"
    assert http.post(f"/api/messages/{first[3]['id']}/select", json={}).status_code == 200
    assert http.get(state).json()["slots"]["order"]["value"] == "AB-1"
    edited = http.post(state, json={"slots": {"order": "AB-3"}})
    assert edited.json()["slots"]["order"]["value"] == "AB-3"
    last = say(f"/api/conversations/{made}/turns", "2030-01-02")[-1]
    assert last["content"].startswith("Noted: AB-3")


def test_anothers_conversation_is_none(http: httpx.Client, store: Store) -> None:
    anothers = store.create_conversation(owner="somebody else").id
    for method in ("GET", "POST"):
        known = http.request(method, f"/v1/conversations/{anothers}/state", json={})
        unknown = http.request(method, "/v1/conversations/conv_none/state", json={})
        assert known.status_code == unknown.status_code == 404
        assert known.text.replace(anothers, "conv_none") == unknown.text
