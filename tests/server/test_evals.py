"""`/v1/evals` with OpenAI's client: items answered and graded once, whatever happens between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from fireside.server.batches.slots import Slots
from fireside.server.caller import Caller
from fireside.server.evals import rows
from fireside.server.evals.running import EvalRunner, kept_caller
from fireside.server.evals.wire import EvalRequest, names_of
from fireside.server.foreground import Foreground
from fireside.server.inside import Answer
from fireside.storage import Store
from fireside.storage.files import Files

from .fakes import FakeModel
from .serving import wait_until
from .test_bad_input import refused

STRING: dict[str, Any] = {
    "type": "string_check", "name": "right", "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}", "operation": "eq",
}  # fmt: skip
LIKE: dict[str, Any] = {
    "type": "text_similarity", "name": "near", "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}", "evaluation_metric": "fuzzy_match", "pass_threshold": 0.5,
}  # fmt: skip
JUDGE: dict[str, Any] = {
    "type": "score_model", "name": "judge", "model": "fake:1b",
    "input": [{"role": "user", "content": "{{sample.output_text}}"}],
}  # fmt: skip
CONFIG: dict[str, Any] = {
    "type": "custom",
    "item_schema": {
        "type": "object",
        "properties": {"question": {"type": "string"}, "answer": {"type": "string"}},
        "required": ["question", "answer"],
    },
    "include_sample_schema": True,
}
ASK: dict[str, Any] = {
    "type": "template",
    "template": [{"role": "user", "content": "{{item.question}} in one word"}],
}


def content(*answers: str) -> list[dict[str, Any]]:
    return [{"item": {"question": f"q{i}", "answer": a}} for i, a in enumerate(answers)]


def over(client: openai.OpenAI, eval_id: str, run_id: str) -> Any:
    def look() -> Any:
        return client.evals.runs.retrieve(run_id, eval_id=eval_id)

    assert wait_until(lambda: look().status in rows.OVER)
    return look()


def made(client: openai.OpenAI, *criteria: dict[str, Any]) -> Any:
    return client.evals.create(
        name="capitals",
        data_source_config=CONFIG,
        testing_criteria=list(criteria),  # type: ignore[arg-type]
    )


def completions(*answers: str, **more: Any) -> Any:
    return {
        "type": "completions", "model": "fake:1b", "input_messages": ASK,
        "source": {"type": "file_content", "content": content(*answers)}, **more,
    }  # fmt: skip


def test_evals_are_made_listed_changed_and_deleted(client: openai.OpenAI) -> None:
    one, two = made(client, STRING), made(client, STRING, LIKE)
    assert one.object == "eval"
    assert one.data_source_config.schema_["required"] == ["item", "sample"]
    assert [c.name for c in two.testing_criteria] == ["right", "near"]
    assert {one.id, two.id} <= {each.id for each in client.evals.list(limit=1)}
    changed = client.evals.update(one.id, name="towns", metadata={"a": "b"})
    assert (changed.name, changed.metadata) == ("towns", {"a": "b"})
    assert client.evals.retrieve(one.id).name == "towns"
    assert client.evals.delete(one.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.evals.retrieve(one.id)


def test_a_run_of_completions(client: openai.OpenAI, model: FakeModel) -> None:
    model.answer = "Paris"
    parent = made(client, STRING, LIKE)
    source = completions(
        "Paris", "Pari", "Ulan Bator", sampling_params={"temperature": 0, "seed": 3}
    )
    run = client.evals.runs.create(parent.id, name="first", data_source=source)
    assert run.status == "queued"
    done = over(client, parent.id, run.id)
    assert done.status == "completed"
    counts = done.result_counts
    assert (counts.total, counts.passed, counts.failed, counts.errored) == (3, 1, 2, 0)
    by_name = {each.testing_criteria: each for each in done.per_testing_criteria_results}
    assert (by_name["right"].passed, by_name["near"].passed) == (1, 2)
    [used] = done.per_model_usage
    assert used.run_model_name == "fake:1b"
    assert used.invocation_count == 3
    assert used.total_tokens == used.prompt_tokens + used.completion_tokens
    items = list(client.evals.runs.output_items.list(run.id, eval_id=parent.id, limit=2))
    assert sorted(item.datasource_item_id for item in items) == [0, 1, 2]
    first = next(item for item in items if item.datasource_item_id == 0)
    assert first.status == "pass"
    assert first.sample.input[0].content == "q0 in one word"
    assert first.sample.output[0].content == "Paris"
    assert first.sample.seed == 3
    assert [(r.name, r.passed, r.score) for r in first.results] == [
        ("right", True, 1), ("near", True, 1),
    ]  # fmt: skip
    again = client.evals.runs.output_items.retrieve(first.id, eval_id=parent.id, run_id=run.id)
    assert again.id == first.id
    passed = client.evals.runs.output_items.list(run.id, eval_id=parent.id, status="pass")
    assert [item.id for item in passed] == [first.id]
    assert [r.id for r in client.evals.runs.list(parent.id, status="completed")] == [run.id]
    assert client.evals.runs.delete(run.id, eval_id=parent.id).deleted
    assert list(client.evals.runs.list(parent.id)) == []


def test_samples_that_the_rows_bring(client: openai.OpenAI) -> None:
    lines = [{"item": {"question": "q", "answer": a}, "sample": {"output_text": "Rome"}} for a in
             ("Rome", "Oslo")]  # fmt: skip
    data = "\n".join(json.dumps(line) for line in lines).encode()
    file = client.files.create(file=("items.jsonl", data), purpose="evals")
    parent = made(client, STRING)
    for source in ({"type": "file_id", "id": file.id}, {"type": "file_content", "content": lines}):
        run = client.evals.runs.create(
            parent.id,
            data_source={"type": "jsonl", "source": source},  # type: ignore[arg-type,typeddict-item]
        )
        done = over(client, parent.id, run.id)
        assert (done.result_counts.passed, done.result_counts.failed) == (1, 1)
        assert done.per_model_usage == []


def test_stored_completions_are_graded_and_asked_again(
    client: openai.OpenAI, model: FakeModel
) -> None:
    for answer in ("Paris", "Rome"):
        model.answer = answer
        client.chat.completions.create(
            model="fake:1b", store=True, metadata={"eval": "towns"},
            messages=[{"role": "user", "content": "Which town?"}],
        )  # fmt: skip
    check = STRING | {"reference": "Paris"}
    parent = client.evals.create(
        data_source_config={"type": "stored_completions", "metadata": {"eval": "towns"}},
        testing_criteria=[check],  # type: ignore[list-item]
    )
    source: Any = {"type": "stored_completions", "metadata": {"eval": "towns"}}
    given: Any = {"type": "completions", "source": source}
    done = over(client, parent.id, client.evals.runs.create(parent.id, data_source=given).id)
    assert (done.result_counts.passed, done.result_counts.failed) == (1, 1)
    model.answer = "Paris"
    again = given | {
        "model": "fake:1b", "source": source | {"limit": 1},
        "input_messages": {"type": "item_reference", "item_reference": "item.input"},
    }  # fmt: skip
    run = client.evals.runs.create(parent.id, data_source=again)
    assert over(client, parent.id, run.id).result_counts.passed == 1
    assert "Which town?" in bytes(model.last.prompt).decode()


def test_a_run_of_responses_judged_by_a_model(client: openai.OpenAI, model: FakeModel) -> None:
    model.answer = '{"result": 0.75}'
    parent = made(client, JUDGE)
    source = completions("x") | {"type": "responses"}
    run = client.evals.runs.create(parent.id, data_source=source)
    done = over(client, parent.id, run.id)
    assert (done.status, done.result_counts.passed) == ("completed", 1)
    assert done.per_model_usage[0].invocation_count == 2  # asked, and judged


def test_what_cannot_be_answered_or_graded_is_an_error(client: openai.OpenAI) -> None:
    parent = made(client, STRING, JUDGE)
    ask = {"type": "template", "template": [{"role": "user", "content": "{{item.absent}}"}]}
    for source in (
        completions("a", model="nobody:1b"),
        completions("a", input_messages=ask),
        completions("a", sampling_params={"temperature": 99.0}),
        completions("Hello there"),  # the judge says no JSON
    ):
        run = client.evals.runs.create(parent.id, data_source=source)
        done = over(client, parent.id, run.id)
        assert done.status == "completed"
        assert (done.result_counts.errored, done.result_counts.total) == (1, 1)
        [item] = client.evals.runs.output_items.list(run.id, eval_id=parent.id, status="fail")
        assert item.sample.error.message


def test_a_broken_line_fails_the_run_and_cancel_ends_it(
    client: openai.OpenAI, model: FakeModel
) -> None:
    parent = made(client, STRING)
    good = json.dumps({"item": {"question": "q", "answer": "a"}, "sample": {"output_text": "a"}})
    file = client.files.create(file=("i.jsonl", f"{good}\n{{".encode()), purpose="evals")
    source: Any = {"type": "jsonl", "source": {"type": "file_id", "id": file.id}}
    done = over(client, parent.id, client.evals.runs.create(parent.id, data_source=source).id)
    assert done.status == "failed"
    assert "Line 2" in done.error.message
    model.holds("Wait")
    run = client.evals.runs.create(parent.id, data_source=completions("a"))
    assert wait_until(lambda: bool(model.submitted))
    assert client.evals.runs.cancel(run.id, eval_id=parent.id).status == "canceled"
    assert wait_until(lambda: model.last.cancelled.is_set())
    with pytest.raises(openai.BadRequestError, match="is canceled already"):
        client.evals.runs.cancel(run.id, eval_id=parent.id)


class Answering:
    """`Inside` that holds its answers back from the third on, and counts."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may_go_on = asyncio.Event()

    async def post(self, path: str, body: Mapping[str, Any], caller: Caller) -> Answer:
        self.asked.append(body["messages"][0]["content"])
        if len(self.asked) > 2:
            await self.may_go_on.wait()
        choice = {"message": {"content": "a"}, "finish_reason": "stop"}
        return Answer(
            status=200, request_id="", body={"model": "m", "choices": [choice], "usage": {}}
        )


