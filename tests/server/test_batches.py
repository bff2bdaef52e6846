"""`/v1/batches`: every line once, whatever happens; its output in OpenAI's form."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types import Batch

from fireside.errors import Unavailable
from fireside.server.app import create_app
from fireside.server.batches import lines, rows
from fireside.server.batches.journal import ERRORS, OUTPUT, Journal
from fireside.server.batches.slots import Slots
from fireside.server.caller import Caller
from fireside.server.foreground import Foreground
from fireside.settings import Settings
from fireside.storage import Store

from .fakes import FakeModel, FakeModels
from .serving import running, wait_until
from .test_bad_input import refused

OVER = ("completed", "failed", "expired", "cancelled")
URL = "/v1/completions"


def line(custom_id: str, *, url: str = URL, **body: object) -> dict[str, object]:
    ask = {"model": "fake:1b", "prompt": custom_id, "max_tokens": 5} | body
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": ask}


def jsonl(*records: object) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in records)


def uploaded(client: openai.OpenAI, *records: object) -> str:
    return client.files.create(file=("in.jsonl", jsonl(*records)), purpose="batch").id


def made(client: openai.OpenAI, *records: object, url: str = URL, **more: Any) -> Batch:
    return client.batches.create(
        input_file_id=uploaded(client, *records),
        endpoint=url,  # type: ignore[arg-type]
        completion_window="24h",
        **more,
    )


def over(client: openai.OpenAI, batch: Batch) -> Batch:
    assert wait_until(lambda: client.batches.retrieve(batch.id).status in OVER)
    return client.batches.retrieve(batch.id)


def read(client: openai.OpenAI, file_id: str | None) -> dict[str, dict[str, Any]]:
    """A result file's lines by their custom_id, which no two share."""
    assert file_id is not None
    found = [json.loads(each) for each in client.files.content(file_id).text.splitlines()]
    assert len({each["custom_id"] for each in found}) == len(found)
    assert len({each["id"] for each in found}) == len(found)
    assert all(set(each) == {"id", "custom_id", "response", "error"} for each in found)
    return {each["custom_id"]: each for each in found}


def test_lines_that_work_and_lines_that_fail(client: openai.OpenAI) -> None:
    batch = made(
        client, *(line(f"n{i}") for i in range(5)), line("wrong", temperature=9),
        line("nobody", model="nope"), metadata={"a": "b"},
        output_expires_after={"anchor": "created_at", "seconds": 3600},
    )  # fmt: skip
    assert (batch.status, batch.object, batch.metadata) == ("validating", "batch", {"a": "b"})
    assert batch.expires_at == pytest.approx(batch.created_at + 86400, abs=1)
    batch = over(client, batch)
    assert batch.status == "completed"
    assert batch.request_counts is not None
    assert batch.request_counts.to_dict() == {"total": 7, "completed": 5, "failed": 2}
    good, bad = read(client, batch.output_file_id), read(client, batch.error_file_id)
    assert set(good) == {f"n{i}" for i in range(5)}
    assert set(bad) == {"wrong", "nobody"}
    for each in good.values():
        assert each["error"] is None
        assert each["response"]["status_code"] == 200
        assert each["response"]["request_id"].startswith("req_")
        assert each["response"]["body"]["choices"][0]["text"] == "Hello"
    assert bad["wrong"]["response"]["status_code"] == 400
    assert bad["wrong"]["response"]["body"]["error"]["param"] == "temperature"
    assert bad["nobody"]["response"]["status_code"] == 404
    assert batch.in_progress_at
    assert batch.finalizing_at
    assert batch.completed_at
    assert batch.usage is not None
    assert batch.usage.output_tokens == 25
    assert batch.usage.total_tokens == batch.usage.input_tokens + 25
    file = client.files.retrieve(batch.output_file_id or "")
    assert file.purpose == "batch_output"
    assert file.expires_at == pytest.approx(file.created_at + 3600, abs=1)
    assert batch.id in [each.id for each in client.batches.list()]
    with pytest.raises(openai.ConflictError):
        client.batches.cancel(batch.id)


def test_chats(client: openai.OpenAI) -> None:
    url = "/v1/chat/completions"
    messages = [{"role": "user", "content": "Hi"}]
    ask = {"custom_id": "a", "method": "POST", "url": url}
    batch = over(
        client, made(client, ask | {"body": {"model": "fake:1b", "messages": messages}}, url=url)
    )
    assert batch.model == "fake:1b"
    answer = read(client, batch.output_file_id)["a"]["response"]["body"]
    assert answer["choices"][0]["message"]["content"] == "Hello there"
    assert batch.error_file_id is None


