"""Bytes on disk by id: whole or not there, their owner's alone, swept when their time is over."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from fireside.errors import NotFound, Unavailable
from fireside.storage import Store, files
from fireside.storage.files import Files, create


@pytest.fixture
def kept(store: Store, tmp_path: Path) -> Files:
    return Files(tmp_path / "files", store.objects)


def arrived(kept: Files, content: bytes = b"abc") -> Path:
    path = kept.temporary()
    with create(path) as file:
        file.write(content)
    return path


def names(kept: Files) -> list[str]:
    return sorted(path.name for path in kept.folder.iterdir())


def test_what_was_added_comes_back_and_goes(kept: Files) -> None:
    stored = kept.add("a", "notes.txt", "user_data", arrived(kept))
    assert stored.id.startswith("file-")
    assert stored.body == {
        "object": "file", "bytes": 3, "filename": "notes.txt", "purpose": "user_data"
    }  # fmt: skip
    assert names(kept) == [stored.id]
    assert kept.path(stored.id, "a").stat().st_mode & 0o777 == 0o600
    with kept.content(stored.id, "a") as file:
        kept.remove(stored.id, "a")
        assert file.read() == b"abc"  # who reads already reads on
    assert names(kept) == []
    with pytest.raises(NotFound):
        kept.get(stored.id, "a")


def test_another_owners_file_is_as_unknown_as_none(kept: Files) -> None:
    stored = kept.add("a", "x", "evals", arrived(kept))
    for call in (kept.get, kept.path, kept.content, kept.remove):
        with pytest.raises(NotFound) as other:
            call(stored.id, "b")
        with pytest.raises(NotFound) as none:
            call("file-none", "b")
        assert other.value.message.replace(stored.id, "") == none.value.message.replace(
            "file-none", ""
        )
    assert names(kept) == [stored.id]


@pytest.mark.parametrize("bad", ["../../etc/passwd", "a\0b", "", ".", "x" * 10_000])
def test_no_id_leads_out_of_the_folder(kept: Files, bad: str) -> None:
    with pytest.raises(NotFound):
        kept.path(bad, None)


def test_a_row_that_cannot_be_written_leaves_no_bytes(
    kept: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise Unavailable("The database is locked.")

    monkeypatch.setattr(kept.objects, "add_all", fails)
    with pytest.raises(Unavailable):
        kept.add("a", "x", "evals", arrived(kept))
    assert names(kept) == []


def test_a_full_disk_is_one_line_and_leaves_nothing(
    kept: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = arrived(kept)
    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(Unavailable, match="No disk space left"):
        kept.add("a", "x", "evals", path)
    assert names(kept) == []


def test_sweeping_takes_what_expired_and_what_a_crash_left(kept: Files) -> None:
    stays = kept.add("a", "x", "evals", arrived(kept), expires_at=time.time() + 1000)
    kept.add("a", "x", "evals", arrived(kept), expires_at=time.time() - 1)
    young = arrived(kept)
    old_temporary, old_orphan = arrived(kept), kept.folder / "file-0"
    old_orphan.write_bytes(b"x")
    long_ago = time.time() - files.ABANDONED_AFTER - 1
    for path in (old_temporary, old_orphan, kept.path(stays.id, "a")):
        os.utime(path, (long_ago, long_ago))
    assert kept.sweep() == 3
    assert names(kept) == sorted([stays.id, young.name])
    assert kept.sweep() == 0


def test_sweeping_where_nothing_ever_came(kept: Files) -> None:
    assert kept.sweep() == 0
