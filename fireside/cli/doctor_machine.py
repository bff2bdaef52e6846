"""For `doctor`: processor, memory, disk, and the arithmetic that a model will run on."""

from __future__ import annotations

import os
import platform
import shutil
from typing import TYPE_CHECKING, Final

from fireside.assistant.capacity import measure_again
from fireside.assistant.machine import cores, memory_available, memory_total, processor
from fireside.cli.finding import Finding
from fireside.errors import FiresideError
from fireside.settings import Settings

if TYPE_CHECKING:
    from fireside.model.config import ModelConfig

FLAGS: Final = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx_vnni": "AVX-VNNI",
    "avx512_vnni": "AVX-512 VNNI",
    "avx512_bf16": "AVX-512 BF16",
    "amx_int8": "AMX int8",
    "amx_bf16": "AMX bf16",
    "asimddp": "dot product",
    "i8mm": "int8 matrix",
    "bf16": "bf16",
    "sve": "SVE",
}
LITTLE_MEMORY: Final = 1 << 30
LITTLE_DISK: Final = 1 << 30


def machine(settings: Settings) -> list[Finding]:
    return [_processor(), _load(), _memory(), _bandwidth(settings), _disk(settings)]


def _processor() -> Finding:
    name, flags = processor()
    known = [label for flag, label in FLAGS.items() if flag in flags]
    value = f"{name}, {cores()} cores, {', '.join(known) or 'no vector extensions known to us'}"
    if platform.machine() in ("x86_64", "AMD64") and flags and "avx2" not in flags:
        return Finding(
            name="processor",
            value=value,
            problem="Without AVX2 the arithmetic is many times slower.",
            advice="Use a processor of 2013 or later; in a virtual machine, pass the host's on.",
        )
    return Finding(name="processor", value=value)


def _load() -> Finding:
    if not hasattr(os, "getloadavg"):
        return Finding(name="load", value="unknown on this system")
    load = os.getloadavg()[0]
    value = f"{load:.1f} running on {cores()} cores (last minute)"
    if load > 0.75 * cores():
        return Finding(
            name="load",
            value=value,
            problem="Other programs keep the cores busy, so answers come slower.",
            advice="Stop them, or wait.",
        )
    return Finding(name="load", value=value)


def _memory() -> Finding:
    free, total = memory_available(), memory_total()
    value = f"{free / 1e9:.1f} GB free of {total / 1e9:.1f} GB"
    if free < LITTLE_MEMORY:
        return Finding(
            name="memory",
            value=value,
            problem="Too little for a model beside what is running.",
            advice="Close programs, or give the container more.",
            wrong=True,
        )
    return Finding(name="memory", value=value)


def _bandwidth(settings: Settings) -> Finding:
    speed = measure_again(settings).gbps
    value = f"some {speed:.0f} GB/s (decoding reads every weight once per token)"
    return Finding(name="memory bandwidth", value=value)


def _disk(settings: Settings) -> Finding:
    place = settings.home
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free
    value = f"{free / 1e9:.1f} GB free for {settings.home}"
    if not os.access(place, os.W_OK):
        return Finding(
            name="disk",
            value=value,
            problem=f"{place} cannot be written.",
            advice="Set FIRESIDE_HOME to a folder of yours.",
            wrong=True,
        )
    if free < LITTLE_DISK:
        return Finding(
            name="disk",
            value=value,
            problem="Too little for another model.",
            advice="`fireside models rm` frees what you do not use.",
        )
    return Finding(name="disk", value=value)


def arithmetic(settings: Settings) -> list[Finding]:
    """Threads, kernels and precision: the engine's own decisions."""
    import torch

    from fireside.engine.torch_runners import set_threads

    set_threads(settings.threads)
    kernels = torch.backends.cpu.get_cpu_capability()
    return [
        Finding(name="torch", value=f"{torch.__version__}, {kernels} kernels"),
        _threads(torch.get_num_threads()),
        _native_core(settings),
        *_arithmetic(settings),
    ]


def _threads(threads: int) -> Finding:
    value = f"{threads} for {cores()} cores"
    if threads > cores():
        return Finding(
            name="threads",
            value=value,
            problem="More threads than cores wait for each other.",
            advice="Set FIRESIDE_THREADS=0 to take one per core.",
        )
    return Finding(name="threads", value=value)


def _native_core(settings: Settings) -> Finding:
    """Whether it is there; whether the default model runs on it says the next line."""
    from fireside.engine.native.choice import how_to_build, the_library, why_not_loaded
    from fireside.engine.native.library import choose_isa

    name = "native core"
    if settings.native is False:
        return Finding(name=name, value="switched off: FIRESIDE_NATIVE is false")
    if reason := why_not_loaded():
        return Finding(
            name=name,
            value=reason.removeprefix("it is "),
            problem="Answers take two to three times as long without it.",
            advice=f"To have it, {how_to_build()}",
        )
    try:
        return Finding(name=name, value=f"{choose_isa(the_library())} kernels")
    except FiresideError as error:
        return Finding(name=name, value="built", problem=error.message, wrong=True)


def _arithmetic(settings: Settings) -> list[Finding]:
    """What the default model runs in; nothing while there is none (`doctor_state` says so)."""
    from fireside.engine.arithmetic import choose_arithmetic
    from fireside.hub.local import locate
    from fireside.model.config import config_of

    name = "arithmetic"
    try:
        local = locate(settings.model, settings.models_dir)
    except FiresideError:
        return []
    try:
        config = config_of(local)
        chosen = choose_arithmetic(config, settings)
    except FiresideError as error:
        return [Finding(name=name, value="none", problem=error.message, wrong=True)]
    value = f"{chosen} on {chosen.device} for {local.name}"
    if chosen.precision == "native":
        exact = Finding(name="same answers", value="whatever else is computed, at full speed")
        return [Finding(name=name, value=value), exact]
    if chosen.precision == "int8":
        return [Finding(name=name, value=value), _exactness(config, settings)]
    if chosen.precision == "float32" and settings.precision == "auto":
        return [
            Finding(
                name=name,
                value=value,
                problem="Several times slower than the native core or int8.",
                advice="The native core runs on every processor; for int8 it must have VNNI "
                "(Intel 2019, AMD Zen 4 or later).",
            )
        ]
    return [Finding(name=name, value=value)]


def _exactness(config: ModelConfig, settings: Settings) -> Finding:
    """Whether an answer depends on what else is computed: as the engine decides it at load."""
    import torch

    from fireside.engine.attention_check import choose_shapes
    from fireside.engine.attention_shapes import CANDIDATES, FASTEST

    threads = torch.get_num_threads()
    checked = choose_shapes(config, threads, CANDIDATES if settings.exact_answers else (FASTEST,))
    if not checked.keeps_order:
        advice = "Set FIRESIDE_PRECISION=float32 for differences that rarely change a word."
        if not settings.exact_answers:
            advice = "Set FIRESIDE_EXACT_ANSWERS=true; it is slower on this processor."
        return Finding(
            name="same answers",
            value="not promised",
            problem="An answer may depend on what else is computed at the same time.",
            advice=advice,
        )
    if checked.shapes == FASTEST:
        return Finding(name="same answers", value="whatever else is computed, at full speed")
    return Finding(
        name="same answers",
        value="whatever else is computed; this processor's kernels make that slower "
        "(FIRESIDE_EXACT_ANSWERS=false takes the fastest)",
    )
