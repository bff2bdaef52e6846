"""A Python file with `# %%` cells to a notebook, run once, with what it printed and drew.

    python examples/notebook.py examples/lstm_and_transformer.py

Cells run in this process, one after another; text and pictures are kept as a notebook keeps them.
It refuses what it does not need: widgets, errors that go on, another kernel.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl


def cells_of(source: str) -> list[tuple[str, str]]:
    """(kind, text) of each cell."""
    found: list[tuple[str, str]] = []
    for part in source.split("# %%")[1:]:
        first, _, body = part.partition("\n")
        if "[markdown]" in first:
            lines = [line.removeprefix("#").removeprefix(" ") for line in body.strip().split("\n")]
            found.append(("markdown", "\n".join(lines)))
        else:
            found.append(("code", body.strip()))
    return found


def run(code: str, names: dict[str, Any]) -> list[dict[str, Any]]:
    """What a code cell prints and draws."""
    import matplotlib.pyplot as plt

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "cell", "exec"), names)  # noqa: S102
    outputs: list[dict[str, Any]] = []
    if text := printed.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": lines(text)})
    for number in plt.get_fignums():
        picture = io.BytesIO()
        plt.figure(number).savefig(picture, format="png", dpi=90)
        outputs.append(
            {
                "output_type": "display_data",
                "metadata": {},
                "data": {
                    "image/png": base64.b64encode(picture.getvalue()).decode(),
                    "text/plain": ["<Figure>"],
                },
            }
        )
    plt.close("all")
    return outputs


def lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def main() -> None:
    mpl.use("Agg")
    path = Path(sys.argv[1]).resolve()
    os.chdir(path.parent)
    names: dict[str, Any] = {"__name__": "__main__"}
    cells = []
    for number, (kind, text) in enumerate(cells_of(path.read_text(encoding="utf-8"))):
        cell: dict[str, Any] = {
            "cell_type": kind,
            "id": f"cell-{number}",
            "metadata": {},
            "source": lines(text),
        }
        if kind == "code":
            cell |= {"execution_count": number + 1, "outputs": run(text, names)}
        cells.append(cell)
    notebook = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    path.with_suffix(".ipynb").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
