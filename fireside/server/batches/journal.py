"""What a batch has done so far: one appended line for each request, on the disk before it counts.

A server that is killed finds here, when it starts again, which requests are done; half a line at
the end was not.  At the end of the batch these files are its output, in the order in which the
requests were done.  It refuses to hold an answer in memory.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

from fireside.storage.files import disk_errors
from fireside.storage.ids import new_id

OUTPUT: Final = "output.jsonl"
ERRORS: Final = "errors.jsonl"


class Journal:
    """Of one batch, in a folder of its own.  One process at a time; its threads may share it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.done: set[str] = set()
        self.completed = self.failed = 0
        self.usage = Usage()
        self._lock = threading.Lock()
        self._files: dict[str, BinaryIO] = {}
        with disk_errors():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name in (OUTPUT, ERRORS):
                self._files[name] = self._reopened(name)

    def _reopened(self, name: str) -> BinaryIO:
        """The file with all whole lines counted, and what a crash cut short taken off."""
        path = self.folder / name
        whole = 0
        if path.exists():
            with path.open("rb") as file:
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    whole += len(line)
                    self._count(name, json.loads(line))
            os.truncate(path, whole)
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")

    def answered(
        self, custom_id: str, status: int, request_id: str, body: Mapping[str, Any]
    ) -> None:
        """A request was answered, well or with an error.

        Raises:
            Unavailable: no room on the disk; the request counts as not done.
        """
        response = {"status_code": status, "request_id": request_id, "body": body}
        self._write(OUTPUT if status < 400 else ERRORS, custom_id, response, None)

    def not_run(self, custom_id: str, code: str, message: str) -> None:
        self._write(ERRORS, custom_id, None, {"code": code, "message": message})

    def _write(
        self, name: str, custom_id: str, response: object, error: Mapping[str, str] | None
    ) -> None:
        record = {
            "id": new_id("batch_req"),
            "custom_id": custom_id,
            "response": response,
            "error": error,
        }
        raw = json.dumps(record, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        with self._lock, disk_errors():
            file = self._files[name]
            before = os.fstat(file.fileno()).st_size
            try:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                os.truncate(file.fileno(), before)
                self._files[name] = self._fresh(name, file)
                raise
            self._count(name, record)

    def _fresh(self, name: str, broken: BinaryIO) -> BinaryIO:
        """A buffer that failed to be written would be written again, by itself, later."""
        broken.raw.close()  # type: ignore[attr-defined]
        return os.fdopen(os.open(self.folder / name, os.O_WRONLY | os.O_APPEND), "ab")

    def _count(self, name: str, record: Mapping[str, Any]) -> None:
        self.done.add(record["custom_id"])
        if name == ERRORS:
            self.failed += 1
            return
        self.completed += 1
        self.usage.add(record["response"]["body"].get("usage"))

    def path(self, name: str) -> Path | None:
        """Of one of its two files, if it holds a line."""
        path = self.folder / name
        return path if path.exists() and path.stat().st_size else None

    def close(self) -> None:
        with self._lock:
            for file in self._files.values():
                file.close()

    def remove(self) -> None:
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Usage:
    """Tokens of all answers, whichever endpoint counted them."""

    def __init__(self) -> None:
        self.read = self.cached = self.written = self.reasoned = 0

    def add(self, usage: object) -> None:
        if not isinstance(usage, dict):
            return
        self.read += usage.get("input_tokens") or usage.get("prompt_tokens") or 0
        self.written += usage.get("output_tokens") or usage.get("completion_tokens") or 0
        read = usage.get("input_tokens_details") or usage.get("prompt_tokens_details") or {}
        wrote = usage.get("output_tokens_details") or usage.get("completion_tokens_details") or {}
        self.cached += read.get("cached_tokens") or 0
        self.reasoned += wrote.get("reasoning_tokens") or 0

    def shown(self) -> dict[str, object]:
        return {
            "input_tokens": self.read,
            "input_tokens_details": {"cached_tokens": self.cached},
            "output_tokens": self.written,
            "output_tokens_details": {"reasoning_tokens": self.reasoned},
            "total_tokens": self.read + self.written,
        }
