"""Responses that nobody waits for."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import openai
import pytest
from openai.types.responses import Response

from fireside.errors import Unavailable
from fireside.server.app import create_app
from fireside.server.responses.background import Background
from fireside.server.responses.state import State
from fireside.settings import Settings
from fireside.storage import Store
from fireside.storage.objects import New

from .fakes import FakeModel, FakeModels
from .serving import running, wait_until
from .test_responses import asked, create


def finished(client: openai.OpenAI, response_id: str) -> Response:
    def over() -> bool:
        return client.responses.retrieve(response_id).status not in ("queued", "in_progress")

    assert wait_until(over)
    return client.responses.retrieve(response_id)


def test_fetched_when_it_is_done(client: openai.OpenAI, model: FakeModel) -> None:
    model.holds("Hel", "lo")
    made = create(client, background=True)
    assert (made.status, made.background, made.output) == ("queued", True, [])
    assert wait_until(lambda: client.responses.retrieve(made.id).status == "in_progress")
    assert wait_until(lambda: client.responses.retrieve(made.id).output_text == "Hel")
    model.go_on.set()
    done = finished(client, made.id)
    assert (done.status, done.output_text) == ("completed", "Hello")
    assert [item.content[0].text for item in client.responses.input_items.list(made.id)] == ["Hi"]
    create(client, previous_response_id=made.id, input="?")
    assert asked(model) == "<user>Hi<assistant>Hello<user>?"


def test_its_client_may_leave_and_come_back(
    client: openai.OpenAI, http: httpx.Client, model: FakeModel
) -> None:
    model.holds("Hel", "lo")
    seen: list[Any] = []
    with client.responses.create(
        model="fake:1b", input="Hi", background=True, stream=True
    ) as stream:
        for event in stream:
            seen.append(event)
            if event.type == "response.output_text.delta":
                break
    made = seen[0].response
    assert not model.last.cancelled.is_set()
    model.go_on.set()
    later = list(
        client.responses.retrieve(
            made.id, stream=True, starting_after=seen[-1].sequence_number
        )
    )  # fmt: skip
    whole = [*seen, *later]
    assert [event.sequence_number for event in whole] == list(range(len(whole)))
    assert [event.type for event in whole[:3]] == [
        "response.created",
        "response.queued",
        "response.in_progress",
    ]
    assert whole[-1].response.output_text == "Hello"
    finished(client, made.id)
    again = list(client.responses.retrieve(made.id, stream=True))
    assert [event.to_dict() for event in again] == [event.to_dict() for event in whole]


def test_cancelling(client: openai.OpenAI, http: httpx.Client, model: FakeModel) -> None:
    model.holds("Hel", "lo")
    made = create(client, background=True)
    assert wait_until(lambda: client.responses.retrieve(made.id).output_text == "Hel")
    cancelled = client.responses.cancel(made.id)
    assert (cancelled.status, cancelled.output_text) == ("cancelled", "Hel")
    assert cancelled.output[0].status == "incomplete"
    assert client.responses.cancel(made.id).to_dict() == cancelled.to_dict()  # twice is once
    model.go_on.set()
    waited_for = create(client)
    refused = http.post(f"/v1/responses/{waited_for.id}/cancel")
    assert refused.status_code == 400


def test_deleting_one_that_runs(client: openai.OpenAI, model: FakeModel) -> None:
    model.holds("Hel", "lo")
    made = create(client, background=True)
    assert wait_until(lambda: bool(model.submitted))
    client.responses.delete(made.id)
    assert wait_until(model.last.cancelled.is_set)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)


def test_a_failure(client: openai.OpenAI, model: FakeModel) -> None:
    model.fails_at = 3
    made = create(client, background=True)
    failed = finished(client, made.id)
    assert failed.status == "failed"
    assert failed.error is not None
    assert "secret" not in failed.error.message


def breaks(*_: object) -> None:
    raise Unavailable("No disk space left: free some, try again.")


def test_one_whose_beginning_cannot_be_written_fails(
    client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stayed `queued` for ever."""
    monkeypatch.setattr(Background, "_note_begun", breaks)
    with client.responses.create(
        model="fake:1b", input="Hi", background=True, stream=True
    ) as stream:
        events = list(stream)
    assert [event.type for event in events[-3:]] == [
        "response.in_progress", "error", "response.failed",
    ]  # fmt: skip
    assert [event.sequence_number for event in events] == list(range(len(events)))
    failed = finished(client, events[0].response.id)  # type: ignore[union-attr]
    assert failed.status == "failed"
    assert failed.error is not None
    assert "disk space" in failed.error.message
    assert wait_until(lambda: replayed(client, failed.id) == [e.to_dict() for e in events])


