"""A GRPO run's reward, step by step, as a picture.

python examples/recipes/additions/plot.py runs/additions
"""

from __future__ import annotations

import argparse
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from fireside.training.metrics import METRICS, curve

WIDE = 5  # steps of the running mean


def main(run: Path) -> None:
    steps, held = curve(run / METRICS), curve(run / METRICS, "validation")
    x, y = [row["step"] for row in steps], [row["reward"] for row in steps]
    mean = [sum(y[max(0, i - WIDE + 1) : i + 1]) / min(i + 1, WIDE) for i in range(len(y))]
    figure = Figure(figsize=(8, 4), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot(x, y, color="#f0b48c", linewidth=0.8, label="of the answers it wrote, each step")
    axes.plot(x, mean, color="#c2410c", label=f"mean of {WIDE} steps")
    if held:
        axes.plot(
            [row["step"] for row in held],
            [row["reward"] for row in held],
            "o-",
            color="#1d4ed8",
            markersize=4,
            label="held out, most likely answer",
        )
    axes.set_xlabel("step")
    axes.set_ylabel("reward")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    figure.savefig(run / "reward.png")
    print(f"{run / 'reward.png'}: {mean[0]:.2f} at first, {mean[-1]:.2f} at last")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    main(parser.parse_args().run)
