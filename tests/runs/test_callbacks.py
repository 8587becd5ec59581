"""Callbacks: the end of an asynchronous run is told to the address that its starter gave."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import Failure, Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.runs.instances import make
from tests.support.receiver import Receiver
from tests.support.servers import database_of, server_with
from tests.support.waiting import until
from tests.talking import AgentTalk

Json = dict[str, Any]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def calling_server(postgres_uri: str, scripted_model: ScriptedModel) -> Iterator[ServerProcess]:
    """A server that may call this machine back."""
    with server_with(postgres_uri, scripted_model, LETTA_ALLOW_PRIVATE_URLS="127.0.0.1") as server:
        yield server


@pytest.fixture
def calling(calling_server: ServerProcess) -> Iterator[AgentTalk]:
    """An agent of that server."""
    with httpx2.Client(base_url=calling_server.url, timeout=30, trust_env=False) as http:
        yield make(http)


def start(talk: AgentTalk, url: str, text: str = "Hello.") -> str:
    response = talk.http.post(f"{talk.path}/async", json={"input": text, "callback_url": url})
    assert response.status_code == 200, response.text
    return str(response.json()["id"])


def called(talk: AgentTalk, run_id: str) -> Json:
    """The run, once it is known what came of its callback."""
    return until(lambda: (run := talk.run(run_id))["callback_status_code"] is not None and run, 15) or {}


def test_the_end_of_a_run_is_told(calling: AgentTalk, receiver: Receiver) -> None:
    run_id = start(calling, receiver.address)
    run = called(calling, run_id)
    assert run["callback_url"] == receiver.address
    assert (run["callback_status_code"], run["callback_error"]) == (200, None)
    assert run["callback_sent_at"] >= run["completed_at"]
    (told,) = receiver.told
    assert told == {
        "run_id": run_id,
        "status": "completed",
        "completed_at": run["completed_at"],
        "metadata": {"run_type": "send_message_async", "lettuce": None},
    }


def test_a_failed_run_is_told_as_well(calling: AgentTalk, receiver: Receiver, model: ScriptedModel) -> None:
    run_id = start(calling, receiver.address, model.script(Reply(error=Failure("auth"))).say())
    called(calling, run_id)
    (told,) = receiver.told
    assert told["status"] == "failed"
    assert told["metadata"]["error"]["error_type"] == "llm_authentication"


def test_a_receiver_that_is_out_of_order_is_called_again(calling: AgentTalk, receiver: Receiver) -> None:
    receiver.statuses = [503]
    run = called(calling, start(calling, receiver.address))
    assert run["callback_status_code"] == 200
    assert len(receiver.received) == 2


def test_a_receiver_that_refuses_is_left_alone(calling: AgentTalk, receiver: Receiver) -> None:
    receiver.statuses = [404]
    run = called(calling, start(calling, receiver.address))
    assert (run["callback_status_code"], run["callback_error"]) == (404, "The URL returned status 404.")
    assert len(receiver.received) == 1


def test_a_receiver_that_has_moved_has_not_received_it(calling: AgentTalk, receiver: Receiver) -> None:
    """Redirects aren't followed, and yet such an answer counted as received."""
    receiver.statuses = [302]
    run = called(calling, start(calling, receiver.url))
    assert (run["callback_status_code"], run["callback_error"]) == (302, "The URL returned status 302.")
    assert len(receiver.received) == 1


@pytest.mark.slow
def test_a_receiver_that_is_not_there_is_noted(calling: AgentTalk) -> None:
    run_id = start(calling, "http://127.0.0.1:9/told")
    run = until(lambda: (run := calling.run(run_id))["callback_error"] and run, 15)
    assert run["status"] == "completed"
    assert "can't be reached" in run["callback_error"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:8283/v1/agents", "http://[::ffff:169.254.169.254]/", "file:///x"])
def test_a_callback_into_the_servers_own_network_is_refused(talk: AgentTalk, url: str) -> None:
    """An address that isn't checked lets anybody make the server ask its neighbours."""
    response = talk.http.post(f"{talk.path}/async", json={"input": "Hello.", "callback_url": url})
    assert response.status_code == 400
    assert talk.history() == [] or talk.history()[0]["message_type"] == "system_message"


def test_what_a_vanished_process_left_unsaid_is_told_by_the_next(
    calling_server: ServerProcess, calling: AgentTalk, receiver: Receiver
) -> None:
    run_id = start(calling, receiver.address)
    called(calling, run_id)
    calling_server.kill()
    with database_of(calling_server) as cursor:
        cursor.execute(
            "UPDATE runs SET callback_sent_at = now() - interval '2 minutes', callback_status_code = NULL, "
            "completed_at = now() - interval '2 minutes' WHERE id = %s",
            [run_id],
        )
    calling_server.start()
    called(calling, run_id)
    assert [told["run_id"] for told in receiver.told] == [run_id, run_id]
