"""Results to files: `result.json` and `report.html` in a folder that appears whole.

The page needs nothing but itself.  `summary` is the JSON of the command line.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fireside.evaluation.compare import Comparison
from fireside.evaluation.page import page
from fireside.evaluation.results import Result

PER_ITEM = ("items", "weights")


def summary(results: Sequence[Result], comparisons: Sequence[Comparison] = ()) -> dict[str, Any]:
    """Plain values without the per-item ones."""
    whole = everything(results, comparisons)
    for result in whole["results"]:
        for evaluation in result["evaluations"]:
            del evaluation["samples"]
            for score in evaluation["scores"]:
                for name in PER_ITEM:
                    del score[name]
    return whole


def everything(results: Sequence[Result], comparisons: Sequence[Comparison] = ()) -> dict[str, Any]:
    return {
        "results": [result.to_dict() for result in results],
        "comparisons": [asdict(one) for one in comparisons],
    }


def write_report(
    folder: Path, results: Sequence[Result], comparisons: Sequence[Comparison] = ()
) -> None:
    """Write the folder: beside its place first, then renamed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        text = json.dumps(everything(results, comparisons), ensure_ascii=False, indent=1)
        (unfinished / "result.json").write_text(text + "\n", encoding="utf-8")
        (unfinished / "report.html").write_text(page(results, comparisons), encoding="utf-8")
        unfinished.chmod(0o755)  # mkdtemp made it private
        if folder.exists():
            folder.rmdir()
        unfinished.rename(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
