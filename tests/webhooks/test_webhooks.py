"""Webhooks: the ends of runs are told to addresses that were registered for it."""

import base64
import hmac
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from letta.testing.postgres import PostgresWire, throwaway_schema
from letta.testing.scripted_model import Call, Failure, Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.runs.instances import make
from tests.support.http_server import Request
from tests.support.receiver import Receiver
from tests.support.servers import database_of, environment_of
from tests.support.waiting import until
from tests.talking import AgentTalk

Json = dict[str, Any]
pytestmark = pytest.mark.slow


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(usual=204) as server:
        yield server


@pytest.fixture(scope="module")
def watched(embedded_uri: str, scripted_model: ScriptedModel) -> Iterator[tuple[ServerProcess, PostgresWire]]:
    """A server that may tell this machine, and its traffic to Postgres."""
    with throwaway_schema(embedded_uri) as schema, PostgresWire(embedded_uri) as wire:
        environment = environment_of(wire.uri, schema, scripted_model)
        options = {"LETTA_ALLOW_PRIVATE_URLS": "127.0.0.1", "LETTA_RUN_LEASE_SECONDS": "1"}
        with ServerProcess(environment | options) as server:
            yield server, wire


@pytest.fixture
def telling(watched: tuple[ServerProcess, PostgresWire]) -> ServerProcess:
    return watched[0]


@pytest.fixture
def http(telling: ServerProcess) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=telling.url, timeout=30, trust_env=False) as opened:
        yield opened
        for webhook in opened.get("/v1/webhooks").json():
            opened.delete(f"/v1/webhooks/{webhook['id']}").raise_for_status()


@pytest.fixture
def talk(http: httpx2.Client) -> AgentTalk:
    return make(http)


def register(http: httpx2.Client, url: str, **options: Any) -> Json:
    made = http.post("/v1/webhooks", json={"url": url} | options)
    assert made.status_code == 200, made.text
    answer: Json = made.json()
    return answer


def deliveries(http: httpx2.Client, webhook: Json) -> list[Json]:
    listed: list[Json] = http.get(f"/v1/webhooks/{webhook['id']}/deliveries").raise_for_status().json()
    return listed


def test_the_end_of_a_run_is_told_and_signed(http: httpx2.Client, talk: AgentTalk, receiver: Receiver) -> None:
    webhook = register(http, receiver.address)
    run_id = talk.say("My secret is tea.")["messages"][0]["run_id"]
    until(lambda: receiver.received)
    (sent,) = receiver.received
    told = sent.json()
    assert told["type"] == "run.completed"
    data = told["data"]
    assert (data["run_id"], data["agent_id"], data["conversation_id"]) == (run_id, talk.id, None)
    assert (data["status"], data["stop_reason"], data["error"]) == ("completed", "end_turn", None)
    assert data["usage"]["total_tokens"] > 0
    assert b"tea" not in sent.body
    assert signed_with(sent, webhook["secret"])
    assert abs(int(sent.headers["webhook-timestamp"]) - time.time()) < 60
    assert until(lambda: [each for each in deliveries(http, webhook) if each["status"] == "delivered"])
    (delivery,) = deliveries(http, webhook)
    assert (delivery["id"], delivery["run_id"], delivery["attempts"]) == (sent.headers["webhook-id"], run_id, 1)
    assert (delivery["status_code"], delivery["error"]) == (204, None)


def signed_with(received: Request, *secrets: str) -> bool:
    """Whether a delivery carries the signatures of exactly these secrets, the newest first."""
    headers = received.headers
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + received.body
    keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets]
    signatures = [base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys]
    return headers["webhook-signature"] == " ".join(f"v1,{signature}" for signature in signatures)


