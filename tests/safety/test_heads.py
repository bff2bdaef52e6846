"""Heads: the file, the arithmetic, and what a broken file says."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from fireside.engine.embedding import Embedder
from fireside.errors import Corrupt, NotFound
from fireside.model.lora import Delta, LoraLinear
from fireside.safety.heads import OVERLAP, Head, Judge, load_head, read_head, split, write_head

TEXTS = ["a fine day", "", "the worst " * 40, "🎉 \x00 <|im_end|> ¡hola!", "电影很好看", "x"]


def head(rank: int = 2, labels: tuple[str, ...] = ("a", "b"), window: int = 0) -> Head:
    dice = torch.Generator().manual_seed(0)

    def made(*shape: int) -> torch.Tensor:
        return (torch.randn(*shape, generator=dice) / 20).half().float()

    names = [f"layers.{n}.attention.query" for n in range(6)] + ["layers.5.down"]
    widths = [384] * 6 + [1536]
    deltas = {
        name: Delta(a=made(rank, width), b=made(384, rank), alpha=2.0 * rank)
        for name, width in zip(names, widths, strict=True)
    }
    count = len(labels)
    return Head(
        name="test",
        language="en",
        base="minilm:l6",
        labels=labels,
        weight=20 * made(count, 384),
        bias=made(count),
        slope=torch.ones(count),
        shift=made(count),
        deltas=deltas if rank else {},
        window=window,
        about={"scores": {"accuracy": 1.0}},
    )


def test_a_file_gives_the_head_back_and_the_same_head_the_same_bytes(tmp_path: Path) -> None:
    one = head()
    write_head(tmp_path / "a" / "test-en.safetensors", one)
    write_head(tmp_path / "b.safetensors", one)
    path = tmp_path / "a" / "test-en.safetensors"
    assert path.read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    again = load_head("test", "en-GB", tmp_path / "a")
    assert (again.labels, again.about, again.base) == (one.labels, one.about, one.base)
    assert torch.equal(again.weight, one.weight)
    for name, delta in one.deltas.items():
        assert torch.equal(again.deltas[name].a, delta.a)
        assert again.deltas[name].alpha == delta.alpha


def test_batched_is_single_and_the_order_does_not_matter(embedder: Embedder) -> None:
    judge = Judge(head(), embedder)
    together = judge.probabilities(TEXTS, together="mean")
    alone = torch.cat([judge.probabilities([text], together="mean") for text in TEXTS])
    turned = judge.probabilities(TEXTS[::-1], together="mean").flip(0)
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
    torch.testing.assert_close(together, turned, atol=1e-5, rtol=0)


def test_merged_is_unmerged(embedder: Embedder) -> None:
    plain, _ = embedder.embed(TEXTS)
    adapted = embedder.adapted(head().deltas)
    before, _ = adapted.embed(TEXTS)
    parts = [p for p in adapted._encoder.modules() if isinstance(p, LoraLinear)]
    old = parts[0].weight.clone()
    for part in parts:
        part.merge()
    after, _ = adapted.embed(TEXTS)
    torch.testing.assert_close(before, after, atol=1e-5, rtol=0)
    assert torch.equal(embedder.embed(TEXTS)[0], plain)
    for part in parts:
        part.unmerge()
    assert torch.equal(parts[0].weight, old)


def test_an_adapter_leaves_the_embedder_as_it_was(embedder: Embedder) -> None:
    before, _ = embedder.embed(TEXTS)
    adapted = embedder.adapted(head().deltas)
    changed, _ = adapted.embed(TEXTS)
    after, _ = embedder.embed(TEXTS)
    assert torch.equal(before, after)
    assert not torch.allclose(before, changed, atol=1e-3)
    mine = {p.data_ptr() for p in embedder._encoder.parameters()}
    theirs = {p.data_ptr() for p in adapted._encoder.parameters()}
    assert mine <= theirs  # shared, not copied


def test_a_long_text_is_judged_window_by_window(embedder: Embedder) -> None:
    judge = Judge(head(labels=("a",)), embedder)
    long = " ".join(f"{number} words" for number in range(400))
    windows = split(embedder.tokens([long])[0], embedder.window)
    assert len(windows) > 2
    logits = judge.head.logits(judge._embedder.embed(windows)[0])
    for together, expected in (("mean", logits.mean(0)), ("max", logits.amax(0))):
        made = judge.probabilities([long], together=together)  # type: ignore[arg-type]
        torch.testing.assert_close(made[0], judge.head.calibrated(expected), atol=1e-5, rtol=0)


@given(st.integers(0, 500), st.integers(OVERLAP + 1, 100))
def test_windows_cover_every_token(count: int, window: int) -> None:
    ids = list(range(count))
    parts = split(ids, window)
    assert all(len(part) <= window for part in parts)
    assert sorted({one for part in parts for one in part}) == ids
    for first, second in pairwise(parts):
        assert first[-OVERLAP:] == second[:OVERLAP]


def test_a_head_that_is_not_there_names_the_command() -> None:
    with pytest.raises(NotFound, match=r"fireside\.training\.heads sentiment --language xx"):
        load_head("sentiment", "xx")


def broken(tmp_path: Path, **changes: object) -> Path:
    write_head(tmp_path / "good.safetensors", head(rank=0))
    tensors = load_file(tmp_path / "good.safetensors")
    said = {"name": "t", "language": "en", "base": "m", "labels": ["a", "b"], "window": 0,
            "about": {}} | changes  # fmt: skip
    path = tmp_path / "bad.safetensors"
    save_file(tensors, path, metadata={"fireside": json.dumps(said)})
    return path


@pytest.mark.parametrize("changes", [{"labels": ["a"]}, {"window": 5}, {"window": "x"}])
def test_a_lying_header_is_corrupt(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(Corrupt, match=r"bad\.safetensors"):
        read_head(broken(tmp_path, **changes))


@pytest.mark.parametrize("content", [b"", b"x" * 100, b"\xff" * 8, b"0" * 1_000_001])
def test_rubbish_is_corrupt(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(Corrupt, match="safetensors"):
        read_head(path)


def test_no_number_is_corrupt(tmp_path: Path) -> None:
    one = head(rank=0)
    write_head(tmp_path / "bad.safetensors", replace(one, bias=torch.full((2,), float("nan"))))
    with pytest.raises(Corrupt, match=r"bad\.safetensors"):
        read_head(tmp_path / "bad.safetensors")
    save_file({"a": torch.ones(1)}, tmp_path / "other.safetensors")
    with pytest.raises(Corrupt, match="no head"):
        read_head(tmp_path / "other.safetensors")
