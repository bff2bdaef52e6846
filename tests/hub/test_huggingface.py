"""Pulls from a Hub on this machine that speaks the real one's protocol, mishaps included."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest

from fireside.errors import BadRequest, Corrupt, Interrupted, NotFound, Unavailable
from fireside.hub import describe, installed, locate, pull
from hub.fake_hub import COMMIT, FakeHub, serving
from hub.small import write_folder, write_gguf

ONE, WHOLE = "hf:org/name:small.gguf", "hf:org/name"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    folder = write_folder(tmp_path / "source", shards=2)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    files["small.gguf"] = write_gguf(tmp_path / "small.gguf").read_bytes()
    files["pytorch_model.bin"] = b"\x80\x04."
    files["README.md"] = b"a card"
    files["original/consolidated.00.pth"] = b"\x80\x04."
    files["onnx/model.onnx"] = b"x"
    files["consolidated.safetensors"] = b"x"
    with serving(FakeHub(files=files)) as served:
        yield served


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture(autouse=True)
def small_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library reads 10 MB at a time, and waits a second before it goes on with a cut file."""
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 100)
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda _: sleep(0.002))


def leftovers(models: Path) -> list[str]:
    return [path.name for path in (models / ".pulling").rglob("*") if path.suffix != ".lock"]


def test_one_gguf_file(hub: FakeHub, models: Path) -> None:
    told: list[tuple[str, int, int]] = []
    model = pull(ONE, models, lambda *said: told.append(said), endpoint=hub.url)
    assert model.path.read_bytes() == hub.files["small.gguf"]
    assert (model.name, model.format) == (ONE, "gguf")
    about = describe(model)
    assert (about.source, about.revision, about.licence) == ("hf:org/name", COMMIT, "apache-2.0")
    size = len(hub.files["small.gguf"])
    assert told[-1] == ("checking small.gguf", size, size)
    assert [said[1] for said in told] == sorted(said[1] for said in told)
    assert not leftovers(models)
    manifest = json.loads((model.path.parent / "fireside-model.json").read_text())
    digest = hashlib.sha256(hub.files["small.gguf"]).hexdigest()
    assert manifest["files"]["small.gguf"] == {"bytes": size, "digest": f"sha256:{digest}"}


def test_a_whole_folder_and_nothing_that_could_run(hub: FakeHub, models: Path) -> None:
    model = pull(WHOLE, models, endpoint=hub.url)
    assert model.format == "hf"
    assert {path.name for path in model.path.iterdir()} == {
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "model.safetensors.index.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "fireside-model.json",
    }
    fetched = " ".join(path for _, path, _ in hub.requests)
    assert not any(word in fetched for word in (".bin", ".pth", "onnx", "consolidated", "README"))
    assert f"/resolve/{COMMIT}/" in fetched


def test_what_is_here_costs_no_request(hub: FakeHub, models: Path) -> None:
    pull(ONE, models, endpoint=hub.url)
    hub.requests.clear()
    pull(ONE, models, endpoint=hub.url)
    pull(ONE, models, endpoint="http://127.0.0.1:9")
    locate(ONE, models)
    assert not hub.requests


def test_a_connection_cut_in_mid_file_goes_on(hub: FakeHub, models: Path) -> None:
    hub.cut_after = 700
    model = pull(ONE, models, endpoint=hub.url)
    assert model.path.read_bytes() == hub.files["small.gguf"]
    assert hub.bodies == [(hub.bodies[0][0], None), (hub.bodies[0][0], "bytes=700-")]


def test_a_connection_that_keeps_breaking_is_survived(hub: FakeHub, models: Path) -> None:
    hub.cut_after, hub.keep_cutting = 700, True
    assert pull(ONE, models, endpoint=hub.url).path.read_bytes() == hub.files["small.gguf"]


def test_a_connection_that_brings_nothing_is_not(hub: FakeHub, models: Path) -> None:
    hub.cut_after, hub.keep_cutting = 0, True
    with pytest.raises(Unavailable, match="what has come is kept"):
        pull(ONE, models, endpoint=hub.url)


def test_a_later_pull_goes_on_where_this_one_stopped(hub: FakeHub, models: Path) -> None:
    def stop(text: str, done: int, total: int) -> None:
        if done:
            raise Interrupted("stopped")

    with pytest.raises(Interrupted):
        pull(ONE, models, stop, endpoint=hub.url)
    part = next((models / ".pulling").rglob("parts/*"))
    part.write_bytes(hub.files["small.gguf"][:900])
    hub.requests.clear()
    pull(ONE, models, endpoint=hub.url)
    assert hub.bodies == [(hub.bodies[0][0], "bytes=900-")]
    assert not leftovers(models)


def test_finished_files_of_a_broken_pull_are_kept(hub: FakeHub, models: Path) -> None:
    last = "tokenizer_config.json"
    hub.lies[last] = b"?" * 10
    with pytest.raises(Unavailable, match="Pull again to go on"):
        pull(WHOLE, models, endpoint=hub.url)
    assert installed(models) == []
    hub.lies.clear()
    hub.requests.clear()
    pull(WHOLE, models, endpoint=hub.url)
    fetched = [path.rpartition("/")[2] for _, path, _ in hub.requests if "resolve" in path]
    # Twice: what the first try left of it was bad, which only the whole file's hash can tell.
    assert fetched == [last, last]


