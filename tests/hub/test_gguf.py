"""Our reader equals the `gguf` package's on sound files, and says one line on unsound ones."""

from __future__ import annotations

import contextlib
import gc
import struct
import weakref
from pathlib import Path

import numpy as np
import pytest
from gguf import GGUFReader
from gguf.quants import dequantize as reference
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fireside.errors import Corrupt, NotFound, Unavailable, Unsupported
from fireside.hub.gguf import GGUFFile, open_gguf
from hub.small import TOKENS, write_gguf
from tests.measures import least_peak, seconds


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(tmp_path_factory.mktemp("gguf") / "small.gguf")


def same_metadata(ours: GGUFFile, theirs: GGUFReader) -> None:
    fields = {key: field for key, field in theirs.fields.items() if not key.startswith("GGUF.")}
    assert set(ours.metadata) == set(fields)
    for key, field in fields.items():
        expected, value = field.contents(), ours.metadata[key]
        assert (value.tolist() if isinstance(value, np.ndarray) else value) == expected, key


def same_tensors(ours: GGUFFile, theirs: GGUFReader) -> None:
    assert list(ours.tensors) == [tensor.name for tensor in theirs.tensors]
    for tensor in theirs.tensors:
        mine = ours.tensors[tensor.name]
        assert mine.type == tensor.tensor_type.name
        assert mine.shape == tuple(int(n) for n in reversed(tensor.shape))
        expected = reference(tensor.data, tensor.tensor_type)
        weights = mine.dequantize()
        assert weights.shape == expected.shape
        assert np.array_equal(weights.view(np.uint32), expected.view(np.uint32)), tensor.name


def test_equals_the_gguf_package_on_a_small_file(small: Path) -> None:
    ours, theirs = open_gguf(small), GGUFReader(small)
    same_metadata(ours, theirs)
    same_tensors(ours, theirs)
    assert ours.version == 3
    assert ours.metadata["tokenizer.ggml.tokens"] == TOKENS
    assert ours.metadata["test.yes"] is True
    assert ours.metadata["test.u64"] == 1 << 60


def test_equals_the_gguf_package_on_the_default_model(smollm2_path: Path) -> None:
    ours, theirs = open_gguf(smollm2_path), GGUFReader(smollm2_path)
    for key in ("general.architecture", "tokenizer.ggml.bos_token_id", "llama.context_length"):
        assert ours.metadata[key] == theirs.fields[key].contents()
    for key in ("tokenizer.ggml.tokens", "tokenizer.ggml.merges"):
        value = ours.metadata[key]
        assert isinstance(value, list)
        assert value == theirs.fields[key].contents()
    some = [tensor for i, tensor in enumerate(theirs.tensors) if i % 20 == 0]
    theirs.tensors = some
    assert len(ours.tensors) == 272
    same_tensors(
        GGUFFile(
            path=ours.path,
            version=ours.version,
            metadata=ours.metadata,
            tensors={tensor.name: ours.tensors[tensor.name] for tensor in some},
        ),
        theirs,
    )


def test_the_default_model_opens_in_a_tenth_of_a_second(smollm2_path: Path) -> None:
    open_gguf(smollm2_path)
    assert seconds(lambda: open_gguf(smollm2_path), tries=5) <= 0.2


def test_version_2_reads_alike(small: Path, tmp_path: Path) -> None:
    raw = bytearray(small.read_bytes())
    raw[4:8] = struct.pack("<I", 2)
    old = tmp_path / "old.gguf"
    old.write_bytes(raw)
    assert open_gguf(old).metadata["general.name"] == "Small"


def test_a_file_of_metadata_alone_is_sound(tmp_path: Path) -> None:
    assert not open_gguf(write_gguf(tmp_path / "vocabulary.gguf", tensors=False)).tensors


def test_raw_is_the_file_itself_and_cannot_be_written(small: Path) -> None:
    raw = open_gguf(small).tensors["blk.Q4_0.weight"].raw
    assert not raw.flags.writeable
    assert not raw.flags.owndata


# --- built by hand, so that each field can lie --------------------------------------------------

U32, U64 = struct.Struct("<I").pack, struct.Struct("<Q").pack


def string(text: bytes) -> bytes:
    return U64(len(text)) + text


def key(name: bytes, kind: int, value: bytes) -> bytes:
    return string(name) + U32(kind) + value


def tensor(name: bytes, dims: list[int], kind: int, offset: int) -> bytes:
    return string(name) + U32(len(dims)) + b"".join(map(U64, dims)) + U32(kind) + U64(offset)


def made(keys: list[bytes], tensors: list[bytes], data: int = 4096, version: int = 3) -> bytes:
    head = b"GGUF" + U32(version) + U64(len(tensors)) + U64(len(keys))
    head += b"".join(keys) + b"".join(tensors)
    return head + bytes(-len(head) % 32) + bytes(data)


