"""A model of the catalogue on its way from the Hub to the first answer, and the mishaps on it.

The Hub is on this machine.  The model is small and random, but its file is a GGUF with Qwen 3's own
tokenizer and template, so what is loaded is what a person would load.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import huggingface_hub.constants
import openai
import pytest
from engine.small_models import config_of, model_like
from hub.fake_hub import FakeHub, make_default, serving

from fireside.engine.models import Models
from fireside.hub.catalogue import catalogue
from fireside.hub.local import installed, open_path, remove
from fireside.model.export_gguf import export_gguf
from fireside.model.save import save_model
from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store
from tests.tokenizer import real

from .serving import running, wait_until

NAME = "qwen3:0.6b"
ENTRY = catalogue()[NAME]
END_OF_TURN = 151645
PULL = "/api/models/pull"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A GGUF of some 25 MB."""
    folder = tmp_path_factory.mktemp("qwen3") / "model"
    config = config_of("qwen3", vocab_size=151_936, width=64, num_layers=2, tied_head=True)
    save_model(model_like(config), folder)
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": END_OF_TURN}))
    for file in real.FILES:
        (folder / file).symlink_to(real.folder_of("qwen3") / file)
    local = open_path(folder, "qwen3", folder.parent)
    return export_gguf(local, folder.parent / "gguf").read_bytes()


@pytest.fixture(scope="module")
def the_hub(weights: bytes) -> Iterator[FakeHub]:
    repository = ENTRY.source.removeprefix("hf:")
    with (
        serving(FakeHub(files={ENTRY.file: weights}, repository=repository)) as hub,
        pytest.MonkeyPatch.context() as patch,
    ):
        make_default(hub, patch)
        patch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 1 << 20)
        yield hub
        hub.go_on.set()


