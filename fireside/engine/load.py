"""From a local model to a runner: which arithmetic, how much memory, how many threads.

The one place that decides it; `fireside doctor` prints the same decision.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from fireside.engine.arithmetic import Arithmetic, choose_arithmetic
from fireside.engine.devices import core_count
from fireside.engine.engine import Engine
from fireside.engine.guidance import Guide
from fireside.engine.kv_memory import kv_blocks
from fireside.engine.native.choice import the_library
from fireside.engine.native.packed_weights import PackedWeights, open_packed, packed_path
from fireside.engine.native.packing import pack_model
from fireside.engine.native.runner import NativeRunner
from fireside.engine.runner import Runner
from fireside.engine.text import TextModel
from fireside.hub import LocalModel
from fireside.hub.gguf import open_gguf
from fireside.model.architecture import ModelConfig
from fireside.model.config import config_of
from fireside.model.generation_config import recommended_sampling, refuse_token_rules
from fireside.model.tokenizer import load_tokenizer as load_tokenizer
from fireside.settings import Settings

log = logging.getLogger(__name__)

NATIVE_BYTES = 2  # of a number in the native core's cache

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
    sampling = None
    if local.format == "hf":
        refuse_token_rules(local.path)
        sampling = recommended_sampling(local.path)
    # Held open while tokenizer and runner read it, each with its own `open_gguf`.
    held = open_gguf(local.path) if local.format == "gguf" else None
    # The weights too are made in a thread that ends.  OpenMP keeps workers for every thread that
    # ever computed, and as soon as there are more than cores it puts them to sleep at each barrier:
    # with a caller that has loaded a model, every later step took twice as long (docs/log.md).
    with ThreadPoolExecutor(2, thread_name_prefix="fireside-load") as loaders:
        reading = loaders.submit(load_tokenizer, local)
        runner, arithmetic = loaders.submit(_runner_of, local, settings, progress).result()
        tokenizer = reading.result()
    del held
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
    return TextModel(
        local.name, tokenizer, engine, local, arithmetic=str(arithmetic), sampling=sampling or None
    )


def load_runner(local: LocalModel, settings: Settings, progress: Progress | None = None) -> Runner:
    return _runner_of(local, settings, progress)[0]


def _runner_of(
    local: LocalModel, settings: Settings, progress: Progress | None
) -> tuple[Runner, Arithmetic]:
    config = config_of(local)
    arithmetic = choose_arithmetic(config, settings)
    log.info("%s: %s.", local.name, arithmetic)
    if arithmetic.precision == "native":
        return _native_runner(local, config, settings, progress), arithmetic
    # Here and in `prepare` alone: importing torch takes longer than all the rest of a start.
    from fireside.engine.torch_runners import load_torch_runner

    return load_torch_runner(local, settings, arithmetic, progress), arithmetic


def _native_runner(
    local: LocalModel, config: ModelConfig, settings: Settings, progress: Progress | None
) -> NativeRunner:
    """
    Raises:
        Unavailable: not enough memory.
    """
    blocks = kv_blocks(config, settings.kv_cache_mib, "cpu", bytes_per_number=NATIVE_BYTES)
    packed = _packed(local, settings, progress)
    threads = core_count(settings.threads)
    return NativeRunner(the_library(), packed, config, num_blocks=blocks, threads=threads)


def _packed(local: LocalModel, settings: Settings, progress: Progress | None) -> PackedWeights:
    path = packed_path(local, settings.home / "cache")
    return open_packed(path) or pack_model(
        the_library(), local, path, progress or (lambda done, total: None)
    )


def prepare(local: LocalModel, settings: Settings, progress: Progress | None = None) -> None:
    """Do the work of a model's first start now, so that the first start is as quick as any.

    Raises:
        Corrupt, Unsupported: the file cannot be served.
        BadRequest: settings that contradict the model or the machine.
    """
    config = config_of(local)
    arithmetic = choose_arithmetic(config, settings)
    if arithmetic.precision == "native":
        _packed(local, settings, progress)
    elif arithmetic.precision == "int8":
        from fireside.engine.torch_runners import prepare_weights

        prepare_weights(local, settings, progress)
