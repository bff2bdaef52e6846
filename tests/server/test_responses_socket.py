"""The Responses WebSocket, with the stock client's `responses.connect()`."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import openai
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as dial

from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store

from .fakes import FakeModel, FakeModels
from .serving import wait_until
from .test_responses import asked
from .test_responses_stream import order

ENDS = ("response.completed", "response.incomplete", "response.failed", "error")


def answer(connection: Any) -> list[Any]:
    events = []
    while not events or events[-1].type not in ENDS:
        events.append(connection.recv())
    return events


def say(connection: Any, **more: Any) -> list[Any]:
    connection.send({"type": "response.create", "model": "fake:1b", "input": "Hi", **more})
    return answer(connection)


def test_turns(client: openai.OpenAI, model: FakeModel) -> None:
    with client.responses.connect() as connection:
        events = say(connection)
        assert [event.sequence_number for event in events] == list(range(len(events)))
        assert order(events)[0] == "response.created"
        first = events[-1].response
        assert first.output_text == "Hello there"
        say(connection, input="And?", previous_response_id=first.id)
        assert asked(model) == "<user>Hi<assistant>Hello there<user>And?"
    assert client.responses.retrieve(first.id).to_dict() == first.to_dict()


def test_store_false_lives_as_long_as_the_connection(
    client: openai.OpenAI, model: FakeModel, store: Store
) -> None:
    before = store.objects.count("response", owner=None)
    with client.responses.connect() as connection:
        first = say(connection, store=False)[-1].response
        say(connection, input="And?", previous_response_id=first.id, store=False)
        assert asked(model) == "<user>Hi<assistant>Hello there<user>And?"
    assert store.objects.count("response", owner=None) == before
    with client.responses.connect() as connection:
        lost = say(connection, previous_response_id=first.id)[-1]
        assert (lost.type, lost.status) == ("error", 404)
        assert lost.error.code == "previous_response_not_found"


def test_warming_up(client: openai.OpenAI, model: FakeModel) -> None:
    with client.responses.connect() as connection:
        warm = say(connection, generate=False, store=False)[-1].response
        assert (warm.status, warm.output) == ("completed", [])
        assert model.last.params.max_tokens == 1
        say(connection, input="And?", previous_response_id=warm.id, store=False)
        assert asked(model) == "<user>Hi<user>And?"


def test_lanes(client: openai.OpenAI, model: FakeModel) -> None:
    model.holds("Hel", "lo")
    create = {"type": "response.create", "model": "fake:1b", "input": "Hi"}
    with client.responses.connect() as connection:
        for lane in ("a", "b"):
            connection.send({**create, "stream_id": lane})
        assert wait_until(lambda: len(model.submitted) == 2)
        model.go_on.set()
        events = [*answer(connection), *answer(connection)]
    for lane in ("a", "b"):
        of_lane = [event for event in events if event.stream_id == lane]
        assert [event.sequence_number for event in of_lane] == list(range(len(of_lane)))
        assert of_lane[-1].response.output_text == "Hello"


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ("{", None),
        ("[]", None),
        ('{"type": "response.steer"}', "type"),
        ('{"type": "nothing"}', "type"),
        ('{"type": {}}', "type"),
        ('{"type": "response.create", "model": "fake:1b", "nothing": 1}', "nothing"),
        ('{"type": "response.create", "model": "fake:1b"}', "input"),
        ('{"type": "response.create", "model": "none", "input": "Hi"}', "model"),
        ('{"type": "response.create", "background": true}', "background"),
        ('{"type": "response.create", "stream": false}', "stream"),
        ('{"type": "response.create", "generate": 1}', "generate"),
        ('{"type": "response.create", "generate": []}', "generate"),
        ('{"type": "response.create", "stream_id": "a b"}', "stream_id"),
        ('{"type": "response.create", "model": NaN}', None),
    ],
)
def test_bad_messages(address: str, message: str, param: str | None) -> None:
    with dial(address.replace("http", "ws") + "/v1/responses") as socket:
        socket.send(message)
        told = json.loads(socket.recv())
        assert told["type"] == "error"
        assert 400 <= told["status"] < 500
        assert told["error"]["param"] == param
        # The connection goes on.
        socket.send('{"type": "response.create", "model": "fake:1b", "input": "Hi"}')
        while (told := json.loads(socket.recv()))["type"] != "response.completed":
            assert told["type"] != "error"


def test_leaving_ends_the_work(client: openai.OpenAI, model: FakeModel) -> None:
    model.holds("Hel", "lo")
    with client.responses.connect() as connection:
        connection.send({"type": "response.create", "model": "fake:1b", "input": "Hi"})
        assert connection.recv().type == "response.created"
        assert wait_until(lambda: bool(model.submitted))
    assert wait_until(lambda: model.last.cancelled.is_set())


def test_a_failure(client: openai.OpenAI, model: FakeModel) -> None:
    model.fails_at = 2
    with client.responses.connect() as connection:
        failed = answer_until_failed(connection)
        assert failed.response.status == "failed"
        model.fails_at = None
        assert say(connection)[-1].type == "response.completed"


def answer_until_failed(connection: Any) -> Any:
    connection.send({"type": "response.create", "model": "fake:1b", "input": "Hi"})
    while (event := connection.recv()).type != "response.failed":
        pass
    return event


def test_other_web_pages_are_refused(address: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        dial(address.replace("http", "ws") + "/v1/responses", origin="http://evil.example")
    assert refused.value.response.status_code == 403


FAILURES: tuple[dict[str, Any], ...] = (
    {"input": [{"type": "function_call_output", "call_id": "none", "output": "1"}]},
    {"wings": 1},
    {"temperature": 9},
    {"model": "nobody:1b"},
)


@pytest.mark.parametrize("more", FAILURES, ids=str)
def test_a_failed_message_ends_what_it_went_on_from(
    client: openai.OpenAI, more: dict[str, Any]
) -> None:
    with client.responses.connect() as connection:
        kept = say(connection, store=False)[-1].response.id
        other = say(connection, store=False)[-1].response.id
        failed = say(connection, store=False, previous_response_id=kept, **more)[-1]
        assert failed.type == "error"
        again = say(connection, store=False, previous_response_id=kept)[-1]
        assert again.error.code == "previous_response_not_found"
        went_on = say(connection, store=False, previous_response_id=other)[-1]
        assert went_on.type == "response.completed"


def test_an_answer_that_fails_halfway_ends_it_too(client: openai.OpenAI, model: FakeModel) -> None:
    with client.responses.connect() as connection:
        kept = say(connection, store=False)[-1].response.id
        model.fails_at = 3
        connection.send({"type": "response.create", "model": "fake:1b", "input": "Hi",
                         "store": False, "previous_response_id": kept})  # fmt: skip
        while connection.recv().type != "response.failed":
            pass
        model.fails_at = None
        again = say(connection, store=False, previous_response_id=kept)[-1]
        assert again.error.code == "previous_response_not_found"


def test_what_is_stored_outlives_a_failure(client: openai.OpenAI) -> None:
    with client.responses.connect() as connection:
        kept = say(connection)[-1].response.id
        assert say(connection, previous_response_id=kept, temperature=9)[-1].type == "error"
        assert say(connection, previous_response_id=kept)[-1].type == "response.completed"


def test_a_client_that_leaves_before_it_is_let_in_is_no_error(
    models: FakeModels, store: Store, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(models, store, settings)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.disconnect", "code": 1006}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "websocket", "path": "/v1/responses", "raw_path": b"/v1/responses",
        "root_path": "", "query_string": b"", "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2), "scheme": "ws",
        "subprotocols": [], "asgi": {"version": "3.0"},
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    assert [each["type"] for each in sent if each["type"] != "websocket.close"] == []
    assert caplog.records == []