@pytest.mark.parametrize(
    ("records", "errors"),
    [
        ([line("a"), line("b", url="/v1/embeddings")], [(2, "mismatched_url", "url")]),
        ([line("a"), line("a"), line("a")],
         [(2, "duplicate_custom_id", "custom_id"), (3, "duplicate_custom_id", "custom_id")]),
        ([line("a") | {"method": "GET"}], [(1, "invalid_request", "method")]),
        ([line("a", stream=True)], [(1, "unsupported_parameter", "body.stream")]),
        ([{"custom_id": "a"}], [(1, "invalid_request", "method")]),
        ([line("")], [(1, "invalid_request", "custom_id")]),
        ([line("x" * 600)], [(1, "invalid_request", "custom_id")]),
        ([line("a") | {"body": []}], [(1, "invalid_request", "body")]),
        ([line("a") | {"priority": 1}], [(1, "unknown_parameter", "priority")]),
        ([line("a"), line("b") | {"custom_id": 7}], [(2, "invalid_request", "custom_id")]),
    ],
)  # fmt: skip
def test_one_wrong_line_fails_them_all_by_its_number(
    client: openai.OpenAI, model: FakeModel, records: list[object], errors: list[object]
) -> None:
    batch = over(client, made(client, *records))
    assert batch.status == "failed"
    assert batch.failed_at
    assert batch.errors is not None
    assert batch.errors.data is not None
    assert [(each.line, each.code, each.param) for each in batch.errors.data] == errors
    assert all(each.message for each in batch.errors.data)
    assert model.submitted == []


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(jsonl(*(line(f"n{i}") for i in range(5))))
    monkeypatch.setattr(lines, "MAX_LINES", 4)
    assert lines.check(path, URL).errors[0]["code"] == "too_many_lines"
    monkeypatch.setattr(lines, "MAX_FILE", 100)
    assert lines.check(path, URL).errors[0]["code"] == "file_too_large"
    path.write_bytes(jsonl(*([{}] * 200)))
    monkeypatch.undo()
    assert len(lines.check(path, URL).errors) == 100


