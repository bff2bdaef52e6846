"""`python -m fireside.training DIR`: the worker that `RunHandle.launch` starts.

Goes on with the run in DIR until it is done or asked to stop, with low priority.  Everything that
it says goes to its standard error, which is `DIR/worker.log`.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType

from fireside.errors import FiresideError, Interrupted


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("fireside.training: name the run's folder, and nothing else.", file=sys.stderr)
        return 2
    if hasattr(os, "nice"):
        os.nice(10)
    asked: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        asked.append(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    from fireside.settings import load_settings
    from fireside.training.progress import Plain
    from fireside.training.run import RunFolder
    from fireside.training.start import run

    try:
        config = RunFolder(Path(arguments[0])).config()
        listener = Plain(every=30.0)
        models_dir = load_settings().models_dir
        run(config, models_dir=models_dir, listener=listener, stopped=lambda: bool(asked))
    except Interrupted as left:
        print(left.message, file=sys.stderr)
    except FiresideError as error:
        print(error.message, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
