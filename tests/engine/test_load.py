"""Which arithmetic, how much memory, how many threads; and one clear line where it cannot be."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch

from fireside.engine import devices
from fireside.engine.devices import choose_device
from fireside.engine.float_runner import FloatRunner
from fireside.engine.int8_runner import Int8Runner
from fireside.engine.kv_memory import BLOCK_SIZE, kv_blocks
from fireside.engine.load import load_runner, load_text_model, prepare
from fireside.engine.torch_runners import choose_precision, set_threads
from fireside.errors import BadRequest, Unavailable
from fireside.hub import LocalModel
from fireside.settings import Settings

from .small_models import config_of

CPU, CUDA = "cpu", "cuda"
LLAMA, GEMMA = config_of("llama"), config_of("gemma3")
PER_BLOCK = 2 * 3 * 2 * 16 * 4 * BLOCK_SIZE  # keys and values, layers, heads, head_dim, float32


def vnni(monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: there)


def memory(monkeypatch: pytest.MonkeyPatch, available: int) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=available))


@pytest.mark.parametrize(
    ("has_vnni", "device", "config", "wanted", "chosen"),
    [
        (True, CPU, LLAMA, "auto", "int8"),
        (True, CPU, GEMMA, "auto", "float32"),
        (False, CPU, LLAMA, "auto", "float32"),
        (True, CUDA, LLAMA, "auto", "bfloat16"),
        (True, CPU, LLAMA, "int8", "int8"),
        (True, CPU, LLAMA, "float32", "float32"),
        (True, CPU, LLAMA, "bfloat16", "bfloat16"),
        (False, CPU, LLAMA, "float16", "float16"),
    ],
)
def test_precision(monkeypatch, has_vnni, device, config, wanted, chosen) -> None:
    vnni(monkeypatch, has_vnni)
    assert choose_precision(config, wanted, device) == chosen


@pytest.mark.parametrize(
    ("has_vnni", "config", "said"), [(True, GEMMA, "gemma3"), (False, LLAMA, "VNNI")]
)
def test_int8_that_cannot_be_is_refused(monkeypatch, has_vnni, config, said) -> None:
    vnni(monkeypatch, has_vnni)
    with pytest.raises(BadRequest, match=said) as caught:
        choose_precision(config, "int8", CPU)
    assert caught.value.param == "precision"
    assert "auto" in caught.value.message


def test_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_has_driver", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == CPU
    with pytest.raises(BadRequest, match="FIRESIDE_DEVICE") as caught:
        choose_device("cuda")
    assert caught.value.param == "device"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == choose_device("cuda") == CUDA
    assert choose_device("cpu") == CPU
    monkeypatch.setattr(devices, "_has_driver", lambda: False)
    assert choose_device("auto") == CPU  # torch is not asked


@pytest.fixture
def torch_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("torch_threads")
def test_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: 2)
    set_threads(3)
    assert torch.get_num_threads() == 3
    set_threads(0)  # one per physical core
    assert torch.get_num_threads() == 2
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: 64)
    set_threads(0)  # of those that this process may use
    assert torch.get_num_threads() == 3
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: None)
    set_threads(0)
    assert torch.get_num_threads() == 3


def blocks(limit_mib: int = 0, **changes: int) -> int:
    return kv_blocks(config_of("llama", **changes), limit_mib, CPU, bytes_per_number=4)


def test_kv_cache_takes_two_windows_or_a_quarter_of_what_is_free(monkeypatch) -> None:
    memory(monkeypatch, 1 << 40)
    assert blocks() == 2 * 2048 // BLOCK_SIZE
    memory(monkeypatch, 4 * 100 * PER_BLOCK)
    assert blocks() == 100


def test_kv_cache_takes_what_it_is_told(monkeypatch) -> None:
    memory(monkeypatch, 1 << 40)
    assert blocks(3) == 3 * (1 << 20) // PER_BLOCK
    half = kv_blocks(LLAMA, 3, CPU, bytes_per_number=2)
    assert half == 2 * blocks(3)


@pytest.mark.parametrize(("available", "limit"), [(1 << 20, 0), (1 << 40, 1)])
def test_less_than_a_thousand_tokens_is_refused(monkeypatch, available: int, limit: int) -> None:
    memory(monkeypatch, available)
    wide = {"num_kv_heads": 4, "head_dim": 64}
    with pytest.raises(Unavailable, match="FIRESIDE_KV_CACHE_MIB") as caught:
        blocks(limit, **wide)
    assert "6 MiB" in caught.value.message
    assert blocks(6, **wide) == 1024 // BLOCK_SIZE


def test_a_small_window_needs_no_thousand(monkeypatch) -> None:
    memory(monkeypatch, 1 << 40)
    assert blocks(1, context=64) >= 2


@pytest.fixture
def default_model(smollm2_path: Path) -> LocalModel:
    return LocalModel(name="smollm2:135m", path=smollm2_path, format="gguf")


def test_float_on_demand(default_model: LocalModel, tmp_path: Path) -> None:
    runner = load_runner(default_model, Settings(home=tmp_path, native=False, precision="bfloat16"))
    assert isinstance(runner, FloatRunner)
    assert runner.arena.kv.dtype == torch.bfloat16
    assert not list(tmp_path.rglob("*.safetensors"))


def test_progress_and_int8(default_model: LocalModel, tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    settings = Settings(home=tmp_path, native=False, kv_cache_mib=100)
    runner = load_runner(default_model, settings, lambda *step: heard.append(step))
    assert isinstance(runner, Int8Runner)
    assert heard == sorted(heard)
    assert heard[-1][0] in (30, 31)
    assert runner.num_blocks == (100 << 20) // (2 * 30 * 3 * 64 * 4 * BLOCK_SIZE)


def test_prepared_is_not_rounded_again(default_model: LocalModel, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, native=False, kv_cache_mib=100)
    prepare(default_model, settings)
    heard: list[tuple[int, int]] = []
    runner = load_runner(default_model, settings, lambda *step: heard.append(step))
    assert isinstance(runner, Int8Runner) == bool(list((tmp_path / "cache").glob("*.int8.*")))
    assert heard == []


def test_loading_leaves_no_thread_but_the_engine(default_model, tmp_path: Path) -> None:
    """OpenMP keeps a pool for every thread that has computed and lives: they fight for cores."""
    before = set(threading.enumerate())
    model = load_text_model(default_model, Settings(home=tmp_path, threads=1))
    left = {thread.name for thread in set(threading.enumerate()) - before}
    model.engine.stop()
    # Those of a server of another test, which grows its pool meanwhile.
    others = {name for name in left if name.startswith(("asyncio_", "AnyIO", "Thread-"))}
    assert left - others == {"fireside-engine"}
