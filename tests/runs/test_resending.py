"""A request that a client sends again by itself: recognised for ten minutes, by the database's clock."""

import httpx2
import pytest

from letta.testing.scripted_model import Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.runs.instances import make
from tests.support.servers import database_of


@pytest.mark.parametrize(("minutes", "turns"), [(9, 1), (11, 2)])
def test_a_request_is_the_same_for_ten_minutes(
    server: ServerProcess, http: httpx2.Client, model: ScriptedModel, minutes: int, turns: int
) -> None:
    talk = make(http)
    script = model.script(*[Reply("Hello.")] * turns)
    body = {"messages": [{"role": "user", "content": script.say()}]}
    first = http.post(talk.path, json=body).raise_for_status().json()
    run_id = first["messages"][0]["run_id"]
    with database_of(server) as cursor:
        cursor.execute(
            "UPDATE runs SET created_at = created_at - make_interval(mins => %s) WHERE id = %s", [minutes, run_id]
        )
    again = http.post(talk.path, json=body, headers={"x-stainless-retry-count": "1"}).raise_for_status().json()
    assert (again["messages"][0]["run_id"] == run_id) is (turns == 1)
    said = [message for message in talk.history() if message["message_type"] == "user_message"]
    assert (len(said), len(script.requests)) == (turns, turns)