def test_a_restart_asks_for_no_item_twice(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        asked = EvalRequest.model_validate(
            {"data_source_config": CONFIG, "testing_criteria": [STRING]}
        )
        parent = store.objects.add(rows.EVAL, "eval", rows.body_of(asked), owner="o")
        body = {
            "name": "", "metadata": None, "data_source": completions(*"aaaaa"),
            "caller": kept_caller(Caller(owner="o")), **rows.fresh_counts([STRING]),
        }  # fmt: skip
        run = store.objects.add(
            rows.RUN, "evalrun", body, owner="o", parent_id=parent.id, status="queued"
        )
        files = Files(tmp_path / "files", store.objects)

        async def serve(inside: Answering, until: Any) -> None:
            runner = EvalRunner(store.objects, files, inside, Slots(Foreground(), 1))  # type: ignore[arg-type]
            await runner.start()
            while not until():
                await asyncio.sleep(0.01)
            await runner.stop()

        def items() -> int:
            return store.objects.count(rows.ITEM, owner="o", parent_id=run.id)

        def status() -> str | None:
            return store.objects.get(rows.RUN, run.id, owner="o").status

        first = Answering()
        asyncio.run(serve(first, lambda: items() == 2 and len(first.asked) == 3))
        assert status() == "in_progress"
        second = Answering()
        second.may_go_on.set()
        asyncio.run(serve(second, lambda: status() == "completed"))
        assert [text.split()[0] for text in first.asked[:2] + second.asked] == [
            "q0", "q1", "q2", "q3", "q4",
        ]  # fmt: skip
        done = store.objects.get(rows.RUN, run.id, owner="o").body
        assert done["result_counts"] == {"total": 5, "passed": 5, "failed": 0, "errored": 0}
        assert items() == 5


EVAL: dict[str, Any] = {"data_source_config": CONFIG, "testing_criteria": [STRING]}


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"testing_criteria": []}, "testing_criteria"),
        ({"testing_criteria": None}, "testing_criteria"),
        ({"testing_criteria": [{"type": "magic"}]}, "testing_criteria[0]"),
        (
            {"testing_criteria": [{"type": "python", "name": "p", "source": "1"}]},
            "testing_criteria[0]",
        ),
        (
            {"testing_criteria": [{k: v for k, v in LIKE.items() if k != "pass_threshold"}]},
            "testing_criteria[0].pass_threshold",
        ),
        ({"data_source_config": {"type": "magic"}}, "data_source_config"),
        ({"data_source_config": {"type": "custom"}}, "data_source_config.item_schema"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"name": "x" * 10_000}, "name"),
        ({"wings": 1}, "wings"),
    ],
)
def test_bad_evals(http: httpx.Client, change: dict[str, Any], param: str) -> None:
    assert refused(http.post("/v1/evals", json=EVAL | change))["param"] == param


