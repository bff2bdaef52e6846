"""`schemathesis` on our own `/openapi.json`: no crash, and no answer that it does not describe.

The model is a fake one and the examples are few and the same in every run: it looks at each
operation's front door, which takes whatever the schema allows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from server.fakes import FakeModel, FakeModels
from server.serving import running

from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store

schemathesis = pytest.importorskip("schemathesis")
EXAMPLES = 15
GROUPS = (
    "batches", "chat", "completions", "conversations", "embeddings", "engines", "evals", "files",
    "fine_tuning", "fireside", "models", "moderations", "organization", "responses", "uploads",
    "vector_stores",
)  # fmt: skip


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("open")
    chosen = Settings(model="fake:1b", embedding_model="fake-embedding", home=home)
    with (
        Store.open(home / "fireside.db") as store,
        running(create_app(FakeModels(FakeModel()), store, chosen)) as url,
    ):
        yield url


@pytest.fixture(scope="module")
def schema(address: str) -> Any:
    return schemathesis.openapi.from_dict(httpx.get(f"{address}/openapi.json", timeout=600).json())


def operations(schema: Any, group: str) -> list[Any]:
    found = [result.ok() for result in schema.get_all_operations()]
    return [each for each in found if each.path.split("/")[2:3] == [group]]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("group", GROUPS)
def test_no_crash_and_no_surprise(schema: Any, address: str, group: str) -> None:
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
    )

    checks = [not_a_server_error, content_type_conformance, response_schema_conformance]
    problems = []
    for operation in operations(schema, group):

        @seed(1)
        @settings(
            max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def tried(case: Any) -> None:
            case.call_and_validate(base_url=address, checks=checks, timeout=300)

        try:
            tried()
        except Exception as failure:
            problems.append(f"{operation.label}\n{failure}")
    assert not problems, "\n\n".join(problems)


def test_nothing_is_left_out(schema: Any) -> None:
    known = {result.ok().label for result in schema.get_all_operations()}
    covered = {each.label for group in GROUPS for each in operations(schema, group)}
    rest = {label for label in known - covered if " /v1/" in label}
    assert rest == set()
