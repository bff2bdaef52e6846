"""`/v1/fine_tuning/jobs` on the wire: the SDK's calls, and whatever a client may get wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from fastapi import Request

from fireside.server.app import create_app
from fireside.server.caller import Caller
from fireside.server.tuning.foreman import Foreman
from fireside.server.tuning.plan import epochs, settled
from fireside.settings import Settings
from fireside.storage import Store

from .fakes import FakeModel, FakeModels
from .serving import running
from .test_bad_input import refused
from .tuning_base import NAME, install, lines

JOBS = "/v1/fine_tuning/jobs"
HYPER = "method.supervised.hyperparameters"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server whose foreman never begins: what is asked for stays as it was asked."""
    home = tmp_path_factory.mktemp("home")
    install(home / "models", tmp_path_factory.mktemp("base"))
    settings = Settings(home=home, model="fake:1b")
    patch = pytest.MonkeyPatch()
    patch.setattr(Foreman, "round", lambda self: False)
    with Store.open(home / "fireside.db") as store:
        app = create_app(FakeModels(FakeModel()), store, settings)

        @app.middleware("http")
        async def owned(request: Request, call: Any) -> Any:
            if "x-owner" in request.headers:
                request.state.caller = Caller(owner=request.headers["x-owner"])
            return await call(request)

        with running(app) as url:
            yield url
    patch.undo()


@pytest.fixture
def tuning(house: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{house}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
def raw(house: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=house, timeout=300) as client:
        yield client


@pytest.fixture
def file_id(tuning: openai.OpenAI) -> str:
    return tuning.files.create(file=("a.jsonl", lines(10)), purpose="fine-tune").id


def test_a_job_is_made_listed_paused_resumed_and_cancelled(
    tuning: openai.OpenAI, file_id: str
) -> None:
    made = tuning.fine_tuning.jobs.create(
        model=NAME, training_file=file_id, suffix="mine", seed=7, metadata={"team": "a"},
        method={"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.2, "n_epochs": 2}}},
    )  # fmt: skip
    assert made.status == "validating_files"
    assert made.object == "fine_tuning.job"
    assert made.seed == 7
    assert made.method is not None
    assert made.method.dpo is not None
    assert made.method.dpo.hyperparameters is not None
    assert made.method.dpo.hyperparameters.beta == 0.2
    assert tuning.fine_tuning.jobs.retrieve(made.id) == made
    other = tuning.fine_tuning.jobs.create(model=NAME, training_file=file_id)
    assert other.hyperparameters.n_epochs == "auto"
    assert [job.id for job in tuning.fine_tuning.jobs.list(limit=2)][:2] == [other.id, made.id]
    assert [job.id for job in tuning.fine_tuning.jobs.list(metadata={"team": "a"})] == [made.id]
    with pytest.raises(openai.BadRequestError, match="only one that is queued or running"):
        tuning.fine_tuning.jobs.pause(made.id)
    with pytest.raises(openai.BadRequestError, match="only a paused one"):
        tuning.fine_tuning.jobs.resume(made.id)
    assert tuning.fine_tuning.jobs.cancel(made.id).status == "cancelled"
    with pytest.raises(openai.BadRequestError, match="is cancelled already"):
        tuning.fine_tuning.jobs.cancel(made.id)
    events = tuning.fine_tuning.jobs.list_events(made.id)
    assert events.data[0].message == "The job was cancelled."
    assert events.data[-1].message == f"Created fine-tuning job: {made.id}"
    first = tuning.fine_tuning.jobs.list_events(made.id, limit=1)
    assert [*first][1:] == events.data[1:]  # page by page
    assert tuning.fine_tuning.jobs.checkpoints.list(made.id).data == []


STRING = {
    "type": "string_check", "name": "a", "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}", "operation": "eq",
}  # fmt: skip


def hyper(**values: object) -> dict[str, object]:
    return {"method": {"type": "supervised", "supervised": {"hyperparameters": values}}}


def rewarded(grader: object) -> dict[str, object]:
    return {"method": {"type": "reinforcement", "reinforcement": {"grader": grader}}}


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": None}, "model"),
        ({"model": 5}, "model"),
        ({"training_file": None}, "training_file"),
        ({"integrations": [{"type": "wandb", "wandb": {"project": "x"}}]}, "integrations"),
        ({"suffix": "a/b"}, "suffix"),
        ({"suffix": "a" * 65}, "suffix"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"metadata": {"a": 5}}, "metadata.a"),
        ({"wings": 2}, "wings"),
        (hyper(n_epochs=0), f"{HYPER}.n_epochs"),
        (hyper(n_epochs=1e308), f"{HYPER}.n_epochs"),
        (hyper(n_epochs="many"), f"{HYPER}.n_epochs"),
        (hyper(batch_size=True), f"{HYPER}.batch_size"),
        (hyper(beta=1), f"{HYPER}.beta"),
        (hyper(learning_rate_multiplier=0), f"{HYPER}.learning_rate_multiplier"),
        ({"method": {"type": "magic"}}, "method.type"),
        (
            {"method": {"type": "dpo", "supervised": {"hyperparameters": {"n_epochs": 1}}}},
            "method",
        ),
        ({"method": {"type": "reinforcement"}}, "method"),
        ({"method": {"type": "dpo"}, "hyperparameters": {"n_epochs": 1}}, "hyperparameters"),
        (rewarded({"type": "python", "name": "p", "source": "1"}), "method.reinforcement.grader"),
        (rewarded(STRING | {"input": "{{sampel.x}}"}), "method.reinforcement.grader.input"),
        (rewarded(STRING | {"operation": "near"}), "method.reinforcement.grader.operation"),
        (
            rewarded({
                "type": "score_model", "name": "s", "model": NAME,
                "input": [{"role": "user", "content": "Score."}],
            }),
            "method.reinforcement.grader",
        ),
    ],
)  # fmt: skip
def test_parameters(raw: httpx.Client, file_id: str, change: dict[str, object], param: str) -> None:
    error = refused(raw.post(JOBS, json={"model": NAME, "training_file": file_id} | change))
    if param in ("method", "hyperparameters"):  # of several together: where it is said
        assert error["param"] in (param, "model", None) or param in error["message"]
    else:
        assert error["param"] == param, error


