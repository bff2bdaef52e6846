"""What a person gets to see: lines, the curve, the card, samples."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch

from fireside.model.transformer import Transformer
from fireside.training.card import Base, Card
from fireside.training.loop import Validation
from fireside.training.metrics import Metrics
from fireside.training.plot import plot_run
from fireside.training.progress import Plain, Progress, duration, rate, wrap_derivation
from fireside.training.samples import continuation

from . import tiny, toy


def progress(step: int, **over: object) -> Progress:
    fields: dict[str, object] = {
        "step": step, "steps": 100, "loss": 2.5, "learning_rate": 1e-3, "norm": 1.0,
        "tokens_per_second": 12_345.6, "mfu": 0.42, "seconds_left": 200.0,
    }  # fmt: skip
    return Progress(**{**fields, **over})  # type: ignore[arg-type]


def test_a_line_has_what_matters() -> None:
    assert progress(7).line() == ("step 7/100  loss 2.5000  12,346 tok/s  MFU 42%  3 min 20 s left")
    early = progress(1, mfu=None, seconds_left=None, tokens_per_second=3.21, unit="examples")
    assert early.line() == "step 1/100  loss 2.5000  3.21 examples/s"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_rates() -> None:
    assert [rate(x) for x in (0.1234, 12.34, 1234.5)] == ["0.123", "12.3", "1,234"]


def test_plain_says_the_first_and_the_last_step_and_not_each() -> None:
    stream = io.StringIO()
    plain = Plain(stream, every=1000.0, clean=lambda text: text.replace("\x1b", ""))
    for name in ("reading", "reading", "writing"):
        plain.working(name, 1, 2)
    for step in (1, 2, 3, 100):
        plain.stepped(progress(step))
    metrics = {"loss": 2.0, "bits_per_byte": 1.5}
    plain.validated(Validation(step=100, metrics=metrics, best=True, seconds=0.1))
    plain.sampled("To be\nor not\x1b[31m")
    lines = stream.getvalue().splitlines()
    assert lines[:2] == ["reading …", "writing …"]
    assert [line.split()[1] for line in lines[2:4]] == ["1/100", "100/100"]
    assert lines[4] == "step 100  held out: loss 2.0000  bits per byte 1.5000  (best)"
    assert lines[5:] == ["  | To be", "  | or not[31m"]


def test_the_curve_is_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    with Metrics(tmp_path) as metrics:
        for step in range(1, 31):
            metrics.row("step", step, loss=5 / step, learning_rate=1e-3)
        metrics.row("validation", 30, loss=0.5)
    plot_run(tmp_path, tmp_path / "loss.png", title="a run")
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / ".loss.png").exists()


def test_without_a_step_there_is_no_picture(tmp_path: Path) -> None:
    plot_run(tmp_path, tmp_path / "loss.png", title="a run")
    assert not (tmp_path / "loss.png").exists()


def card(tmp_path: Path, **over: object) -> str:
    fields: dict[str, object] = {
        "name": "plays", "config": tiny.config(tmp_path), "family": "llama", "parameters": 12_345,
        "trained": 12_345, "context": 16, "vocab_size": 300, "tokenizer": "its own", "base": None,
        "data": {
            "files": {f"{tmp_path}/a|b.txt": {"bytes": 10, "examples": 1, "sha256": "ab" * 32}},
            "dropped": {"too short": {"count": 2}}, "counts": {"training_tokens": 90.0},
        },
        "curve": [{"step": 5, "loss": 2.0, "bits_per_byte": 1.5}], "taken": 5, "steps": 6,
        "elapsed": 61.0, "tokens_per_second": 1000.0, "code": "0.1.0",
        "scores": {"loss": 2.0}, "samples": ["```\nnot the end"],
    }  # fmt: skip
    return Card(**{**fields, **over}).text()  # type: ignore[arg-type]


def test_the_card_says_where_it_comes_from(tmp_path: Path) -> None:
    text = card(tmp_path)
    assert text.startswith("---\nlicense: other\nlibrary_name: transformers\n")
    for said in (
        "| from | random weights |", "12,345 parameters",
        "| a\\|b.txt | 10 | 1 | abababababababab |",
        "2 dropped: too short; training tokens: 90", "| 5 | 2.0000 | 1.5000 |",
        "weights of step 5 were kept", "````text\n```\nnot the end\n````", 'steps = 6', "1 min 1 s",
    ):  # fmt: skip
        assert said in text


def test_the_card_names_no_folder_of_this_machine(tmp_path: Path) -> None:
    assert str(tmp_path) not in card(tmp_path)


@pytest.mark.parametrize(
    ("licence", "word"), [("Apache-2.0", "apache-2.0"), ("", "other"), ("see\nthere", "other")]
)
def test_the_card_passes_the_licence_on(tmp_path: Path, licence: str, word: str) -> None:
    text = card(tmp_path, base=Base(name="smollm2:135m", licence=licence, architecture="llama"))
    assert f"license: {word}\n" in text
    assert 'base_model: "smollm2:135m"\n' in text
    assert "random weights" not in text


def test_samples_depend_on_the_seed_and_stop(tmp_path: Path) -> None:
    model = toy.model()
    one = continuation(model, [1, 2], tokens=12, stop=frozenset(), seed=3)
    assert one == continuation(model, [1, 2], tokens=12, stop=frozenset(), seed=3)
    assert one != continuation(model, [1, 2], tokens=12, stop=frozenset(), seed=4)
    assert continuation(model, [1, 2], tokens=12, stop=frozenset(one), seed=3) == []
    allowed = [5]
    forbidden = [i for i in range(model.config.vocab_size) if i not in allowed]
    assert set(
        continuation(model, [1], tokens=4, stop=frozenset(), seed=0, forbidden=forbidden)
    ) == {5}


def test_samples_end_with_the_window() -> None:
    model = toy.model()
    room = model.config.context
    assert len(continuation(model, [1] * (room - 3), tokens=99, stop=frozenset(), seed=0)) == 3


def test_samples_are_the_models_own_distribution() -> None:
    """One step of the cache's decoding is the whole forward pass."""
    model: Transformer = toy.model()
    ids = [3, 1, 4]
    drawn = continuation(model, ids, tokens=3, stop=frozenset(), seed=7)
    for i, token in enumerate(drawn):
        logits = model(torch.tensor([[*ids, *drawn[:i]]]))[0, -1]
        assert (logits / 0.8).softmax(0)[token] > 1e-6


def test_a_long_reason_goes_on_below_its_own_column() -> None:
    line = f"{'batch.tokens':<32} {'256':<12} " + "a rule of many words " * 5
    lines = wrap_derivation(line, 80)
    assert all(len(each) <= 80 for each in lines)
    assert lines[0].startswith("batch.tokens")
    assert all(each.startswith(" " * 46 + "a") or each[46] != " " for each in lines)
    assert " ".join(" ".join(lines).split()) == " ".join(line.split())
    assert wrap_derivation("short", 80) == ["short"]