def test_a_secret_is_replaced_while_the_former_one_still_counts(
    http: httpx2.Client, talk: AgentTalk, receiver: Receiver, telling: ServerProcess
) -> None:
    webhook = register(http, receiver.address)
    path = f"/v1/webhooks/{webhook['id']}"
    assert webhook["former_secret_until"] is None
    second = http.post(f"{path}/rotate-secret").raise_for_status().json()
    assert second["secret"].startswith("whsec_")
    assert second["secret"] != webhook["secret"]
    days = datetime.fromisoformat(second["former_secret_until"]) - datetime.now(UTC)
    assert timedelta(hours=23) < days < timedelta(hours=25)
    shown = http.get(path).json()
    assert (shown["former_secret_until"], "secret" in shown) == (second["former_secret_until"], False)
    talk.say("Hello.")
    until(lambda: receiver.received)
    assert signed_with(receiver.received[0], second["secret"], webhook["secret"])
    third = http.post(f"{path}/rotate-secret", json={"overlap_seconds": 60}).json()
    http.post(f"{path}/test").raise_for_status()
    assert signed_with(receiver.received[1], third["secret"], second["secret"])
    with database_of(telling) as cursor:
        cursor.execute("SELECT former_secret FROM webhooks WHERE id = %s", [webhook["id"]])
        assert second["secret"] not in cursor.fetchone()[0]
        cursor.execute("UPDATE webhooks SET former_secret_until = now() WHERE id = %s", [webhook["id"]])
    http.post(f"{path}/test").raise_for_status()
    assert signed_with(receiver.received[2], third["secret"])


def test_a_secret_that_leaked_ends_at_once(http: httpx2.Client, receiver: Receiver) -> None:
    webhook = register(http, receiver.address)
    path = f"/v1/webhooks/{webhook['id']}"
    new = http.post(f"{path}/rotate-secret", json={"overlap_seconds": 0}).json()
    assert new["former_secret_until"] is None
    http.post(f"{path}/test").raise_for_status()
    assert signed_with(receiver.received[0], new["secret"])
    for overlap in (-1, 7 * 86_400 + 1, "long"):
        assert http.post(f"{path}/rotate-secret", json={"overlap_seconds": overlap}).status_code == 422


def test_each_event_is_told_to_those_who_asked_for_it(
    http: httpx2.Client, talk: AgentTalk, receiver: Receiver, model: ScriptedModel
) -> None:
    other = make(http)
    register(http, receiver.address, events=["run.failed", "run.cancelled", "run.requires_approval"], agent_id=talk.id)
    register(http, receiver.address, enabled=False)
    talk.say("Completed.")
    for each in (talk, other):
        each.post({"input": model.script(Reply(error=Failure("auth"))).say()})
    script = model.script(Reply("Never.", hold=True))
    run_id = http.post(f"{talk.path}/async", json={"input": script.say()}).json()["id"]
    script.wait_asked()
    talk.cancel(run_ids=[run_id])
    tool = {"name": "weather", "parameters": {"type": "object", "properties": {}}}
    talk.say(model.script(Reply(calls=[Call("weather", {})])).say(), client_tools=[tool])
    assert until(lambda: len(receiver.told) >= 3)
    told = {each["type"]: each["data"] for each in receiver.told}
    assert sorted(told) == ["run.cancelled", "run.failed", "run.requires_approval"]
    assert {data["agent_id"] for data in told.values()} == {talk.id}
    assert told["run.failed"]["error"]["type"] == "llm_authentication"
    assert told["run.cancelled"]["run_id"] == run_id
    talk.cancel()  # what waits for a decision
    assert until(lambda: [each["type"] for each in receiver.told].count("run.cancelled") == 2)


def test_what_the_agent_said_is_told_if_it_is_asked_for(
    http: httpx2.Client, talk: AgentTalk, receiver: Receiver, model: ScriptedModel
) -> None:
    register(http, receiver.address, include_messages=True)
    talk.say(model.script(Reply("Tea is fine.")).say())
    (told,) = until(lambda: receiver.told)
    assert [message["content"] for message in told["data"]["messages"]] == ["Tea is fine."]


def test_a_receiver_that_is_out_of_order_is_told_again(
    http: httpx2.Client, talk: AgentTalk, receiver: Receiver, telling: ServerProcess
) -> None:
    receiver.statuses = [302, 500]
    webhook = register(http, receiver.address)
    talk.say("Hello.")
    (delivery,) = until(lambda: [each for each in deliveries(http, webhook) if each["attempts"] and each["error"]])
    assert (delivery["status"], delivery["error"]) == ("pending", "The URL returned status 302.")
    assert delivery["next_attempt_at"]
    assert len(receiver.received) == 1, "redirects aren't followed"
    hurry(telling)
    assert until(lambda: len(receiver.received) == 2)
    until(lambda: deliveries(http, webhook)[0]["status_code"] == 500)
    hurry(telling)
    (delivery,) = until(lambda: [each for each in deliveries(http, webhook) if each["status"] == "delivered"], 15)
    assert (delivery["attempts"], delivery["status_code"], delivery["error"]) == (3, 204, None)
    assert len({request.headers["webhook-id"] for request in receiver.received}) == 1


