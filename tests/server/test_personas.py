"""`persona:NAME` in every endpoint that chats: instructions, tools, consent, filters, receipts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import openai
import pytest
from fastapi import FastAPI

from fireside.assistant import Assistant, Chat
from fireside.assistant.exchange import Exchange
from fireside.assistant.persona import Personas
from fireside.assistant.pipeline import Pipeline
from fireside.engine.calling import Function
from fireside.errors import NotFound
from fireside.server import chat_completions, conversations, errors
from fireside.server.admission import Admission
from fireside.server.responses.group import group
from fireside.server.responses.state import State
from fireside.server.turns import Turns
from fireside.storage import Store
from fireside.tools.running import ToolResult

from .fakes import FakeModel, FakeModels
from .serving import running
from .test_responses import asked, create
from .test_responses_stream import order, streamed

PERSONAS = {
    "clerk": 'instructions = "You are a clerk."\n[sampling]\ntemperature = 0.25\ntop_k = 7\n',
    "broken": "instructons = 'x'\n",
    "shouter": "",
}
ADD: Any = {
    "type": "function",
    "name": "theirs",
    "parameters": {"type": "object", "properties": {}},
    "strict": True,
}


def calls(name: str, **arguments: Any) -> str:
    said = json.dumps(arguments)
    return f'<tool_call>\n{{"name": "{name}", "arguments": {said}}}\n</tool_call>'


@dataclass
class Clerks:
    """A tool of the clerk's."""

    name: str
    consent: Any = "free"
    acts: bool = False
    label: str = "fireside"

    @property
    def function(self) -> Function:
        word = {"type": "string"}
        return Function(name=self.name, parameters={"properties": {"word": word}})

    def question(self, arguments: str) -> str:
        return f"May I {self.name}?"

    def run(self, arguments: str, *, call_id: str) -> ToolResult:
        if self.name == "fails":
            return ToolResult(error="it is broken.")
        return ToolResult(output=f"{self.name} did {json.loads(arguments).get('word')}")


class Shout:
    over = False

    def feed(self, text: str) -> str:
        return text.upper()

    def finish(self) -> str:
        return ""


class Gives:
    stage: Any = "recall"
    name = "gives"

    def run(self, exchange: Exchange) -> Any:
        if exchange.persona.name == "clerk":
            exchange.tools += [Clerks("look"), Clerks("fails"), Clerks("send", consent="ask")]
            return Told()
        if exchange.persona.name == "shouter":
            exchange.filters.append(Shout())
        return None


@dataclass
class Told:
    def as_receipt(self) -> Mapping[str, Any]:
        return {"tools": 3}


