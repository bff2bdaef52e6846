"""Rounded weights from disk are the rounded weights, or they are made again."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import pytest
import torch

from fireside.engine.int8 import Int8Linear, Int8Weights, round_weights
from fireside.engine.int8_cache import cache_path, read_rounded, write_rounded
from fireside.hub import LocalModel

from .small_models import config_of, weights_of


@pytest.fixture
def local(tmp_path: Path) -> LocalModel:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"weights")
    return LocalModel(name="m", path=path, format="gguf", files=(path,))


def rounded(family: str) -> Int8Weights:
    return round_weights(weights_of(config_of(family)))


def same(first: object, second: object) -> bool:
    if isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
        return first.dtype == second.dtype and torch.equal(first, second)
    if isinstance(first, Int8Linear):
        return all(same(getattr(first, f.name), getattr(second, f.name)) for f in fields(first))
    return first is None and second is None


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
def test_what_is_read_is_what_was_written(family: str, local: LocalModel, tmp_path: Path) -> None:
    weights, path = rounded(family), cache_path(local, tmp_path / "cache")
    write_rounded(path, weights, local)
    found = read_rounded(path, weights.config)
    assert found is not None
    assert same(found.embedding, weights.embedding)
    assert same(found.head, weights.head)
    for layer, expected in zip(found.layers, weights.layers, strict=True):
        assert all(same(getattr(layer, f.name), getattr(expected, f.name)) for f in fields(layer))
    assert found.layers[0].qkv.weight.stride() == weights.layers[0].qkv.weight.stride()
    assert not list(path.parent.glob("*.part"))


def test_another_file_has_another_name(local: LocalModel, tmp_path: Path) -> None:
    first = cache_path(local, tmp_path)
    assert cache_path(local, tmp_path) == first
    os.utime(local.path, ns=(1, 1))
    assert cache_path(local, tmp_path) != first


def test_nothing_there_is_none(tmp_path: Path) -> None:
    assert read_rounded(tmp_path / "absent", config_of("llama")) is None


@pytest.mark.parametrize("keep", [0, 7, 100, 0.5, 0.999])
def test_a_damaged_one_is_made_again(keep: float, local, tmp_path, caplog) -> None:
    weights, path = rounded("llama"), cache_path(local, tmp_path / "cache")
    write_rounded(path, weights, local)
    whole = path.read_bytes()
    path.write_bytes(whole[: keep if isinstance(keep, int) else int(keep * len(whole))])
    assert read_rounded(path, weights.config) is None
    assert "damaged" in caplog.text


def test_one_of_another_shape_is_made_again(local: LocalModel, tmp_path: Path) -> None:
    path = cache_path(local, tmp_path / "cache")
    write_rounded(path, rounded("llama"), local)
    assert read_rounded(path, config_of("llama", num_layers=4)) is None


def test_older_ones_of_the_same_model_go(local: LocalModel, tmp_path: Path) -> None:
    weights, cache = rounded("llama"), tmp_path / "cache"
    write_rounded(cache_path(local, cache), weights, local)
    os.utime(local.path, ns=(1, 1))
    newer = cache_path(local, cache)
    write_rounded(newer, weights, local)
    assert list(cache.iterdir()) == [newer]


def test_a_full_disk_costs_the_cache_only(local, tmp_path, caplog, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fireside.engine.int8_cache.save_file", full)
    path = cache_path(local, tmp_path / "cache")
    write_rounded(path, rounded("llama"), local)
    assert not path.exists()
    assert "could not be kept" in caplog.text
