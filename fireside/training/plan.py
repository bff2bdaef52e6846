"""How long a run lasts, how often it looks up, and how precisely it computes.

Made once, from the run's config; nothing here is patched later.  Refuses numbers that contradict
themselves (`BadRequest`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch

from fireside.errors import BadRequest
from fireside.training.optimisers import OptimiserConfig
from fireside.training.schedules import Schedule

Precision = Literal["float32", "bfloat16", "auto"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What `train` needs to know besides model, objective and state.

    clip: largest gradient norm; 0: as it comes.  ema: decay of the slow copy; None: no copy.
    validate_every, checkpoint_every: in steps; 0: only at the end.
    checkpoint_best: save as soon as a validation is the best so far.
    patience: validations without a new best after which the run ends; None: never.
    compile: torch.compile for each layer; compiling takes a minute, and CPUs gain nothing (log.md).
    nonfinite_folder: where the batch of a non-finite loss is saved.
    """

    schedule: Schedule
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    clip: float = 1.0
    ema: float | None = None
    validate_every: int = 0
    checkpoint_every: int = 0
    checkpoint_best: bool = True
    patience: int | None = None
    precision: Precision = "float32"
    activation_checkpointing: bool = False
    compile: bool = False
    seed: int = 0
    nonfinite_folder: Path | None = None

    def __post_init__(self) -> None:
        if self.schedule.steps < 1:
            raise BadRequest(f"a run of {self.schedule.steps} steps: ask for at least one")
        if self.ema is not None and not 0 < self.ema < 1:
            raise BadRequest(f"ema = {self.ema}: it is a decay between 0 and 1, such as 0.999")
        if self.patience is not None and self.patience < 1:
            raise BadRequest(f"patience = {self.patience}: it counts validations, at least one")
        if min(self.clip, self.validate_every, self.checkpoint_every) < 0:
            raise BadRequest("clip, validate_every and checkpoint_every may not be negative")

    @property
    def steps(self) -> int:
        return self.schedule.steps

    def autocast(self, device: torch.device) -> torch.autocast:
        """The context of every forward pass."""
        return torch.autocast(
            device.type, torch.bfloat16, enabled=computes_in_bfloat16(self.precision, device)
        )


def computes_in_bfloat16(precision: Precision, device: torch.device) -> bool:
    """Whether matrix products run in bfloat16; "auto": only where that is quicker.

    PyTorch multiplies bfloat16 on any CPU, but without AVX-512 BF16 or AMX five times slower than
    float32 (docs/log.md).
    """
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    probes = (torch.cpu._is_avx512_bf16_supported, torch.cpu._is_amx_tile_supported)
    return device.type == "cpu" and any(probe() for probe in probes)
