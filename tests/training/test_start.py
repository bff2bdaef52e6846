"""Whole runs, from a text file to a model that another command can open."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from fireside.errors import Conflict, Corrupt, FiresideError, Interrupted, Unavailable
from fireside.hub.local import open_path
from fireside.messages import Message
from fireside.model.load import load_model
from fireside.model.tokenizer import load_tokenizer
from fireside.training.config import TrainConfig
from fireside.training.metrics import METRICS, curve
from fireside.training.progress import Progress, Silent
from fireside.training.run import RunFolder
from fireside.training.start import run

from . import tiny

MODELS = Path("/nowhere")


class Stops(Silent):
    """Asks to stop after a step."""

    def __init__(self, after: int) -> None:
        self.after, self.asked = after, False

    def stepped(self, progress: Progress) -> None:
        self.asked = self.asked or progress.step == self.after


class Told(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def weights(folder: Path) -> bytes:
    return (folder / "run" / "model" / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of six steps, done without a break; the folder around it."""
    folder = tmp_path_factory.mktemp("whole")
    tiny.text(folder)
    run(tiny.config(folder), models_dir=MODELS)
    return folder


def test_what_a_run_leaves(finished: Path) -> None:
    folder = RunFolder(finished / "run")
    record = folder.read()
    assert (record.state, record.step, record.steps) == ("finished", 6, 6)
    assert record.process is None
    assert set(record.scores) == {"loss", "perplexity", "bits_per_byte"}
    assert len(record.data[str(finished / "text.txt")]) == 64
    left = {path.name for path in folder.path.iterdir()}
    assert left >= {
        "run.json", "config.toml", "data", "tokenizer", "metrics.jsonl", "tensorboard", "samples",
        "checkpoints", "loss.png", "model",
    }  # fmt: skip
    result = {path.name for path in (folder / "model").iterdir()}
    assert result >= {
        "model.safetensors", "config.json", "tokenizer.json", "README.md", "loss.png",
    }  # fmt: skip
    steps = curve(folder / METRICS)
    assert [row["step"] for row in steps] == [1, 2, 3, 4, 5, 6]
    assert {"loss", "learning_rate", "gradient_norm", "tokens_per_second", "mfu"} <= set(steps[0])
    assert [row["step"] for row in curve(folder / METRICS, "validation")] == [3, 6]


def test_the_folder_is_a_model(finished: Path) -> None:
    local = open_path(finished / "run", "run", MODELS)
    tokenizer, model = load_tokenizer(local), load_model(local)
    assert model.config.vocab_size == tokenizer.vocab_size
    ids = tokenizer.render([Message(role="user", content="The quick")]).ids
    assert tokenizer.decode(ids) == "The quick"


def test_the_resolved_config_gives_the_same_weights(finished: Path, tmp_path: Path) -> None:
    config = TrainConfig.read(finished / "run" / "config.toml")
    again = config.model_copy(
        update={"run": config.run.model_copy(update={"out": str(tmp_path / "run")})}
    )
    run(again, models_dir=MODELS)
    assert weights(tmp_path) == weights(finished)


@pytest.mark.parametrize("after", [1, 3, 4])
def test_stopped_and_gone_on_with_is_uninterrupted(
    finished: Path, tmp_path: Path, after: int
) -> None:
    shutil.copy(finished / "text.txt", tmp_path)
    config, listener = tiny.config(tmp_path), Stops(after)
    with pytest.raises(Interrupted, match=r"Saved\. The same command, or `fireside runs resume"):
        run(config, models_dir=MODELS, listener=listener, stopped=lambda: listener.asked)
    folder = RunFolder(tmp_path / "run")
    assert folder.read().state == "paused"
    assert folder.read().step == after
    run(config, models_dir=MODELS)
    assert weights(tmp_path) == weights(finished)
    losses = [[(row["step"], row["loss"]) for row in curve(path / "run" / METRICS)]
              for path in (tmp_path, finished)]  # fmt: skip
    assert losses[0] == losses[1]


def test_a_finished_run_is_not_run_again(finished: Path) -> None:
    with pytest.raises(Conflict, match="holds a finished run"):
        run(tiny.config(finished), models_dir=MODELS)


def test_by_the_clock_the_end_is_written_down(tmp_path: Path) -> None:
    tiny.text(tmp_path)
    config = tiny.config(tmp_path, run={"minutes": 0.001}, schedule={"steps": 1000, "decay": 300})
    run(config, models_dir=MODELS)
    folder = RunFolder(tmp_path / "run")
    record = folder.read()
    assert record.decided
    assert record.step == record.steps == TrainConfig.read(folder / "config.toml").schedule.steps
    assert record.step < 1000
    card = (folder / "model" / "README.md").read_text()
    assert f"steps = {record.step}" in card
    assert "minutes" not in card


