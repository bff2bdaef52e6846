"""The whole circle with OpenAI's own client and the real model: `examples/fine_tune.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import openai

from fireside.engine.models import Models
from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store

from .serving import running

EXAMPLE = Path(__file__).parents[2] / "examples" / "fine_tune.py"


def test_a_file_becomes_a_model_that_has_learned_it(
    smollm2_path: Path, models_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "models").symlink_to(models_dir)
    settings = Settings(home=tmp_path)
    with (
        Store.open(settings.database_path) as store,
        running(create_app(Models(settings), store, settings)) as url,
    ):
        environment = {**os.environ, "OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": "none"}
        told = subprocess.run(
            [sys.executable, str(EXAMPLE)],
            env=environment, capture_output=True, text=True, timeout=900, check=False,
        )  # fmt: skip
        assert told.returncode == 0, told.stdout + told.stderr
        with openai.OpenAI(base_url=f"{url}/v1", api_key="none") as client:
            _look(client, told.stdout.splitlines())


def _look(client: openai.OpenAI, lines: list[str]) -> None:
    before, after = lines[-2:]
    assert "Quill" not in before
    assert after.endswith(": Agatha Quill.")
    assert "The job has successfully completed" in lines
    [job] = client.fine_tuning.jobs.list().data
    assert job.fine_tuned_model is not None
    assert job.fine_tuned_model.startswith("ft:smollm2:135m:personal:mayor:")
    assert job.trained_tokens
    assert job.finished_at
    steps = [e.data for e in client.fine_tuning.jobs.list_events(job.id) if e.type == "metrics"]
    assert steps[0]["train_loss"] < 0.1 < steps[-1]["train_loss"]  # type: ignore[index]
    table = client.files.content(job.result_files[0]).text.splitlines()
    assert table[0].startswith("step,train_loss")
    checkpoints = client.fine_tuning.jobs.checkpoints.list(job.id).data
    names = {model.id for model in client.models.list()}
    assert len(checkpoints) == 3
    assert {one.fine_tuned_model_checkpoint for one in checkpoints} < names
    assert client.models.delete(job.fine_tuned_model).deleted
    assert job.fine_tuned_model not in {model.id for model in client.models.list()}
