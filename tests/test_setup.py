"""scripts/_setup.py: what it finds missing, and how it starts when nothing is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.measures import spent_by

REPOSITORY = Path(__file__).parent.parent
SCRIPTS = REPOSITORY / "scripts"


@pytest.fixture
def setup(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModuleType]:
    """The module, at work in an empty folder with the real lock lists."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.chdir(tmp_path)
    import _setup

    (tmp_path / "requirements").symlink_to(REPOSITORY / "requirements")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    venv = tmp_path / ".venv"
    for name, value in {
        "ROOT": tmp_path,
        "VENV": venv,
        "PYTHON": venv / "bin" / "python",
        "STAMP": venv / "fireside-setup.json",
    }.items():
        monkeypatch.setattr(_setup, name, value)
    yield _setup
    del sys.modules["_setup"], sys.modules["_progress"]


def steps(setup: ModuleType, chore: str) -> list[str]:
    return [title.split()[0] for title, _ in setup.missing(setup.CHORES[chore])]


def finish(setup: ModuleType, lock: str) -> None:
    """As if every step had been done."""
    setup.PYTHON.parent.mkdir(parents=True, exist_ok=True)
    setup.PYTHON.touch()
    setup.write_stamp(
        {
            **setup.identity(),
            "venv": True,
            "locks": {lock: setup.lock_digest(lock)},
            "package": setup.package_digest(),
            "models": {setup.home_digest(): [str(setup.ROOT)]},
        }
    )


def test_everything_is_missing_at_first(setup: ModuleType) -> None:
    assert steps(setup, "chat") == ["virtual", "packages", "models"]
    assert steps(setup, "lint") == ["virtual", "packages"]


def test_nothing_is_missing_afterwards(setup: ModuleType) -> None:
    finish(setup, "run.txt")
    assert steps(setup, "chat") == []
    assert steps(setup, "test") == ["packages"]
    finish(setup, "dev.txt")
    assert steps(setup, "test") == steps(setup, "chat") == []


