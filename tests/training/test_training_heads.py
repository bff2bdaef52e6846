"""`python -m fireside.training.heads`: the same file for the same seed, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.errors import BadRequest, NotFound
from fireside.safety.heads import MOST_BYTES, read_head
from fireside.training.heads import figures, injection, moderation
from fireside.training.heads.__main__ import main
from fireside.training.heads.fit import Adapting, linear, platt, tensors
from fireside.training.heads.rows import Row, bare, held_out, parted, sentiments

GOOD, BAD = ["lovely", "great", "charming", "superb"], ["awful", "dull", "boring", "terrible"]


def tsv(path: Path, words: int) -> Path:
    rows = [
        f"the {noun} was {word} {n}\t{label}"
        for label, some in ((1, GOOD), (0, BAD))
        for word in some
        for noun in ("film", "meal")
        for n in range(words)
    ]
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "fireside.training.heads.sentiment.ADAPTING", Adapting(rank=2, epochs=1, first=4)
    )


def test_the_same_seed_makes_the_same_file(
    minilm_path: Path, tmp_path: Path, small: None, capsys: pytest.CaptureFixture[str]
) -> None:
    train, dev = tsv(tmp_path / "train.tsv", 3), tsv(tmp_path / "dev.tsv", 5)
    (tmp_path / "calm.txt").write_text("what time is it\n\nwhere is the file\n")
    arguments = ["sentiment", "--train", str(train), "--dev", str(dev), "--language", "zh"]
    arguments += ["--neutral", str(tmp_path / "calm.txt"), "--out"]
    for name, seed in (("a", "0"), ("b", "0"), ("c", "1")):
        assert main([*arguments, str(tmp_path / name), "--seed", seed]) == 0
    files = [tmp_path / name / "sentiment-zh.safetensors" for name in "abc"]
    assert files[0].read_bytes() == files[1].read_bytes()
    head, other = read_head(files[0]), read_head(files[2])
    assert any((other.deltas[n].a != d.a).any() for n, d in head.deltas.items())
    assert head.language == "zh"
    assert head.about["scores"]["accuracy"] > 0.9
    assert str(tmp_path) not in json.dumps(dict(head.about))
    assert head.about["command"] == (
        "python -m fireside.training.heads sentiment --train train.tsv --dev dev.tsv "
        "--neutral calm.txt --language zh --seed 0"
    )
    assert files[0].stat().st_size < MOST_BYTES
    assert '"accuracy"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a\t1\nb\n", "line 2"),
        ("a\t1\nb\t2\n", "line 2"),
        ("a\t1\n\t0\n", "line 2"),
        ("a\t1\n", "both labels"),
        ("", "both labels"),
    ],
)
def test_a_broken_file_is_named_by_its_line(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "x.tsv").write_text(content)
    with pytest.raises(BadRequest, match=says):
        sentiments(tmp_path / "x.tsv")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no\.tsv"):
        sentiments(tmp_path / "no.tsv")
    (tmp_path / "b.tsv").write_bytes(b"\xff\xfe\t1")
    with pytest.raises(BadRequest, match="UTF-8"):
        sentiments(tmp_path / "b.tsv")


@pytest.mark.parametrize(
    "arguments",
    [
        ["moderation", "--language", "zh"],
        ["injection", "--train", "x"],
        ["sentiment", "--train", "x"],
        ["sentiment", "--neutral", "x"],
        ["sentiment", "--data", "/nonexistent"],
    ],
)
def test_bad_usage_is_one_line(
    arguments: list[str], minilm_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@given(st.lists(st.text(min_size=1), max_size=30), st.floats(0, 1))
def test_a_text_is_on_one_side(texts: list[str], share: float) -> None:
    kept, out = parted([Row(text=text, targets=(1.0,)) for text in texts], share)
    assert len(kept) + len(out) == len(texts)
    assert not {row.text for row in kept} & {row.text for row in out}
    assert all(held_out(" " + row.text.upper().lower(), share) for row in out if row.text.isascii())


@pytest.mark.parametrize(
    ("tweet", "left"),
    [
        ('"RT @name_1: so &amp; so&#8220; http://t.co/abc', "so & so"),
        ("!!!! RT @a: plain", "plain"),
        ("@a", ""),
    ],
)
def test_what_only_tweets_have_is_taken_out(tweet: str, left: str) -> None:
    assert bare(tweet) == left


def test_nothing_is_trained_on_and_measured(shared_data: Path) -> None:
    train, middle, measured = (
        {tweet.text for tweet in part} for part in moderation.split(shared_data)
    )
    assert not train & middle
    assert not train & measured
    assert not middle & measured
    assert len(measured) > 2000
    ours, theirs = injection.attacks(shared_data)
    assert not set(ours) & set(theirs)
    assert len(theirs) == 5
    for kind, texts in injection.documents(shared_data, out=False).items():
        assert not set(texts) & set(injection.documents(shared_data, out=True)[kind])


def test_linear_finds_what_is_linear() -> None:
    import torch

    vectors = torch.nn.functional.normalize(torch.randn(200, 8), dim=1)
    truth = vectors @ torch.ones(8) > 0
    targets, weights = tensors([Row(text="", targets=(float(t),)) for t in truth])
    weight, bias = linear(vectors, targets, weights)
    assert bool((((vectors @ weight.t() + bias)[:, 0] > 0) == truth).float().mean() > 0.97)


def test_platt_mends_confidence() -> None:
    import torch

    logits = torch.tensor([[-4.0], [-4.0], [-4.0], [4.0], [4.0], [4.0]])
    targets = torch.tensor([[0.0], [0.0], [1.0], [1.0], [1.0], [0.0]])
    slope, shift = platt(logits, targets, torch.ones(6))
    made = torch.sigmoid(logits * slope + shift)
    torch.testing.assert_close(made[0, 0], torch.tensor(1 / 3), atol=1e-3, rtol=0)
    torch.testing.assert_close(made[-1, 0], torch.tensor(2 / 3), atol=1e-3, rtol=0)


def test_figures() -> None:
    chance = np.array([0.9, 0.8, 0.7, 0.2])
    truth = np.array([True, False, True, False])
    assert figures.accuracy(chance, truth) == 0.75
    assert figures.precision_recall(chance, truth, 0.75) == (0.5, 0.5)
    assert figures.auprc(chance, truth) == pytest.approx((1 + 2 / 3) / 2)
    assert figures.auroc(chance, truth) == 0.75
    same = np.full(4, 0.5)
    assert figures.auroc(same, truth) == 0.5
    assert figures.auprc(same, truth) == 0.5
    assert figures.calibration(np.array([1.0, 0.0]), np.array([True, False])) == 0.0
