"""From a local model to a runner: which arithmetic, how much memory, how many threads.

The one place that decides it; `fireside doctor` prints the same decision.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psutil
import torch

from fireside.engine.engine import Engine
from fireside.engine.float_runner import FloatRunner
from fireside.engine.guidance import Guide
from fireside.engine.int8 import Int8Weights, round_weights, supports_int8
from fireside.engine.int8_cache import cache_path, read_rounded, write_rounded
from fireside.engine.int8_runner import Int8Runner
from fireside.engine.native.library import load_library, place_of_library
from fireside.engine.native.packing import can_pack, open_packed, pack_file, packed_path
from fireside.engine.native.runner import NativeRunner
from fireside.engine.runner import Runner
from fireside.engine.text import TextModel
from fireside.engine.threads import Threads
from fireside.errors import BadRequest, Unavailable
from fireside.hub import LocalModel
from fireside.hub.gguf import open_gguf
from fireside.model.config import ModelConfig, config_of
from fireside.model.generation_config import refuse_token_rules
from fireside.model.load import load_tokenizer as load_tokenizer
from fireside.model.load import model_of
from fireside.model.weights import Weights, open_weights
from fireside.settings import Settings

log = logging.getLogger(__name__)

BLOCK_SIZE = 32
NATIVE_BYTES = 2  # of a number in the native core's cache
# Without an explicit limit the cache holds one or two whole windows, two while they stay below so
# many MiB, and never takes more than this share of what is free.
MOST_WINDOWS, MODEST_MIB = 2, 256
MEMORY_SHARE = 0.25

Progress = Callable[[int, int], None]


def load_text_model(
    local: LocalModel, settings: Settings, progress: Progress | None = None
) -> TextModel:
    """Everything that answers under one name, its engine running.

    Raises:
        Corrupt, Unsupported: the file cannot be served; one line says why.
        Unavailable: not enough memory.
        BadRequest: settings that contradict the model or the machine.
    """
    if local.format == "hf":
        refuse_token_rules(local.path)
    set_threads(settings.threads)
    # The weights too are made in a thread that ends.  OpenMP keeps workers for every thread that
    # ever computed, and as soon as there are more than cores it puts them to sleep at each barrier:
    # with a caller that has loaded a model, every later step took twice as long (docs/log.md).
    with ThreadPoolExecutor(2, thread_name_prefix="fireside-load") as loaders:
        reading = loaders.submit(load_tokenizer, local)
        runner = loaders.submit(load_runner, local, settings, progress).result()
        tokenizer = reading.result()
    engine = Engine(
        runner,
        eos_ids=tokenizer.eos_ids,
        guide=Guide(tokenizer, runner.vocab_size),
        max_batch=settings.max_batch,
        max_queue=settings.max_queue,
        prefill_chunk=settings.prefill_chunk,
        speculative=settings.speculative,
    )
    engine.start()
    return TextModel(local.name, tokenizer, engine, local)


def load_runner(local: LocalModel, settings: Settings, progress: Progress | None = None) -> Runner:
    if settings.native and (native := load_native(local, settings, progress)) is not None:
        return native
    weights = open_weights(local)
    config = weights.config
    device = choose_device(settings.device)
    precision = choose_precision(config, settings.precision, device)
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


def load_native(
    local: LocalModel, settings: Settings, progress: Progress | None = None
) -> NativeRunner | None:
    """None for a model that the native core does not run: the log says so.

    Raises:
        Unavailable: the core was not built, or there is too little memory.
    """
    if local.format != "gguf" or local.adapters:
        log.warning("%s: the native core runs GGUF files without adapters only.", local.name)
        return None
    config = config_of(local)
    if not can_pack(config, open_gguf(local.path)):
        log.warning("%s: the native core does not know its family or its types.", local.name)
        return None
    try:
        library = load_library(place_of_library())
    except OSError as error:
        raise Unavailable(
            f"FIRESIDE_NATIVE is true, but the native core cannot be loaded ({error}): run "
            "python native/build.py."
        ) from None
    path = packed_path(local, settings.home / "cache")
    blocks = kv_blocks(
        config, settings.kv_cache_mib, torch.device("cpu"), bytes_per_number=NATIVE_BYTES
    )
    packed = open_packed(path) or pack_file(
        library, local, config, path, progress or (lambda done, total: None)
    )
    threads = torch.get_num_threads()
    return NativeRunner(library, packed, config, num_blocks=blocks, threads=threads)


def prepare(local: LocalModel, settings: Settings, progress: Progress | None = None) -> None:
    """Do the work of a model's first start now, so that the first start is as quick as any.

    Raises:
        Corrupt, Unsupported: the file cannot be served.
        BadRequest: settings that contradict the model or the machine.
    """
    weights = open_weights(local)
    device = choose_device(settings.device)
    if choose_precision(weights.config, settings.precision, device) == "int8":
        set_threads(settings.threads)
        _rounded(local, weights, settings, progress)


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
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    physical = psutil.cpu_count(logical=False) or allowed or 1
    wanted = threads or min(physical, allowed or 1)
    if torch.get_num_threads() != wanted:
        torch.set_num_threads(wanted)


def choose_device(wanted: str) -> torch.device:
    if wanted == "cuda" and not torch.cuda.is_available():
        raise BadRequest(
            "FIRESIDE_DEVICE is cuda, but this PyTorch sees no CUDA device: use cpu or auto.",
            param="device",
        )
    if wanted == "cuda" or (wanted == "auto" and torch.cuda.is_available()):
        return torch.device("cuda")
    return torch.device("cpu")


def choose_precision(config: ModelConfig, wanted: str, device: torch.device) -> str:
    """`auto` is int8 where the CPU multiplies int8 exactly and fast (VNNI), else float32; on CUDA
    bfloat16.  Older CPUs saturate int8 products in 16 bits, so they get no int8 at all."""
    exact = device.type == "cpu" and torch.cpu._is_vnni_supported()
    if wanted == "auto":
        if device.type == "cuda":
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


def kv_blocks(
    config: ModelConfig, limit_mib: int, device: torch.device, *, bytes_per_number: int
) -> int:
    """How many blocks of the KV cache fit.

    Raises:
        Unavailable: not even a thousand tokens would fit.
    """
    per_token = 2 * config.num_layers * config.num_kv_heads * config.head_dim * bytes_per_number
    per_block = per_token * BLOCK_SIZE
    free = (
        torch.cuda.mem_get_info(device)[0]
        if device.type == "cuda"
        else psutil.virtual_memory().available
    )
    if limit_mib:
        blocks = (limit_mib << 20) // per_block
    else:
        window = -(-config.context // BLOCK_SIZE)
        modest = (MODEST_MIB << 20) // per_block
        blocks = min(
            int(free * MEMORY_SHARE) // per_block, max(window, min(modest, MOST_WINDOWS * window))
        )
    least = -(-min(1024, config.context) // BLOCK_SIZE)
    if blocks < least:
        raise Unavailable(
            f"The KV cache needs at least {least * per_block >> 20} MiB: free some memory, "
            "raise FIRESIDE_KV_CACHE_MIB, or take a smaller model."
        )
    return blocks
