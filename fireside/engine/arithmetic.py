"""What a model computes in here: the one decision, for the engine, `doctor` and `models show`."""

from __future__ import annotations

from dataclasses import dataclass

from fireside.engine.devices import choose_device
from fireside.engine.native.choice import refuse_without_native, the_library, why_not_native
from fireside.engine.native.library import choose_isa
from fireside.model.architecture import ModelConfig
from fireside.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Arithmetic:
    """What a model computes in, and where that is not the native core, why not.

    precision: `native`, or one of the setting `precision` but `auto`.
    device: `cpu` or `cuda`.
    """

    precision: str
    device: str
    isa: str = ""
    why_not_native: str = ""

    def __str__(self) -> str:
        if self.precision == "native":
            return f"native core ({self.isa})"
        return f"{self.precision}, not the native core: {self.why_not_native}"


def choose_arithmetic(config: ModelConfig, settings: Settings) -> Arithmetic:
    """
    Raises:
        BadRequest: settings that contradict the model or the machine.
        Unavailable: the native core is asked for and not built.
    """
    device = choose_device(settings.device)
    reason = why_not_native(config, settings, device)
    if not reason:
        return Arithmetic(precision="native", device=device, isa=choose_isa(the_library()))
    if settings.native is True:
        refuse_without_native(reason)
    # Only here: importing torch takes longer than all the rest of a start.
    from fireside.engine.torch_runners import choose_precision

    precision = choose_precision(config, settings.precision, device)
    return Arithmetic(precision=precision, device=device, why_not_native=reason)
