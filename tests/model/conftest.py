"""Each small model once for all the laws that hold it against its reference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from fireside.model.transformer import Transformer

from .reference import CASES, ours, reference


@pytest.fixture(scope="session", autouse=True)
def quiet_transformers() -> None:
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    """A test that wants gradients says `torch.enable_grad`."""
    with torch.no_grad():
        yield


@pytest.fixture(scope="session", params=sorted(CASES))
def pair(request: pytest.FixtureRequest, tmp_path_factory: Any) -> tuple[Any, Transformer]:
    """A model of transformers and ours with the same weights."""
    theirs = reference(request.param)
    return theirs, ours(theirs, tmp_path_factory.mktemp("model"))
