"""Instant help, one line per failure, the right exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import fireside
from fireside.cli import failures
from fireside.errors import BadRequest, ContextOverflow, Unavailable
from tests.measures import spent_by

Run = Callable[..., tuple[int, str, str]]


def test_help_is_instant_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; from fireside.cli import main; main.run(['--help'])\n"
        "heavy = {'torch', 'sqlalchemy', 'fastapi', 'pydantic', 'prompt_toolkit', 'numpy'}\n"
        "sys.exit(f'{heavy & set(sys.modules)}' if heavy & set(sys.modules) else 0)"
    )

    tries = [spent_by([sys.executable, "-c", code]) for _ in range(3)]
    assert all("serve" in printed for printed, _ in tries)
    assert min(seconds for _, seconds in tries) < 1.0  # a third of that on a quiet machine


@pytest.mark.parametrize(
    "words", [["--help"], ["serve", "-h"], ["chat", "--help"], ["doctor", "--help"]]
)
def test_every_command_has_help(run: Run, words: list[str]) -> None:
    code, out, err = run(*words)
    assert (code, err) == (0, "")
    assert "Usage" in out


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"fireside {fireside.__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["chta"], "Did you mean 'chat'"),
        (["serve", "--prot", "1"], "--port"),
        (["serve", "--port", "99999"], "--port"),
        (["chat", "hi", "--temperature", "hot"], "--temperature"),
        (["chat", ""], "empty"),
        (["chat", "hi", "--conversation", "conv_x", "--continue"], "one of"),
    ],
)
def test_bad_usage_is_one_line_and_2(run: Run, words: list[str], said: str) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def fail(error: BaseException) -> Callable[[], object]:
    def command() -> object:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadRequest("No."), 2),
        (ContextOverflow("Too long."), 1),
        (Unavailable("Gone:\n\x1b[31mnow."), 1),
        (ValueError("odd"), 1),
        (PermissionError(13, "Permission denied", "/x"), 1),
    ],
)
def test_a_failure_is_one_line(
    capsys: pytest.CaptureFixture[str], error: Exception, code: int
) -> None:
    assert failures.guarded(fail(error)) == code
    err = capsys.readouterr().err
    assert err.startswith("fireside: ")
    assert err.count("\n") == 1
    assert "\x1b" not in err


def test_ctrl_c_is_130(capsys: pytest.CaptureFixture[str]) -> None:
    assert failures.guarded(fail(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == ""


INTERRUPTED = "import signal; signal.raise_signal(signal.SIGINT); raise SystemExit('went on')"
# In a shell's background job SIGINT is ignored, and stays so.
FROM_A_TERMINAL = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("fireside", run_name="__main__", alter_sys=True)
"""


def test_ctrl_c_while_it_starts_is_130_too(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text(INTERRUPTED)  # which comes as soon as it is imported
    done = subprocess.run(
        [sys.executable, "-c", FROM_A_TERMINAL, "chat"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_the_trace_can_be_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRESIDE_DEBUG", "1")
    assert failures.guarded(fail(ValueError("odd"))) == 1
    assert "Traceback" in capsys.readouterr().err
