"""GGML's block formats to float32, bit for bit what the `gguf` package gives.

A quantised tensor is a run of fixed-size blocks; each format is one structured dtype (its bytes on
disk) and one function that writes a slice of blocks into float32.  The nibbles are split eight at
a time in 64-bit words and the work goes through slices that stay in the cache, so that a tensor
costs its float32 result and nothing besides.

Sources: `ggml-common.h` (block layouts) and `ggml-quants.c` (arithmetic) of ggml-org/llama.cpp.

The IQ, TQ and MX formats are named, never decoded.  The one that is also written is Q8_0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fireside.errors import Unsupported

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Blocks = npt.NDArray[Any]  # structured: one record per block
Unpack = Callable[[Blocks, Floats], None]

# 65,536 weights: 256 KB of float32, half of an ordinary core's L2.
SLICE = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantType:
    """One of GGML's tensor types: `block` weights lie in `bytes` bytes."""

    id: int
    name: str
    block: int
    bytes: int


# Every type of ggml.h, also those that we do not decode: sizes let a file be checked and described.
_SIZES = """
0 F32 1 4       1 F16 1 2       2 Q4_0 32 18    3 Q4_1 32 20    6 Q5_0 32 22     7 Q5_1 32 24
8 Q8_0 32 34    9 Q8_1 32 40    10 Q2_K 256 84  11 Q3_K 256 110 12 Q4_K 256 144  13 Q5_K 256 176
14 Q6_K 256 210 15 Q8_K 256 292 16 IQ2_XXS 256 66               17 IQ2_XS 256 74 18 IQ3_XXS 256 98
19 IQ1_S 256 50 20 IQ4_NL 32 18 21 IQ3_S 256 110                22 IQ2_S 256 82  23 IQ4_XS 256 136
24 I8 1 1       25 I16 1 2      26 I32 1 4      27 I64 1 8      28 F64 1 8       29 IQ1_M 256 56
30 BF16 1 2     34 TQ1_0 256 54 35 TQ2_0 256 66 39 MXFP4 32 17  40 NVFP4 64 36   41 Q1_0 128 18
"""
_fields = _SIZES.split()
QUANT_TYPES: dict[int, QuantType] = {
    int(number): QuantType(id=int(number), name=name, block=int(block), bytes=int(size))
    for number, name, block, size in zip(*[iter(_fields)] * 4, strict=True)
}
BY_NAME: dict[str, QuantType] = {kind.name: kind for kind in QUANT_TYPES.values()}


def _each_byte(value: int) -> np.uint64:
    """A word whose eight bytes are all `value`."""
    return np.uint64(value * 0x0101010101010101)


NIBBLE, PAIR, BIT = _each_byte(0x0F), _each_byte(0x03), _each_byte(0x01)
# Byte -> eight bytes, one for each bit from the lowest, each bit moved to place 4 (the fifth bit).
_FIFTH_BITS: Words = np.ascontiguousarray(
    np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little") << 4
).view(np.uint64)[:, 0]


def _words(field: Bytes) -> Words:
    """A field of bytes as 64-bit words; the copy makes it aligned and contiguous."""
    return np.ascontiguousarray(field).view(np.uint64)


def _column(field: npt.NDArray[np.float16]) -> Floats:
    return field.astype(np.float32)[:, None]