@given(st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=6), st.binary(max_size=8))
def test_a_file_is_right_or_its_lines_are_named(ids: list[str], junk: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.jsonl"
        path.write_bytes(jsonl(*(line(each) for each in ids)) + junk)
        found = lines.check(path, URL)
        if not found.errors:
            assert [each.custom_id for each in lines.requests_of(path)] == ids
            assert len(set(ids)) == len(ids) == found.total
        else:
            last = (path.read_bytes().count(b"\n")) + 1
            assert all(each["line"] is None or 1 <= each["line"] <= last for each in found.errors)  # type: ignore[operator]


def test_cancelled_while_it_runs(client: openai.OpenAI, model: FakeModel) -> None:
    model.holds("He")
    batch = made(client, *(line(f"n{i}") for i in range(50)))
    assert wait_until(lambda: len(model.submitted) > 0)
    cancelling = client.batches.cancel(batch.id)
    assert cancelling.status in ("cancelling", "cancelled")
    batch = over(client, batch)
    assert (batch.status, batch.output_file_id) == ("cancelled", None)
    assert batch.cancelling_at
    assert batch.cancelled_at
    assert len(model.submitted) <= 8
    assert wait_until(lambda: all(each.cancelled.is_set() for each in model.submitted))


def test_what_was_done_before_it_was_cancelled_is_kept(
    client: openai.OpenAI, model: FakeModel
) -> None:
    model.holds("He")
    batch = made(client, *(line(f"n{i}", max_tokens=2 if i < 3 else 5) for i in range(9)))
    assert wait_until(
        lambda: (client.batches.retrieve(batch.id).request_counts or batch).completed == 3  # type: ignore[union-attr]
    )
    client.batches.cancel(batch.id)
    batch = over(client, batch)
    assert set(read(client, batch.output_file_id)) == {"n0", "n1", "n2"}


def test_out_of_time(
    client: openai.OpenAI, model: FakeModel, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch whose window is over as it begins: every line says so, none is run."""
    file_id = uploaded(client, line("a"), line("b"))
    monkeypatch.setattr(rows, "WINDOW", -1)
    made = rows.add(
        store.objects, Caller(), endpoint=URL, input_file_id=file_id, metadata=None,
        output_life=None,
    )  # fmt: skip
    batch = over(client, client.batches.retrieve(made.id))
    assert batch.status == "expired"
    assert batch.expired_at
    bad = read(client, batch.error_file_id)
    assert {each["error"]["code"] for each in bad.values()} <= {"batch_expired"}
    done = set(bad) | (set(read(client, batch.output_file_id)) if batch.output_file_id else set())
    assert done == {"a", "b"}


def test_an_input_that_is_gone(client: openai.OpenAI, store: Store) -> None:
    made = rows.add(
        store.objects, Caller(), endpoint=URL, input_file_id="file-gone", metadata=None,
        output_life=None,
    )  # fmt: skip
    batch = over(client, client.batches.retrieve(made.id))
    assert batch.status == "failed"
    assert batch.errors is not None
    assert batch.errors.data is not None
    assert batch.errors.data[0].code == "file_not_found"


@pytest.mark.parametrize(
    ("change", "status", "param"),
    [
        ({"input_file_id": None}, 400, "input_file_id"),
        ({"input_file_id": "file-none"}, 404, None),
        ({"input_file_id": "../../x"}, 404, None),
        ({"input_file_id": "x" * 10_000}, 400, "input_file_id"),
        ({"endpoint": "/v1/images/generations"}, 400, "endpoint"),
        ({"endpoint": "/v1/batches"}, 400, "endpoint"),
        ({"completion_window": "1h"}, 400, "completion_window"),
        ({"metadata": {"a": 1}}, 400, "metadata.a"),
        ({"metadata": {str(i): "x" for i in range(17)}}, 400, "metadata"),
        ({"metadata": {"a": "x" * 513}}, 400, "metadata.a"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 1}}, 400,
         "output_expires_after.seconds"),
        ({"colour": "red"}, 400, "colour"),
    ],
)  # fmt: skip
def test_batches_that_are_refused(
    client: openai.OpenAI, http: httpx.Client, change: dict[str, object], status: int, param: str
) -> None:
    file_id = client.files.create(file=("a", jsonl(line("a"))), purpose="batch").id
    ask = {"input_file_id": file_id, "endpoint": URL, "completion_window": "24h"}
    assert refused(http.post("/v1/batches", json=ask | change), status)["param"] == param


def test_a_file_for_something_else(client: openai.OpenAI) -> None:
    file_id = client.files.create(file=("a", jsonl(line("a"))), purpose="evals").id
    with pytest.raises(openai.BadRequestError, match="purpose 'evals'"):
        client.batches.create(
            input_file_id=file_id, endpoint="/v1/completions", completion_window="24h"
        )


def test_another_owners_batch_is_as_unknown_as_none(http: httpx.Client, store: Store) -> None:
    theirs = rows.add(
        store.objects, Caller(owner="b"), endpoint=URL, input_file_id="x", metadata=None,
        output_life=None,
    ).id  # fmt: skip
    for method, path in (("GET", ""), ("POST", "/cancel")):
        said = []
        for batch_id in (theirs, theirs[:-1] + "!"):
            answer = http.request(method, f"/v1/batches/{batch_id}{path}")
            refused(answer, 404)
            said.append(answer.text.replace(batch_id, ""))
        assert said[0] == said[1]
    assert theirs not in http.get("/v1/batches").text


# The journal


def test_a_journal_goes_on_after_half_a_line(tmp_path: Path) -> None:
    first = Journal(tmp_path / "b")
    first.answered("a", 200, "req_1", {"usage": {"prompt_tokens": 2, "completion_tokens": 3}})
    first.answered("b", 400, "req_2", {"error": {}})
    first.close()
    whole = (tmp_path / "b" / OUTPUT).read_bytes()
    with (tmp_path / "b" / OUTPUT).open("ab") as file:
        file.write(whole[: len(whole) // 2])
    again = Journal(tmp_path / "b")
    assert again.done == {"a", "b"}
    assert (again.completed, again.failed) == (1, 1)
    assert again.usage.shown() == first.usage.shown()
    assert again.usage.shown()["total_tokens"] == 5
    again.not_run("c", "batch_expired", "Too late.")
    again.close()
    assert (tmp_path / "b" / OUTPUT).read_bytes() == whole
    assert (tmp_path / "b" / ERRORS).read_bytes().count(b"\n") == 2


@given(st.integers(0, 2000))
@settings(max_examples=30)
def test_a_journal_cut_anywhere_holds_its_whole_lines(cut: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first = Journal(Path(folder))
        for i in range(5):
            first.answered(f"n{i}", 200, "req", {"text": "ä" * i})
        first.close()
        path = Path(folder) / OUTPUT
        raw = path.read_bytes()
        path.write_bytes(raw[:cut])
        again = Journal(Path(folder))
        again.close()
        assert len(again.done) == raw[:cut].count(b"\n")
        assert path.read_bytes() == raw[: raw[:cut].rfind(b"\n") + 1]


def test_a_full_disk_does_not_count_and_leaves_no_half_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    journal = Journal(tmp_path / "b")
    journal.answered("a", 200, "req", {})

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("fireside.server.batches.journal.os.fsync", full)
        with pytest.raises(Unavailable, match="No disk space"):
            journal.answered("b", 200, "req", {})
    assert journal.done == {"a"}
    journal.answered("c", 200, "req", {})
    journal.close()
    again = Journal(tmp_path / "b")
    again.close()
    assert again.done == {"a", "c"}


def test_lines_stand_back_while_somebody_asks() -> None:
    async def check() -> None:
        foreground = Foreground()
        slots = Slots(foreground, 3)
        for _ in range(3):
            await slots.take()
        fourth = asyncio.ensure_future(slots.take())
        await asyncio.sleep(0)
        assert not fourth.done()
        foreground.running = 1
        slots.give_back()
        slots.give_back()
        await asyncio.sleep(0)
        assert not fourth.done()  # one runs: that is all that may, beside a chat
        foreground.running = 0
        slots.give_back()
        await fourth

    asyncio.run(check())


# kill -9


def serving(home: Path) -> tuple[subprocess.Popen[str], openai.OpenAI]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.server.batch_server", str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert address, "the server did not start"
    return process, openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)


def ended(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        pipe.close()


def test_kill_9_goes_on_and_runs_no_finished_line_twice(tmp_path: Path) -> None:
    quick, held = [f"quick-{i}" for i in range(5)], [f"held-{i}" for i in range(6)]
    process, client = serving(tmp_path)
    try:
        batch = made(client, *map(line, [*quick, *held]))
        journal = tmp_path / "batches" / batch.id / OUTPUT
        assert wait_until(lambda: journal.exists() and journal.read_bytes().count(b"\n") == 5)
        assert wait_until(lambda: len((tmp_path / "asked").read_text().split()) > 5)
    finally:
        ended(process)
        client.close()
    asked = (tmp_path / "asked").read_text().split()
    assert set(quick) <= set(asked)
    (tmp_path / "asked").unlink()
    (tmp_path / "go").touch()
    process, client = serving(tmp_path)
    try:
        batch = over(client, batch)
        assert batch.status == "completed"
        assert sorted((tmp_path / "asked").read_text().split()) == sorted(held)
        assert set(read(client, batch.output_file_id)) == {*quick, *held}
        assert batch.request_counts is not None
        assert batch.request_counts.to_dict() == {"total": 11, "completed": 11, "failed": 0}
        assert not journal.exists()
    finally:
        ended(process)
        client.close()


@contextmanager
def in_process(home: Path) -> Iterator[openai.OpenAI]:
    settings = Settings(model="fake:1b", home=home)
    with (
        Store.open(home / "fireside.db") as store,
        running(create_app(FakeModels(FakeModel()), store, settings)) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client,
    ):
        yield client


def test_killed_while_it_ended(tmp_path: Path) -> None:
    """The output is a file already, the row does not say so yet: there is one file, not two."""
    with in_process(tmp_path) as client:
        batch = over(client, made(client, line("a")))
        before = [file.id for file in client.files.list()]

    def back(row: Any) -> Any:
        body = {k: v for k, v in row.body.items() if k != "output_file_id"}
        return replace(row, status="finalizing", body=body)

    with Store.open(tmp_path / "fireside.db") as store:
        store.objects.change("batch", batch.id, back, owner=None)
    journal = Journal(tmp_path / "batches" / batch.id)
    journal.answered("a", 200, "req", {})
    journal.close()
    with in_process(tmp_path) as client:
        again = over(client, batch)
        assert (again.status, again.output_file_id) == ("completed", batch.output_file_id)
        assert [file.id for file in client.files.list()] == before
