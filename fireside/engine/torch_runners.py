"""The runners that compute in PyTorch: which arithmetic, its weights, its threads."""

from __future__ import annotations

from collections.abc import Callable

import torch

from fireside.engine.arithmetic import Arithmetic
from fireside.engine.devices import core_count
from fireside.engine.float_runner import FloatRunner
from fireside.engine.int8 import Int8Weights, round_weights, supports_int8
from fireside.engine.int8_cache import cache_path, read_rounded, write_rounded
from fireside.engine.int8_runner import Int8Runner
from fireside.engine.kv_memory import BLOCK_SIZE, kv_blocks
from fireside.engine.runner import Runner
from fireside.engine.threads import Threads
from fireside.errors import BadRequest
from fireside.hub import LocalModel
from fireside.model.config import ModelConfig
from fireside.model.load import model_of
from fireside.model.weights import Weights, open_weights
from fireside.settings import Settings

Progress = Callable[[int, int], None]


def load_torch_runner(
    local: LocalModel,
    settings: Settings,
    arithmetic: Arithmetic,
    progress: Progress | None = None,
) -> Runner:
    """
    Raises:
        Corrupt, Unsupported: the file cannot be served.
        Unavailable: not enough memory.
    """
    set_threads(settings.threads)
    weights = open_weights(local)
    config, precision, device = weights.config, arithmetic.precision, arithmetic.device
    if precision == "int8":
        blocks = kv_blocks(config, settings.kv_cache_mib, device, bytes_per_number=4)
        rounded = _rounded(local, weights, settings, progress)
        return Int8Runner(
            rounded,
            num_blocks=blocks,
            block_size=BLOCK_SIZE,
            needs_exact=settings.exact_answers,
        )
    dtype: torch.dtype = getattr(torch, precision)
    blocks = kv_blocks(config, settings.kv_cache_mib, device, bytes_per_number=dtype.itemsize)
    model = model_of(weights, dtype, device)
    return FloatRunner(model, num_blocks=blocks, block_size=BLOCK_SIZE)


def prepare_weights(
    local: LocalModel, settings: Settings, progress: Progress | None = None
) -> None:
    """Round them: see `prepare` in load.py."""
    set_threads(settings.threads)
    _rounded(local, open_weights(local), settings, progress)


def _rounded(
    local: LocalModel, weights: Weights, settings: Settings, progress: Progress | None
) -> Int8Weights:
    kept = cache_path(local, settings.home / "cache")
    rounded = read_rounded(kept, weights.config)
    if rounded is None:
        rounded = round_weights(weights, _attentive(progress))
        write_rounded(kept, rounded, local)
    return rounded


def _attentive(progress: Progress | None) -> Progress:
    """`progress` that also keeps out of other programs' way, layer by layer."""
    threads = Threads(torch.get_num_threads())

    def step(done: int, total: int) -> None:
        threads.adjust()
        if progress:
            progress(done, total)

    return step


def set_threads(threads: int) -> None:
    """`threads`, or one per physical core that this process may use."""
    wanted = core_count(threads)
    if torch.get_num_threads() != wanted:
        torch.set_num_threads(wanted)


def choose_precision(config: ModelConfig, wanted: str, device: str) -> str:
    """`auto` is int8 where the CPU multiplies int8 exactly and fast (VNNI), else float32; on CUDA
    bfloat16.  Older CPUs saturate int8 products in 16 bits, so they get no int8 at all."""
    exact = device == "cpu" and torch.cpu._is_vnni_supported()
    if wanted == "auto":
        if device == "cuda":
            return "bfloat16"
        return "int8" if exact and supports_int8(config) else "float32"
    if wanted == "int8" and not (exact and supports_int8(config)):
        reason = (
            f"the {config.family} family is not supported in int8"
            if exact
            else "it needs a CPU with VNNI"
        )
        raise BadRequest(
            f"FIRESIDE_PRECISION is int8, but {reason}: use auto or float32.", param="precision"
        )
    return wanted