def test_each_change_costs_its_own_step(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    finish(setup, "run.txt")
    (setup.ROOT / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    assert steps(setup, "chat") == ["Fireside"]
    finish(setup, "run.txt")
    (setup.ROOT / "native").mkdir()
    (setup.ROOT / "native" / "step.cc").write_text("int step;")
    assert steps(setup, "chat") == ["Fireside"]
    finish(setup, "run.txt")
    monkeypatch.setenv("FIRESIDE_HOME", str(setup.ROOT / "elsewhere"))
    assert steps(setup, "chat") == ["models"]
    finish(setup, "run.txt")
    (setup.ROOT / "fireside.toml").write_text('home = "there"\n')
    assert steps(setup, "chat") == ["models"]
    finish(setup, "run.txt")
    setup.PYTHON.unlink()
    assert steps(setup, "chat")[0] == "virtual"
    setup.STAMP.write_text("{")
    assert steps(setup, "chat")[0] == "virtual"


def test_a_moved_checkout_gets_a_new_environment(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(setup, "run.txt")
    monkeypatch.setattr(setup, "ROOT", setup.ROOT / "requirements" / "..")
    assert steps(setup, "chat")[0] == "virtual"


@pytest.mark.parametrize("lock", ["run.txt", "train.txt", "dev.txt", "bench.txt"])
def test_the_shares_of_a_list_are_all_of_it_and_each_package_once(
    setup: ModuleType, lock: str
) -> None:
    pins = [pin for share in setup.shares(lock) for pin in share]
    listed = (REPOSITORY / "requirements" / lock).read_text().splitlines()
    assert sorted(pins) == sorted(line for line in listed if not line.startswith("#"))
    assert len({pin.partition("==")[0] for pin in pins}) == len(pins)


def test_a_venv_of_somebody_else_is_left_alone(
    setup: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    setup.VENV.mkdir()
    (setup.VENV / "theirs").touch()
    with pytest.raises(SystemExit):
        setup.make_venv(None)
    assert "move it away" in capsys.readouterr().err
    assert (setup.VENV / "theirs").exists()


def test_a_set_up_says_what_came_of_the_native_core(
    setup: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    (setup.ROOT / "fireside" / "engine").mkdir(parents=True)
    package = setup.ROOT / "fireside" / "engine" / "native"
    package.mkdir()
    (package / "place.py").write_bytes(
        (REPOSITORY / "fireside" / "engine" / "native" / "place.py").read_bytes()
    )
    step = setup.Progress("Fireside and its native core", setup.VENV)
    step.result = setup.native_core()
    step.done()
    assert "native core not built: python native/build.py" in capsys.readouterr().err
    (package / "lib").mkdir()
    for name in ("libfireside.so", "libfireside.dylib", "fireside.dll"):
        (package / "lib" / name).write_bytes(b"")
    assert setup.native_core() == "native core built"


def test_a_half_installed_package_is_forgotten(setup: ModuleType) -> None:
    packages = setup.VENV / "lib" / "python3.11" / "site-packages"
    for name in ("whole-1.dist-info", "half-1.dist-info", "~oved"):
        (packages / name).mkdir(parents=True)
        (packages / name / "METADATA").touch()
    (packages / "whole-1.dist-info" / "INSTALLER").touch()
    setup.drop_half_installed()
    assert [path.name for path in packages.iterdir()] == ["whole-1.dist-info"]


def test_a_failing_step_ends_with_its_last_words(
    setup: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    step = setup.Progress("packages", setup.VENV)
    with pytest.raises(SystemExit):
        step.run([sys.executable, "-c", "import sys; sys.exit('no such release')"], "Look there.")
    said = capsys.readouterr().err
    assert "no such release" in said
    assert "packages. Look there." in said
    assert "no such release" in (setup.VENV / "fireside-setup.log").read_text()


def test_programs_side_by_side_keep_their_lines_apart(
    setup: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each waits for the file of the other: one after the other they would wait for ever."""
    step = setup.Progress("both", setup.VENV)
    program = (
        "import sys, time; from pathlib import Path; own, other = map(Path, sys.argv[1:])\n"
        "own.touch()\nwhile not other.exists(): time.sleep(0.01)\nprint(own.name)"
    )
    one, two = (str(setup.ROOT / name) for name in ("one", "two"))
    command = [sys.executable, "-c", program]
    assert step.run_together([[*command, one, two], [*command, two, one]], "") == [
        ["one\n"],
        ["two\n"],
    ]
    with pytest.raises(SystemExit):
        step.run_together([[sys.executable, "-c", ""], [sys.executable, "-c", "1/0"]], "Look.")
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_it_starts_at_once_when_nothing_is_missing() -> None:
    if not (REPOSITORY / ".venv" / "fireside-setup.json").exists():
        pytest.skip("this checkout is not set up: run scripts/setup")
    printed, seconds = spent_by([str(SCRIPTS / "chat"), "--version"])
    assert printed.startswith("fireside ")
    assert seconds < 3


@pytest.mark.parametrize(
    ("asked", "lock"),
    [
        ([], "run.txt"),
        (["chat", "finetune"], "run.txt"),
        (["finetune", "--help"], "train.txt"),
        (["models", "list"], "run.txt"),
        (["models", "export", "x"], "train.txt"),
    ],
)
def test_training_brings_its_own_packages(setup: ModuleType, asked: list[str], lock: str) -> None:
    assert setup.chore_of(["chat", *asked]).lock == lock


def test_what_another_script_needs_is_set_up_without_it(setup: ModuleType) -> None:
    assert setup.chore_of(["setup"]) == setup.CHORES["setup"]
    chore = setup.chore_of(["setup", "test"])
    assert (chore.lock, chore.models, chore.command) == ("dev.txt", True, ())


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ([], ["--offer"]),
        (["chat"], ["--offer", "chat"]),
        (["serve"], ["--offer", "serve"]),
        (["chat", "What is a fireside?"], ["chat", "What is a fireside?"]),
        (["models", "list"], ["models", "list"]),
    ],
)
def test_a_better_model_is_offered_before_the_first_chat(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, asked: list[str], given: list[str]
) -> None:
    finish(setup, "run.txt")
    started: list[list[str]] = []
    monkeypatch.setattr(setup.os, "execv", lambda program, words: started.append(words[1:]))
    setup.main(["chat", *asked])
    assert started == [given]
