"""Users, projects, keys and the audit log as rows."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from fireside.errors import Conflict, NotFound
from fireside.storage import Store
from fireside.storage.persons import DEFAULT_PROJECT, Actor, hash_of, is_same, owner_of

BY = Actor(key_id="key_0", user_id="user_0")


def test_what_is_kept_of_a_key(store: Store) -> None:
    user = store.people.add_user("Ada", by=BY)
    key, secret = store.keys.add("k", user_id=user.id, by=BY)
    assert secret.startswith(key.prefix)
    assert len(key.prefix) == 11
    assert secret not in repr(key)
    assert hash_of(secret) == hashlib.sha256(secret.encode()).hexdigest()
    assert is_same(secret, hash_of(secret))
    assert not is_same(secret + "x", hash_of(secret))
    found = store.keys.holder(secret)
    assert found is not None
    assert found.key == key
    assert store.keys.holder(key.prefix) is None
    assert store.keys.holder(key.prefix + "x" * 35) is None
    assert store.keys.holder("") is None


def test_there_was_a_key_for_ever(store: Store) -> None:
    assert not store.keys.any()
    user = store.people.add_user("Ada", by=BY)
    key, _ = store.keys.add("k", user_id=user.id, by=BY)
    assert store.keys.any()
    assert store.keys.usable()
    store.keys.revoke(key.id, by=BY)
    assert store.keys.any()
    assert not store.keys.usable()


def test_the_default_projects_rows_are_those_without_an_owner(store: Store) -> None:
    assert store.people.default_project().owner == "" == owner_of(DEFAULT_PROJECT)
    other = store.people.add_project("other", by=BY)
    assert other.owner == other.id
    with pytest.raises(Conflict):
        store.people.archive_project(DEFAULT_PROJECT, by=BY)


def test_nothing_is_made_for_nobody(store: Store) -> None:
    user = store.people.add_user("Ada", by=BY)
    with pytest.raises(NotFound):
        store.keys.add("k", user_id="user_x", by=BY)
    with pytest.raises(NotFound):
        store.keys.add("k", user_id=user.id, project_id="proj_x", by=BY)
    store.people.remove_user(user.id, by=BY)
    with pytest.raises(NotFound):
        store.keys.add("k", user_id=user.id, by=BY)
    assert not store.keys.any()


def test_a_deed_and_its_line_are_one(store: Store) -> None:
    """What fails leaves no line, what succeeds leaves one."""
    with pytest.raises(NotFound):
        store.people.remove_user("user_x", by=BY)
    assert store.audit.listed().items == []
    user = store.people.add_user("Ada", by=BY)
    store.people.set_role(user.id, "admin", by=BY)
    lines = store.audit.listed(order="asc").items
    assert [line.type for line in lines] == ["user.added", "user.updated"]
    assert all(line.actor == {"key_id": "key_0", "user_id": "user_0"} for line in lines)
    assert all(line.resource_id == user.id for line in lines)


def test_tokens_of_many_threads_add_up(store: Store) -> None:
    user = store.people.add_user("Ada", by=BY)
    key, _ = store.keys.add("k", user_id=user.id, by=BY)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: store.keys.spend({key.id: n}, at=float(n)), range(1, 21)))
    assert store.keys.holder_of(key.id).key.tokens_used == 210
