"""`langchain-tests`, with `langchain-openai` against the real models; every skip has its reason."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from .conftest import Served

pytest.importorskip("langchain_tests")
pytest.importorskip("langchain_openai")
HERE = Path(__file__).parent

NO_PICTURES = "the model reads text: no picture, sound or PDF reaches it"
SMALL = "langchain_suite.py says what a model of 135M cannot"
SKIPPED = {
    "test_image_inputs": NO_PICTURES,
    "test_image_tool_message": NO_PICTURES,
    "test_audio_inputs": NO_PICTURES,
    "test_pdf_inputs": NO_PICTURES,
    "test_pdf_tool_message": NO_PICTURES,
    "test_anthropic_inputs": "another company's message format",
    "test_stream_time": "measures LangChain itself, on recorded answers",
    "test_agent_loop": SMALL,
    "test_json_mode": SMALL,
}


@pytest.fixture(scope="module")
def outcomes(
    served: Served, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], tuple[str, str]]:
    """(class, test) -> (passed | skipped | failed, why)."""
    report = tmp_path_factory.mktemp("langchain") / "report.xml"
    environment = os.environ | {"SUITE_URL": f"{served.url}/v1", "SUITE_KEY": served.key}
    suite = str(HERE / "langchain_suite.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", str(HERE / "langchain.ini"), suite,
         f"--junitxml={report}"],
        env=environment, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert report.exists(), done.stdout + done.stderr
    found = {}
    for case in ET.parse(report).iter("testcase"):
        notes = [child for child in case if child.tag in ("failure", "error", "skipped")]
        kind = (
            {"failure": "failed", "error": "failed"}.get(notes[0].tag, "skipped")
            if notes
            else "passed"
        )
        why = "".join(note.text or note.get("message", "") for note in notes)
        found[case.get("classname", "").rpartition(".")[2], case.get("name", "")] = kind, why
    return found


def test_all_that_is_not_explained_passes(
    outcomes: dict[tuple[str, str], tuple[str, str]],
) -> None:
    failed = {name: why for name, (kind, why) in outcomes.items() if kind == "failed"}
    assert not failed, "\n\n".join(f"{'.'.join(name)}\n{why}" for name, why in failed.items())
    assert sum(kind == "passed" for kind, _ in outcomes.values()) >= 45


def test_every_skip_is_explained(outcomes: dict[tuple[str, str], tuple[str, str]]) -> None:
    skipped = {name for (_, name), (kind, _) in outcomes.items() if kind == "skipped"}
    assert skipped == set(SKIPPED)
