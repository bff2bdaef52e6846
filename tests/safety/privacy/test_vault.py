"""The vault: values come back to their owner alone, and never without the key."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fireside.errors import Corrupt, FiresideError
from fireside.safety.privacy.finder import Found
from fireside.safety.privacy.pseudonyms import Pseudonyms
from fireside.safety.privacy.vault import KIND, Vault
from fireside.storage import Store

VALUE = "ana.lee@example.com"
WHERE = [Found(kind="EMAIL", start=0, end=len(VALUE), score=1)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    with Store.open(home / "fireside.db") as opened:
        yield opened


@pytest.fixture
def vault(store: Store, home: Path) -> Vault:
    return Vault(store.objects, home)


def hide(vault: Vault, owner: str = "a", scope: str = "c1", value: str = VALUE) -> str:
    where = [Found(kind="EMAIL", start=0, end=len(value), score=1)]
    return vault.hide(owner, scope, lambda names: names.hidden(value, where))[0]


def test_a_value_comes_back_in_another_process(vault: Vault, store: Store, home: Path) -> None:
    assert hide(vault) == "[EMAIL_1]"
    assert hide(vault, value="bo@example.org") == "[EMAIL_2]"
    assert hide(vault) == "[EMAIL_1]"
    again = Vault(store.objects, home)
    assert again.restore("a", "c1", "to [EMAIL_1], [EMAIL_2], [EMAIL_3]") == (
        f"to {VALUE}, bo@example.org, [EMAIL_3]"
    )


def test_another_owner_or_conversation_sees_nothing(vault: Vault) -> None:
    hide(vault)
    assert vault.restore("b", "c1", "[EMAIL_1]") == "[EMAIL_1]"
    assert vault.restore("a", "c2", "[EMAIL_1]") == "[EMAIL_1]"


def test_a_row_that_was_moved_cannot_be_read(vault: Vault, store: Store) -> None:
    hide(vault)
    hide(vault, owner="b", scope="c2", value="bo@example.org")
    (row,) = store.objects.listed(KIND, owner="a").items
    (other,) = store.objects.listed(KIND, owner="b").items
    from dataclasses import replace

    store.objects.change(KIND, other.id, lambda old: replace(old, body=row.body), owner="b")
    with pytest.raises(Corrupt):
        vault.pseudonyms("b", "c2")


def test_no_value_stands_on_the_disk(vault: Vault, store: Store, home: Path) -> None:
    hide(vault)
    store.close()
    for path in home.rglob("*"):
        if path.is_file():
            assert VALUE.encode() not in path.read_bytes(), path


def test_keys_are_this_users_alone(vault: Vault, home: Path) -> None:
    hide(vault)
    files = list((home / "vault").iterdir())
    assert len(files) == 2
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "vault").stat().st_mode) == 0o700


@pytest.mark.parametrize("broken", ["gone", "cut", "changed", "swapped"])
@pytest.mark.parametrize("which", ["master", "owner"])
def test_a_lost_or_damaged_key_is_one_clear_line(
    vault: Vault, home: Path, broken: str, which: str
) -> None:
    hide(vault)
    hide(vault, owner="b")
    master = home / "vault" / "master.key"
    owners = sorted(path for path in (home / "vault").iterdir() if path != master)
    paths = [master] if which == "master" else owners
    for path in paths:
        match broken:
            case "gone":
                path.unlink()
            case "cut":
                path.write_bytes(path.read_bytes()[:7])
            case "changed":
                path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
            case "swapped":
                path.write_bytes(b"\1" * path.stat().st_size)
    for ask in (lambda: vault.restore("a", "c1", "[EMAIL_1]"), lambda: hide(vault, value="x@y.zz")):
        with pytest.raises(Corrupt) as caught:
            ask()
        assert "restore" in str(caught.value)
        assert "\n" not in str(caught.value)
        assert VALUE not in str(caught.value)


def test_a_forgotten_key_ends_all_reading_even_of_old_rows(vault: Vault, store: Store) -> None:
    hide(vault)
    vault.forget("a")
    vault.forget("a")
    with pytest.raises(Corrupt):
        vault.pseudonyms("a", "c1")
    store.erasure.forget("a")
    assert vault.pseudonyms("a", "c1").all == []


def test_a_folder_that_cannot_be_written_is_one_clear_line(store: Store, home: Path) -> None:
    (home / "vault").write_text("a file")
    with pytest.raises(FiresideError, match="vault"):
        hide(Vault(store.objects, home))


def test_many_who_hide_at_once_share_placeholders(store: Store, home: Path) -> None:
    vaults = [Vault(store.objects, home) for _ in range(4)]
    seen: dict[str, set[str]] = {}
    lock = threading.Lock()

    def work(place: int) -> None:
        for value in ("ana@example.com", "bo@example.org"):
            got = hide(vaults[place], value=value)
            with lock:
                seen.setdefault(value, set()).add(got)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len(each) == 1 for each in seen.values())
    assert len({next(iter(each)) for each in seen.values()}) == 2


def test_values_go_with_their_conversation(vault: Vault, store: Store) -> None:
    made = store.create_conversation(owner="a")
    hide(vault, scope=made.id)
    store.delete(made.id)
    assert store.objects.count(KIND, owner="a") == 0


def test_hide_gives_what_the_work_made(vault: Vault) -> None:
    def work(names: Pseudonyms) -> tuple[str, int]:
        return names.hidden(VALUE, WHERE), 7

    made, names = vault.hide("a", "c1", work)
    assert made == ("[EMAIL_1]", 7)
    assert names.shown("[EMAIL_1]") == VALUE
