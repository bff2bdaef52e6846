from __future__ import annotations

import json
from pathlib import Path

import pytest

from fireside.training.metrics import METRICS, Metrics, curve, read_rows


def test_rows_come_back_and_may_be_followed(tmp_path: Path) -> None:
    with Metrics(tmp_path) as metrics:
        metrics.row("step", 1, loss=3.0)
        first = list(read_rows(tmp_path / METRICS))
        metrics.row("sample", 1, text="héllo\n")
        rest = list(read_rows(tmp_path / METRICS, start=first[-1]["end"]))
    assert [row["kind"] for row in first] == ["step"]
    assert [row["text"] for row in rest] == ["héllo\n"]
    assert list(read_rows(tmp_path / "absent")) == []


def test_json_has_no_nan(tmp_path: Path) -> None:
    with Metrics(tmp_path) as metrics:
        metrics.row("step", 1, loss=float("nan"))
    assert json.loads((tmp_path / METRICS).read_text())["loss"] is None


def test_a_row_that_was_cut_off_is_gone_and_the_next_is_whole(tmp_path: Path) -> None:
    path = tmp_path / METRICS
    path.write_text('{"kind": "step", "step": 1}\n{"kind": "st')
    assert [row["step"] for row in read_rows(path)] == [1]
    with Metrics(tmp_path) as metrics:
        metrics.row("step", 2)
    assert [row["step"] for row in read_rows(path)] == [1, 2]


def test_the_curve_is_as_if_nothing_had_happened(tmp_path: Path) -> None:
    with Metrics(tmp_path) as metrics:
        for step in (1, 2, 3):
            metrics.row("step", step, loss=float(step))
        metrics.row("validation", 3, loss=9.0)
    with Metrics(tmp_path, resumed_at=2) as metrics:
        metrics.row("step", 3, loss=30.0)
        metrics.row("step", 4, loss=40.0)
    rows = curve(tmp_path / METRICS)
    assert [(row["step"], row["loss"]) for row in rows] == [(1, 1), (2, 2), (3, 30), (4, 40)]
    assert curve(tmp_path / METRICS, "validation") == []


def test_tensorboard_reads_them(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    with Metrics(tmp_path) as metrics:
        for step in (1, 2, 3):
            metrics.row("step", step, loss=float(step))
    with Metrics(tmp_path, resumed_at=1) as metrics:
        metrics.row("step", 2, loss=20.0)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(tmp_path / "tensorboard"))
    board.Reload()
    assert [(one.step, one.value) for one in board.Scalars("step/loss")] == [(1, 1.0), (2, 20.0)]
