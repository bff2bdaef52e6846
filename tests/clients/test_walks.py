"""Other people's clients, unmodified, against the real models: `walks/` has the checks.

Each client runs in a process of its own, which leaves this one's packages as they are.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from server.test_engines import old_python

from . import client_home
from .conftest import Served

__all__ = ["old_python"]  # a fixture
WALKS = Path(__file__).parent / "walks"
MARK = "check: "
PACKAGES = {
    "litellm": "clients",
    "agents": "clients",
    "pydantic_ai": "clients",
    "smolagents": "clients",
    "llm": "clients",
    "instructor": "clients_openai_2",
    "llama_index": "clients_openai_2",
}
"""Client to the fixture that installs it."""
OLD = "openai_2022"
Outcomes = dict[str, str | None]
RAN: dict[str, Outcomes] = {}


def names(client: str) -> list[str]:
    text = (WALKS / f"ask_{client}.py").read_text(encoding="utf-8")
    return re.findall(r'^@check\("(.+)"\)$', text, re.MULTILINE)


CHECKS = [(client, name) for client in [*PACKAGES, OLD] for name in names(client)]


@pytest.fixture(scope="module")
def clients() -> str:
    return str(client_home.packages("clients.txt"))


@pytest.fixture(scope="module")
def clients_openai_2() -> str:
    return str(client_home.packages("clients-openai-2.txt"))


@pytest.fixture(scope="module")
def outcomes(
    served: Served, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Outcomes:
    """What went wrong in each check of a client; pytest makes a fixture anew for each row of
    parameters, and a client runs but once."""
    client = request.param
    if client not in RAN:
        if client == OLD:
            python, path = str(request.getfixturevalue("old_python")), ""
        else:
            python, path = sys.executable, request.getfixturevalue(PACKAGES[client])
        RAN[client] = run(python, path, client, served, tmp_path_factory.mktemp(client))
    return RAN[client]


def run(python: str, path: str, client: str, served: Served, home: Path) -> Outcomes:
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(home), "NO_PROXY": "*", "PYTHONPATH": path,
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENAI_API_KEY": served.key, "OPENAI_BASE_URL": f"{served.url}/v1",
        "OPENAI_API_BASE": f"{served.url}/v1",  # as LlamaIndex and openai 0.28 call it
        # What these clients fetch and send by themselves: prices, traces.
        "LITELLM_LOCAL_MODEL_COST_MAP": "True", "OPENAI_AGENTS_DISABLE_TRACING": "1",
        "LLM_USER_PATH": str(home),
    }  # fmt: skip
    done = subprocess.run(
        [python, str(WALKS / f"ask_{client}.py")],
        cwd=home, env=environment, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    checked = [json.loads(line.removeprefix(MARK)) for line in lines]
    return {each["check"]: each["error"] for each in checked}


@pytest.mark.parametrize(("outcomes", "name"), CHECKS, indirect=["outcomes"])
def test_walk(outcomes: Outcomes, name: str) -> None:
    error = outcomes[name]
    assert error is None, error


def test_every_walk_is_listed() -> None:
    assert sorted(path.stem for path in WALKS.glob("ask_*.py")) == sorted(
        f"ask_{client}" for client in [*PACKAGES, OLD]
    )
