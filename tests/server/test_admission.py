"""Who is let in: fair by owner, bounded, and never a place lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.errors import Overloaded
from fireside.server.admission import Admission, takes_a_place
from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store
from fireside.storage.persons import Actor

from .fakes import FakeModel, FakeModels
from .serving import running, wait_until

URL = "/v1/chat/completions"


def ask(text: str) -> dict[str, object]:
    return {"model": "fake:1b", "messages": [{"role": "user", "content": text}]}


# The law


@given(
    st.integers(1, 3),
    st.integers(1, 6),
    st.lists(st.tuples(st.sampled_from(["ask", "leave", "abandon"]), st.integers(0, 3))),
)
def test_no_place_is_lost_or_made(
    places: int, max_queue: int, moves: list[tuple[str, int]]
) -> None:
    """Whatever clients do: nobody has more than `places`, or than were free when the last was
    taken; at most `max_queue` wait, nobody waits whose share is not used up, and no owner who may
    enter is passed over twice by another."""

    async def play() -> None:
        admission = Admission(places, max_queue)
        asked: list[tuple[str, asyncio.Future[None]]] = []
        inside: list[str] = []
        passed: Counter[tuple[str, str]] = Counter()

        def settle() -> None:
            for owner, place in list(asked):
                if place.done():
                    asked.remove((owner, place))
                    if place.exception() is None:
                        inside.append(owner)
                        for other in {each for each, _ in asked} - {owner}:
                            if inside.count(other) < admission.free + 1:
                                passed[other, owner] += 1
                        for pair in list(passed):
                            if pair[0] == owner or pair[0] not in {each for each, _ in asked}:
                                del passed[pair]

        for move, n in moves:
            owner = "abcd"[n]
            if move == "ask":
                with contextlib.suppress(Overloaded):
                    asked.append((owner, admission.ask(owner)))
            elif move == "leave" and inside:
                admission.leave(inside.pop(n % len(inside)), 0.1)
            elif move == "abandon" and asked:
                gone = asked.pop(n % len(asked))
                admission.abandon(*gone)
            settle()
            assert len(inside) + admission.free == admission.places == 2 * places
            assert all(inside.count(each) <= places for each in "abcd")
            assert admission.waiting == len(asked) <= max_queue
            assert not any(inside.count(each) < admission.free for each, _ in asked)
            assert all(times <= 1 for times in passed.values())

    asyncio.run(play())


def test_whoever_holds_most_of_a_full_queue_gives_way() -> None:
    async def play() -> None:
        admission = Admission(1, 4)
        admission.ask("other")
        admission.ask("greedy")
        waiting = [admission.ask("greedy") for _ in range(4)]
        with pytest.raises(Overloaded):
            admission.ask("greedy")
        small = admission.ask("small")
        assert [place.done() for place in waiting] == [False, False, False, True]
        with pytest.raises(Overloaded):
            waiting[3].result()
        admission.leave("other", 0.1)  # greedy has its share
        assert small.done()
        assert not waiting[0].done()
        admission.leave("greedy", 0.1)
        assert waiting[0].done()

    asyncio.run(play())


def test_equals_do_not_push_each_other_out() -> None:
    async def play() -> None:
        admission = Admission(1, 4)
        for owner in "ab":
            assert admission.ask(owner).done()
        for owner in "aabb":
            admission.ask(owner)
        for owner in "ab":
            with pytest.raises(Overloaded):
                admission.ask(owner)
        admission.ask("c")

    asyncio.run(play())


def test_retry_after_grows_with_the_queue_and_stays_sensible() -> None:
    async def play() -> None:
        admission = Admission(1, 2)
        for _ in range(3):
            admission.ask("a")
        for _ in range(60):
            admission.leave("a", 1e6)
            admission.ask("a")
        with pytest.raises(Overloaded) as told:
            admission.ask("a")
        assert 1 <= told.value.retry_after <= 60

    asyncio.run(play())


@pytest.mark.parametrize(
    ("method", "path", "takes"),
    [
        ("POST", "/v1/chat/completions", True),
        ("GET", "/v1/chat/completions", False),
        ("POST", "/v1/chat/completions/chatcmpl-1", False),
        ("POST", "/v1/engines/m/completions", True),
        ("POST", "/engines/m/completions", True),
        ("POST", "/v1/responses", True),
        ("POST", "/v1/responses/resp_1/cancel", False),
        ("POST", "/v1/batches", False),
        ("POST", "/v1/fine_tuning/alpha/graders/run", False),
        ("POST", "/api/conversations/c/turns", True),
        ("POST", "/api/messages/m/regenerate", True),
        ("POST", "/api/messages/m/stop", False),
    ],
)
def test_who_takes_a_place(method: str, path: str, takes: bool) -> None:
    assert takes_a_place({"type": "http", "method": method, "path": path}) is takes


# Over HTTP


@pytest.fixture
def small(tmp_path: Path, model: FakeModel) -> Iterator[tuple[str, Admission, list[str]]]:
    """A server of two places for each owner and a queue of four, and the keys of two owners."""
    settings = Settings(model="fake:1b", home=tmp_path, max_batch=1, max_queue=4)
    with Store.open(settings.database_path) as store:
        user = store.people.add_user("Ada", by=Actor())
        keys = []
        for name in ("greedy", "small"):
            project = store.people.add_project(name, by=Actor())
            keys.append(store.keys.add("k", user_id=user.id, project_id=project.id, by=Actor())[1])
        app = create_app(FakeModels(model), store, settings)
        with running(app) as url:
            yield url, app.state.admission, keys


def said(model: FakeModel) -> list[str]:
    return [bytes(each.prompt).decode().rpartition(">")[2] for each in model.submitted]


def test_one_clients_many_do_not_starve_anothers_one(
    small: tuple[str, Admission, list[str]], model: FakeModel
) -> None:
    url, admission, (greedy, other) = small
    model.holds("Hel", "lo")

    async def play() -> tuple[list[httpx.Response], httpx.Response]:
        async with httpx.AsyncClient(base_url=url, timeout=300) as client:

            def send(key: str, text: str) -> asyncio.Task[httpx.Response]:
                headers = {"authorization": f"Bearer {key}"}
                return asyncio.create_task(client.post(URL, json=ask(text), headers=headers))

            many = [send(greedy, f"many {n}") for n in range(40)]
            await asyncio.wait(many, return_when=asyncio.FIRST_COMPLETED)  # the first 429
            while sum(each.done() for each in many) < 34:
                await asyncio.sleep(0.01)
            one = send(other, "one")
            while "one" not in said(model):  # it is let in at once, whatever greedy holds
                await asyncio.sleep(0.01)
            model.go_on.set()
            return list(await asyncio.gather(*many)), await one

    many, one = asyncio.run(play())
    assert one.status_code == 200
    assert said(model).index("one") == 2
    refused = [each for each in many if each.status_code == 429]
    assert len(refused) == 34
    for each in refused:
        assert each.json()["error"]["code"] == "queue_full"
        assert 1 <= int(each.headers["retry-after"]) <= 60
    assert wait_until(lambda: admission.free == admission.places and admission.waiting == 0)


def test_the_sdk_obeys_retry_after(
    small: tuple[str, Admission, list[str]], model: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, _, (key, _) = small
    slept: list[float] = []
    here, usual = threading.get_ident(), time.sleep

    def sleep(seconds: float) -> None:
        if threading.get_ident() != here:  # it is everybody's `time.sleep`
            usual(seconds)
            return
        slept.append(seconds)
        model.refuses = None

    monkeypatch.setattr("openai._base_client.time.sleep", sleep)
    model.refuses = Overloaded("The queue is full.", retry_after=6.2)
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=1) as client:
        assert client.chat.completions.create(**ask("Hi")).choices
    assert slept == [7.0]


def test_a_client_that_leaves_the_queue_leaves_no_trace(
    small: tuple[str, Admission, list[str]], model: FakeModel
) -> None:
    url, admission, (key, _) = small
    model.holds("Hel", "lo")

    async def play() -> None:
        headers = {"authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=url, timeout=300, headers=headers) as client:
            running_ = [asyncio.create_task(client.post(URL, json=ask(f"{n}"))) for n in range(2)]
            while len(model.submitted) < 2:
                await asyncio.sleep(0.01)
            kind = {"content-type": "application/json"}
            waiting = [
                # The last is longer than what is read ahead of it.
                asyncio.create_task(
                    client.post(URL, content=json.dumps(ask("w")) + " " * size, headers=kind)
                )
                for size in (1, 100_000, 600_000)
            ]
            while admission.waiting < 3:
                await asyncio.sleep(0.01)
            for each in waiting[:2]:
                each.cancel()
            while admission.waiting > 1:
                await asyncio.sleep(0.01)
            model.go_on.set()
            answers = await asyncio.gather(*running_, waiting[2])
            assert [each.status_code for each in answers] == [200, 200, 200]

    asyncio.run(play())
    assert len(model.submitted) == 3  # those who left were never computed
    assert wait_until(lambda: admission.free == admission.places)


def test_abandoned_requests_give_their_places_back(
    small: tuple[str, Admission, list[str]], model: FakeModel
) -> None:
    """Streaming or not, running or waiting: after many that left, a normal one is answered."""
    url, admission, (key, _) = small
    headers = {"authorization": f"Bearer {key}"}

    async def play() -> None:
        for n in range(20):
            model.holds("Hel", "lo")
            async with httpx.AsyncClient(base_url=url, timeout=300, headers=headers) as client:
                body = ask("x") | {"stream": n % 2 == 0}
                tasks = [asyncio.create_task(client.post(URL, json=body)) for _ in range(3)]
                while len(model.submitted) < 1:
                    await asyncio.sleep(0.005)
                for each in tasks:
                    each.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            while admission.free < admission.places or admission.waiting:
                await asyncio.sleep(0.005)
            # A thread that was submitting meanwhile cancels what it has submitted.
            while not all(each.cancelled.is_set() for each in model.submitted):
                await asyncio.sleep(0.005)
            model.as_new()

    asyncio.run(play())
    assert httpx.post(url + URL, json=ask("Hi"), headers=headers, timeout=300).status_code == 200


def test_a_stopping_server_takes_nothing_new(
    small: tuple[str, Admission, list[str]], model: FakeModel
) -> None:
    url, admission, (key, _) = small
    headers = {"authorization": f"Bearer {key}"}
    model.holds("Hel", "lo")
    with httpx.Client(base_url=url, timeout=300, headers=headers) as client:
        assert wait_until(lambda: client.get("/ready").status_code == 200)
        with client.stream("POST", URL, json=ask("Hi") | {"stream": True}) as answer:
            parts = answer.iter_text()
            next(parts)
            admission.close()
            for path in (URL, "/v1/models"):
                late = httpx.request(
                    "POST", url + path, json=ask("late"), headers=headers, timeout=300
                )
                assert late.status_code == 503
                assert late.headers["retry-after"]
            assert httpx.get(f"{url}/ready", timeout=300).status_code == 503
            assert httpx.get(f"{url}/health", timeout=300).status_code == 200
            model.go_on.set()
            assert "[DONE]" in "".join(parts)  # what runs goes on
    assert len(model.submitted) == 1
