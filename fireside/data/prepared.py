"""Prepared data, opened: token files mapped into memory, in two splits.

    prepared.json                  what this is, and what it was made from
    report.json                    what was read, kept, dropped and why
    ids.bin learned.bin extra.jsonl    as `writer.py` has them
    train.npy  validation.npy      the examples of each split, one row of COLUMNS each
    token_bytes.npy                how many bytes of text each id stands for; control tokens 0

Refuses to change anything, and to open what is not whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from fireside.data.examples import Kind
from fireside.data.report import Report
from fireside.data.writer import COLUMNS, EXTRA, IDS, LEARNED
from fireside.errors import Corrupt, NotFound

FORMAT = 1
ABOUT, REPORT, TOKEN_BYTES = "prepared.json", "report.json", "token_bytes.npy"


@dataclass(frozen=True, kw_only=True)
class Split:
    """The examples of the training set, or of the held-out share.

    table: int64, a row per example in `writer.COLUMNS`.
    ids: every id of the folder; the table says where an example's stand.
    learned: per id, where it is a chat's; empty otherwise.
    shares: of the sources, for mixtures; None where everything counts once.
    """

    kind: Kind
    table: np.ndarray
    ids: np.ndarray
    learned: np.ndarray
    extra: Path
    shares: tuple[float, ...] | None
    filler: int

    def __len__(self) -> int:
        return len(self.table)

    def column(self, name: str) -> np.ndarray:
        found: np.ndarray = self.table[:, COLUMNS.index(name)]
        return found

    @cached_property
    def lengths(self) -> np.ndarray:
        """Tokens per example, all its parts."""
        total: np.ndarray = self.column("first") + self.column("second") + self.column("third")
        return total

    @property
    def tokens(self) -> int:
        return int(self.lengths.sum())

    @property
    def bytes(self) -> int:
        """Bytes of text; 0 for anything but documents."""
        return int(self.column("bytes").sum())

    @cached_property
    def groups(self) -> list[np.ndarray]:
        """The numbers of the examples that are mixed with one another by `weights`."""
        if self.shares is None:
            return [np.arange(len(self))] if len(self) else []
        source = self.column("source")
        found = [np.flatnonzero(source == number) for number in range(len(self.shares))]
        return [group for group in found if len(group)]

    @cached_property
    def weights(self) -> list[float]:
        """The share of rows of each group."""
        if self.shares is None:
            return [1.0] * len(self.groups)
        source = self.column("source")
        return [share for i, share in enumerate(self.shares) if (source == i).any()]


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A folder of prepared data.

    about: what `prepare` was asked for, the tokenizer's fingerprint, the sources.
    end: the token that ends a document, if the tokenizer has one.
    """

    folder: Path
    kind: Kind
    vocab_size: int
    end: int | None
    train: Split
    validation: Split
    report: Report
    about: Mapping[str, Any]

    @cached_property
    def token_bytes(self) -> np.ndarray:
        """Bytes of text per id, int32 [V]: what bits per byte divide by."""
        found: np.ndarray = np.load(self.folder / TOKEN_BYTES, allow_pickle=False)
        return found


def open_prepared(folder: Path) -> Prepared:
    """Prepared data of a folder.

    Raises:
        NotFound: nothing was prepared there.
        Corrupt: its files do not fit together.
    """
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFound(f"{folder} holds no prepared data: prepare it first.") from None
    except ValueError:
        raise Corrupt(f"{folder} is damaged: remove it and prepare the data again.") from None
    if about.get("format") != FORMAT:
        raise Corrupt(f"{folder} is of another version of Fireside: remove it and prepare again.")
    try:
        ids = _mapped(folder / IDS, about["dtype"])
        learned = _mapped(folder / LEARNED, "|u1")
        splits = {
            name: Split(
                kind=about["kind"],
                table=_table(folder / f"{name}.npy", ids),
                ids=ids,
                learned=learned,
                extra=folder / EXTRA,
                shares=tuple(about["shares"]) if about["shares"] else None,
                filler=about["end"] or 0,
            )
            for name in ("train", "validation")
        }
        return Prepared(
            folder=folder,
            kind=about["kind"],
            vocab_size=about["vocab_size"],
            end=about["end"],
            report=Report.from_json(report),
            about=about,
            **splits,
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise Corrupt(
            f"{folder} is damaged ({error}): remove it and prepare the data again."
        ) from None


def _mapped(path: Path, dtype: str) -> np.ndarray:
    if not path.stat().st_size:  # an empty file cannot be mapped
        return np.zeros(0, dtype=dtype)
    return np.memmap(path, dtype=dtype, mode="r")


def _table(path: Path, ids: np.ndarray) -> np.ndarray:
    table: np.ndarray = np.load(path, allow_pickle=False)
    if table.ndim != 2 or table.shape[1] != len(COLUMNS) or table.dtype != np.int64:
        raise ValueError(f"{path.name} is no table")
    start, *lengths = (table[:, i] for i in (1, 2, 3, 4))
    if len(table) and ((start + sum(lengths)).max() > len(ids) or table.min() < 0):
        raise ValueError(f"{path.name} points beyond {IDS}")
    return table
