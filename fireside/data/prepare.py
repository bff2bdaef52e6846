"""Sources in, a folder of tokens out: read, clean, tokenise and write, once.

The folder appears whole or not at all; a preparation that was stopped is done again from the
beginning, and gives the same.  Sources are read piece by piece in step with one another, so a
limit on tokens takes from each its share.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from fireside.data.examples import Kind
from fireside.data.filling import Feed, Filling
from fireside.data.filters import Cleaner, Cleaning, clean
from fireside.data.held_out import hold_out
from fireside.data.prepared import ABOUT, FORMAT, REPORT, TOKEN_BYTES, Prepared, open_prepared
from fireside.data.readers import OnBroken, read_source
from fireside.data.report import Report
from fireside.data.source import Source, shares
from fireside.data.tokenised import TooLong, end_of_text
from fireside.data.writer import COLUMNS, IDS, TABLE, id_type
from fireside.errors import BadRequest, Conflict, Unavailable
from fireside.hub.progress import Progress, silent
from fireside.hub.staging import sync
from fireside.tokenizer import Tokenizer


def prepare(
    sources: Sequence[Source],
    tokenizer: Tokenizer,
    kind: Kind,
    folder: Path,
    *,
    cleaning: Cleaning | None = None,
    validation: float = 0.0,
    length: int | None = None,
    too_long: TooLong = "cut",
    max_tokens: int | None = None,
    seed: int = 0,
    on_broken: OnBroken = "stop",
    progress: Progress = silent,
) -> Prepared:
    """Prepare `folder`, or open it where it has been prepared from the same.

    validation: the share to hold out, of tokens in documents and of examples otherwise.
    length: tokens of a row; what is longer, and is no document, is cut or dropped.
    max_tokens: reading stops there; the ends of the last documents may come on top.
    progress: is told of the tokens so far.

    Raises:
        BadRequest: data that cannot be read, or of which nothing is left.
        Conflict: the folder has been prepared from something else.
        Unavailable: the disk is full or cannot be written.
    """
    if not 0 <= validation < 1:
        raise BadRequest(f"The share to validate on is from 0 to below 1; it is {validation}.")
    shares(sources)
    wanted = _Wanted(
        kind=kind,
        sources=tuple(sources),
        cleaning=Cleaning() if cleaning is None else cleaning,
        validation=validation,
        length=length,
        too_long=too_long,
        max_tokens=max_tokens,
        seed=seed,
        on_broken=on_broken,
    )
    request = asdict(wanted) | {"tokenizer": fingerprint(tokenizer)}
    if (folder / ABOUT).exists():
        return _same(open_prepared(folder), json.loads(json.dumps(request)))
    with _staging(folder) as staging:
        report = _filled(staging, wanted, tokenizer, progress)
        _finish(staging, wanted, request, tokenizer, report)
    return open_prepared(folder)


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """What is asked for, apart from the tokenizer."""

    kind: Kind
    sources: tuple[Source, ...]
    cleaning: Cleaning
    validation: float
    length: int | None
    too_long: TooLong
    max_tokens: int | None
    seed: int
    on_broken: OnBroken


def _filled(folder: Path, wanted: _Wanted, tokenizer: Tokenizer, progress: Progress) -> Report:
    """Token files of all sources."""
    report = Report()
    cleaner = Cleaner(wanted.cleaning)
    read = (
        read_source(one, wanted.kind, on_broken=wanted.on_broken, report=report)
        for one in wanted.sources
    )
    feeds = [Feed(i, clean(examples, cleaner, report)) for i, examples in enumerate(read)]
    filling = Filling(
        folder,
        tokenizer,
        report,
        length=wanted.length,
        too_long=wanted.too_long,
        max_tokens=wanted.max_tokens,
    )
    filling.pour(feeds, shares(wanted.sources) or [1.0] * len(feeds), progress)
    return report


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """A folder beside, which becomes `folder` if all goes well and vanishes otherwise."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Conflict(f"{folder} is not empty: choose another folder for the prepared data.")
    staging = folder.with_name(f".{folder.name}.preparing")
    try:
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        yield staging
        if folder.exists():
            folder.rmdir()
        os.replace(staging, folder)
        sync(folder.parent)
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        what = "the disk is full" if full else (error.strerror or str(error))
        raise Unavailable(f"{folder} cannot be written ({what}): mend that and go on.") from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def fingerprint(tokenizer: Tokenizer) -> str:
    """A hash of everything that a tokenizer's ids mean, its chat template among it."""
    digest = hashlib.sha256((tokenizer.chat_template or "").encode("utf-8", "surrogatepass"))
    digest.update(b"\0".join(map(tokenizer.token_bytes, range(tokenizer.vocab_size))))
    return digest.hexdigest()


def _same(prepared: Prepared, request: dict[str, object]) -> Prepared:
    then = prepared.about["request"]
    differs = [name for name in request if request[name] != then.get(name)]
    if differs:
        raise Conflict(
            f"{prepared.folder} has been prepared with other {', '.join(differs)}: choose another "
            "folder, or remove this one."
        )
    return prepared


def _finish(
    folder: Path,
    wanted: _Wanted,
    request: Mapping[str, object],
    tokenizer: Tokenizer,
    report: Report,
) -> None:
    """The splits, the report and what this folder is; all of it on the disk."""
    kind, share = wanted.kind, wanted.validation
    if not report.kept:
        raise BadRequest(f"Nothing is left to learn from. {_why(report)}")
    table = np.fromfile(folder / TABLE, dtype="<i8").reshape(-1, len(COLUMNS)).astype(np.int64)
    dtype = id_type(tokenizer.vocab_size)
    ids = np.memmap(folder / IDS, dtype=dtype, mode="r") if kind == "text" else None
    token_bytes = _token_bytes(tokenizer)
    train, held = hold_out(table, share, wanted.seed, ids=ids, token_bytes=token_bytes)
    mixture = shares(wanted.sources)
    for number, source in enumerate(wanted.sources):
        if mixture and not (train[:, 0] == number).any():
            raise BadRequest(
                f"Nothing is left of {source.path}, which has a weight. {_why(report)}"
            )
    if share and not len(held):
        report.note("too little to hold any out: there will be no validation")
    for name, rows in (("training", train), ("validation", held)):
        report.counts[f"{name} examples"] = len(rows)
        report.counts[f"{name} tokens"] = int(rows[:, 2:5].sum())
    np.save(folder / "train.npy", train)
    np.save(folder / "validation.npy", held)
    np.save(folder / TOKEN_BYTES, token_bytes)
    (folder / TABLE).unlink()
    report.write(folder / REPORT)
    about = {
        "format": FORMAT,
        "kind": kind,
        "vocab_size": tokenizer.vocab_size,
        "dtype": dtype.str,
        "end": end_of_text(tokenizer),
        "shares": mixture,
        "request": request,
    }
    (folder / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    for path in (*folder.iterdir(), folder):
        sync(path)


def _token_bytes(tokenizer: Tokenizer) -> np.ndarray:
    special = tokenizer.special_ids
    return np.asarray(
        [
            0 if number in special else len(tokenizer.token_bytes(number))
            for number in range(tokenizer.vocab_size)
        ],
        dtype=np.int32,
    )


def _why(report: Report) -> str:
    reasons = sorted(report.dropped.items(), key=lambda item: -item[1].count)
    if not reasons:
        return f"{report.read} examples were read."
    told = ", ".join(f"{found.count:,} {reason}" for reason, found in reasons[:4])
    first = reasons[0][1].examples[0]
    return f"Of {report.read:,} read: {told} ({first['file']}:{first['line']}: {first['what']})."
