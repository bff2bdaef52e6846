"""Where runs are: those under FIRESIDE_HOME/runs, and those that were started elsewhere.

A list of paths, one a line; a run that is gone is left out.  Refuses to keep anything else: all
about a run stands in its own folder.
"""

from __future__ import annotations

from pathlib import Path

from fireside.cli import failures


def _list(home: Path) -> Path:
    return home / "runs.txt"


def remember(home: Path, run: Path) -> None:
    """A home that cannot be written hinders no run."""
    try:
        known = _list(home)
        line = str(run.absolute())
        if line not in _lines(known):
            known.parent.mkdir(parents=True, exist_ok=True)
            with known.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
    except OSError as error:
        failures.say(f"`fireside runs list` will not know this run: {error.strerror}.")


def places(home: Path) -> list[Path]:
    """Every run that is known and there, the oldest first."""
    from fireside.hub.runs import is_run, runs

    found = dict.fromkeys([*runs(home), *map(Path, _lines(_list(home)))])
    return [path for path in found if is_run(path)]


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line]
    except FileNotFoundError:
        return []
