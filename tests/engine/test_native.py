"""The native core's one law: the same bits, however the work is cut, whoever shares it, on however
many threads and on every instruction set.  And near to the same weights in float32."""

from __future__ import annotations

import ctypes
import platform
import random
import shutil
import subprocess
from ctypes import CDLL
from functools import cache
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
import transformers

from fireside.engine.native.library import CMatrix, load_library
from fireside.engine.native.packed_weights import open_packed
from fireside.engine.native.packing import KINDS, pack_model, why_not_packed
from fireside.engine.native.place import place_of_library, state_of_library
from fireside.engine.native.runner import NativeRunner
from fireside.engine.runner import Abandoned
from fireside.hub.quants import dequantize
from fireside.model.config import config_of
from fireside.model.load import load_model
from tests.model.gguf_file import write_gguf
from tests.model.reference import local
from tests.script_modules import script

from .feeding import Fed, feed, feed_together, tables

build = script("native/build.py")
pytestmark = pytest.mark.skipif(build.find_compiler() is None, reason="there is no C++ compiler")

BLOCKS = 24
COMMON: dict[str, Any] = {
    "vocab_size": 112, "num_hidden_layers": 2, "max_position_embeddings": 512, "bos_token_id": None,
    "eos_token_id": None, "pad_token_id": None,
}  # fmt: skip
# Nine query heads share three key heads, as in the default model; biases; norms of heads; a window.
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaConfig", {"hidden_size": 288, "intermediate_size": 96, "head_dim": 32,
              "num_attention_heads": 9, "num_key_value_heads": 3}),
    "qwen2": ("Qwen2Config", {"hidden_size": 64, "intermediate_size": 128,
              "num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": True}),
    "qwen3": ("Qwen3Config", {"hidden_size": 64, "intermediate_size": 96, "head_dim": 64,
              "num_attention_heads": 2, "num_key_value_heads": 1}),
    "mistral": ("MistralConfig", {"hidden_size": 64, "intermediate_size": 96, "head_dim": 16,
                "num_attention_heads": 4, "num_key_value_heads": 4, "sliding_window": 40}),
    "gemma3": ("Gemma3TextConfig", {"hidden_size": 64, "intermediate_size": 96, "head_dim": 256,
               "num_attention_heads": 4, "num_key_value_heads": 1, "sliding_window": 40,
               "num_hidden_layers": 7, "query_pre_attn_scalar": 200}),
}  # fmt: skip
TYPES = {"llama": "Q4_1", "qwen2": "Q8_0", "qwen3": "Q4_0", "mistral": "Q5_1", "gemma3": "Q5_0"}
VALUES = {"qwen2": "Q5_0", "gemma3": "Q8_0"}
"""Types of the attention's values, where they are others."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What set-up built, if that is of these sources."""
    there = place_of_library()
    if state_of_library(there) == "built":
        return there
    out = tmp_path_factory.mktemp("native") / there.name
    build.compile_core(build.find_compiler(), platform.machine(), out)
    return out


@pytest.fixture(scope="module")
def library(built: Path) -> CDLL:
    return load_library(built)


