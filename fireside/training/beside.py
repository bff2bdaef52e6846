"""What the ranks beside the first have of a run: they read its folder, and write nothing into it.

The same code runs on every rank; these stand where the first one has `RunFolder` and `Metrics`.
"""

from __future__ import annotations

from typing import Any

from fireside.training.run import RunFolder, RunRecord


class FolderBeside(RunFolder):
    def update(self, **changes: Any) -> RunRecord:
        return self.read()


class MetricsBeside:
    def __enter__(self) -> MetricsBeside:
        return self

    def __exit__(self, *error: object) -> None: ...

    def row(self, kind: str, step: int, **values: Any) -> None: ...
