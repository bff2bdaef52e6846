"""Other people's clients, unmodified, against the real models: `walks/` has the checks.

Each client runs in a process of its own, which leaves this one's packages as they are.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from . import client_home
from .conftest import Served

WALKS = Path(__file__).parent / "walks"
MARK = "check: "
AT_ONCE = 3
NEWER, OLDER = "clients.txt", "clients-openai-2.txt"
PACKAGES = {
    "litellm": NEWER,
    "agents": NEWER,
    "pydantic_ai": NEWER,
    "smolagents": NEWER,
    "llm": NEWER,
    "instructor": OLDER,
    "llama_index": OLDER,
    "openai_2022": "clients-openai-0.txt",
}
"""Client to the list that has it."""
Outcomes = dict[str, str | None]


def names(client: str) -> list[str]:
    text = (WALKS / f"ask_{client}.py").read_text(encoding="utf-8")
    return re.findall(r'^@check\("(.+)"\)$', text, re.MULTILINE)


CHECKS = [(client, name) for client in PACKAGES for name in names(client)]


@pytest.fixture(scope="module")
def walks(
    served: Served, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Outcomes]]]:
    """What went wrong in each check of each client.  They start slowly, so some at once."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        yield {
            client: threads.submit(run, client, served, tmp_path_factory.mktemp(client))
            for client in PACKAGES
        }


def run(client: str, served: Served, home: Path) -> Outcomes:
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(home), "NO_PROXY": "*",
        "PYTHONPATH": str(client_home.packages(PACKAGES[client])),
        "OPENAI_API_KEY": served.key, "OPENAI_BASE_URL": f"{served.url}/v1",
        "OPENAI_API_BASE": f"{served.url}/v1",  # as LlamaIndex and openai 0.28 call it
        # What these clients fetch and send by themselves: prices, traces.
        "LITELLM_LOCAL_MODEL_COST_MAP": "True", "OPENAI_AGENTS_DISABLE_TRACING": "1",
        "LLM_USER_PATH": str(home),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, str(WALKS / f"ask_{client}.py")],
        cwd=home, env=environment, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    checked = [json.loads(line.removeprefix(MARK)) for line in lines]
    return {each["check"]: each["error"] for each in checked}


@pytest.mark.parametrize(("client", "name"), CHECKS)
def test_walk(walks: dict[str, Future[Outcomes]], client: str, name: str) -> None:
    error = walks[client].result()[name]
    assert error is None, error


def test_every_walk_is_listed() -> None:
    assert sorted(path.stem for path in WALKS.glob("ask_*.py")) == sorted(
        f"ask_{client}" for client in PACKAGES
    )
