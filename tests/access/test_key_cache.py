"""What a process remembers of keys."""

import asyncio
import time

import pytest

from letta.access import key_cache, repository
from letta.access.key import PROGRAM
from letta.access.key_cache import SECONDS, KeyCache
from letta.access.tokens import API_KEY, digest, new_token
from letta.database.engine import Database
from letta.organizations.actor import Actor

VALUES = {"kind": PROGRAM, "name": "a key", "hint": "…", "scopes": ["read"]}


@pytest.fixture
def token(database: Database, actor: Actor) -> str:
    made = new_token(API_KEY)
    database.run_sync(repository.insert_key, actor, digest(made), VALUES)
    return made


async def test_what_another_process_revokes_is_void_within_seconds(
    database: Database, actor: Actor, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = KeyCache(database)
    found = await here.find(token)
    assert found is not None
    database.run_sync(repository.delete_key, actor, PROGRAM, key_id=found.id)
    assert await here.find(token) == found
    later = time.monotonic() + SECONDS + 0.1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert await here.find(token) is None
    await here.stop()


async def test_what_is_revoked_here_is_void_at_once(database: Database, actor: Actor, token: str) -> None:
    here = KeyCache(database)
    found = await here.find(token)
    assert found is not None
    here.forget(database.run_sync(repository.delete_key, actor, PROGRAM, key_id=found.id))
    assert await here.find(token) is None
    await here.stop()


async def test_what_is_revoked_while_it_is_looked_up_is_not_remembered(
    database: Database, actor: Actor, token: str
) -> None:
    one_thread = Database(database.dsn, pool_size=1, max_overflow=0)
    here = KeyCache(one_thread)
    looking = asyncio.create_task(here.find(token))
    await asyncio.sleep(0)  # so that it is on its way
    one_thread._threads.submit(lambda: None).result()  # behind it in the queue: the key has been read now
    here.forget(database.run_sync(repository.delete_key, actor, PROGRAM, token_digest=digest(token)))
    assert await looking is not None
    assert await here.find(token) is None
    await here.stop()
    one_thread.close()


async def test_keys_that_nobody_has_take_no_room(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_cache, "_MOST", 3)
    here = KeyCache(database)
    for number in range(10):
        assert await here.find(f"{API_KEY}{number}") is None
    assert len(here._known) == 3
    await here.stop()
