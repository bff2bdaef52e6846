"""A server of its own process, to be killed: `python -m tests.server.batch_server HOME`.

Its model writes every prompt that it is asked into HOME/asked, and answers those that hold the
word `held` only once HOME/go is there.  It prints its address and serves until it is killed.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from fireside.engine.params import SamplingParams
from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store

from .fakes import FakeEvent, FakeGeneration, FakeModel, FakeModels
from .serving import running


class Noting(FakeModel):
    home: Path

    def generate(
        self, prompt: Sequence[int], params: SamplingParams, *, owner: str = ""
    ) -> FakeGeneration:
        with (self.home / "asked").open("a") as file:
            file.write(bytes(prompt).decode() + "\n")
        made = Waiting(self, prompt, params)
        made.home = self.home
        return made


class Waiting(FakeGeneration):
    home: Path

    async def __aiter__(self) -> AsyncIterator[FakeEvent]:
        while b"held" in bytes(self.prompt) and not (self.home / "go").exists():
            await asyncio.sleep(0.01)
        async for event in super().__aiter__():
            yield event


def main(home: Path) -> None:
    model = Noting()
    model.home = home
    models: Any = FakeModels(model)
    with Store.open(home / "fireside.db") as store:
        settings = Settings(model="fake:1b", home=home, max_batch=8)
        with running(create_app(models, store, settings)) as address:
            print(address, flush=True)
            sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