@pytest.mark.parametrize(
    ("source", "param"),
    [
        ({"type": "magic"}, "data_source"),
        (completions("a", source={"type": "responses"}), "data_source.source"),
        (completions("a", source={"type": "stored_completions", "limit": 0}), "limit"),
        (completions("a", sampling_params={"tools": [{"type": "magic"}]}), "tools"),
        (completions("a", source={"type": "file_content", "content": []}), "content"),
        (completions("a", input_messages=None), "data_source"),
        (completions("a", model=None), "data_source"),
        (completions("a", wings=1), "data_source.wings"),
        (completions("a", sampling_params={"text": {"format": {"type": "text"}}}), "data_source"),
        (completions("a", input_messages={"type": "item_reference"}), "item"),
        ({"type": "jsonl", "source": {"type": "file_content", "content": [{"item": {}}]}}, None),
        (
            {"type": "jsonl", "source": {"type": "file_content", "content": [
                {"item": {"question": 5, "answer": "a"}}]}}, None,
        ),
    ],
)  # fmt: skip
def test_bad_runs(http: httpx.Client, source: dict[str, Any], param: str | None) -> None:
    eval_id = http.post("/v1/evals", json=EVAL).json()["id"]
    error = refused(http.post(f"/v1/evals/{eval_id}/runs", json={"data_source": source}))
    assert param is None or param in (error["param"] or ""), error


