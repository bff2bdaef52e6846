"""Texts with their labels, from the files of each task, and which of them are held out.

A text is held out by the hash of its own words: the same in every run, wherever it stands in the
file, and a duplicate is never on both sides.  It refuses to shuffle, and to guess a label.
"""

from __future__ import annotations

import csv
import hashlib
import html
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fireside.errors import BadRequest, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """targets: for each label the chance, 0 to 1, that it holds.  weight: how much it counts."""

    text: str
    targets: tuple[float, ...]
    weight: float = 1.0


def held_out(text: str, share: float) -> bool:
    """Whether the text belongs to the held-out `share`."""
    digest = hashlib.sha256(" ".join(text.casefold().split()).encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def parted(rows: Iterable[Row], share: float) -> tuple[list[Row], list[Row]]:
    """(kept, held out)."""
    kept: list[Row] = []
    out: list[Row] = []
    for row in rows:
        (out if held_out(row.text, share) else kept).append(row)
    return kept, out


def read_text(path: Path) -> str:
    """Raises NotFound, BadRequest: with the file's name."""
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError):
        raise NotFound(
            f"There is no file {str(path)!r}: name the data's folder by --data."
        ) from None
    except UnicodeDecodeError:
        raise BadRequest(f"{path.name} is not text in UTF-8.") from None


def sentiments(path: Path) -> list[Row]:
    """`text<TAB>label`, label 1 for positive and 0 for negative.

    Raises:
        NotFound, BadRequest: no such file; a line without a label, with its number.
    """
    rows = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        text, tab, label = line.rstrip("\r").rpartition("\t")
        if not tab or label not in ("0", "1") or not text.strip():
            raise BadRequest(
                f"{path.name}, line {number}: a text, a tab and 0 or 1 must stand here."
            )
        rows.append(Row(text=text, targets=(float(label),)))
    if len({row.targets for row in rows}) < 2:
        raise BadRequest(f"{path.name} must have texts of both labels.")
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Tweet:
    """kind: 0 hate, 1 offensive, 2 neither, by most annotators.  hate, rude: their shares."""

    text: str
    kind: int
    hate: float
    rude: float


def tweets(path: Path) -> list[Tweet]:
    """Davidson et al. 2017.  What only tweets have (RT, @names, links, HTML's escapes) is taken
    out, so that a head cannot learn it; of what is then the same the first stays."""
    found: dict[str, Tweet] = {}
    for row in csv.DictReader(read_text(path).splitlines(keepends=True)):
        text = bare(row["tweet"])
        count = int(row["count"])
        if text and text not in found:
            found[text] = Tweet(
                text=text,
                kind=int(row["class"]),
                hate=int(row["hate_speech"]) / count,
                rude=(int(row["hate_speech"]) + int(row["offensive_language"])) / count,
            )
    return list(found.values())


def bare(tweet: str) -> str:
    text = re.sub(r"https?://\S+|@\w+:?|\bRT\b|&#\d+;?", " ", html.unescape(tweet))
    return re.sub(r"\s+", " ", text).strip(" \"!:.,'“”")


def column(path: Path, name: str) -> list[str]:
    """One column of a CSV file."""
    return [row[name] for row in csv.DictReader(read_text(path).splitlines(keepends=True))]


def members(path: Path, name: str) -> list[str]:
    """One member of every line of a JSONL file."""
    return [json.loads(line)[name] for line in read_text(path).splitlines() if line.strip()]


def instructions(path: Path) -> list[str]:
    """What people asked, without the frame that the data set puts around it."""
    asked = (re.search(r"### Instruction:\n(.+?)(?:\n\n###|\Z)", prompt, re.S)
             for prompt in members(path, "prompt"))  # fmt: skip
    return [found[1].strip() for found in asked if found]


def passages(path: Path) -> list[tuple[str, str]]:
    """(article, passage) of a SQuAD file."""
    return [
        (article["title"], paragraph["context"])
        for article in json.loads(read_text(path))["data"]
        for paragraph in article["paragraphs"]
    ]
