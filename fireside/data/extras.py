"""The packages that only data sets need, and one line for who does not have them.

A plain `pip install fireside` chats; what reads Parquet, streams or cleans comes with
`fireside[train]`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fireside.errors import Unavailable
from fireside.hub.packages import training_packages


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
            f"{what} needs the package {error.name}, which is not installed. Install it with: "
            f"{training_packages()}"
        ) from None
