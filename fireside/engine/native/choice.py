"""Whether the native core runs a model, and why not where it does not."""

from __future__ import annotations

from ctypes import CDLL
from typing import Final

from fireside.engine.native.library import load_library
from fireside.engine.native.packing import why_not_packed
from fireside.engine.native.place import SOURCES, place_of_library, state_of_library
from fireside.errors import BadRequest, Unavailable
from fireside.model.architecture import ModelConfig
from fireside.settings import Settings

REINSTALL: Final = (
    "install g++ or clang++, then Fireside again: pip install --force-reinstall --no-deps fireside"
)


def why_not_native(config: ModelConfig, settings: Settings, device: str) -> str:
    """As a clause; empty where the core runs this model."""
    if settings.native is False:
        return "FIRESIDE_NATIVE is false"
    if device != "cpu":
        return f"the model is on {device}"
    if settings.precision != "auto":
        return f"FIRESIDE_PRECISION is {settings.precision}"
    return why_not_packed(config) or why_not_loaded()


def why_not_loaded() -> str:
    """As a clause about the core; empty where its library is there, and made for this machine."""
    library = place_of_library()
    state = state_of_library(library)
    if state != "built":
        return f"it is {state}"
    try:
        load_library(library)
    except (OSError, AttributeError) as error:
        return f"it cannot be loaded ({error})"
    return ""


def how_to_build() -> str:
    """What to do where it is not built."""
    script = SOURCES / "build.py"
    return f"run: python {script}" if script.is_file() else REINSTALL


def the_library() -> CDLL:
    """
    Raises:
        OSError: it is not there; see `why_not_loaded`.
    """
    return load_library(place_of_library())


def refuse_without_native(reason: str) -> None:
    """Where the setting asks for nothing else.

    Raises:
        Unavailable: the core is not built.
        BadRequest: it does not run this model.
    """
    if reason == why_not_loaded():
        raise Unavailable(
            f"FIRESIDE_NATIVE is true, but the native core is not there, as {reason}: "
            f"{how_to_build()}."
        )
    raise BadRequest(
        f"FIRESIDE_NATIVE is true, but the native core does not run this model, as {reason}: "
        "set it to auto.",
        param="native",
    )