def replayed(client: openai.OpenAI, response_id: str) -> list[object]:
    """None before the events are written, right after the row."""
    try:
        return [e.to_dict() for e in client.responses.retrieve(response_id, stream=True)]
    except openai.BadRequestError:
        return []


def test_one_whose_end_cannot_be_written_fails(
    client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(State, "finish", breaks)
    failed = finished(client, create(client, background=True).id)
    assert failed.status == "failed"
    assert failed.error is not None
    assert "disk space" in failed.error.message


def test_one_whose_events_cannot_be_written_is_completed(
    client: openai.OpenAI, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Background, "_keep_events", breaks)
    with client.responses.create(
        model="fake:1b", input="Hi", background=True, stream=True
    ) as stream:
        events = list(stream)
    assert events[-1].type == "response.completed"
    assert finished(client, events[-1].response.id).output_text == "Hello there"
    gone = http.get(f"/v1/responses/{events[-1].response.id}?stream=true")
    assert gone.status_code == 400
    assert "could not write them" in gone.json()["error"]["message"]


def test_only_background_ones_can_be_streamed_again(
    client: openai.OpenAI, http: httpx.Client
) -> None:
    made = create(client)
    assert http.get(f"/v1/responses/{made.id}?stream=true").status_code == 400
    assert http.get(f"/v1/responses/{made.id}?starting_after=1").status_code == 400
    assert http.get(f"/v1/responses/{made.id}?stream=true&starting_after=-1").status_code == 400


def test_a_restart_says_so(
    models: FakeModels, settings: Settings, store: Store, model: FakeModel
) -> None:
    body = {"conversation": None, "background": True, "error": None}
    row = New(id="resp_left", body=body, status="in_progress")
    store.objects.add_all("response", [row], owner="")
    model.holds("Hel", "lo")
    hurried = settings.model_copy(update={"drain_seconds": 0.0})
    with (
        running(create_app(models, store, hurried)) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client,
    ):
        left = client.responses.retrieve("resp_left")
        assert left.status == "failed"
        assert left.error is not None
        assert "stopped" in left.error.message
        cut_off = create(client, background=True)
    assert store.objects.get("response", cut_off.id, owner="").status == "failed"


def test_a_stop_lets_what_has_begun_finish(
    models: FakeModels, settings: Settings, store: Store, model: FakeModel
) -> None:
    model.holds("Hel", "lo")
    patient = settings.model_copy(update={"drain_seconds": 600.0})
    with (
        running(create_app(models, store, patient), patient.drain_seconds) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client,
    ):
        made = create(client, background=True)
        assert wait_until(lambda: client.responses.retrieve(made.id).status == "in_progress")
        threading.Timer(0.5, model.go_on.set).start()
    assert store.objects.get("response", made.id, owner="").status == "completed"


def test_they_wait_for_a_place_like_any_request(
    client: openai.OpenAI, model: FakeModel, settings: Settings
) -> None:
    """So nobody fills the engine with what nobody waits for; what waits can be cancelled."""
    model.holds("Hel", "lo")
    places = settings.max_batch // 2
    running_ones = [create(client, background=True).id for _ in range(places)]
    assert wait_until(lambda: len(model.submitted) == places)
    waiting = [create(client, background=True).id for _ in range(settings.max_queue)]
    with pytest.raises(openai.RateLimitError):
        create(client, background=True)
    assert len(model.submitted) == places
    assert client.responses.cancel(waiting[0]).status == "cancelled"
    model.holds_at = None  # others are answered meanwhile
    assert create(client).status == "completed"
    model.go_on.set()
    for each in [*running_ones, *waiting[1:]]:
        done = finished(client, each)
        assert (done.status, done.error) == ("completed", None)
    assert len(model.submitted) == places + len(waiting)
