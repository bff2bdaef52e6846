"""The check of a model that was just pulled: once, in a program of its own, at the lowest priority.

It outlives the command or the server that started it; what it measured is in `FIRESIDE_HOME`, and
what it said in `FIRESIDE_HOME/ability.log`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from fireside.assistant.ability.scores import Scores
from fireside.assistant.machine import memory_available

if TYPE_CHECKING:
    from fireside.hub import LocalModel
    from fireside.settings import Settings

_BEGUN: Final[list[subprocess.Popen[bytes]]] = []
"""Held, for Python complains of a program that runs on and that nobody holds."""


def check_afterwards(local: LocalModel, settings: Settings) -> bool:
    """Begin the check of a chat model that has none; False where there is nothing to do.

    A model that would not fit beside what is running is left for `fireside personas check`.
    """
    entry = local.entry
    chats = entry is None or entry.kind == "chat"
    if not (settings.check_pulled and chats) or local.name in Scores.of_home(settings).models():
        return False
    if entry is not None and entry.memory_bytes > memory_available():
        return False
    settings.home.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "fireside", "personas", "check", "--background"]
    with (settings.home / "ability.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603  (this program itself)
            [*command, "--model", local.name],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=os.environ | {"FIRESIDE_HOME": str(settings.home)},
            start_new_session=True,
        )
    _BEGUN.append(process)
    return True