def hurry(server: ServerProcess) -> None:
    """Let what waits be due."""
    with database_of(server) as cursor:
        cursor.execute("UPDATE webhook_deliveries SET next_attempt_at = now() WHERE next_attempt_at IS NOT NULL")


def test_it_is_given_up_after_some_attempts(
    http: httpx2.Client, talk: AgentTalk, receiver: Receiver, telling: ServerProcess
) -> None:
    webhook = register(http, receiver.address)
    receiver.statuses = [503, 503]
    talk.say("Hello.")
    until(lambda: deliveries(http, webhook)[0]["error"])
    with database_of(telling) as cursor:
        cursor.execute("UPDATE webhook_deliveries SET attempts = 8 WHERE next_attempt_at IS NOT NULL")
    hurry(telling)
    (delivery,) = until(lambda: [each for each in deliveries(http, webhook) if each["status"] == "failed"], 15)
    assert (delivery["attempts"], delivery["next_attempt_at"]) == (9, None)


def test_a_receiver_that_is_gone_is_told_nothing_more(http: httpx2.Client, talk: AgentTalk, receiver: Receiver) -> None:
    webhook = register(http, receiver.address)
    receiver.statuses = [410]
    talk.say("Hello.")
    assert until(lambda: not http.get(f"/v1/webhooks/{webhook['id']}").json()["enabled"])
    talk.say("Hello again.")
    assert [each["status"] for each in deliveries(http, webhook)] == ["failed"]


def test_what_a_process_left_untold_is_told_by_the_next(
    http: httpx2.Client, talk: AgentTalk, receiver: Receiver, telling: ServerProcess
) -> None:
    webhook = register(http, receiver.address)
    with database_of(telling) as cursor:
        cursor.execute(
            "UPDATE runs SET status = 'failed' WHERE id = %s", [talk.say("Hello.")["messages"][0]["run_id"]]
        )  # the end of a run of which no process knows
    assert until(lambda: [told["type"] for told in receiver.told] == ["run.completed", "run.failed"], 15)
    assert len(deliveries(http, webhook)) == 2


def test_a_turn_costs_no_statement_more(
    http: httpx2.Client, talk: AgentTalk, watched: tuple[ServerProcess, PostgresWire], receiver: Receiver
) -> None:
    wire = watched[1]
    talk.say("Hello.")
    with wire.measure() as without:
        talk.say("Hello.")
    assert not any(
        "webhook_deliveries" in each for each in without.statements if "lease_expires_at < now()" not in each
    )
    register(http, receiver.address)
    with wire.measure() as traffic:
        talk.say("Hello.")
        until(lambda: receiver.received)
        time.sleep(0.2)
    telling = [each for each in traffic.statements if "webhook_deliveries" in each and "EXISTS" not in each]
    assert len(telling) <= 2, telling


def test_a_test_is_sent_once(http: httpx2.Client, receiver: Receiver) -> None:
    webhook = register(http, receiver.address)
    sent = http.post(f"/v1/webhooks/{webhook['id']}/test").json()
    assert (sent["status"], sent["event_type"], sent["run_id"]) == ("delivered", "webhook.test", None)
    assert receiver.told[0]["data"] == {"webhook_id": webhook["id"]}
    receiver.statuses = [500]
    sent = http.post(f"/v1/webhooks/{webhook['id']}/test").json()
    assert (sent["status"], sent["status_code"], sent["error"]) == ("failed", 500, "The URL returned status 500.")
    assert [each["status"] for each in deliveries(http, webhook)] == ["failed", "delivered"]


def test_a_webhook_may_go_while_it_is_tested(http: httpx2.Client, receiver: Receiver) -> None:
    webhook = register(http, receiver.address)
    receiver.held.clear()
    with ThreadPoolExecutor(1) as pool:
        testing = pool.submit(http.post, f"/v1/webhooks/{webhook['id']}/test")
        try:
            until(lambda: deliveries(http, webhook))
            http.delete(f"/v1/webhooks/{webhook['id']}").raise_for_status()
        finally:
            receiver.held.set()
        tested = testing.result()
    assert (tested.status_code, "may have been deleted" in tested.text) == (404, True), tested.text


def test_what_a_receiver_says_beside_its_status_is_left(http: httpx2.Client, receiver: Receiver) -> None:
    """However much it promises, and whenever it comes: it has received what it was told."""
    receiver.statuses, receiver.length = [200], 10**9
    webhook = register(http, receiver.address)
    sent = http.post(f"/v1/webhooks/{webhook['id']}/test").json()
    assert (sent["status"], sent["status_code"], sent["error"]) == ("delivered", 200, None)


