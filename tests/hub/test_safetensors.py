"""Folders of safetensors: equal to the library on sound ones, one line on unsound ones."""

from __future__ import annotations

import contextlib
import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from fireside.errors import Corrupt, NotFound
from fireside.hub.safetensors import INDEX, open_safetensors
from hub.small import write_folder
from tests.measures import least_peak


@pytest.mark.parametrize("shards", [1, 3])
def test_equals_the_library(shards: int, tmp_path: Path) -> None:
    folder = write_folder(tmp_path, shards=shards)
    expected = {}
    for file in folder.glob("*.safetensors"):
        expected |= load_file(file)
    found = open_safetensors(folder)
    assert set(found.keys()) == set(expected)
    for name, tensor in expected.items():
        assert found.shape(name) == tuple(tensor.shape)
        assert found.dtype(name) == "F32"
        assert torch.equal(found.load(name), tensor)


def test_equals_the_library_on_the_embedding_model(minilm_path: Path) -> None:
    expected = load_file(minilm_path / "model.safetensors")
    found = open_safetensors(minilm_path)
    assert set(found.keys()) == set(expected)
    assert all(torch.equal(found.load(name), tensor) for name, tensor in expected.items())


def test_a_single_file_of_another_name_is_taken(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    (folder / "model.safetensors").rename(folder / "weights.safetensors")
    assert list(open_safetensors(folder).keys())


def test_pickles_are_not_weights(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(NotFound, match=r"model\.safetensors"):
        open_safetensors(tmp_path)


def entry(dtype: str = "F32", shape: Any = (2,), span: Any = (0, 8)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": span}


def made(header: object, data: int = 8, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + bytes(data)


HOSTILE = {
    "empty": (b"", "past the end"),
    "short": (b"\x01\x00", "past the end"),
    "header length 2^64-1": (made({}, length=(1 << 64) - 1), "past the end"),
    "header length past the end": (made({}, length=1 << 20), "past the end"),
    "no JSON": (made(b"{not json"), "no JSON"),
    "not UTF-8": (made(b'{"\xff": 1}'), "no JSON"),
    "deep JSON": (made(b"[" * 100_000), "no JSON"),
    "a list": (made([1, 2]), "no JSON object"),
    "a name twice": (made(b'{"a": 1, "a": 2}'), "twice"),
    "no object": (made({"a": 5}), "no object"),
    "dtype": (made({"a": entry("F3")}), "unknown type"),
    "dtype a list": (made({"a": entry([])}), "unknown type"),  # type: ignore[arg-type]
    "shape a text": (made({"a": entry(shape="22")}), "shape"),
    "negative shape": (made({"a": entry(shape=[-2])}), "shape"),
    "float shape": (made({"a": entry(shape=[2.0])}), "shape"),
    "true shape": (made({"a": entry(shape=[True, 2])}), "shape"),
    "100 dimensions": (made({"a": entry(shape=[1] * 100)}), "shape"),
    "huge shape": (made({"a": entry(shape=[1 << 62, 1 << 62])}), "bytes for the shape"),
    "offsets missing": (made({"a": {"dtype": "F32", "shape": [2]}}), "offsets"),
    "three offsets": (made({"a": entry(span=[0, 4, 8])}), "offsets"),
    "offsets reversed": (made({"a": entry(span=[8, 0])}), "bytes for the shape"),
    "offsets too far": (made({"a": entry(span=[8, 16])}), "past the end"),
    "offsets 2^62": (made({"a": entry(span=[1 << 62, (1 << 62) + 8])}), "past the end"),
    "overlap": (made({"a": entry(), "b": entry()}), "overlaps"),
    "a hole": (made({"a": entry(span=[8, 16])}, data=16), "hole"),
    "left over": (made({"a": entry()}, data=16), "left over"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_headers_get_one_line(case: str, tmp_path: Path) -> None:
    raw, words = HOSTILE[case]
    (tmp_path / "model.safetensors").write_bytes(raw)
    line = ""

    def opened() -> None:
        nonlocal line
        with pytest.raises(Corrupt) as caught:
            open_safetensors(tmp_path)
        line = str(caught.value)

    assert least_peak(opened) < 1_000_000
    assert words in line
    assert "again" in line
    assert "\n" not in line


def test_a_header_larger_than_any_real_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", 1 << 30))
        file.truncate((1 << 30) + 16)  # sparse: no disk is used
    with pytest.raises(Corrupt, match="claims"):
        open_safetensors(tmp_path)


INDICES = {
    "traversal": ({"weight_map": {"layer.0": "../secret.safetensors"}}, "outside"),
    "absolute": ({"weight_map": {"layer.0": "/etc/x.safetensors"}}, "outside"),
    "a drive": ({"weight_map": {"layer.0": "C:x.safetensors"}}, "outside"),
    "a backslash": ({"weight_map": {"layer.0": "..\\x.safetensors"}}, "outside"),
    "a pickle": ({"weight_map": {"layer.0": "pytorch_model.bin"}}, "outside"),
    "itself": ({"weight_map": {"layer.0": INDEX}}, "outside"),
    "a number": ({"weight_map": {"layer.0": 5}}, "outside"),
    "a missing shard": ({"weight_map": {"layer.0": "model-9.safetensors"}}, "missing"),
    "no map": ({"metadata": {}}, "weight_map"),
    "an empty map": ({"weight_map": {}}, "weight_map"),
    "a list": ([], "no JSON object"),
    "no JSON": (b"{", "no JSON"),
    "deep": (b"[" * 100_000, "no JSON"),
}


@pytest.mark.parametrize("case", INDICES)
def test_hostile_indices_get_one_line(case: str, tmp_path: Path) -> None:
    index, words = INDICES[case]
    folder = write_folder(tmp_path, shards=2)
    text = index if isinstance(index, bytes) else json.dumps(index).encode()
    (folder / INDEX).write_bytes(text)
    with pytest.raises(Corrupt, match=words) as caught:
        open_safetensors(folder)
    assert "\n" not in str(caught.value)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=9)), min_size=1, max_size=4
    ),
    cut=st.none() | st.integers(0, 500),
)
def test_a_mutated_file_is_read_or_refused(
    tmp_path: Path, changes: list[tuple[int, bytes]], cut: int | None
) -> None:
    path = write_folder(tmp_path) / "model.safetensors"
    raw = bytearray(path.read_bytes())
    for at, new in changes:
        raw[at : at + len(new)] = new
    path.write_bytes(raw[:cut])
    with contextlib.suppress(Corrupt):
        found = open_safetensors(tmp_path)
        for name in found.keys():  # noqa: SIM118 (it is no dict)
            assert tuple(found.load(name).shape) == found.shape(name)
