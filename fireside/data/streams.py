"""Data sets of the Hugging Face Hub, streamed: rows come as they are read, nothing is kept.

`datasets` speaks the Hub's protocol and reads its formats.  Refuses data sets that come as
programs, as the library does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from fireside.data.extras import needed
from fireside.data.records import Record, canonical, without_nulls
from fireside.data.report import FileRead, Report
from fireside.data.source import Source
from fireside.errors import BadRequest, NotFound, Unavailable


def stream(source: Source, report: Report) -> Generator[tuple[int, Record]]:
    """The rows of a data set, counted from 1.

    Raises:
        NotFound: no such data set.
        BadRequest: no such configuration or split, or one that cannot be read.
        Unavailable: the Hub cannot be reached.
    """
    digest, rows, size = hashlib.sha256(), 0, 0
    try:
        with _told(source.path):
            for record in _opened(source):
                rows += 1
                written = canonical(record)
                size += len(written)
                digest.update(written)
                yield rows, without_nulls(record)
    finally:
        report.files[source.path] = FileRead(bytes=size, sha256=digest.hexdigest(), examples=rows)
    if not rows:
        raise BadRequest(f"{source.path} is empty: choose another split.")


def _opened(source: Source) -> Iterator[dict[str, Any]]:
    with needed("Streaming data sets"):
        from datasets import disable_progress_bars, load_dataset

    disable_progress_bars()  # the terminal belongs to cli
    hub = source.hub
    assert hub is not None
    found = load_dataset(hub.name, hub.config, split=hub.split, streaming=True)
    return iter(found)


@contextmanager
def _told(path: str) -> Iterator[None]:
    """What the library raises, as one line."""
    import httpx

    with needed("Streaming data sets"):
        from datasets.exceptions import DatasetNotFoundError, DatasetsError

    try:
        yield
    except DatasetNotFoundError as error:
        if "gated" in str(error):
            raise NotFound(
                f"{path} asks you to accept its terms first: do so on its page, then set HF_TOKEN."
            ) from None
        raise NotFound(
            f"The Hub has no public data set {path}: check the name, or set HF_TOKEN if it is "
            "private."
        ) from None
    except FileNotFoundError:
        raise NotFound(f"{path} holds no files that can be read as a data set.") from None
    except (DatasetsError, ValueError, RuntimeError) as error:
        raise BadRequest(f"{path} cannot be read: {_line(error)}") from None
    except (httpx.HTTPError, OSError) as error:
        raise Unavailable(
            f"{path} cannot be reached ({_line(error)}): check the network and try again."
        ) from None


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:199] + "…"