def _nibbles(field: Bytes, run: int) -> Words:
    """Runs of `run` bytes to 2·`run` values: first every low nibble of the run, then every high.

    Returns: words of shape (runs, 2 * run / 8).
    """
    packed = _words(field).reshape(-1, run // 8)
    out = np.empty((len(packed), 2, run // 8), dtype=np.uint64)
    np.bitwise_and(packed, NIBBLE, out=out[:, 0])
    np.right_shift(packed, 4, out=packed)
    np.bitwise_and(packed, NIBBLE, out=out[:, 1])
    return out


def _planes(field: Bytes, bits: int, mask: np.uint64, place: int) -> Words:
    """Runs of 32 bytes to 8 // `bits` planes of 32 values, the lowest bits first, moved to `place`.

    Returns: words of shape (runs, planes, 4).
    """
    packed = _words(field).reshape(-1, 4)
    out = np.empty((len(packed), 8 // bits, 4), dtype=np.uint64)
    for plane in range(8 // bits):
        np.bitwise_and(packed, mask, out=out[:, plane])
        np.right_shift(packed, bits, out=packed)
    if place:
        np.left_shift(out, place, out=out)
    return out


def _store(words: Words, out: Floats, dtype: type[np.integer[Any]] = np.uint8) -> None:
    out.reshape(-1)[...] = words.reshape(-1).view(dtype)


def _q4_0(blocks: Blocks, out: Floats) -> None:
    q = _nibbles(blocks["qs"], 16).view(np.int8)
    np.subtract(q, 8, out=q)
    out.reshape(-1)[...] = q.reshape(-1)
    np.multiply(_column(blocks["d"]), out, out=out)


def _q4_1(blocks: Blocks, out: Floats) -> None:
    _store(_nibbles(blocks["qs"], 16), out)
    np.multiply(_column(blocks["d"]), out, out=out)
    np.add(out, _column(blocks["m"]), out=out)


def _five_bits(blocks: Blocks) -> Words:
    q = _nibbles(blocks["qs"], 16).reshape(-1, 4)
    q |= _FIFTH_BITS[blocks["qh"]]
    return q


def _q5_0(blocks: Blocks, out: Floats) -> None:
    q = _five_bits(blocks).view(np.int8)
    np.subtract(q, 16, out=q)
    out.reshape(-1)[...] = q.reshape(-1)
    np.multiply(_column(blocks["d"]), out, out=out)


def _q5_1(blocks: Blocks, out: Floats) -> None:
    _store(_five_bits(blocks), out)
    np.multiply(_column(blocks["d"]), out, out=out)
    np.add(out, _column(blocks["m"]), out=out)


def _q8_0(blocks: Blocks, out: Floats) -> None:
    out[...] = blocks["qs"]
    np.multiply(out, _column(blocks["d"]), out=out)


def _q2_k(blocks: Blocks, out: Floats) -> None:
    scales = np.ascontiguousarray(blocks["scales"])
    d = _column(blocks["d"]) * (scales & 0x0F).astype(np.float32)
    m = _column(blocks["dmin"]) * (scales >> 4).astype(np.float32)
    _store(_planes(blocks["qs"], 2, PAIR, 0), out)
    runs = out.reshape(-1, 16)
    np.multiply(d.reshape(-1, 1), runs, out=runs)
    np.subtract(runs, m.reshape(-1, 1), out=runs)


def _q3_k(blocks: Blocks, out: Floats) -> None:
    packed = np.ascontiguousarray(blocks["scales"])
    low = np.concatenate([packed[:, :8] & 0x0F, packed[:, :8] >> 4], axis=1)
    high = np.concatenate([(packed[:, 8:] >> shift) & 3 for shift in (0, 2, 4, 6)], axis=1)
    scales = (low | high << 4).view(np.int8) - np.int8(32)
    d = _column(blocks["d"]) * scales.astype(np.float32)
    q = _planes(blocks["qs"], 2, PAIR, 0).reshape(-1, 8, 4).view(np.int8)
    # The mask's bit says "do not subtract 4", hence the inversion.
    absent = _planes(~blocks["hmask"], 1, BIT, 2).view(np.int8)
    np.subtract(q, absent, out=q)
    out.reshape(-1)[...] = q.reshape(-1)
    runs = out.reshape(-1, 16)
    np.multiply(d.reshape(-1, 1), runs, out=runs)


def _six_bit_scales(blocks: Blocks) -> tuple[Floats, Floats]:
    """The eight scales and minima of a Q4_K or Q5_K block, times its `d` and `dmin`."""
    packed = np.ascontiguousarray(blocks["scales"])
    low, middle, high = packed[:, :4], packed[:, 4:8], packed[:, 8:]
    scale = np.concatenate([low & 0x3F, (high & 0x0F) | ((low >> 2) & 0x30)], axis=1)
    least = np.concatenate([middle & 0x3F, (high >> 4) | ((middle >> 2) & 0x30)], axis=1)
    d = _column(blocks["d"]) * scale.astype(np.float32)
    m = _column(blocks["dmin"]) * least.astype(np.float32)
    return d.reshape(-1, 1), m.reshape(-1, 1)


def _affine_32(words: Words, blocks: Blocks, out: Floats) -> None:
    d, m = _six_bit_scales(blocks)
    _store(words, out)
    runs = out.reshape(-1, 32)
    np.multiply(d, runs, out=runs)
    np.subtract(runs, m, out=runs)


def _q4_k(blocks: Blocks, out: Floats) -> None:
    _affine_32(_nibbles(blocks["qs"], 32), blocks, out)


def _q5_k(blocks: Blocks, out: Floats) -> None:
    q = _nibbles(blocks["qs"], 32).reshape(-1, 8, 4)
    _affine_32(np.bitwise_or(q, _planes(blocks["qh"], 1, BIT, 4), out=q), blocks, out)


def _q6_k(blocks: Blocks, out: Floats) -> None:
    words = _nibbles(blocks["ql"], 64).reshape(-1, 4, 4)
    np.bitwise_or(words, _planes(blocks["qh"], 2, PAIR, 4), out=words)
    q = words.view(np.int8)
    np.subtract(q, 32, out=q)
    out.reshape(-1)[...] = q.reshape(-1)
    d = _column(blocks["d"]) * blocks["scales"].astype(np.float32)
    runs = out.reshape(-1, 16)
    np.multiply(d.reshape(-1, 1), runs, out=runs)


def _f32(blocks: Blocks, out: Floats) -> None:
    out[...] = blocks["x"][:, None]


def _bf16(blocks: Blocks, out: Floats) -> None:
    np.left_shift(blocks["x"].astype(np.uint32), 16, out=out.reshape(-1).view(np.uint32))


_D, _M, _DMIN = ("d", "<f2"), ("m", "<f2"), ("dmin", "<f2")
_FORMATS: dict[str, tuple[list[Any], Unpack]] = {
    "F32": ([("x", "<f4")], _f32),
    "F16": ([("x", "<f2")], _f32),
    "BF16": ([("x", "<u2")], _bf16),
    "Q4_0": ([_D, ("qs", "u1", 16)], _q4_0),
    "Q4_1": ([_D, _M, ("qs", "u1", 16)], _q4_1),
    "Q5_0": ([_D, ("qh", "u1", 4), ("qs", "u1", 16)], _q5_0),
    "Q5_1": ([_D, _M, ("qh", "u1", 4), ("qs", "u1", 16)], _q5_1),
    "Q8_0": ([_D, ("qs", "i1", 32)], _q8_0),
    "Q2_K": ([("scales", "u1", 16), ("qs", "u1", 64), _D, _DMIN], _q2_k),
    "Q3_K": ([("hmask", "u1", 32), ("qs", "u1", 64), ("scales", "u1", 12), _D], _q3_k),
    "Q4_K": ([_D, _DMIN, ("scales", "u1", 12), ("qs", "u1", 128)], _q4_k),
    "Q5_K": ([_D, _DMIN, ("scales", "u1", 12), ("qh", "u1", 32), ("qs", "u1", 128)], _q5_k),
    "Q6_K": ([("ql", "u1", 128), ("qh", "u1", 64), ("scales", "i1", 16), _D], _q6_k),
}
DECODED = tuple(_FORMATS)


def dequantize(raw: Bytes, name: str) -> Floats:
    """The weights of whole blocks, flat, in a new float32 array.

    Args:
        raw: uint8, flat and contiguous, a whole number of blocks of type `name`.
        name: the type, e.g. "Q4_K".

    Raises:
        Unsupported: a type that we do not decode.
    """
    if name not in _FORMATS:
        raise Unsupported(
            f"Tensors of type {name} cannot be read: take a file in one of {', '.join(DECODED)}."
        )
    kind = BY_NAME[name]
    layout, unpack = _FORMATS[name]
    blocks = raw.view(np.dtype(layout))
    out = np.empty((len(blocks), kind.block), dtype=np.float32)
    step = SLICE // kind.block
    # Random scales are often NaN or infinite; that is the file's business, not a warning.
    with np.errstate(all="ignore"):
        for start in range(0, len(blocks), step):
            unpack(blocks[start : start + step], out[start : start + step])
    return out.reshape(-1)


def quantize_q8_0(values: Floats) -> Bytes:
    """Float32 to blocks of Q8_0, as ggml does it: each 32 numbers by the largest magnitude.

    values: a multiple of 32 of them, in any shape.

    Raises:
        OverflowError: a number that is not finite, or too large for a scale in half precision.
    """
    blocks = values.reshape(-1, 32)
    packed = np.empty((len(blocks), 34), np.uint8)
    for start in range(0, len(blocks), SLICE // 32):
        part = blocks[start : start + SLICE // 32]
        scales = np.abs(part).max(axis=1, keepdims=True) / np.float32(127)
        if not np.all(scales < 65_520):  # what rounds to more than the largest half
            raise OverflowError
        inverses = np.divide(1, scales, out=np.zeros_like(scales), where=scales > 1e-30)
        scaled = part * inverses
        rounded = np.trunc(scaled + np.copysign(np.float32(0.5), scaled)).astype(np.int8)
        into = packed[start : start + len(part)]
        into[:, :2] = scales.astype(np.float16).view(np.uint8)
        into[:, 2:] = rounded.view(np.uint8)
    return packed.reshape(-1)