def test_a_server_that_ignores_ranges_is_survived(hub: FakeHub, models: Path) -> None:
    hub.cut_after, hub.ignores_ranges = 700, True
    assert pull(ONE, models, endpoint=hub.url).path.read_bytes() == hub.files["small.gguf"]


def test_wrong_bytes_are_corrupt_and_thrown_away(hub: FakeHub, models: Path) -> None:
    data = bytearray(hub.files["small.gguf"])
    data[-40] ^= 1
    hub.lies["small.gguf"] = bytes(data)
    with pytest.raises(Corrupt, match="pull again"):
        pull(ONE, models, endpoint=hub.url)
    assert not list((models / ".pulling").rglob("parts/*"))
    assert installed(models) == []
    hub.lies.clear()
    assert pull(ONE, models, endpoint=hub.url).path.exists()


def test_wrong_bytes_of_a_small_file_too(hub: FakeHub, models: Path) -> None:
    hub.lies["config.json"] = hub.files["config.json"].replace(b"llama", b"lamma")
    with pytest.raises(Corrupt, match=r"config\.json"):
        pull(WHOLE, models, endpoint=hub.url)


def test_a_published_file_that_is_no_model_is_not_placed(hub: FakeHub, models: Path) -> None:
    hub.files["small.gguf"] = b"GGUF" + bytes(2000)
    with pytest.raises(Corrupt):
        pull(ONE, models, endpoint=hub.url)
    assert installed(models) == []


def test_a_damaged_model_is_pulled_anew(hub: FakeHub, models: Path) -> None:
    path = pull(ONE, models, endpoint=hub.url).path
    path.write_bytes(b"")
    with pytest.raises(Corrupt):
        locate(ONE, models)
    assert pull(ONE, models, endpoint=hub.url).path.read_bytes() == hub.files["small.gguf"]


def test_no_such_repository_file_or_kind(hub: FakeHub, models: Path) -> None:
    with pytest.raises(NotFound, match="no public repository org/other"):
        pull("hf:org/other", models, endpoint=hub.url)
    with pytest.raises(NotFound, match=r"hf:org/name:small\.gguf"):
        pull("hf:org/name:absent.gguf", models, endpoint=hub.url)
    for name in [name for name in hub.files if name.endswith(".safetensors")]:
        del hub.files[name]
    with pytest.raises(BadRequest, match=r"hf:org/name:small\.gguf"):
        pull(WHOLE, models, endpoint=hub.url)


def test_a_file_that_vanishes_is_said(hub: FakeHub, models: Path) -> None:
    def vanish(text: str, done: int, total: int) -> None:
        if total:
            hub.files.pop("tokenizer_config.json", None)

    with pytest.raises(NotFound, match="org/name has lost a file"):
        pull(WHOLE, models, vanish, endpoint=hub.url)


@pytest.mark.parametrize(("status", "words"), [(500, "Hub"), (429, "Hub"), (418, "Hub")])
def test_a_refusing_hub(status: int, words: str, hub: FakeHub, models: Path) -> None:
    hub.status = status
    with pytest.raises(Unavailable, match=words):
        pull(ONE, models, endpoint=hub.url)


def test_a_gated_repository_says_what_to_do(hub: FakeHub, models: Path) -> None:
    hub.gated = True
    with pytest.raises(Unavailable, match="licence"):
        pull(ONE, models, endpoint=hub.url)


def test_no_network(models: Path) -> None:
    with pytest.raises(Unavailable, match="check the network"):
        pull(ONE, models, endpoint="http://127.0.0.1:9")


@pytest.mark.parametrize(
    "odd", [{"size": None}, {"lfs": None, "blobId": None}, {"lfs": None, "blobId": "../../x"}]
)
def test_metadata_that_makes_no_sense(odd: dict[str, object], hub: FakeHub, models: Path) -> None:
    hub.metadata = odd
    with pytest.raises(Unavailable, match="Hub"):
        pull(ONE, models, endpoint=hub.url)


def test_no_room_on_the_disk(hub: FakeHub, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(models.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=5000))
    with pytest.raises(Unavailable, match="free"):
        pull(ONE, models, endpoint=hub.url)
    assert not hub.bodies


def test_two_pulls_at_once_fetch_once(hub: FakeHub, models: Path) -> None:
    found, said = [], []

    def one() -> None:
        found.append(pull(ONE, models, lambda text, *_: said.append(text), endpoint=hub.url))

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(hub.bodies) == 1


def test_another_process_waits_and_reuses(hub: FakeHub, models: Path) -> None:
    code = (
        "import sys, pathlib, fireside.hub as hub;"
        "print(hub.pull(sys.argv[1], pathlib.Path(sys.argv[2])).path.stat().st_size)"
    )
    # HF_ENDPOINT is what a user sets.
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "PYTHONPATH": os.pathsep.join(sys.path)}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, ONE, str(models)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    sizes = [process.communicate()[0].strip() for process in running]
    assert sizes == [str(len(hub.files["small.gguf"]))] * 2
    assert len(hub.bodies) == 1
