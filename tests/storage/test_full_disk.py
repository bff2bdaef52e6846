"""On a disk that is full, what is deleted goes, and makes room."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fireside.errors import Unavailable
from fireside.storage import Store
from fireside.storage.reserve import SIZE, Reserve, freeing

FULL = """
import os, sys
from pathlib import Path
from fireside.errors import Unavailable
from fireside.storage import Store
from fireside.storage.files import Files
from fireside.storage.objects import New
from fireside.storage import reserve

reserve.PLENTY = 2

def fill(name):  # to the last byte
    with open(home / name, "wb", buffering=0) as filler:
        for size in (65536, 4096, 1):
            try:
                while True:
                    filler.write(bytes(size))
            except OSError:
                pass

home, what = Path(sys.argv[1]), sys.argv[2]
with Store.open(home / "fireside.db") as store:
    files = Files(home / "files", store.objects)
    arriving = files.temporary()
    arriving.write_bytes(os.urandom(4_000_000))
    file = files.add("", "a.bin", "user_data", arriving)
    conversation = store.create_conversation()
    parent = None
    for n in range(40):
        parent = store.append(conversation.id, "user", "word " * 2000, parent_id=parent).id
    store.objects.add_all("thing", [New(id="thing_1", body={"x": "y" * 100_000})], owner="")
    if what not in ("without a reserve", "somebody else's"):
        store.reserve.hold()
        assert store.reserve.path.stat().st_size == reserve.SIZE
    fill("filler")
    try:
        for n in range(40_000):  # into the log's last free page
            store.append(conversation.id, "user", "word " * 2000, parent_id=parent)
        raise SystemExit("the disk is not full")
    except Unavailable as error:
        assert error.code == "no_space", error
    if what in ("file", "without a reserve"):
        files.remove(file.id, "")
        assert not (home / "files" / file.id).exists()
        assert not files.listed("").items
    elif what == "conversation":
        store.delete(conversation.id)
        assert not store.conversations()
    elif what == "object":
        store.objects.remove("thing", "thing_1", owner="")
    elif what == "everything":
        from fireside.safety.privacy.owned import Owned
        done = Owned(store, home).forget("")
        assert not store.conversations() and not files.listed("").items
    elif what == "opened anew":
        store.close()
        fill("more")  # what closing has freed
        with Store.open(home / "fireside.db") as again:
            again.delete(conversation.id)
            assert not again.conversations()
    elif what == "somebody else's":
        from fireside.safety.privacy.owned import Owned
        assert "no room" in Owned(store, home).forget("proj_b").remains
        files.remove(file.id, "")
        assert not Owned(store, home).forget("proj_b").remains
    assert (home / "filler").exists()
    store.create_conversation()  # there is room again
print("ok")
"""


@pytest.mark.skipif(not shutil.which("unshare"), reason="needs Linux's unshare")
@pytest.mark.parametrize(
    "what",
    [
        "file", "conversation", "object", "everything", "without a reserve", "opened anew",
        "somebody else's",
    ],
)  # fmt: skip
def test_deleting_works_on_a_full_disk(tmp_path: Path, what: str) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "full.py").write_text(FULL)
    script = 'mount -t tmpfs -o size=40m tmpfs "$1" || exit 77; exec "$2" "$3" "$1" "$4"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, "sh", tmp_path / "disk", sys.executable,
         tmp_path / "full.py", what],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("this machine lets nobody mount a small disk")
    assert done.stdout == "ok\n", done.stderr


def test_the_reserve_is_set_aside_and_given_back(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "fireside.db")
    reserve.hold()
    reserve.hold()
    assert reserve.path.stat().st_blocks * 512 >= SIZE  # real blocks, not a hole
    assert reserve.release()
    assert not reserve.release()


def test_no_reserve_where_there_is_little_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=SIZE))
    Reserve(tmp_path / "fireside.db").hold()
    assert not list(tmp_path.iterdir())


class Deleting:
    def __init__(self, store: Store, errors: list[Exception]) -> None:
        self._writer = store._writer
        self._errors = errors

    @freeing
    def delete(self) -> str:
        if self._errors:
            raise self._errors.pop()
        return "gone"


def test_a_deletion_is_tried_again_once_and_for_a_full_disk_alone(tmp_path: Path) -> None:
    full = Unavailable("No space.", code="no_space")
    with Store.open(tmp_path / "fireside.db") as store:
        assert store.reserve is not None
        store.reserve.hold()
        assert Deleting(store, [full]).delete() == "gone"
        assert not store.reserve.path.exists()
        with pytest.raises(Unavailable):  # nothing is set aside any more
            Deleting(store, [full]).delete()
        store.reserve.hold()
        with pytest.raises(Unavailable):
            Deleting(store, [Unavailable("Locked.")]).delete()
        with pytest.raises(Unavailable):
            Deleting(store, [full, full]).delete()
