"""What the documents say is true: blocks marked `run` are run, links lead somewhere.

The blocks meet a real server with the real default model, on a free port that stands in for 8080.
What a comment says after `# says:` is in the output.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
PAGES = [*sorted(REPOSITORY.glob("*.md")), *sorted(REPOSITORY.glob("docs/*.md"))]
BLOCK = re.compile(r"^```(python|sh) run\n(.*?)^```$", re.M | re.S)
SAYS = re.compile(r"# says: (.+)$", re.M)  # an answer that the embedded model gives every time
LINK = re.compile(r"\]\((?!https?://)([^)#]+)(?:#[^)]*)?\)")

BLOCKS = [
    pytest.param(language, text, id=f"{page.relative_to(REPOSITORY)}-{number}")
    for page in PAGES
    for number, (language, text) in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")), 1)
]


@pytest.fixture(scope="module")
def environment(
    smollm2_path: Path, models_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """A home of its own, with the models of the real one, and this checkout as `fireside`."""
    home = tmp_path_factory.mktemp("home")
    for name in ("models", "cache"):
        (models_dir.parent / name).mkdir(exist_ok=True)
        (home / name).symlink_to((models_dir.parent / name).resolve())
    command = tmp_path_factory.mktemp("bin") / "fireside"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fireside "$@"\n')
    command.chmod(0o755)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("FIRESIDE_")}
    return {
        **kept,
        "FIRESIDE_HOME": str(home),
        "FIRESIDE_PORT": "0",  # 8080 may be taken here, and `fireside doctor` would say so
        "PYTHONPATH": str(REPOSITORY),
        "PATH": os.pathsep.join([str(command.parent), os.environ.get("PATH", "")]),
    }


@pytest.fixture(scope="module")
def address(environment: dict[str, str]) -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-m", "fireside", "serve", "--port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        said = re.search(r"http://\S+", server.stdout.readline())
        assert said is not None
        yield said[0]
        server.terminate()
        assert server.wait(timeout=300) == 0


@pytest.mark.parametrize(("language", "text"), BLOCKS)
def test_it_runs(
    language: str, text: str, address: str, environment: dict[str, str], tmp_path: Path
) -> None:
    text = text.replace("http://127.0.0.1:8080", address)
    (tmp_path / "README.md").symlink_to(REPOSITORY / "README.md")
    command = [sys.executable, "-W", "error", "-c"] if language == "python" else ["sh", "-euc"]
    done = subprocess.run(
        [*command, text],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    for words in SAYS.findall(text):
        assert words in done.stdout


def test_some_are_run() -> None:
    assert len(BLOCKS) >= 3
    assert len(SAYS.findall((REPOSITORY / "README.md").read_text(encoding="utf-8"))) == 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
