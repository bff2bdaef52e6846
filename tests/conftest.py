"""What every test may ask for: the real models and the shared data, or a clean skip."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# No deadline, for machines are busy; and the same examples in every run, so that no run fails by
# chance.  HYPOTHESIS_PROFILE=default looks for new ones.
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

REPOSITORY = Path(__file__).parent.parent
LONGEST = (
    "clients/test_walks.py", "clients/test_uses_example.py", "clients/test_node.py",
    "clients/test_langchain.py", "server/test_fine_tuning_circle.py", "test_docs.py",
    "browser/test_page_looks.py", "browser/test_page.py", "training/test_parallel.py",
    "training/test_parallel_runs.py", "training/test_checkpoint.py", "engine/test_default_model.py",
    "model/test_default_model.py", "data/test_filters.py", "server/test_batches.py",
    "knowledge/test_collections.py", "tools/mcp_client/test_mcp_client.py",
    "cli/test_training.py", "cli/test_stopping.py", "cli/test_keys.py", "server/test_hostile.py",
    "server/test_first_minute.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest first: else one process works alone at the end."""
    place = {REPOSITORY / "tests" / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


@pytest.fixture(autouse=True)
def _same_numbers() -> Iterator[None]:
    """Every test draws what it drew in the last run, whichever tests ran before it, and leaves
    PyTorch as many threads as it found."""
    random.seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    yield
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


def embedded_models() -> Path:
    """Where `scripts/setup` keeps the embedded models: FIRESIDE_HOME/models."""
    from fireside.settings import load_settings

    return load_settings().models_dir


@pytest.fixture(scope="session")
def models_dir() -> Path:
    return embedded_models()


@pytest.fixture(scope="session")
def smollm2_path(models_dir: Path) -> Path:
    """The default chat model: SmolLM2-135M-Instruct, Q4_1 GGUF."""
    found = sorted(models_dir.rglob("SmolLM2-135M-Instruct.Q4_1.gguf"))
    if not found:
        pytest.skip("smollm2:135m is not pulled: run scripts/setup")
    return found[0]


@pytest.fixture(scope="session")
def minilm_path(models_dir: Path) -> Path:
    """The embedding model: the folder of all-MiniLM-L6-v2."""
    for found in sorted(models_dir.rglob("sentence_bert_config.json")):
        return found.parent
    pytest.skip("minilm:l6 is not pulled: run scripts/setup")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The public data sets that stand beside the checkout."""
    folder = Path(os.environ.get("FIRESIDE_SHARED", REPOSITORY.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip("../shared/data is absent")
    return folder
