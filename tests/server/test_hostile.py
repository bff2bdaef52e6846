"""A short form of `benchmarks/hostile.py`: hostile clients, and another project that notices
nothing of them."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store
from fireside.storage.audit import Actor

from .fakes import FakeModel, FakeModels
from .serving import serving, wait_until

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"
NAME = "smollm2:135m"


@pytest.fixture(scope="module")
def watching() -> Iterator[Any]:
    """The benchmark's own modules."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        from attacks import watching  # type: ignore[import-not-found]

        patch.setattr(watching, "SETTLE_S", 0.0)
        yield watching
        for name in [each for each in sys.modules if each.partition(".")[0] == "attacks"]:
            del sys.modules[name]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, str, list[str]]]:
    settings = Settings(
        model=NAME, home=tmp_path_factory.mktemp("hostile"), max_batch=4, max_queue=16,
        max_connections=128,
    )  # fmt: skip
    with Store.open(settings.database_path) as store:
        user = store.people.add_user("Ada", by=Actor())
        keys = []
        for name in ("bad", "good"):
            project = store.people.add_project(name, by=Actor())
            keys.append(store.keys.add("k", user_id=user.id, project_id=project.id, by=Actor())[1])
        app = create_app(FakeModels(FakeModel(name=NAME)), store, settings)
        with serving(app, settings) as server:
            yield app.state.admission, server.address, keys


ATTACKS = [
    "slow-bodies", "slow-headers", "idle", "half-tls", "dripped-chunks", "never-continued",
    "large-headers", "pipelined", "bursts", "noise", "socket-nonsense", "socket-frames", "prompts",
    "formats", "many", "forms", "replays", "nestings", "entities", "deleted-amid",
]  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_another_project_notices_nothing(
    places: tuple[Any, str, list[str]],
    watching: Any,
    attack: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    admission, url, (bad, good) = places
    target = watching.Target(url=url, key=bad, pid=os.getpid(), seconds=0.5, share=0.02)
    row = asyncio.run(watching.tried(attack, target, good, apart=False))
    assert not row.failures
    assert row.lost == 0, row.reasons
    assert row.answered > 0
    assert wait_until(lambda: admission.free == admission.places)
    assert wait_until(lambda: admission.bytes.free == admission.bytes.total)
    assert not [each for each in caplog.records if each.exc_info or each.exc_text]
    assert "Traceback" not in "".join(capfd.readouterr())


def test_every_row_of_the_issue_is_attacked(watching: Any) -> None:
    assert {kind for kind, _ in watching.ATTACKS.values()} == set(range(8))