@cache
def instruction_sets(library: CDLL) -> list[str]:
    """Those of this processor."""
    best = library.fireside_best().decode()
    return {"avx512": ["avx512", "avx2", "portable"], "avx2": ["avx2", "portable"]}.get(
        best, list(dict.fromkeys([best, "portable"]))
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    made = {}
    for name, (kind, own) in MODELS.items():
        torch.manual_seed(len(made))
        config = getattr(transformers, kind)(**COMMON | own)
        model = transformers.AutoModelForCausalLM.from_config(config)
        with torch.no_grad():
            for weight in model.parameters():
                weight.normal_(0, 0.3 if weight.ndim > 1 else 0.5)
        made[name] = folder / f"{name}.gguf"
        types = gguf.GGMLQuantizationType
        values = types[VALUES[name]] if name in VALUES else None
        write_gguf(model, made[name], types[TYPES[name]], values)
    return made


def runner_of(
    library: CDLL, file: Path, *, threads: int = 1, isa: str | None = None
) -> NativeRunner:
    config = config_of(local(file))
    assert not why_not_packed(config)
    path = file.with_suffix(".native")
    packed = open_packed(path) or pack_model(library, local(file), path)
    return NativeRunner(library, packed, config, num_blocks=BLOCKS, threads=threads, isa=isa)


def ids_of(length: int, seed: int = 0) -> list[int]:
    rng = random.Random(seed)
    return [rng.randrange(COMMON["vocab_size"]) for _ in range(length)]


@pytest.mark.parametrize("name", MODELS)
def test_it_is_near_to_the_same_weights_in_float(
    library: CDLL, files: dict[str, Path], name: str
) -> None:
    ids = ids_of(150)
    ours = feed(runner_of(library, files[name]), ids, [len(ids)])
    with torch.inference_mode():
        theirs = load_model(local(files[name]))(torch.tensor([ids]))[0]
    cosines = torch.nn.functional.cosine_similarity(ours, theirs, dim=1)
    assert cosines.mean() > 0.99, cosines
    assert cosines.min() > 0.95, cosines


@pytest.mark.parametrize("name", MODELS)
def test_every_instruction_set_gives_the_same_bits(
    library: CDLL, files: dict[str, Path], name: str
) -> None:
    ids = ids_of(75)
    first, *others = (
        feed(runner_of(library, files[name], isa=isa), ids, [len(ids)])
        for isa in instruction_sets(library)
    )
    assert all(torch.equal(first, other) for other in others)


@pytest.mark.parametrize("name", MODELS)
def test_however_it_is_cut(library: CDLL, files: dict[str, Path], name: str) -> None:
    runner, ids = runner_of(library, files[name]), ids_of(100)
    whole = feed(runner, ids, [len(ids)])
    for cuts in ([], [1, 2, 3, 5, 7, 11, 33], [31, 1, 32, 36], [64]):
        assert torch.equal(feed(runner, ids, cuts), whole), cuts


def test_whoever_shares_it_and_on_however_many_threads(
    library: CDLL, files: dict[str, Path]
) -> None:
    alone = runner_of(library, files["llama"])
    lengths = (90, 33, 64, 5)
    wholes = [feed(alone, ids_of(n, seed=n), [n]) for n in lengths]
    for threads in (1, 2, 3):
        runner = runner_of(library, files["llama"], threads=threads)
        rng = random.Random(threads)
        places = tables(runner, lengths, rng)
        together = [
            Fed(ids_of(n, seed=n), blocks, [rng.randint(1, 40), rng.randint(1, 9)])
            for n, blocks in zip(lengths, places, strict=True)
        ]
        for found, whole in zip(feed_together(runner, together, rng), wholes, strict=True):
            assert torch.equal(found, whole)


def test_a_block_is_copied_with_all_layers(library: CDLL, files: dict[str, Path]) -> None:
    runner, ids = runner_of(library, files["qwen3"]), ids_of(40)
    whole = feed(runner, ids, [40], blocks=[3, 4])
    runner.copy_block(3, 9)
    again = feed_together(runner, [Fed(ids, [9, 10], [8], done=32)])[0]
    assert torch.equal(again, whole[32:])


@pytest.mark.parametrize("name", KINDS)
def test_weights_of_every_type(library: CDLL, name: str) -> None:
    """Random bytes of the file's type: each weight as our reader has it, each product near, and
    the same on every instruction set."""
    rng = np.random.default_rng(0)
    outputs, inputs = 48, 512
    size, per = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]][::-1]
    blocks = rng.integers(0, 256, (outputs * inputs // per, size), dtype=np.uint8)
    for at in {"Q6_K": (208,), "Q4_0": (0,), "Q5_0": (0,), "Q8_0": (0,)}.get(name, (0, 2)):
        scales = rng.uniform(-0.02, 0.02, len(blocks)).astype(np.float16)
        blocks[:, at : at + 2] = scales.view(np.uint8).reshape(-1, 2)
    raw = blocks.reshape(-1)
    weights = dequantize(raw, name).reshape(outputs, inputs)
    kind = KINDS[name]
    packed = np.zeros(library.fireside_packed_bytes(kind, outputs, inputs), np.uint8)
    library.fireside_pack(kind, raw.ctypes.data, outputs, inputs, None, packed.ctypes.data)
    matrix = CMatrix(packed.ctypes.data, None, kind, outputs, inputs)
    row = np.empty(inputs, np.float32)
    for output in range(outputs):
        library.fireside_row(matrix, output, row.ctypes.data)
        assert np.array_equal(row, weights[output])
    x = rng.standard_normal((7, inputs)).astype(np.float32)
    products = [_product(library, isa, matrix, x) for isa in instruction_sets(library)]
    assert all(np.array_equal(products[0], other) for other in products[1:])
    one_by_one = [_product(library, "portable", matrix, x[n : n + 1])[0] for n in range(len(x))]
    assert np.array_equal(np.stack(one_by_one), products[0])
    exact = x.astype(np.float64) @ weights.T.astype(np.float64)
    error = np.abs(products[0] - exact).max() / np.abs(exact).max()
    assert error < 0.01


def _product(library: CDLL, isa: str, matrix: CMatrix, x: np.ndarray[Any, Any]) -> Any:
    x = np.ascontiguousarray(x)
    out = np.empty((len(x), matrix.outputs), np.float32)
    assert library.fireside_multiply(
        isa.encode(), ctypes.byref(matrix), x.ctypes.data, len(x), out.ctypes.data
    )
    return out


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="the system names no flags")
def test_it_finds_the_widest_instruction_set(library: CDLL) -> None:
    """A compiler's own question may answer wrongly: Zig's finds no AVX-512."""
    flags = set(Path("/proc/cpuinfo").read_text().split())
    widest = "portable"
    if flags >= {"avx2", "fma", "f16c"}:
        widest = "avx2"
        if flags >= {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni"}:
            widest = "avx512"
    elif "asimddp" in flags:
        widest = "neon"
    assert library.fireside_best().decode() == widest


ARM_COMPILER, ARM_MACHINE = "aarch64-linux-gnu-g++", "qemu-aarch64"


@pytest.mark.skipif(
    not (shutil.which(ARM_COMPILER) and shutil.which(ARM_MACHINE)),
    reason="g++-aarch64-linux-gnu and qemu-user are not installed",
)
def test_another_processor_gives_the_same_bits(library: CDLL, tmp_path: Path) -> None:
    """arm64, emulated, beside this machine."""
    if "avx512" not in instruction_sets(library):
        pytest.skip("the check's x86 side is AVX-512")
    build.compile_check([ARM_COMPILER], "aarch64", tmp_path / "arm", ("-static",))
    arm = subprocess.run([ARM_MACHINE, tmp_path / "arm"], capture_output=True, check=True)
    build.compile_check(build.find_compiler(), "x86_64", tmp_path / "x86")
    x86 = subprocess.run([tmp_path / "x86"], capture_output=True, check=True)
    assert arm.stdout == x86.stdout
    assert len(arm.stdout.splitlines()) == len(KINDS) + 1


def test_a_step_that_nobody_waits_for_is_left(library: CDLL, files: dict[str, Path]) -> None:
    runner = runner_of(library, files["qwen2"])
    runner.abandoned = lambda: True
    with pytest.raises(Abandoned):
        feed(runner, ids_of(300), [300])