def test_what_is_not_there_is_404(http: httpx.Client) -> None:
    eval_id = http.post("/v1/evals", json=EVAL).json()["id"]
    for name in ("eval_x", "..%2F..%2Fetc", "a%00b", "x" * 10_000):
        for method, url in [
            ("GET", f"/v1/evals/{name}"),
            ("DELETE", f"/v1/evals/{name}"),
            ("GET", f"/v1/evals/{name}/runs"),
            ("GET", f"/v1/evals/{eval_id}/runs/{name}"),
            ("POST", f"/v1/evals/{eval_id}/runs/{name}"),
            ("DELETE", f"/v1/evals/{eval_id}/runs/{name}"),
            ("GET", f"/v1/evals/{eval_id}/runs/{name}/output_items"),
            ("GET", f"/v1/evals/{eval_id}/runs/{name}/output_items/{name}"),
        ]:
            refused(http.request(method, url), 404)
    gone = {"data_source": {"type": "jsonl", "source": {"type": "file_id", "id": "file-x"}}}
    refused(http.post(f"/v1/evals/{eval_id}/runs", json=gone), 404)
    for content in (b"", b"[]", b"{", b"\xff", b'{"name": NaN}', b"[" * 60_000):
        for url in ("/v1/evals", f"/v1/evals/{eval_id}/runs"):
            refused(http.post(url, content=content, headers={"content-type": "application/json"}))
    refused(http.get("/v1/evals?order_by=updated_at"))
    refused(http.get("/v1/evals?limit=0"))


def test_criteria_of_one_name_are_told_apart() -> None:
    assert names_of([{"name": n} for n in "aba"]) == ["a", "b", "a (2)"]


def test_a_run_is_what_our_schema_says(
    client: openai.OpenAI, http: httpx.Client, model: FakeModel
) -> None:
    """As it waits, and when it is over: `error` is null of both, as OpenAI sends it."""
    schema = http.get("/openapi.json").json()
    model.answer = "Paris"
    parent = made(client, STRING)
    base = f"/v1/evals/{parent.id}/runs"
    started = http.post(base, json={"name": "x", "data_source": completions("Paris")})
    run_id = started.json()["id"]
    over(client, parent.id, run_id)
    paths = {
        "/v1/evals/{eval_id}/runs": base,
        "/v1/evals/{eval_id}/runs/{run_id}": f"{base}/{run_id}",
        "/v1/evals/{eval_id}/runs/{run_id}/output_items": f"{base}/{run_id}/output_items",
    }
    conforms(schema, "/v1/evals/{eval_id}/runs", "post", started.json())
    for path, url in paths.items():
        conforms(schema, path, "get", http.get(url).json())


def conforms(schema: dict[str, Any], path: str, method: str, answer: object) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    found = schema["paths"][path][method]["responses"]
    described = next(each for status, each in found.items() if status.startswith("2"))
    described = described["content"]["application/json"]["schema"]
    jsonschema.validate(answer, {**described, "components": schema["components"]})