ARCHITECTURE = key(b"general.architecture", 8, string(b"llama"))
SOUND = tensor(b"w", [32, 4], 0, 0)
HUGE = (1 << 63) - 1

HOSTILE = {
    "empty": (b"", "empty"),
    "three bytes": (b"GGU", "begin"),
    "another format": (b"PK\x03\x04" + bytes(100), "begin"),
    "version 1": (made([], [], version=1), "version 1"),
    "version 99": (made([], [], version=99), "version 99"),
    "big-endian": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0) + bytes(99), "big-endian"),
    "tensor count": (b"GGUF" + U32(3) + U64(HUGE) + U64(0) + bytes(99), "tensors"),
    "key count": (b"GGUF" + U32(3) + U64(0) + U64(1 << 40) + bytes(99), "keys"),
    "plausible key count": (b"GGUF" + U32(3) + U64(0) + U64(9999), "ends"),
    "key length": (made([U64(HUGE) + b"x"], []), "claims"),
    "key length 2^64-1": (made([U64((1 << 64) - 1) + b"x"], []), "claims"),
    "key not UTF-8": (made([key(b"\xff\xfe", 0, b"\0")], []), "UTF-8"),
    "key twice": (made([ARCHITECTURE, ARCHITECTURE], []), "twice"),
    "value type": (made([key(b"k", 77, b"\0" * 8)], []), "type 77"),
    "string length": (made([key(b"k", 8, U64(HUGE) + b"abc")], []), "ends"),
    "string not UTF-8": (made([key(b"k", 8, string(b"\xc3"))], []), "UTF-8"),
    "array count": (made([key(b"k", 9, U32(4) + U64(1 << 62))], []), "ends"),
    "array of 2^61 doubles": (made([key(b"k", 9, U32(12) + U64(1 << 61))], []), "ends"),
    "string array count": (made([key(b"k", 9, U32(8) + U64(1 << 60))], []), "strings"),
    "string in array": (made([key(b"k", 9, U32(8) + U64(2) + U64(HUGE))], []), "ends"),
    "string array cut": (made([key(b"k", 9, U32(8) + U64(2) + string(b"x" * 8))], [])[:69], "ends"),
    "array not UTF-8": (made([key(b"k", 9, U32(8) + U64(1) + string(b"\xff"))], []), "UTF-8"),
    "nested arrays": (made([key(b"k", 9, (U32(9) + U64(1)) * 200)], []), "unknown type 9"),
    "alignment 0": (made([key(b"general.alignment", 4, U32(0))], [SOUND]), "alignment"),
    "alignment 3": (made([key(b"general.alignment", 4, U32(3))], [SOUND]), "alignment"),
    "alignment 2^31": (made([key(b"general.alignment", 4, U32(1 << 31))], [SOUND]), "alignment"),
    "alignment a text": (made([key(b"general.alignment", 8, string(b"32"))], [SOUND]), "alignm"),
    "dims": (made([], [string(b"w") + U32(1 << 31)]), "dimensions"),
    "a dimension of 0": (made([], [tensor(b"w", [0, 4], 0, 0)]), "shape"),
    "dims overflow": (made([], [tensor(b"w", [1 << 33, 1 << 31], 0, 0)]), "past the end"),
    "dims overflow to 0": (made([], [tensor(b"w", [1 << 32, 1 << 32], 0, 0)]), "past the end"),
    "a broken block": (made([], [tensor(b"w", [33], 2, 0)]), "shape"),
    "a scalar block": (made([], [tensor(b"w", [], 2, 0)]), "shape"),
    "tensor type": (made([], [tensor(b"w", [32], 200, 0)]), "type 200"),
    "offset": (made([], [tensor(b"w", [32], 0, 1 << 63)]), "past the end"),
    "offset by one": (made([], [tensor(b"w", [32], 0, 4096 - 96)]), "past the end"),
    "unaligned": (made([], [tensor(b"w", [32], 0, 8)]), "aligned"),
    "overlap": (made([], [SOUND, tensor(b"v", [32, 4], 0, 256)]), "overlap"),
    "the same place": (made([], [SOUND, tensor(b"v", [32, 4], 0, 0)]), "overlap"),
    "tensor twice": (made([], [SOUND, tensor(b"w", [32], 0, 512)]), "twice"),
    "a part": (made([key(b"split.count", 2, b"\x03\x00")], [SOUND]), "one part"),
    "no data": (made([], [SOUND], data=0), "past the end"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_get_one_line_and_no_memory(case: str, tmp_path: Path) -> None:
    raw, words = HOSTILE[case]
    path = tmp_path / "hostile.gguf"
    path.write_bytes(raw)
    line = ""

    def opened() -> None:
        nonlocal line
        with pytest.raises(Corrupt) as caught:
            open_gguf(path)
        line = str(caught.value)

    assert least_peak(opened) < 200_000
    assert words in line
    assert "again" in line
    assert "\n" not in line
    assert len(line) < 300


def test_the_hand_built_file_is_sound_when_nothing_lies(tmp_path: Path) -> None:
    path = tmp_path / "sound.gguf"
    path.write_bytes(made([ARCHITECTURE], [SOUND, tensor(b"v", [32, 4], 0, 512)]))
    assert open_gguf(path).tensors["v"].shape == (4, 32)


def test_a_key_of_another_type_than_expected_is_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "odd.gguf"
    odd = key(b"split.count", 9, U32(0) + U64(2) + b"ab")
    path.write_bytes(made([odd, key(b"general.architecture", 4, U32(7))], [SOUND]))
    assert open_gguf(path).metadata["general.architecture"] == 7


def test_every_truncation_is_corrupt(small: Path, tmp_path: Path) -> None:
    raw = small.read_bytes()
    # The writer pads the last tensor to the alignment, so the last bytes belong to nobody.
    for length in [*range(0, 600, 7), *range(600, len(raw) - 32, 97)]:
        path = tmp_path / "cut.gguf"
        path.write_bytes(raw[:length])
        with pytest.raises(Corrupt):
            open_gguf(path)


def test_a_type_that_we_do_not_decode_is_read_around(tmp_path: Path) -> None:
    path = tmp_path / "iq.gguf"
    path.write_bytes(made([], [tensor(b"w", [256], 23, 0)]))
    found = open_gguf(path).tensors["w"]
    assert found.type == "IQ4_XS"
    with pytest.raises(Unsupported, match="IQ4_XS"):
        found.dequantize()


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no file"):
        open_gguf(tmp_path / "absent.gguf")
    with pytest.raises(Unavailable):
        open_gguf(tmp_path)


# --- fuzz ---------------------------------------------------------------------------------------

NUMBERS = [
    0,
    1,
    7,
    8,
    9,
    31,
    32,
    255,
    1 << 16,
    (1 << 31) - 1,
    1 << 31,
    (1 << 32) - 1,
    1 << 62,
    HUGE,
]
mutations = st.lists(
    st.one_of(
        st.tuples(st.just("byte"), st.floats(0, 1), st.integers(0, 255)),
        st.tuples(st.just("u32"), st.floats(0, 1), st.sampled_from(NUMBERS)),
        st.tuples(st.just("u64"), st.floats(0, 1), st.sampled_from(NUMBERS)),
        st.tuples(st.just("cut"), st.floats(0, 1), st.just(0)),
        st.tuples(st.just("drop"), st.floats(0, 1), st.integers(1, 64)),
        st.tuples(st.just("repeat"), st.floats(0, 1), st.integers(1, 64)),
    ),
    min_size=1,
    max_size=4,
)


def mutated(raw: bytes, changes: list[tuple[str, float, int]]) -> bytes:
    # Nine in ten changes fall on the header: in the data nothing can lie.
    data = bytearray(raw)
    header = max(1, len(raw) * 2 // 3)
    for kind, where, value in changes:
        at = int(where * (min(header, len(data)) if where < 0.9 else len(data)))
        if kind == "byte":
            data[at : at + 1] = bytes([value])
        elif kind == "u32":
            data[at : at + 4] = struct.pack("<I", value & 0xFFFFFFFF)
        elif kind == "u64":
            data[at : at + 8] = struct.pack("<Q", value)
        elif kind == "cut":
            del data[at:]
        elif kind == "drop":
            del data[at : at + value]
        else:
            data[at:at] = data[at : at + value]
    return bytes(data)


@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(changes=mutations)
def test_a_mutated_file_is_read_or_refused(
    small: Path, tmp_path: Path, changes: list[tuple[str, float, int]]
) -> None:
    path = tmp_path / "mutated.gguf"
    path.write_bytes(mutated(small.read_bytes(), changes))
    try:
        found = open_gguf(path)
    except Corrupt:
        return
    total = 0
    for weights in found.tensors.values():
        total += weights.raw.size
        try:
            assert weights.dequantize().shape == weights.shape
        except Unsupported:
            continue
    assert total <= path.stat().st_size


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(tail=st.binary(max_size=400), version=st.sampled_from([2, 3]))
def test_noise_behind_the_magic_is_read_or_refused(
    tmp_path: Path, tail: bytes, version: int
) -> None:
    path = tmp_path / "noise.gguf"
    path.write_bytes(b"GGUF" + U32(version) + tail)
    with contextlib.suppress(Corrupt):
        open_gguf(path)


def test_a_file_that_is_held_open_is_read_once(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(small.read_bytes())
    first = open_gguf(path)
    assert open_gguf(path) is first
    path.unlink()
    path.write_bytes(small.read_bytes().replace(b"test.yes", b"test.yet"))
    assert "test.yet" in open_gguf(path).metadata
    assert "test.yes" in first.metadata
    place = weakref.ref(first)
    del first
    gc.collect()
    assert place() is None
