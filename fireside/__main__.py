"""`python -m fireside` is `fireside`, and `fireside` is this.

The commands take a quarter of a second to import.  Python would answer a Ctrl-C in that time with
a traceback, so it ends the process until `fireside.cli.main` can do better.
"""

from __future__ import annotations

import os
import signal
from types import FrameType


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(128 + number)


def main() -> None:
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored: `&`
        signal.signal(signal.SIGINT, _leave)
    from fireside.cli.main import main as command

    command()


if __name__ == "__main__":
    main()
