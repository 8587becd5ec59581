"""Agents of one server, and pairs of servers that share a database."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx2
import pytest

from letta.testing.postgres import throwaway_schema
from letta.testing.scripted_model import ScriptedModel
from tests.runs.instances import Instance, make
from tests.support.receiver import Receiver
from tests.support.servers import environment_of
from tests.talking import AgentTalk


@pytest.fixture
def talk(http: httpx2.Client) -> AgentTalk:
    return make(http)


@pytest.fixture
def instances(server_environment: dict[str, str]) -> Iterator[Callable[[], Instance]]:
    """Starts servers on one database of their own, with short clocks."""
    with ExitStack() as stack:
        yield lambda: Instance(stack, server_environment)


@pytest.fixture
def pair(lasting_pair: tuple[Instance, Instance]) -> tuple[Instance, Instance]:
    """Two servers on one database. What a test before has stopped is started again."""
    for instance in lasting_pair:
        if not instance.server.running:
            instance.server.start(wait=False)
    first, second = lasting_pair
    return first.ready(), second.ready()


@pytest.fixture(scope="module")
def lasting_pair(postgres_uri: str, scripted_model: ScriptedModel) -> Iterator[tuple[Instance, Instance]]:
    """The servers of `pair`, whatever state they are in."""
    with throwaway_schema(postgres_uri) as schema, ExitStack() as stack:
        environment = environment_of(postgres_uri, schema, scripted_model)
        yield Instance(stack, environment), Instance(stack, environment)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running
