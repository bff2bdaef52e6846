"""Whether the packages are installed that training needs and chatting does not."""

from __future__ import annotations

from importlib.util import find_spec

from fireside.errors import Unavailable
from fireside.hub.packages import training_packages


def check_packages() -> None:
    """Raises Unavailable: what only training needs was not installed."""
    absent = [name for name in ("tensorboard", "matplotlib") if find_spec(name) is None]
    if absent:
        raise Unavailable(
            f"Training needs packages that are not installed ({', '.join(absent)}). Install them "
            f"with: {training_packages()}"
        )
