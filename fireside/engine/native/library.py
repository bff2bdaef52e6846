"""The shared library of the native core, and the structures that it takes (`native/model.h`)."""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, Structure, c_char_p, c_float, c_int32, c_int64, c_void_p
from functools import cache
from pathlib import Path
from typing import Final

from fireside.errors import BadRequest

ISA: Final = ("avx512", "avx2", "neon", "portable")


class CMatrix(Structure):
    _fields_ = (
        ("data", c_void_p), ("bias", c_void_p), ("kind", c_int32), ("outputs", c_int32),
        ("inputs", c_int32),
    )  # fmt: skip


class CLayer(Structure):
    _fields_ = (
        ("q", CMatrix), ("k", CMatrix), ("v", CMatrix), ("output", CMatrix), ("gate_up", CMatrix),
        ("down", CMatrix), ("attention_norm", c_void_p), ("mlp_norm", c_void_p),
        ("q_norm", c_void_p), ("k_norm", c_void_p), ("attention_post_norm", c_void_p),
        ("mlp_post_norm", c_void_p), ("rotary", c_void_p), ("window", c_int32),
    )  # fmt: skip


class CConfig(Structure):
    _fields_ = (
        ("layers", c_int32), ("width", c_int32), ("heads", c_int32), ("kv_heads", c_int32),
        ("head_dim", c_int32), ("inner", c_int32), ("vocabulary", c_int32), ("blocks", c_int32),
        ("activation", c_int32), ("norm_eps", c_float), ("scale", c_float),
        ("embedding_scale", c_float),
    )  # fmt: skip


class CChunk(Structure):
    _fields_ = (
        ("tokens", c_void_p), ("blocks", c_void_p), ("count", c_int32), ("start", c_int32),
        ("logits", c_int32),
    )  # fmt: skip


@cache
def load_library(path: Path) -> ctypes.CDLL:
    """The library with its functions' types (`native/api.cc`).

    Raises:
        OSError: it is not there, or not for this machine.
    """
    library = ctypes.CDLL(str(path))
    matrix, text, pointer, number = POINTER(CMatrix), c_char_p, c_void_p, c_int32
    for name, result, arguments in (
        ("sources", text, ()),
        ("best", text, ()),
        ("packed_bytes", c_int64, (number, number, number)),
        ("pack", None, (number, pointer, number, number, pointer, pointer)),
        ("row", None, (matrix, number, pointer)),
        ("multiply", number, (text, matrix, pointer, number, pointer)),
        ("open", pointer, (POINTER(CConfig), POINTER(CLayer), matrix, matrix, pointer, text,
                           number)),
        ("close", None, (pointer,)),
        ("run", number, (pointer, POINTER(CChunk), number, pointer, pointer)),
        ("copy_block", None, (pointer, number, number)),
    ):  # fmt: skip
        function = getattr(library, f"fireside_{name}")
        function.restype, function.argtypes = result, arguments
    return library


def choose_isa(library: ctypes.CDLL) -> str:
    """The widest instruction set of this processor, or the one that FIRESIDE_ISA names.

    Raises:
        BadRequest: an unknown name, or one that this processor does not have.
    """
    best: str = library.fireside_best().decode()
    wanted = os.environ.get("FIRESIDE_ISA", "") or best
    if wanted not in ISA:
        raise BadRequest(f"FIRESIDE_ISA is {wanted!r}: one of {', '.join(ISA)}.")
    is_lower = wanted == "portable" or (best == "avx512" and wanted == "avx2")
    if wanted != best and not is_lower:
        raise BadRequest(f"FIRESIDE_ISA is {wanted}, which this processor does not have: {best}.")
    return wanted
