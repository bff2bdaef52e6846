"""The first minute's question, at a terminal, and the model that answers from then on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest
from hub.fake_hub import FakeHub, make_default, serving
from hub.small import install, write_gguf

from fireside.assistant.capacity import machine_name
from fireside.cli import offer
from fireside.hub.catalogue import catalogue
from fireside.hub.local import installed
from fireside.settings import load_settings
from tests.cli.terminal import Terminal

Run = Callable[..., tuple[int, str, str]]
BETTER = "smollm2:360m"
QUESTION = f"This machine can run {BETTER} (0.4 GB, about 6 tokens a second). Fetch it now? [Y/n]"


@pytest.fixture
def offered(home: Path) -> None:
    """A machine that `BETTER` is the best for; nothing is measured."""
    install(home / "models", "smollm2:135m", "smollm2-135m")
    figures = {"memory_bytes": 8_000_000_000, "gbps": 3}
    (home / "machine.json").write_text(json.dumps({machine_name(): figures}))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    entry = catalogue()[BETTER]
    weights = write_gguf(tmp_path / "small.gguf").read_bytes()
    repository = entry.source.removeprefix("hf:")
    with serving(FakeHub(files={entry.file: weights}, repository=repository)) as hub:
        make_default(hub, monkeypatch)
        monkeypatch.setenv("FIRESIDE_CHECK_PULLED", "false")
        yield hub


@pytest.fixture
def start(home: Path) -> Iterator[Callable[[], Terminal]]:
    opened: list[Terminal] = []

    def begin() -> Terminal:
        opened.append(Terminal(home, "--offer", "models", "list"))
        return opened[-1]

    yield begin
    for each in opened:
        each.close()


def wait_for_question(terminal: Terminal) -> Terminal:
    terminal.until(lambda: "Fetch it now? [Y/n]" in terminal.shown())
    return terminal


def ended(terminal: Terminal) -> str:
    """All that it printed until its end."""
    terminal.end()
    return terminal.shown()


@pytest.mark.usefixtures("offered")
def test_a_no_is_remembered_and_a_yes_is_done(
    home: Path, hub: FakeHub, start: Callable[[], Terminal]
) -> None:
    terminal = wait_for_question(start())
    assert QUESTION in terminal.shown()
    assert "larger model" not in terminal.shown()  # for what this one is too small too
    terminal.type("what?\n")
    terminal.type("n\n")
    assert f"`fireside models pull {BETTER}` fetches it" in ended(terminal)
    assert "Fetch it now?" not in ended(start())
    (home / "declined-models.txt").unlink()

    terminal = wait_for_question(start())
    terminal.type("\n")
    assert f"{BETTER} answers from now on" in ended(terminal)
    assert BETTER in [model.name for model in installed(home / "models")]
    load_settings.cache_clear()
    assert load_settings().model == BETTER
    assert "Fetch it now?" not in ended(start())


@pytest.mark.usefixtures("offered")
def test_a_download_that_fails_costs_the_offer_only(
    home: Path, hub: FakeHub, start: Callable[[], Terminal]
) -> None:
    entry = catalogue()[BETTER]
    hub.lies[entry.file] = bytes(len(hub.files[entry.file]))
    terminal = wait_for_question(start())
    terminal.type("y\n")
    shown = ended(terminal)
    assert "Meanwhile smollm2:135m answers." in shown
    assert "qwen3:4b" in shown  # the command itself went on
    assert not (home / "chosen-model.txt").exists()


@pytest.fixture
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions that a person is asked; each is answered with yes."""
    asked: list[str] = []
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda text: [asked.append(text), "y"][1])
    monkeypatch.setattr("fireside.cli.pull.fetch", lambda name, settings: None)
    return asked


@pytest.mark.usefixtures("offered", "hub")
def test_it_asks_once(at_a_terminal: list[str]) -> None:
    offer.offer_better()
    assert at_a_terminal == [QUESTION + " "]


@pytest.mark.usefixtures("offered", "hub")
def test_it_names_the_personas_that_need_such_a_model(
    capsys: pytest.CaptureFixture[str],
    at_a_terminal: list[str],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    figures = {"memory_bytes": 8_000_000_000, "gbps": 50}
    (home / "machine.json").write_text(json.dumps({machine_name(): figures}))
    monkeypatch.setattr("fireside.hub.can_be_pulled", lambda name: True)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)  # of the stream that `capsys` put there
    offer.offer_better()
    assert at_a_terminal[0].startswith("This machine can run qwen3:4b-instruct (2.5 GB, about 9")
    shown = capsys.readouterr().out
    assert "translator" in shown
    assert "need a larger model than smollm2:135m, such as this one." in shown
    assert "reader" not in shown


@pytest.mark.usefixtures("offered", "hub")
@pytest.mark.parametrize("stream", ["stdin", "stdout"])
def test_it_asks_nobody_in_a_pipe(
    at_a_terminal: list[str], stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"sys.{stream}.isatty", lambda: False)
    offer.offer_better()
    assert at_a_terminal == []


@pytest.mark.usefixtures("offered")
def test_it_asks_nothing_without_a_network(
    at_a_terminal: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    offer.offer_better()
    assert at_a_terminal == []


@pytest.mark.usefixtures("offered", "hub")
def test_whoever_set_a_model_is_not_asked(
    at_a_terminal: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRESIDE_MODEL", "smollm2:135m")
    load_settings.cache_clear()
    offer.offer_better()
    assert at_a_terminal == []


@pytest.mark.usefixtures("offered")
def test_a_chosen_model_answers_until_it_is_removed(run: Run, home: Path) -> None:
    install(home / "models", BETTER, "smollm2-360m")
    assert run("models", "use", BETTER) == (0, f"{BETTER} answers from now on.\n", "")
    assert load_settings().model == BETTER
    assert run("models", "use", "smollm2:136m")[0] == 1
    assert load_settings().model == BETTER
    run("models", "rm", BETTER)
    load_settings.cache_clear()
    assert load_settings().model == "smollm2:135m"


@pytest.mark.usefixtures("offered")
def test_a_setting_counts_before_a_choice(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRESIDE_MODEL", "other:1b")
    load_settings.cache_clear()
    code, _, err = run("models", "use", "smollm2:135m")
    assert code == 0
    assert "the setting `model` (other:1b) counts before that" in err
    assert load_settings().model == "other:1b"
