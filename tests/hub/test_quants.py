"""Law: our float32 equals the `gguf` package's, bit for bit, for any bytes whatever, and so does
what we quantise."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from gguf import GGMLQuantizationType
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize as reference
from gguf.quants import quantize
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fireside.errors import Unsupported
from fireside.hub.quants import BY_NAME, DECODED, SLICE, dequantize, quantize_q8_0


@pytest.mark.parametrize("name", DECODED)
@pytest.mark.parametrize("weights", [0, 512, SLICE, 2 * SLICE + 768])
def test_equals_the_gguf_package_on_random_bytes(name: str, weights: int) -> None:
    kind = BY_NAME[name]
    blocks = -(-weights // kind.block)
    raw = np.random.default_rng(weights).integers(0, 256, blocks * kind.bytes, dtype=np.uint8)
    ours = dequantize(raw, name)
    assert ours.dtype == np.float32
    assert ours.shape == (blocks * kind.block,)
    if not blocks:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NaN and infinite scales
        theirs = reference(raw.reshape(1, -1), GGMLQuantizationType[name]).reshape(-1)
    assert np.array_equal(ours.view(np.uint32), theirs.view(np.uint32))


@pytest.mark.parametrize("name", DECODED)
def test_every_scale_of_zero_infinity_and_nan(name: str) -> None:
    kind = BY_NAME[name]
    patterns = [0x0000, 0x8000, 0x0001, 0x7C00, 0xFC00, 0x7E00, 0x7C01, 0xFE55, 0x7BFF]
    raw = np.concatenate(
        [np.full(kind.bytes // 2 * 64, bits, dtype="<u2").view(np.uint8) for bits in patterns]
    )
    raw = raw[: len(raw) // kind.bytes * kind.bytes]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        theirs = reference(raw.reshape(1, -1), GGMLQuantizationType[name]).reshape(-1)
    assert np.array_equal(dequantize(raw, name).view(np.uint32), theirs.view(np.uint32))


def test_the_result_is_ours_to_write() -> None:
    raw = np.zeros(16, dtype=np.uint8)
    raw.flags.writeable = False
    dequantize(raw, "F32")[0] = 1.0


def test_unaligned_bytes_are_read_alike() -> None:
    raw = np.random.default_rng(0).integers(0, 256, 144 * 8 + 1, dtype=np.uint8)
    assert np.array_equal(
        dequantize(raw[1:], "Q4_K").view(np.uint32),
        dequantize(raw[1:].copy(), "Q4_K").view(np.uint32),
    )


def test_sizes_equal_the_gguf_package() -> None:
    for kind, (block, size) in GGML_QUANT_SIZES.items():
        ours = BY_NAME[kind.name]
        assert (ours.id, ours.block, ours.bytes) == (int(kind), block, size)


def test_a_type_that_we_do_not_decode_is_named() -> None:
    with pytest.raises(Unsupported, match="IQ4_XS"):
        dequantize(np.zeros(136, dtype=np.uint8), "IQ4_XS")


@given(
    arrays(
        np.float32,
        st.integers(1, 4).map(lambda n: (n, 64)),
        elements=st.floats(-90_000, 90_000, width=32, allow_subnormal=False),
    )
)
def test_what_is_quantised_is_what_ggml_makes_of_it(values: Any) -> None:
    theirs = quantize(values, GGMLQuantizationType.Q8_0)
    assert np.array_equal(quantize_q8_0(values), theirs.reshape(-1))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e30])
def test_what_8_bits_cannot_hold_is_an_error(wrong: float) -> None:
    values = np.ones((2, 64), np.float32)
    values[1, 5] = wrong
    with pytest.raises(OverflowError):
        quantize_q8_0(values)
