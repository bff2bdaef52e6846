"""The curve of a run as a picture: training loss, held-out loss, and the rate beneath.

Drawn without a screen (matplotlib's Agg).  It refuses to smooth what was measured without also
showing it: the raw steps stay visible behind their running mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fireside.training.metrics import METRICS, curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_RAW, _MEAN, _HELD, _REST = "#f0b48c", "#c2410c", "#1d4ed8", "#6b7280"


def plot_run(folder: Path, target: Path, *, title: str) -> None:
    """Write `target`, a PNG, from the run's `metrics.jsonl`; nothing where no step was made."""
    steps = curve(folder / METRICS)
    if not steps:
        return
    held = curve(folder / METRICS, "validation")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    _losses(upper, steps, held)
    upper.set_title(title, loc="left", fontsize=11)
    _line(lower, steps, "learning_rate", _REST)
    lower.set_ylabel("rate")
    lower.set_ylim(bottom=0)
    lower.ticklabel_format(axis="y", style="sci", scilimits=(-3, 3))
    lower.set_xlabel("step")
    for axes in (upper, lower):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    beside = target.with_name(f".{target.name}")
    figure.savefig(beside, format="png")
    beside.replace(target)


def _losses(axes: Axes, steps: Sequence[dict[str, Any]], held: Sequence[dict[str, Any]]) -> None:
    x, y = _points(steps, "loss")
    axes.plot(x, y, color=_RAW, linewidth=0.8, label="training, each step")
    if len(y) >= 20:
        wide = max(2, len(y) // 50)
        mean = np.convolve(y, np.ones(wide) / wide, mode="valid")
        axes.plot(x[wide - 1 :], mean, color=_MEAN, label=f"training, mean of {wide}")
    if held:
        x_held, y_held = _points(held, "loss")
        best = int(np.argmin(y_held))
        axes.plot(x_held, y_held, "o-", color=_HELD, markersize=4, label="held out")
        axes.annotate(
            f"best {y_held[best]:.3f}",
            (x_held[best], y_held[best]),
            textcoords="offset points",
            xytext=(0, 9),
            ha="right",
            fontsize=9,
            color=_HELD,
        )
    axes.set_ylabel("loss")
    axes.legend(frameon=False, fontsize=9)


def _line(axes: Axes, rows: Sequence[dict[str, Any]], name: str, colour: str) -> None:
    x, y = _points(rows, name)
    axes.plot(x, y, color=colour, linewidth=1.2)


def _points(rows: Sequence[dict[str, Any]], name: str) -> tuple[np.ndarray, np.ndarray]:
    found = [(row["step"], row[name]) for row in rows if row.get(name) is not None]
    x, y = np.array(found, dtype=float).reshape(-1, 2).T
    return x, y