def test_what_is_derived_is_said_with_its_reason(tmp_path: Path) -> None:
    tiny.text(tmp_path)
    told = Told()
    plain = {
        "run": {"out": str(tmp_path / "run"), "depth": 1, "threads": 1},
        "data": {"sources": [{"path": str(tmp_path / "text.txt")}], "length": 16},
        "schedule": {"steps": 1},
        "batch": {"tokens": 16},
        "validate": {"samples": 0},
    }
    run(TrainConfig.of(plain), models_dir=MODELS, listener=told)
    said = "\n".join(told.lines)
    for words in ("model.width", "64 × depth (nanochat)", "DeepSeek 2024", "memory"):
        assert words in said


def failing(config: TrainConfig, models: Path = MODELS) -> str:
    """The one line of a run that cannot be."""
    with pytest.raises(FiresideError) as caught:
        run(config, models_dir=models)
    record = RunFolder(Path(config.run.out)).read()
    assert record.state == "failed"
    assert record.error == caught.value.message
    assert "\n" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "There is no file or folder"), ("", "The data are empty")],
)
def test_data_that_are_not_there(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "text.txt").write_text(text)
    assert said in failing(tiny.config(tmp_path))


def test_one_line_is_a_corpus(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(tiny.LINE)
    run(tiny.config(tmp_path), models_dir=MODELS)
    assert RunFolder(tmp_path / "run").read().state == "finished"


def test_the_same_line_a_thousand_times_is_one(tmp_path: Path) -> None:
    rows = "".join(json.dumps({"text": "always the same words here"}) + "\n" for _ in range(1000))
    path = tmp_path / "rows.jsonl"
    path.write_text(rows)
    run(tiny.config(tmp_path, data={"sources": [{"path": str(path)}]}), models_dir=MODELS)
    report = json.loads((tmp_path / "run" / "data" / "report.json").read_text())
    assert (report["read"], report["kept"]) == (1000, 1)


def test_a_tokenizer_that_is_no_tokenizer(tmp_path: Path) -> None:
    tiny.text(tmp_path)
    config = tiny.config(tmp_path, tokenizer={"path": str(tmp_path), "vocab_size": None})
    assert "has no tokenizer.json" in failing(config)


def test_rows_that_the_model_cannot_see(tmp_path: Path) -> None:
    tiny.text(tmp_path)
    config = tiny.config(tmp_path, data={"length": 32})
    assert "Rows of 32 tokens do not fit the model's window of 16" in failing(config)


def test_too_big_for_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.text(tmp_path)
    monkeypatch.setattr("fireside.training.resolve.available", lambda device: 100_000)
    assert "would fit" in failing(tiny.config(tmp_path))


def test_a_checkpoint_of_another_shape(finished: Path, tmp_path: Path) -> None:
    shutil.copy(finished / "text.txt", tmp_path)
    config, listener = tiny.config(tmp_path), Stops(3)
    with pytest.raises(Interrupted):
        run(config, models_dir=MODELS, listener=listener, stopped=lambda: listener.asked)
    newest = RunFolder(tmp_path / "run").checkpoints()[-1]
    said = json.loads((newest / "config.json").read_text())
    (newest / "config.json").write_text(json.dumps({**said, "intermediate_size": 48}))
    with pytest.raises(Corrupt, match="of another model: mlp_width is 48, not 32"):
        run(config, models_dir=MODELS)


def test_a_disk_that_fills_up_loses_nothing(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(finished / "text.txt", tmp_path)
    config = tiny.config(tmp_path)
    saved = 0

    def save_file(*args: Any, **how: Any) -> None:
        nonlocal saved
        saved += 1
        if saved > 2:
            raise OSError(28, "No space left on device")
        from safetensors.torch import save_file as really

        really(*args, **how)

    monkeypatch.setattr("fireside.training.checkpoint.save_file", save_file, raising=False)
    monkeypatch.setattr("fireside.model.save.save_file", save_file)
    with pytest.raises(Unavailable, match="the disk is full"):
        run(config, models_dir=MODELS)
    assert RunFolder(tmp_path / "run").status().state == "failed"
    monkeypatch.undo()
    run(config, models_dir=MODELS)
    assert weights(tmp_path) == weights(finished)


def test_without_the_packages_of_training_nothing_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fireside.training.packages.find_spec", lambda name: None)
    with pytest.raises(Unavailable, match=r"-m pip install -r \S+requirements/train.txt"):
        run(tiny.config(tmp_path), models_dir=MODELS)
    assert not (tmp_path / "run").exists()


def test_who_does_not_wait_for_the_step_interrupts(tmp_path: Path) -> None:
    class Impatient(Silent):
        def stepped(self, progress: Progress) -> None:
            if progress.step == 3:
                raise KeyboardInterrupt

    tiny.text(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run(tiny.config(tmp_path), models_dir=MODELS, listener=Impatient())
    record = RunFolder(tmp_path / "run").read()
    assert (record.state, record.error) == ("interrupted", None)
    run(tiny.config(tmp_path), models_dir=MODELS)
