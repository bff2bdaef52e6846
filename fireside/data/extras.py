"""The packages that only data sets need, and one line for who does not have them.

A plain `pip install fireside` chats; what reads Parquet, streams or cleans comes with
`fireside[train]`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fireside.errors import Unavailable


@contextmanager
def needed(what: str) -> Iterator[None]:
    """Around the imports that `what` needs.

    Raises:
        Unavailable: one of them is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise Unavailable(
            f"{what} needs the package {error.name}: pip install 'fireside[train]', then try again."
        ) from None