@pytest.fixture(scope="module")
def home(models_dir: Path, smollm2_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the embedded model, and nothing else."""
    home = tmp_path_factory.mktemp("home")
    (home / "models").mkdir()
    (home / "models" / "smollm2-135m").symlink_to(smollm2_path.parent)
    (models_dir.parent / "cache").mkdir(exist_ok=True)
    (home / "cache").symlink_to(models_dir.parent / "cache")
    return home


@pytest.fixture(scope="module")
def http(home: Path, the_hub: FakeHub) -> Iterator[httpx.Client]:
    settings = Settings(home=home, check_pulled=False, kv_cache_mib=64)
    models = Models(settings)
    with (
        Store.open(settings.database_path) as store,
        running(create_app(models, store, settings)) as address,
        httpx.Client(base_url=address, timeout=600) as http,
    ):
        yield http
    models.close()


@pytest.fixture
def hub(the_hub: FakeHub, home: Path) -> FakeHub:
    """The Hub as new; nothing of it is here."""
    the_hub.lies.clear()
    the_hub.requests.clear()
    the_hub.go_on.clear()
    if NAME in [model.name for model in installed(home / "models")]:
        remove(NAME, home / "models")
    return the_hub


class Stream:
    """The events of a pull; each waits for the one that it names."""

    def __init__(self, http: httpx.Client) -> None:
        self._opened = http.stream("POST", PULL, json={"name": NAME})
        self._lines = self._opened.__enter__().iter_lines()

    def until(self, kind: str, done: int = 0) -> dict[str, Any]:
        for line in self._lines:
            event: dict[str, Any] = json.loads(line.removeprefix("data: ")) if line else {}
            if event.get("error") and kind == "error":
                return event
            if event.get("type") == kind and event.get("done", 0) >= done:
                return event
        raise AssertionError(f"the pull ended without {kind!r}")


def pull(http: httpx.Client, kind: str) -> dict[str, Any]:
    """The event that a whole pull ends with."""
    return Stream(http).until(kind)


def ranges(hub: FakeHub) -> list[str | None]:
    return [span for _, span in hub.bodies]


def waiting(home: Path) -> int:
    return sum(part.stat().st_size for part in (home / "models" / ".pulling").rglob("parts/*"))


def ask(http: httpx.Client, model: str, **params: Any) -> openai.types.chat.ChatCompletion:
    client = openai.OpenAI(base_url=f"{http.base_url}/v1", api_key="none", max_retries=0)
    return client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "Wer bist du? 漢字"}],
        max_tokens=8,
        **params,
    )


def test_wrong_bytes_are_thrown_away(http: httpx.Client, hub: FakeHub, home: Path) -> None:
    hub.lies[ENTRY.file] = bytes(len(hub.files[ENTRY.file]))
    error = pull(http, "error")["error"]
    assert "its hash is not the published one" in error["message"]
    assert waiting(home) == 0
    assert NAME not in http.get("/api/models").json()["data"]


def test_a_full_disk_is_said_and_keeps_what_came(
    http: httpx.Client, hub: FakeHub, home: Path
) -> None:
    """What is written to /dev/full fails as on a full disk."""
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    digest = hub.sibling(ENTRY.file)["lfs"]
    assert isinstance(digest, dict)
    parts = home / "models" / ".pulling" / "qwen3-0.6b" / "parts"
    parts.mkdir(parents=True, exist_ok=True)
    (parts / digest["sha256"]).symlink_to("/dev/full")
    assert "is full: free some space" in pull(http, "error")["error"]["message"]
    (parts / digest["sha256"]).unlink()
    assert pull(http, "done")["name"] == NAME


def test_killed_paused_resumed_and_then_it_answers(
    http: httpx.Client, hub: FakeHub, home: Path, weights: bytes
) -> None:
    # A program that pulls is killed in the middle of the file.
    hub.stall_after = 11 << 20  # of which the library writes the first 10 MiB
    environment = {**os.environ, "FIRESIDE_HOME": str(home)}
    program = [sys.executable, "-m", "fireside", "models", "pull", NAME]
    killed = subprocess.Popen(program, env=environment, stderr=subprocess.DEVNULL)
    assert wait_until(lambda: waiting(home) >= 10 << 20)
    killed.kill()
    killed.wait()
    hub.go_on.set()
    assert wait_until(lambda: not hub.go_on.is_set())  # the broken connection is given up
    assert [model.name for model in installed(home / "models")] == ["smollm2:135m"]

    # The page goes on with it; the small model answers meanwhile.
    assert waiting(home) == 10 << 20
    hub.stall_after = 4 << 20
    stream = Stream(http)
    assert stream.until("progress", done=11 << 20)["total"] == len(weights)
    assert ranges(hub) == [None, f"bytes={10 << 20}-"]
    assert http.get("/api/notice").json()["model"] == "smollm2:135m"
    assert ask(http, "smollm2:135m", temperature=0).choices[0].message.content

    # It is paused, and goes on from the very byte.
    assert http.post(f"{PULL}/pause", json={"name": NAME}).json() == {}
    hub.go_on.set()
    assert stream.until("paused")["name"] == NAME
    kept = waiting(home)
    assert 11 << 20 <= kept < len(weights)
    hub.requests.clear()
    assert pull(http, "done")["name"] == NAME
    assert ranges(hub) == [f"bytes={kept}-"]
    assert waiting(home) == 0

    # It is verified, loads, and answers with its own tokenizer and template.
    local = next(model for model in installed(home / "models") if model.name == NAME)
    assert local.path.read_bytes() == weights
    assert NAME in http.get("/api/models").json()["data"]
    told = ask(http, NAME, seed=1)
    assert told.usage is not None
    assert told.usage.completion_tokens == 8
    assert told.choices[0].finish_reason == "length"
    ended = ask(http, NAME, logit_bias={str(END_OF_TURN): 100})
    assert ended.choices[0].finish_reason == "stop"
    assert ended.usage is not None
    assert ended.usage.prompt_tokens > 10


def test_a_cancelled_download_leaves_nothing(
    http: httpx.Client, hub: FakeHub, home: Path, weights: bytes
) -> None:
    hub.stall_after = 3 << 20
    stream = Stream(http)
    stream.until("progress", done=1 << 20)
    http.post(f"{PULL}/cancel", json={"name": NAME})
    hub.go_on.set()
    stream.until("cancelled")
    assert waiting(home) == 0
    # One that waits is cancelled too.
    hub.stall_after = 3 << 20
    stream = Stream(http)
    stream.until("progress", done=1 << 20)
    http.post(f"{PULL}/pause", json={"name": NAME})
    hub.go_on.set()
    stream.until("paused")
    assert waiting(home) > 0
    http.post(f"{PULL}/cancel", json={"name": NAME})
    assert waiting(home) == 0
    assert [model.name for model in installed(home / "models")] == ["smollm2:135m"]
