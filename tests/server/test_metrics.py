"""`/metrics`, `/ready`, and the headers of every answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest
from prometheus_client.parser import text_string_to_metric_families

from fireside.engine.models import Models
from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store
from fireside.storage.persons import Actor

from .fakes import FakeModel, FakeModels
from .serving import running, wait_until

ASK = {"model": "fake:1b", "messages": [{"role": "user", "content": "a-private-word"}]}
ROUTES = {"fireside_requests_total", "fireside_request_seconds_count"}


def read(http: httpx.Client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def counted(http: httpx.Client, name: str, **labels: str) -> float:
    return read(http).get((name, tuple(sorted(labels.items()))), 0.0)


@pytest.fixture
def alone(model: FakeModel, tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of a server that nobody else asks."""
    settings = Settings(model="fake:1b", home=tmp_path)
    with (
        Store.open(settings.database_path) as store,
        running(create_app(FakeModels(model), store, settings)) as url,
        httpx.Client(base_url=url, timeout=300) as http,
    ):
        yield http


def test_requests_by_route_and_status(alone: httpx.Client) -> None:
    for body in (ASK, ASK, ASK | {"wings": 2}):
        alone.post("/v1/chat/completions", json=body)
    alone.get("/v1/models/a-private-word")
    alone.get("/a-private-word")
    alone.request("A-PRIVATE-WORD", "/v1/models")

    def requests(method: str, route: str, status: str) -> float:
        labels = {"method": method, "route": route, "status": status}
        return counted(alone, "fireside_requests_total", **labels)

    assert wait_until(lambda: requests("POST", "/v1/chat/completions", "200") == 2)
    assert requests("POST", "/v1/chat/completions", "400") == 1
    assert requests("GET", "/v1/models/{name:path}", "404") == 1
    assert requests("GET", "other", "404") == 1
    assert "private" not in alone.get("/metrics").text.lower()
    found = read(alone)
    seconds = ("fireside_request_seconds_count", (("route", "/v1/chat/completions"),))
    assert found[seconds] == 3
    assert {name for name, labels in found if dict(labels).get("route")} >= ROUTES


def test_tokens_and_the_first_of_them(alone: httpx.Client, model: FakeModel) -> None:
    for body in (ASK, ASK | {"stream": True}):
        alone.post("/v1/chat/completions", json=body)
    alone.post("/v1/completions", json={"model": "fake:1b", "prompt": ["ab", "c"]})
    made = sum(each.made for each in model.submitted)
    read_ = sum(len(each.prompt) for each in model.submitted)
    assert wait_until(lambda: counted(alone, "fireside_tokens_total", kind="output") == made)
    assert counted(alone, "fireside_tokens_total", kind="input") == read_
    assert counted(alone, "fireside_time_to_first_token_seconds_count") == 4


def test_what_is_cancelled_counts_until_then(alone: httpx.Client, model: FakeModel) -> None:
    model.holds("Hel", "lo")
    with alone.stream("POST", "/v1/chat/completions", json=ASK | {"stream": True}) as answer:
        for part in answer.iter_text():
            if "l" in part:
                break
    assert wait_until(lambda: counted(alone, "fireside_tokens_total", kind="output") > 0)
    assert counted(alone, "fireside_tokens_total", kind="output") <= 4


def test_gauges_are_there(alone: httpx.Client) -> None:
    names = {name for name, _ in read(alone)}
    assert names >= {
        "fireside_queue", "fireside_running", "fireside_waiting", "fireside_kv_cache_blocks",
        "fireside_kv_cache_used_ratio", "fireside_models_loaded", "fireside_requests_open",
        "fireside_preemptions_total", "process_resident_memory_bytes",
    }  # fmt: skip


def test_a_server_with_keys_shows_them_to_keys(model: FakeModel, tmp_path: Path) -> None:
    settings = Settings(model="fake:1b", home=tmp_path)
    with Store.open(settings.database_path) as store:
        user = store.people.add_user("Ada", by=Actor())
        _, key = store.keys.add("scraper", user_id=user.id, scopes=["metrics"], by=Actor())
        with running(create_app(FakeModels(model), store, settings)) as url:
            assert httpx.get(f"{url}/metrics", timeout=300).status_code == 401
            shown = {"authorization": f"Bearer {key}"}
            answer = httpx.get(f"{url}/metrics", headers=shown, timeout=300)
            assert answer.status_code == 200
            for private in (key, key[:11], user.id, "Ada", "proj_"):
                assert private not in answer.text
            assert httpx.get(f"{url}/v1/models", headers=shown, timeout=300).status_code == 403


def test_ready_when_the_model_is(store: Store, tmp_path: Path, model: FakeModel) -> None:
    class Slow(FakeModels):
        loaded = threading.Event()
        problem: Exception | None = None

        def get(self, name: str | None, **how: object) -> FakeModel:
            self.loaded.wait(300)
            if self.problem is not None:
                raise self.problem
            return super().get(name)

    slow = Slow(model)
    settings = Settings(model="fake:1b", home=tmp_path)
    with running(create_app(slow, store, settings)) as url:
        answer = httpx.get(f"{url}/ready", timeout=300)
        assert answer.status_code == 503
        assert "being loaded" in answer.json()["error"]["message"]
        assert httpx.get(f"{url}/health", timeout=300).status_code == 200
        slow.loaded.set()
        assert wait_until(lambda: httpx.get(f"{url}/ready", timeout=300).status_code == 200)


def test_headers(client: openai.OpenAI, http: httpx.Client) -> None:
    answer = client.chat.completions.with_raw_response.create(**ASK)
    assert answer.headers["openai-version"] == "2020-10-01"
    assert int(answer.headers["openai-processing-ms"]) >= 0
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.parse()._request_id == answer.headers["x-request-id"]
    # A client's own id is OpenAI's to log; ours is the one that answers carry.
    own = http.get("/v1/models", headers={"x-client-request-id": "mine"})
    assert own.status_code == 200
    assert own.headers["x-request-id"] != "mine"


def test_a_real_engine_is_measured(smollm2_path: Path, tmp_path: Path, models_dir: Path) -> None:
    settings = Settings(home=models_dir.parent, max_batch=4)
    models = Models(settings)
    with (
        Store.open(tmp_path / "fireside.db") as store,
        running(create_app(models, store, settings)) as url,
        httpx.Client(base_url=url, timeout=120) as http,
    ):
        assert wait_until(lambda: http.get("/ready").status_code == 200, 120)
        body = {"model": "smollm2:135m", "prompt": "One, two,", "max_tokens": 4, "n": 2}
        usage = http.post("/v1/completions", json=body).json()["usage"]
        tokens = "fireside_tokens_total"
        assert wait_until(
            lambda: counted(http, tokens, kind="output") == usage["completion_tokens"]
        )
        assert counted(http, tokens, kind="input") == usage["prompt_tokens"]
        assert counted(http, "fireside_models_loaded") == 1
        assert counted(http, "fireside_kv_cache_blocks") > 0
        assert 0 <= counted(http, "fireside_kv_cache_used_ratio") <= 1
