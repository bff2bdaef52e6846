"""A real server, killed with -9 while it fine-tunes: the next one finishes the job, once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openai
import psutil

from fireside.training.control import RunHandle

from .serving import wait_until
from .tuning_base import NAME, install, lines


@contextmanager
def serving(home: Path) -> Iterator[tuple[subprocess.Popen[str], openai.OpenAI]]:
    environment = {**os.environ, "FIRESIDE_HOME": str(home), "FIRESIDE_MODEL": NAME}
    server = subprocess.Popen(
        [sys.executable, "-m", "fireside", "serve", "--port", "0"],
        env=environment, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdout is not None
    try:
        for line in server.stdout:
            if "Fireside is at " in line:
                break
        url = line.split("Fireside is at ")[1].split()[0]
        with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
            yield server, client
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def worker_is_done(home: Path, job_id: str) -> bool:
    return RunHandle(home / "runs" / job_id).status().state == "finished"


def test_the_next_server_finishes_the_job(tmp_path: Path) -> None:
    home = tmp_path / "home"
    install(home / "models", tmp_path)
    with serving(home) as (server, client):
        file = client.files.create(file=("a.jsonl", lines(10)), purpose="fine-tune")
        job = client.fine_tuning.jobs.create(
            model=NAME, training_file=file.id, seed=1,
            hyperparameters={"n_epochs": 50, "batch_size": 1},
        )  # fmt: skip

        def steps() -> int:
            events = client.fine_tuning.jobs.list_events(job.id, limit=100).data
            return sum(event.type == "metrics" for event in events)

        assert wait_until(lambda: steps() > 1, 300)
        process = RunHandle(home / "runs" / job.id).status().process
        assert process is not None
        worker = psutil.Process(process.pid)
        server.kill()
        server.wait()
        assert worker.is_running() or worker_is_done(home, job.id)  # nobody told it
    with serving(home) as (server, client):

        def over() -> bool:
            return client.fine_tuning.jobs.retrieve(job.id).status in ("succeeded", "failed")

        assert wait_until(over, 300)
        done = client.fine_tuning.jobs.retrieve(job.id)
        assert done.status == "succeeded", done
        told = [event.message for event in client.fine_tuning.jobs.list_events(job.id, limit=100)]
        assert told.count("The job has successfully completed") == 1
        counted = [message.split(":")[0] for message in told if "training loss" in message]
        assert len(counted) == len(set(counted))
        assert done.fine_tuned_model is not None
        answer = client.chat.completions.create(
            model=done.fine_tuned_model, messages=[{"role": "user", "content": "q1"}], max_tokens=3
        )
        assert answer.model == done.fine_tuned_model
