"""From a local model to a runner: which arithmetic, how much memory, how many threads.

The one place that decides it; `fireside doctor` prints the same decision.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from fireside.engine.devices import core_count
from fireside.engine.engine import Engine
from fireside.engine.guidance import Guide
from fireside.engine.kv_memory import kv_blocks
from fireside.engine.native.library import load_library, place_of_library
from fireside.engine.native.packing import can_pack, open_packed, pack_file, packed_path
from fireside.engine.native.runner import NativeRunner
from fireside.engine.runner import Runner
from fireside.engine.text import TextModel
from fireside.errors import Unavailable
from fireside.hub import LocalModel
from fireside.hub.gguf import open_gguf
from fireside.model.config import config_of
from fireside.model.generation_config import refuse_token_rules
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
    if local.format == "hf":
        refuse_token_rules(local.path)
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
    # Here and in `prepare` alone: importing torch takes longer than all the rest of a start.
    from fireside.engine.torch_runners import load_torch_runner

    return load_torch_runner(local, settings, progress)


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
    blocks = kv_blocks(config, settings.kv_cache_mib, "cpu", bytes_per_number=NATIVE_BYTES)
    packed = open_packed(path) or pack_file(
        library, local, config, path, progress or (lambda done, total: None)
    )
    threads = core_count(settings.threads)
    return NativeRunner(library, packed, config, num_blocks=blocks, threads=threads)


def prepare(local: LocalModel, settings: Settings, progress: Progress | None = None) -> None:
    """Do the work of a model's first start now, so that the first start is as quick as any.

    Raises:
        Corrupt, Unsupported: the file cannot be served.
        BadRequest: settings that contradict the model or the machine.
    """
    from fireside.engine.torch_runners import prepare_weights

    prepare_weights(local, settings, progress)
