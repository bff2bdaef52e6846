"""A server of one's own to attack: two projects in a temporary home, with the installed models."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from attacks import MODEL, Target


@contextmanager
def served(log: Path) -> Iterator[tuple[Target, str]]:
    """The server, and the second project's key."""
    from fireside.settings import Settings, load_settings
    from fireside.storage import Store
    from fireside.storage.audit import Actor

    models = load_settings().models_dir
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "models").symlink_to(models)
        (home / "cache").symlink_to(models.parent / "cache")
        with Store.open(Settings(home=home).database_path) as store:
            user = store.people.add_user("Ada", by=Actor()).id
            projects = [store.people.add_project(name, by=Actor()).id for name in ("bad", "good")]
            keys = [
                store.keys.add("k", user_id=user, project_id=each, by=Actor())[1]
                for each in projects
            ]
        port = free_port()
        chosen = {"FIRESIDE_HOME": folder, "FIRESIDE_PORT": str(port), "FIRESIDE_MODEL": MODEL}
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "fireside", "serve"],
                env=os.environ | chosen, stdout=out, stderr=out,
            )  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(url, process)
            yield Target(url=url, key=keys[0], pid=process.pid), keys[1]
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 300
    while time.monotonic() < end and process.poll() is None:
        with suppress(httpx.HTTPError):
            if httpx.get(f"{url}/ready").status_code == httpx.codes.OK:
                return
        time.sleep(0.2)
    raise SystemExit("the server did not start")


def more_files() -> None:
    """5,000 connections are 5,000 open files of this process too."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