@pytest.fixture(scope="module")
def address(
    models: FakeModels, store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("personas")
    for name, text in PERSONAS.items():
        (folder / f"{name}.toml").write_text(text)
    assistant = Assistant(Personas(folder), Pipeline.of([Gives()]))
    app = FastAPI()
    errors.install(app)
    known: Any = models
    app.include_router(group(known, store, Admission(8, 8), assistant=assistant)[0])
    app.include_router(chat_completions.routes(known, store, assistant))
    turns = Turns(conversations.shown_message)
    app.include_router(conversations.routes(Chat(known, store, assistant), store, turns, known))
    with running(app) as url:
        yield url


def test_a_persona_answers(client: openai.OpenAI, model: FakeModel) -> None:
    made = create(client, model="persona:clerk", instructions="Be brief.")
    assert made.model == "persona:clerk"
    assert asked(model).startswith("<system>You are a clerk.\n\nBe brief.")
    assert (model.last.params.temperature, model.last.params.top_k) == (0.25, 7)
    assert made.temperature == 0.25
    create(client, model="persona:clerk", temperature=0.75)
    assert model.last.params.temperature == 0.75
    create(client)
    assert asked(model) == "<user>Hi"
    assert model.last.params.temperature == 1.0


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/chat/completions"])
def test_an_unknown_persona_is_a_404_with_near_names(http: httpx.Client, path: str) -> None:
    asked: dict[str, Any] = {"input": "Hi"}
    if "chat" in path:
        asked = {"messages": [{"role": "user", "content": "Hi"}]}
    answer = http.post(path, json={"model": "persona:clark", **asked})
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert error["code"] == "model_not_found"
    assert "clerk" in error["message"]
    broken = http.post(path, json={"model": "persona:broken", **asked})
    assert broken.status_code == 400
    assert "line 1" in broken.json()["error"]["message"]
    assert "'instructions'" in broken.json()["error"]["message"]


def test_a_tool_that_runs_here_is_an_mcp_call(client: openai.OpenAI, model: FakeModel) -> None:
    model.script = ["I look. " + calls("look", word="up"), "Found."]
    events = streamed(client, model="persona:clerk")
    assert order(events) == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.mcp_call.in_progress",
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
        "response.mcp_call.completed",
        "response.output_item.done",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    final = events[-1].response
    call: Any = final.output[1]
    assert (call.type, call.name, call.server_label) == ("mcp_call", "look", "fireside")
    assert (call.status, call.output, call.error) == ("completed", "look did up", None)
    assert json.loads(call.arguments) == {"word": "up"}
    assert final.output_text == "I look.Found."
    assert client.responses.retrieve(final.id).to_dict() == final.to_dict()
    assert final.usage.output_tokens == len("I look. " + calls("look", word="up") + "Found.")
    # The next turn reads it as it went.
    create(client, model="persona:clerk", previous_response_id=final.id, input="And?")
    assert "<assistant>I look." in asked(model)
    assert "look did up" in asked(model)


def test_a_tool_that_fails_is_a_failed_call(client: openai.OpenAI, model: FakeModel) -> None:
    model.script = [calls("fails"), "Sorry."]
    events = streamed(client, model="persona:clerk")
    assert "response.mcp_call.failed" in order(events)
    call: Any = events[-1].response.output[0]
    assert call.status == "failed"
    assert call.error.content == "it is broken."
    assert "Error: it is broken." in asked(model)


def test_consent_is_asked_and_given(client: openai.OpenAI, model: FakeModel) -> None:
    model.script = ["Shall I? " + calls("send", word="it")]
    first = create(client, model="persona:clerk")
    request: Any = first.output[-1]
    assert first.status == "completed"
    assert (request.type, request.name, request.server_label) == (
        "mcp_approval_request", "send", "fireside",
    )  # fmt: skip
    answer: Any = {
        "type": "mcp_approval_response", "approval_request_id": request.id, "approve": True,
    }  # fmt: skip
    model.script = ["Sent."]
    again = create(client, model="persona:clerk", previous_response_id=first.id, input=[answer])
    call: Any = again.output[0]
    assert (call.type, call.approval_request_id) == ("mcp_call", request.id)
    assert call.output == "send did it"
    assert again.output_text == "Sent."
    assert "send did it" in asked(model)
    with pytest.raises(openai.BadRequestError, match="answered already"):
        create(client, model="persona:clerk", previous_response_id=again.id, input=[answer])
    model.script = ["Very well."]
    create(client, model="persona:clerk", previous_response_id=again.id, input="Thanks")
    assert asked(model).count("send did it") == 1


@pytest.mark.parametrize("reason", [None, "too dear"])
def test_consent_is_refused(client: openai.OpenAI, model: FakeModel, reason: str | None) -> None:
    model.script = [calls("send", word="it")]
    first = create(client, model="persona:clerk")
    answer: Any = {
        "type": "mcp_approval_response", "approval_request_id": first.output[0].id,
        "approve": False,
    } | ({"reason": reason} if reason else {})  # fmt: skip
    again = create(client, model="persona:clerk", previous_response_id=first.id, input=[answer])
    assert [item.type for item in again.output] == ["message"]
    assert "does not want this call" in asked(model)
    assert ("too dear" in asked(model)) is bool(reason)
    create(client, model="persona:clerk", previous_response_id=again.id, input="So?")
    assert "does not want this call" in asked(model)


def test_a_question_that_nobody_answered(client: openai.OpenAI, model: FakeModel) -> None:
    model.script = [calls("send", word="it")]
    first = create(client, model="persona:clerk")
    create(client, model="persona:clerk", previous_response_id=first.id, input="Never mind")
    assert "has not agreed" in asked(model)
    unknown: Any = {
        "type": "mcp_approval_response", "approval_request_id": "mcpr_x", "approve": True,
    }  # fmt: skip
    with pytest.raises(openai.BadRequestError, match="No approval request"):
        create(client, model="persona:clerk", input=[{"role": "user", "content": "Hi"}, unknown])


def test_the_requests_own_functions_stay_the_clients(
    client: openai.OpenAI, model: FakeModel
) -> None:
    model.script = [calls("look", word="up"), calls("theirs")]
    made = create(client, model="persona:clerk", tools=[ADD])
    assert [item.type for item in made.output] == ["mcp_call", "function_call"]
    assert [tool.type for tool in made.tools] == ["function"]
    model.script = [calls("look", word="up"), "ok"]
    create(client, model="persona:clerk", max_tool_calls=0)
    assert '"name": "look"' not in asked(model)


def test_filters_hold_and_log_probabilities_would_tell(client: openai.OpenAI) -> None:
    made = create(client, model="persona:shouter")
    assert made.output_text == "HELLO THERE"
    with pytest.raises(openai.BadRequestError) as told:
        create(client, model="persona:shouter", include=["message.output_text.logprobs"])
    assert told.value.param == "include"
    messages: Any = [{"role": "user", "content": "Hi"}]
    chat = client.chat.completions.create(model="persona:shouter", messages=messages)
    assert chat.choices[0].message.content == "HELLO THERE"
    with pytest.raises(openai.BadRequestError) as told:
        client.chat.completions.create(model="persona:shouter", messages=messages, logprobs=True)
    assert told.value.param == "logprobs"


@pytest.mark.parametrize("stream", [False, True])
def test_chat_completions(client: openai.OpenAI, model: FakeModel, stream: bool) -> None:
    model.script = ["I look. " + calls("look", word="up"), "Found."]
    messages: Any = [{"role": "user", "content": "Hi"}]
    if stream:
        chunks = list(
            client.chat.completions.create(
                model="persona:clerk", messages=messages, stream=True,
                stream_options={"include_usage": True},
            )
        )  # fmt: skip
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        finish = [c.choices[0].finish_reason for c in chunks if c.choices][-1]
        assert chunks[-1].usage is not None
    else:
        made = client.chat.completions.create(model="persona:clerk", messages=messages)
        text, finish = made.choices[0].message.content or "", made.choices[0].finish_reason
        assert made.model == "persona:clerk"
    assert (text, finish) == ("I look.\n\nFound.", "stop")
    assert '"name": "send"' not in asked(model)  # nobody is there to be asked
    assert (model.last.params.temperature, model.last.params.top_k) == (0.25, 7)
    with pytest.raises(openai.BadRequestError) as told:
        client.chat.completions.create(model="persona:clerk", messages=messages, n=2)
    assert told.value.param == "n"


def test_the_receipt(
    client: openai.OpenAI, http: httpx.Client, model: FakeModel, store: Store
) -> None:
    model.script = ["I look. " + calls("look", word="up"), "Found."]
    made = create(client, model="persona:clerk", instructions="Be brief.")
    told = http.get(f"/v1/responses/{made.id}/receipt").json()
    assert (told["object"], told["response_id"]) == ("response.receipt", made.id)
    assert (told["model"], told["persona"]) == ("fake:1b", "clerk")
    steps = {row["name"]: row for row in told["steps"]}
    assert [row["stage"] for row in told["steps"]] == ["recall", "budget", "generate"]
    assert steps["gives"]["tools"] == 3
    assert steps["model"]["rounds"] == 2
    assert all(row["ms"] >= 0 for row in told["steps"])
    sent = told["sent"]
    parts = [sent[n] for n in ("system", "history", "question", "passages", "tools", "results")]
    assert sum(parts) + sum(sent["sections"].values()) + sent["template"] == sent["total"]
    assert sent["total"] == len(model.last.prompt)
    assert sent["system"] == len("You are a clerk.") + len("Be brief.")
    assert sent["question"] == len("Hi")
    assert sent["results"] > 0
    assert told["mean_logprob"] == -0.25
    assert told["dropped"] == []
    [ran] = told["tools"]
    assert (ran["name"], ran["output"], ran["at"]) == ("look", "look did up", 7)
    assert "receipt" not in client.responses.retrieve(made.id).to_dict()
    unknown = http.get("/v1/responses/resp_x/receipt")
    assert unknown.status_code == 404
    with pytest.raises(NotFound) as other:
        State(store).receipt(made.id, "bob")
    assert other.value.message == unknown.json()["error"]["message"].replace("resp_x", made.id)
    client.responses.delete(made.id)
    assert http.get(f"/v1/responses/{made.id}/receipt").status_code == 404


def test_what_is_left_out_stands_in_the_receipt(client: openai.OpenAI, http: httpx.Client) -> None:
    items: Any = [{"role": "user", "content": f"{n:03}" * 30} for n in range(20)]
    made = create(client, input=items, truncation="auto", max_output_tokens=100)
    told = http.get(f"/v1/responses/{made.id}/receipt").json()
    [dropped] = told["dropped"]
    extra: Any = made.model_extra
    assert dropped["messages"] == extra["fireside"]["dropped_items"]
    assert "window" in dropped["reason"]


# The page


def events(http: httpx.Client, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    answer = http.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return [json.loads(part.removeprefix("data: ")) for part in answer.text.split("\n\n") if part]


def test_the_page_asks_the_person(
    http: httpx.Client, model: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "context", 4000)
    made = http.post("/api/conversations", json={"model": "persona:clerk"}).json()
    model.script = ["Wait. " + calls("look", word="up"), "So? " + calls("send", word="it")]
    told = events(http, f"/api/conversations/{made['id']}/turns", {"content": "Hi"})
    kinds = [each["type"] for each in told]
    assert kinds[0] == "start"
    assert kinds[-1] == "done"
    assert {"tool", "tool_end"} <= set(kinds)
    message = told[-1]["message"]
    assert message["content"] == "Wait.\n\nSo?"
    [question] = message["receipt"]["asks"]
    assert (question["name"], question["question"]) == ("send", "May I send?")
    path = f"/api/messages/{message['id']}/consent"
    model.script = ["Sent."]
    again = events(http, path, {"approve": True})
    assert again[-1]["message"]["content"] == "Sent."
    assert again[-1]["message"]["parent_id"] == message["id"]
    assert again[-1]["message"]["receipt"]["tools"][0]["output"] == "send did it"
    assert "look did up" in asked(model)
    assert asked(model).count("send did it") == 1
    assert http.post(path, json={"approve": True}).status_code == 409
    nothing = f"/api/messages/{again[-1]['message']['id']}/consent"
    assert http.post(nothing, json={"approve": True}).status_code == 400
    events(http, f"/api/conversations/{made['id']}/turns", {"content": "Thanks"})
    assert "<tool_response>\nsend did it" in asked(model)


def test_an_unknown_persona_on_the_page(http: httpx.Client) -> None:
    answer = http.post("/api/conversations", json={"model": "persona:clark"})
    assert answer.status_code == 404
    assert "clerk" in answer.json()["error"]["message"]


def test_two_tabs_one_order(http: httpx.Client, model: FakeModel) -> None:
    """While one answer is written, a second question is refused and nothing of it is stored."""
    model.holds("slow")
    made = http.post("/api/conversations", json={}).json()
    path = f"/api/conversations/{made['id']}"
    with http.stream("POST", f"{path}/turns", json={"content": "first"}) as tab:
        lines = tab.iter_lines()
        next(lines)
        second = http.post(f"{path}/turns", json={"content": "second"})
        assert second.status_code == 409
        assert second.json()["error"]["code"] == "conversation_locked"
        assert "wait for its end" in second.json()["error"]["message"]
        model.go_on.set()
        list(lines)
    events(http, f"{path}/turns", {"content": "second"})
    said = [each["content"] for each in http.get(path).json()["messages"]]
    assert said == ["first", "slow.", "second", "slow."]
