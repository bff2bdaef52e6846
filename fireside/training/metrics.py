"""What happened, row by row: `metrics.jsonl` for programs, TensorBoard's files for eyes.

    {"kind": "step", "step": 12, "time": 1.7e9, "loss": 3.1, "tokens_per_second": 5200.0, ...}
    {"kind": "validation", "step": 100, "loss": 3.0, "bits_per_byte": 2.5, ...}
    {"kind": "resumed", "step": 80, ...}      steps after 80 that stand before this row are void
    {"kind": "checkpoint" | "sample" | "note" | "state", ...}

Rows are only ever appended, so a reader may follow them; a run that was killed goes on behind its
last whole row.  Refuses to hold a row back: each is written when it happens.
"""

from __future__ import annotations

import json
import math
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

METRICS: Final = "metrics.jsonl"


def read_rows(path: Path, *, start: int = 0) -> Iterator[dict[str, Any]]:
    """Whole rows from byte `start`, each with `end`, the byte after it; no file, no rows."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        file.seek(start)
        for line in file:
            if not line.endswith(b"\n"):
                return  # its writer is not done with it
            start += len(line)
            yield {**json.loads(line), "end": start}


def curve(path: Path, kind: str = "step") -> list[dict[str, Any]]:
    """The rows of one kind as an uninterrupted run would have written them."""
    found: list[dict[str, Any]] = []
    for row in read_rows(path):
        if row["kind"] == "resumed":
            found = [one for one in found if one["step"] <= row["step"]]
        elif row["kind"] == kind:
            found.append(row)
    return found


class Metrics:
    """The writer of both; close it, or use `with`."""

    def __init__(self, folder: Path, *, resumed_at: int = 0) -> None:
        self._path = folder / METRICS
        _end_with_a_whole_row(self._path)
        self._file = self._path.open("a", encoding="utf-8")
        self._board = _board(folder / "tensorboard", resumed_at)
        if resumed_at:
            self.row("resumed", resumed_at)

    def __enter__(self) -> Metrics:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def row(self, kind: str, step: int, **values: Any) -> None:
        """Numbers go to TensorBoard too, as `kind/name`."""
        row = {"kind": kind, "step": step, "time": round(time.time(), 3)}
        row |= {name: _finite(value) for name, value in values.items()}
        self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
        self._file.flush()
        for name, value in values.items():
            if isinstance(value, float) and math.isfinite(value):
                self._board.add_scalar(f"{kind}/{name}", value, step)
        if kind == "sample":
            self._board.add_text("sample", str(values.get("text", "")), step)

    def close(self) -> None:
        self._file.close()
        self._board.close()


def _finite(value: Any) -> Any:
    """JSON has no NaN."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _end_with_a_whole_row(path: Path) -> None:
    """Cut off what a killed writer left of its last row."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        whole = file.read()
        file.truncate(whole.rfind(b"\n") + 1)


def _board(folder: Path, resumed_at: int) -> SummaryWriter:
    with warnings.catch_warnings():
        # TensorBoard's generated code speaks to an older protobuf and numpy; not ours to mend.
        warnings.simplefilter("ignore")
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(str(folder), purge_step=resumed_at + 1 if resumed_at else None)
