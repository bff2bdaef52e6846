"""What this machine has for a model, measured once and kept, so that the same model is named each
time.

`FIRESIDE_HOME/machine.json` maps a machine to its figures: a home may travel, or be shared.
`fireside doctor` measures again, and the higher figures stay: a busy machine shows too little.
"""

from __future__ import annotations

import json
import math
import shutil
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fireside.assistant.machine import (
    bandwidth,
    cores,
    memory_available,
    memory_total,
    processor,
)

if TYPE_CHECKING:
    from fireside.settings import Settings

MEMORY_STEP: Final = 500_000_000
STEPS_OF_TEN: Final = 10
"""Bandwidth is rounded to one of ten steps to ten times as much: 10, 13, 16, 20, 25, 32, ..."""
_MEASURING: Final = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """memory_bytes: what a model may take of the memory.  gbps: of the memory's bandwidth, in GB/s.
    disk_bytes: what is free for models."""

    memory_bytes: int
    gbps: float
    disk_bytes: int


def capacity_of(settings: Settings) -> Capacity:
    """What was measured on this machine; measures where nothing was (half a second)."""
    with _MEASURING:
        figures = _figures(_read(settings.home).get(machine_name()))
        return _capacity(settings, figures or _measure_and_keep(settings.home))


def measure_again(settings: Settings) -> Capacity:
    """Half a second; the higher of old and new figures counts from now on."""
    with _MEASURING:
        return _capacity(settings, _measure_and_keep(settings.home))


def machine_name() -> str:
    """The same after each start, also in containers; another where cores or memory differ."""
    return f"{processor()[0]}, {cores()} cores, {memory_total() / 1e9:.0f} GB"


def rounded(gbps: float) -> float:
    exponent = round(STEPS_OF_TEN * math.log10(max(gbps, 0.1)))
    return float(f"{10 ** (exponent / STEPS_OF_TEN):.2g}")


def _measure_and_keep(home: Path) -> tuple[int, float]:
    table = _read(home)
    memory, gbps = _figures(table.get(machine_name())) or (0, 0.0)
    memory = max(memory, memory_available() // MEMORY_STEP * MEMORY_STEP)
    gbps = max(gbps, rounded(bandwidth()))
    table[machine_name()] = {"memory_bytes": memory, "gbps": gbps}
    with suppress(OSError):  # without a home that can be written it is measured each time
        written = home / "machine.json.new"
        written.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
        written.replace(home / "machine.json")
    return memory, gbps


def _read(home: Path) -> dict[str, Any]:
    try:
        table = json.loads((home / "machine.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return table if isinstance(table, dict) else {}


def _figures(row: Any) -> tuple[int, float] | None:
    try:
        return int(row["memory_bytes"]), float(row["gbps"])
    except (TypeError, KeyError, ValueError):
        return None


def _capacity(settings: Settings, figures: tuple[int, float]) -> Capacity:
    place = settings.models_dir
    while not place.exists() and place != place.parent:
        place = place.parent
    memory, gbps = figures
    return Capacity(memory_bytes=memory, gbps=gbps, disk_bytes=shutil.disk_usage(place).free)