def test_webhooks_are_listed_changed_and_deleted(
    http: httpx2.Client, talk: AgentTalk, telling: ServerProcess, receiver: Receiver
) -> None:
    made = register(http, receiver.address, description="a", agent_id=talk.id)
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert http.get("/v1/webhooks").json() == [made]
    assert http.get(f"/v1/webhooks/{made['id']}/").json() == made
    changed = http.patch(f"/v1/webhooks/{made['id']}", json={"agent_id": None, "events": ["run.failed"], "url": None})
    assert changed.json() == made | {
        "agent_id": None,
        "events": ["run.failed"],
        "updated_at": changed.json()["updated_at"],
    }
    with database_of(telling) as cursor:
        cursor.execute("SELECT secret FROM webhooks WHERE id = %s", [made["id"]])
        assert secret not in cursor.fetchone()[0]
    assert http.delete(f"/v1/webhooks/{made['id']}").status_code == 204
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/test"),
        ("POST", "/rotate-secret"),
        ("GET", "/deliveries"),
    ):
        body: Json | None = {} if method == "PATCH" else None
        assert http.request(method, f"/v1/webhooks/{made['id']}{path}", json=body).status_code == 404, (method, path)


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "url"),
        ({"url": "ftp://a.example"}, 400, "URL"),
        ({"url": "http://10.0.0.1/"}, 400, "private"),
        ({"url": "http://127.0.0.1/", "events": []}, 422, "events"),
        ({"url": "http://127.0.0.1/", "events": ["run.started"]}, 422, "events"),
        ({"url": "http://127.0.0.1/", "agent_id": "nobody"}, 422, "agent_id"),
        ({"url": "http://127.0.0.1/", "agent_id": "agent-00000000-0000-4000-8000-00000000dead"}, 404, "agent"),
    ],
)
def test_what_is_no_webhook_is_refused(http: httpx2.Client, body: Json, status: int, field: str) -> None:
    refused = http.post("/v1/webhooks", json=body)
    assert refused.status_code == status
    assert field in refused.json()["detail"]


def test_organizations_are_told_of_their_own_runs(http: httpx2.Client, receiver: Receiver) -> None:
    made = http.post("/v1/admin/orgs", json={"name": "Elsewhere"}).json()["id"]
    user = http.post("/v1/admin/users", json={"name": "Bo", "organization_id": made}).json()["id"]
    webhook = http.post("/v1/webhooks", json={"url": receiver.address}, headers={"user_id": user}).json()
    assert http.get("/v1/webhooks").json() == []
    assert http.get(f"/v1/webhooks/{webhook['id']}").status_code == 404
    make(http).say("Hello.")
    assert http.get(f"/v1/webhooks/{webhook['id']}/deliveries", headers={"user_id": user}).json() == []
    http.delete(f"/v1/webhooks/{webhook['id']}", headers={"user_id": user}).raise_for_status()


def test_slow_receivers_of_one_organization_hold_up_no_other(
    http: httpx2.Client, receiver: Receiver, talk: AgentTalk
) -> None:
    made = http.post("/v1/admin/orgs", json={"name": "Elsewhere"}).json()["id"]
    user = http.post("/v1/admin/users", json={"name": "Bo", "organization_id": made}).json()["id"]
    receiver.held.clear()
    for _ in range(20):
        register(http, receiver.address)
    for _ in range(5):
        talk.say("Hello.")
    with Receiver() as other, httpx2.Client(base_url=http.base_url, headers={"user_id": user}, timeout=30) as theirs:
        register(theirs, other.address)
        make(theirs).say("Hello.")
        told_in_between = bool(until(lambda: other.received, 60)) and not receiver.received
    receiver.held.set()
    assert told_in_between
    assert until(lambda: len({request.headers["webhook-id"] for request in receiver.received}) == 100, 120)
    http.delete("/v1/admin/orgs", params={"org_id": made}).raise_for_status()


def test_there_are_only_so_many(http: httpx2.Client) -> None:
    for _ in range(50):
        register(http, "http://127.0.0.1:9/told", enabled=False)
    refused = http.post("/v1/webhooks", json={"url": "http://127.0.0.1:9/told"})
    assert (refused.status_code, "50 webhooks" in refused.json()["detail"]) == (400, True)
