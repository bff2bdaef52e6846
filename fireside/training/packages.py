"""The packages that a run needs and a plain `pip install fireside` does not bring.

Whoever starts a run asks here first, so that nothing is accepted that would fail later.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from fireside.errors import Unavailable
from fireside.hub.packages import training_packages

if TYPE_CHECKING:
    from fireside.training.config import TrainConfig

ALWAYS: Final = ("tensorboard", "matplotlib")


def check_packages(config: TrainConfig | None = None) -> None:
    """config: what the run reads and cleans; None: plain lines, nothing cleaned.

    Raises:
        Unavailable: something is not installed; the line has the command.
    """
    names = (*ALWAYS, *(() if config is None else _of_data(config)))
    absent = [name for name in names if find_spec(name) is None]
    if absent:
        raise Unavailable(
            f"Training needs packages that are not installed ({', '.join(absent)}). Install them "
            f"with: {training_packages()}",
            code="packages_missing",
        )


def _of_data(config: TrainConfig) -> Iterator[str]:
    paths = [source.path for source in config.data.sources]
    if any(path.startswith("hf:") for path in paths):
        yield "datasets"
    if any(path.endswith(".parquet") for path in paths):
        yield "pyarrow"
    if config.data.cleaning.duplicates == "near":
        yield "datasketch"
    if config.data.cleaning.languages:
        yield "py3langid"