def test_what_is_not_there_is_404_and_so_is_what_is_anothers(
    raw: httpx.Client, file_id: str
) -> None:
    job = raw.post(JOBS, json={"model": NAME, "training_file": file_id}).json()["id"]
    wrong = ["ftjob-unknown", "..%2F..%2Fetc", "a%00b", "x" * 10_000]
    for name, headers in [*((one, {}) for one in wrong), (job, {"x-owner": "another"})]:
        for method, url in [
            ("GET", f"{JOBS}/{name}"),
            ("GET", f"{JOBS}/{name}/events"),
            ("GET", f"{JOBS}/{name}/checkpoints"),
            ("POST", f"{JOBS}/{name}/cancel"),
            ("POST", f"{JOBS}/{name}/pause"),
            ("POST", f"{JOBS}/{name}/resume"),
        ]:
            refused(raw.request(method, url, headers=headers), 404)
    assert raw.get(JOBS, headers={"x-owner": "another"}).json()["data"] == []
    theirs = {"model": NAME, "training_file": file_id}
    mine = refused(raw.post(JOBS, json=theirs | {"training_file": "file-x"}), 404)
    not_mine = refused(raw.post(JOBS, json=theirs, headers={"x-owner": "another"}), 404)
    assert mine["message"].replace("file-x", "") == not_mine["message"].replace(file_id, "")
    for model in ("nobody:1b", "../models", "ft:smollm2:135m:personal::abc", "minilm:l6"):
        assert raw.post(JOBS, json=theirs | {"model": model}).status_code in (400, 404)


def test_files_of_another_purpose_and_bodies_that_are_none(raw: httpx.Client) -> None:
    given = {"file": ("a.jsonl", lines(10)), "purpose": (None, "batch")}
    file_id = raw.post("/v1/files", files=given).json()["id"]
    error = refused(raw.post(JOBS, json={"model": NAME, "training_file": file_id}))
    assert error["param"] == "training_file"
    assert "purpose fine-tune" in error["message"]
    for content in (b"", b"[]", b'{"model": ', b"\xff", b'{"seed": NaN}', b"[" * 60_000):
        refused(raw.post(JOBS, content=content, headers={"content-type": "application/json"}))
    refused(raw.post(JOBS, content=b"a=b", headers={"content-type": "text/plain"}), 415)
    refused(raw.get(f"{JOBS}?limit=0"))
    refused(raw.get(f"{JOBS}?after=ftjob-x"), 404)


def test_permissions_of_checkpoints_are_refused_by_name(raw: httpx.Client) -> None:
    url = "/v1/fine_tuning/checkpoints/ft:x/permissions"
    for method, place in (("GET", url), ("POST", url), ("DELETE", f"{url}/cp_1")):
        assert refused(raw.request(method, place))["param"] == "permissions"


def test_only_what_was_tuned_here_can_be_deleted(raw: httpx.Client) -> None:
    assert "fireside models rm" in refused(raw.delete("/v1/models/fake:1b"))["message"]
    refused(raw.delete("/v1/models/ft:smollm2:135m:personal::abc"), 404)


def test_auto_is_openais_rule() -> None:
    assert [epochs(n) for n in (10, 12, 33, 34, 100, 9000, 30_000)] == [10, 8, 3, 3, 3, 2, 1]
    auto = dict.fromkeys(("n_epochs", "batch_size", "learning_rate_multiplier"), "auto")
    assert settled(auto, "supervised", 500) == {
        "n_epochs": 3, "batch_size": 5, "learning_rate_multiplier": 1.0,
    }  # fmt: skip
    assert settled(auto | {"beta": "auto"}, "dpo", 12)["batch_size"] == 12


def test_without_its_packages_no_job_is_made(
    tuning: openai.OpenAI, file_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [job.id for job in tuning.fine_tuning.jobs.list(limit=1)]
    monkeypatch.setattr("fireside.training.packages.find_spec", lambda name: None)
    with pytest.raises(openai.InternalServerError, match="-m pip install ") as no:
        tuning.fine_tuning.jobs.create(model=NAME, training_file=file_id)
    assert (no.value.status_code, no.value.code) == (503, "packages_missing")
    assert [job.id for job in tuning.fine_tuning.jobs.list(limit=1)] == before
