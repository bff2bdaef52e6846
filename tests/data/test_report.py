"""The ledger: it comes back as written, adds up, and can be read by a person."""

from __future__ import annotations

import json
from pathlib import Path

from fireside.data import Origin, Report
from fireside.data.report import SHOWN, FileRead


def filled() -> Report:
    report = Report(read=12, kept=5)
    for line in range(7):
        report.drop("broken", Origin(file="a.jsonl", line=line), f"line {line}\nis bad " * 30)
    report.change("cut", Origin(file="a.jsonl", line=9), "é")
    report.files["a.jsonl"] = FileRead(bytes=3, sha256="00", examples=12)
    report.counts["training tokens"] = 1234
    report.note("left out: 3 files")
    report.note("left out: 3 files")
    return report


def test_it_comes_back_as_written(tmp_path: Path) -> None:
    report = filled()
    report.write(tmp_path / "report.json")
    assert Report.from_json(json.loads((tmp_path / "report.json").read_text())) == report


def test_only_a_few_examples_of_a_reason_are_kept() -> None:
    broken = filled().dropped["broken"]
    assert (broken.count, len(broken.examples)) == (7, SHOWN)


def test_the_table_is_a_line_for_each() -> None:
    lines = filled().table().splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        "read",
        "dropped: broken",
        "changed: cut",
        "kept",
        "training tokens",
        "left out: 3 files",
    ]
    assert "a.jsonl:0 line 0 is bad" in lines[1]
    assert max(map(len, lines)) <= 120
