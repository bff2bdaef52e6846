"""Everything that Fireside keeps of one owner: given out as one archive, or deleted for good.

The archive is a zip: rows as lines of JSON by table and kind, hidden values in the clear, and the
bytes of files, batches and training runs.  After `forget` no byte of it is left in the database,
its log, or a folder of FIRESIDE_HOME; the vault's key goes first, so that no backup gives the
hidden values back.  It refuses to delete under a job that runs, and to know what a kind means.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import fireside
from fireside.errors import Conflict
from fireside.safety.privacy.vault import KIND as PRIVATE
from fireside.safety.privacy.vault import Vault
from fireside.storage import Store

FOLDERS: Final[Mapping[str, str]] = {
    "files": "by file id; parts of uploads by the name in their row",
    "batches": "by batch id",
    "runs": "by job id; a job's copy of its data in .data, by job id",
    "calendars": "one file for each owner",
    "vault": "by a hash of the owner",
    "tickets": "by number; the owner stands in a ticket's first line",
    "chat_history": "what was typed in the terminal: the one person's of a server without keys",
}
"""What below FIRESIDE_HOME holds people's data; a test fails where a new place is not named."""

OTHERS: Final[Mapping[str, str]] = {
    "models": "weights, of nobody",
    "cache": "the same weights, packed or rounded",
    "heads": "trained judges of sentiment and the like",
    "personas": "who answers: the administrator's",
    "fireside.db": "the database: `fireside/storage/erasure.py`",
    "ability.json": "scores of personas with each model",
    "ability.log": "what the check of a pulled model printed: persona names and counts",
    "adapters": "what is added to a model's weights: the administrator's",
    "machine.json": "how quick this machine's memory is",
    "machine.json.new": "the same, while it is written",
    "chosen-model.txt": "the model that answers where none is named",
    "runs.txt": "where `fireside finetune` was told to write: the administrator's own folders",
}

MAX_HEAD: Final = 1_000_000
"""Characters of a ticket's first line."""

_WORK: Final[Mapping[str, Sequence[str]]] = {
    "batch": ("completed", "failed", "expired", "cancelled"),
    "ft_job": ("succeeded", "failed", "cancelled"),
    "eval_run": ("completed", "failed", "canceled"),
    "response": ("completed", "failed", "cancelled", "incomplete"),
}
"""Kinds that are worked on beside the requests, and the statuses in which that is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """rows: deleted, by table and kind.  paths: files and folders.  remains: why files of the
    database hold some of it still, in a line for a person; "" where they do not."""

    rows: Mapping[str, int]
    paths: int
    remains: str

    def as_json(self) -> dict[str, Any]:
        return {
            "rows": dict(self.rows),
            "paths": self.paths,
            "clean": not self.remains,
            "remains": self.remains or None,
        }


class Owned:
    """home: FIRESIDE_HOME, beside whose database `store` was opened."""

    def __init__(self, store: Store, home: Path) -> None:
        self._store = store
        self._rows = store.erasure
        self._home = home
        self._vault = Vault(store.objects, home)

    def export(self, owner: str, target: IO[bytes]) -> dict[str, int]:
        """Write the archive; how many rows of each table and kind are in it.

        Raises:
            Corrupt: the vault's key is lost: its values cannot be given out.
        """
        counts: dict[str, int] = {}
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, rows in self._tables(owner):
                lines = [json.dumps(row, ensure_ascii=False, default=str) for row in rows]
                if lines:
                    archive.writestr(f"{name}.jsonl", "\n".join(lines) + "\n")
                    counts[name] = len(lines)
            for path in dict.fromkeys(self._paths(owner)):
                for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                    if file.is_file():
                        archive.write(file, str(file.relative_to(self._home)))
            about = {
                "owner": owner, "fireside": fireside.__version__,
                "made_at": int(time.time()), "rows": counts,
            }  # fmt: skip
            archive.writestr("about.json", json.dumps(about, indent=2) + "\n")
        return counts

    def forget(self, owner: str) -> Forgotten:
        """
        Raises:
            Conflict: jobs, batches or answers of the owner's are at work.
            Unavailable: another process holds the database.
        """
        busy = self._rows.busy(owner, _WORK)
        if busy:
            raise Conflict(
                f"Still at work: {', '.join(busy[:5])}. Cancel them or wait for their end, then "
                "try again."
            )
        paths = [path for path in dict.fromkeys(self._paths(owner)) if path.exists()]
        self._vault.forget(owner)
        gone = self._rows.forget(owner)
        for path in paths:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        return Forgotten(rows=gone, paths=len(paths), remains=self._rows.scrub())

    def _tables(self, owner: str) -> Iterator[tuple[str, Iterator[Mapping[str, Any]]]]:
        rows = self._rows
        yield "conversations", rows.conversations(owner)
        yield "messages", rows.messages(owner)
        yield "passages", rows.passages(owner)
        for kind in sorted(rows.kinds(owner)):
            if kind == PRIVATE:
                yield "private_values", self._values(owner)
            else:
                yield f"objects/{kind}", rows.objects(owner, kind)

    def _values(self, owner: str) -> Iterator[Mapping[str, Any]]:
        scopes = dict.fromkeys(row["parent_id"] for row in self._rows.objects(owner, PRIVATE))
        for scope in scopes:
            for one in self._vault.pseudonyms(owner, scope).all:
                yield {"scope": scope, "placeholder": one.placeholder, "value": one.value}

    def _paths(self, owner: str) -> Iterator[Path]:
        """Of ids that rows hold, so none leads out of the home."""
        files, batches, runs = (self._home / name for name in ("files", "batches", "runs"))
        for row in self._rows.objects(owner):
            match row["kind"]:
                case "file":
                    yield files / row["id"]
                case "upload_part":
                    yield files / Path(str(row["body"]["name"])).name
                case "batch":
                    yield batches / row["id"]
                case "ft_job":
                    yield from (runs / row["id"], runs / ".data" / row["id"])
                case "model":
                    yield runs / Path(str(row["body"]["folder"])).parts[0]
        yield from calendar_files(self._home, owner)
        yield from ticket_files(self._home, owner)
        if owner == "":
            yield self._home / "chat_history"


def calendar_files(home: Path, owner: str) -> Iterator[Path]:
    """Where `tools/calendar_file.py` keeps an owner's; a test holds the two together."""
    plain = re.fullmatch(r"[A-Za-z0-9_-]{1,80}", owner or "me")
    name = (owner or "me") if plain else hashlib.sha256(owner.encode()).hexdigest()[:40]
    for ending in (".ics", ".ics.lock"):
        yield home / "calendars" / f"{name}{ending}"


def ticket_files(home: Path, owner: str) -> Iterator[Path]:
    """Where `assistant/tickets.py` keeps an owner's; a test holds the two together."""
    for path in (home / "tickets").glob("T-*.jsonl"):
        with path.open(encoding="utf-8", errors="replace") as file:
            try:
                head = json.loads(file.readline(MAX_HEAD))
            except ValueError:
                continue
        if isinstance(head, dict) and head.get("owner") == owner:
            yield from (path, path.with_suffix(".closed"))
