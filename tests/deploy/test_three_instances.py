"""Three instances behind one address, without sticky sessions, each of which is killed while clients are at work."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx2
import pytest

from letta.testing.scripted_model import Call, Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.counting_page import CountingPage
from tests.deploy.test_rolling_deploy import Customer, check_history, check_runs, customer
from tests.reverse_proxy import ReverseProxy
from tests.runs.instances import SHORT

pytestmark = pytest.mark.slow

CLIENTS = 6
TURNS_BETWEEN = 12
"""Turns of all clients together before an instance is killed, and again before it is back."""
PATIENCE_SECONDS = 120


class PatientCustomer(Customer):
    """Its turns have no effect outside the database, so that another instance may go on with each of them."""

    def turn(self, count: int) -> None:
        name = f"{self.number}-{count}"
        edit = Call("memory_insert", {"label": "human", "new_string": f"line {name}."})
        script = self.model.script(Reply(calls=[edit], delay=0.05), Reply(f"answer {name}.", delay=0.05))
        self.said.append(script)
        messages = self.client.agents.messages.create(self.talk.id, input=script.say()).messages
        assert [m.content for m in messages if m.message_type == "assistant_message"] == [f"answer {name}."]


@pytest.fixture
def instances(server_environment: dict[str, str]) -> Iterator[list[ServerProcess]]:
    with ExitStack() as stack:
        yield [stack.enter_context(ServerProcess(server_environment | SHORT)) for _ in range(3)]


def wait_for_turns(customers: list[Customer], enough: threading.Event) -> None:
    """Until so many more turns were begun; less than all customers can end for good reasons, which the test tells."""
    wanted = sum(len(one.said) for one in customers) + TURNS_BETWEEN
    deadline = time.monotonic() + PATIENCE_SECONDS
    while sum(len(one.said) for one in customers) < wanted:
        assert not any(one.failures for one in customers), [one.failures for one in customers]
        assert time.monotonic() < deadline, "no turns any more"
        enough.wait(0.05)


def test_whichever_is_killed_no_turn_is_lost(instances: list[ServerProcess], model: ScriptedModel) -> None:
    with ExitStack() as stack:
        front = stack.enter_context(ReverseProxy([instance.port for instance in instances]))
        http = stack.enter_context(httpx2.Client(base_url=front.url, trust_env=False, timeout=30))
        page = stack.enter_context(CountingPage())
        customers = [customer(stack, front, http, number, model, page, PatientCustomer) for number in range(CLIENTS)]
        enough = threading.Event()
        threads = [threading.Thread(target=one.work, args=(enough,)) for one in customers]
        for thread in threads:
            thread.start()
        try:
            for instance in instances:
                wait_for_turns(customers, enough)
                instance.kill()
                wait_for_turns(customers, enough)
                instance.start()
        finally:
            enough.set()
            for thread in threads:
                thread.join(PATIENCE_SECONDS)

        assert [failure for one in customers for failure in one.failures] == []
        assert all(front.answered[instance.port] for instance in instances)
        for one in customers:
            check_history(one)
        check_runs(instances[0], customers, [])
