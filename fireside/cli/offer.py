"""The first minute's one question: whether to fetch the best model that this machine can run.

It is asked where a person sits at a terminal, the default model would answer and the model can be
had; a "no" is remembered.  `scripts/chat` asks it after the set-up.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from fireside.cli import failures
from fireside.errors import FiresideError

if TYPE_CHECKING:
    from fireside.assistant.recommend import Advice
    from fireside.settings import Settings

NO: Final = ("n", "no")
YES: Final = ("", "y", "yes")


def offer_better() -> None:
    if not (sys.stdin and sys.stdin.isatty() and sys.stdout.isatty()):
        return
    from fireside.settings import load_settings

    settings = load_settings()
    advice = _better(settings)
    if advice is None or advice.entry is None:
        return
    name = advice.entry.name
    if personas := _needing(name, settings):
        print(f"{', '.join(personas)} need a larger model than {settings.model}, such as this one.")
    agreed = _agrees(f"This machine can run {name} ({advice.figures}). Fetch it now? [Y/n] ")
    if agreed is None:
        return
    if not agreed:
        _decline(name, settings)
        print(f"As you like; `fireside models pull {name}` fetches it at any time.")
        return
    from fireside.cli.pull import fetch

    try:
        fetch(name, settings)
    except FiresideError as error:
        failures.say(f"{error.message} Meanwhile {settings.model} answers.")
    except KeyboardInterrupt:
        failures.say(
            f"stopped; what has come is kept, and `fireside models pull {name}` goes on. "
            f"Meanwhile {settings.model} answers."
        )
    else:
        choose(name, settings)
        print(f"{name} answers from now on; `fireside models use {settings.model}` goes back.")


def choose(name: str, settings: Settings) -> None:
    """Let this model answer where none is named, from now on and in this process."""
    from fireside.settings import load_settings

    settings.home.mkdir(parents=True, exist_ok=True)
    settings.chosen_model_path.write_text(name + "\n", encoding="utf-8")
    load_settings.cache_clear()


def forget_choice(name: str, settings: Settings) -> None:
    with suppress(OSError):
        if settings.chosen_model_path.read_text(encoding="utf-8").strip() == name:
            settings.chosen_model_path.unlink()


def _better(settings: Settings) -> Advice | None:
    """The model to offer, unless it was declined, is here, or cannot be had now."""
    from fireside.assistant.recommend import advise
    from fireside.hub import can_be_pulled
    from fireside.hub.catalogue import DEFAULT_CHAT, catalogue
    from fireside.hub.local import installed

    if settings.model != DEFAULT_CHAT or "model" in settings.model_fields_set:
        return None
    advice = advise(settings.model, catalogue()[settings.model], settings)
    if advice.entry is None or advice.entry.name in _declined(settings):
        return None
    if advice.entry.name in {model.name for model in installed(settings.models_dir)}:
        return None
    return advice if can_be_pulled(advice.entry.name) else None


def _needing(name: str, settings: Settings) -> list[str]:
    """Personas for which the model that answers was measured to be too small, and this one may
    do."""
    from fireside.assistant.ability.states import abilities_of
    from fireside.assistant.persona import Persona, Personas
    from fireside.hub.catalogue import catalogue

    order = list(catalogue())
    abilities = abilities_of(settings)
    return [
        one.name
        for one in Personas().listed
        if isinstance(one, Persona)
        and abilities.of(one, settings.model).state == "needs_larger"
        and order.index(one.ability.needs) <= order.index(name)
    ]


def _agrees(question: str) -> bool | None:
    """Return is a yes; None for Ctrl-D: it is asked again at the next start."""
    while True:
        try:
            answer = input(question).strip().lower()
        except EOFError:
            print()
            return None
        if answer in YES + NO:
            return answer in YES


def _declined(settings: Settings) -> list[str]:
    try:
        return (settings.home / "declined-models.txt").read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        return []


def _decline(name: str, settings: Settings) -> None:
    with suppress(OSError), (settings.home / "declined-models.txt").open("a") as file:
        file.write(name + "\n")
