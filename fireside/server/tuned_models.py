"""Fine-tuned models: a row for each, which names its owner and its folder below `runs_dir`.

    model  ft:smollm2:135m:ORG:SUFFIX:ID                  -> FTJOB/model
    model  ft:smollm2:135m:ORG:SUFFIX:ID:ckpt-step-N      -> FTJOB/step-N

A model is loaded from what its row says and never from what a request says.  It refuses to train
(`tuning/`), and to show a model to anyone but its owner.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from fireside.errors import Conflict, NotFound
from fireside.hub import LocalModel
from fireside.hub.local import open_path
from fireside.hub.runs import TOKENIZER
from fireside.storage.objects import New, Objects, Stored

KIND = "model"
JOB, CHECKPOINT, ENDED = "ft_job", "ft_checkpoint", ("succeeded", "failed", "cancelled")
MANY = 500


class TunedModels:
    """Of one server; `Models.tuned`.  Thread-safe."""

    def __init__(self, objects: Objects, runs_dir: Path, models_dir: Path) -> None:
        self._objects, self._runs, self._models = objects, runs_dir, models_dir

    def add(self, name: str, folder: Path, *, owner: str, job_id: str, base: str) -> None:
        """folder: below `runs_dir`.  Adding one that is there already is nothing."""
        body = {"folder": str(folder.relative_to(self._runs)), "base": base}
        with suppress(Conflict):
            self._objects.add_all(KIND, [New(id=name, body=body)], owner=owner, parent_id=job_id)

    def local(self, name: str, owner: str) -> LocalModel | None:
        """Raises NotFound, Corrupt: its folder is not whole any more."""
        row = self.row(name, owner)
        if row is None:
            return None
        folder = self._runs / row.body["folder"]
        found = open_path(folder, name, self._models)
        own = folder.parent / "tokenizer"
        if not (folder / TOKENIZER).is_file() and (own / TOKENIZER).is_file():
            found = replace(found, tokenizer=own)
        return found

    def row(self, name: str, owner: str) -> Stored | None:
        try:
            return self._objects.get(KIND, name, owner=owner)
        except NotFound:
            return None

    def rows(self, owner: str | None, job_id: str | None = None) -> list[Stored]:
        """Newest first."""
        found: list[Stored] = []
        after = None
        while True:
            page = self._objects.listed(
                KIND, owner=owner, parent_id=job_id, after=after, limit=MANY
            )
            found += page.items
            if not page.more:
                return found
            after = page.items[-1].id

    def names(self, owner: str) -> list[str]:
        return [row.id for row in self.rows(owner)]

    def folder(self, name: str, owner: str) -> Path | None:
        row = self.row(name, owner)
        return None if row is None else self._runs / row.body["folder"]

    def remove(self, name: str, owner: str) -> None:
        """Forget the model and delete its folder.

        Raises:
            NotFound: there is none.
            Conflict: another model stands on it.
        """
        row = self._objects.get(KIND, name, owner=owner)
        above = [one.id for one in self.rows(owner) if one.body["base"] == name]
        if above:
            raise Conflict(f"{name} is the base of {above[0]}: delete that one first.")
        self._objects.remove(KIND, name, owner=owner)
        rows = self._objects.listed(CHECKPOINT, owner=owner, matching={"model": name}).items
        self._objects.discard([one.id for one in rows])
        self.discard(row)

    def discard(self, row: Stored) -> None:
        """The weights of a model; with the last one of a job that is over goes its run."""
        folder = self._runs / row.body["folder"]
        shutil.rmtree(folder, ignore_errors=True)
        job = self._objects.get(JOB, row.parent_id or "", owner=row.owner)
        if job.status in ENDED and not self.rows(row.owner, row.parent_id):
            shutil.rmtree(folder.parent, ignore_errors=True)
