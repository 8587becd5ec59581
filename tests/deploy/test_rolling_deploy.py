"""Two instances on one database, as during every deploy, one of which is stopped while clients are at work."""

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from letta_client import Letta

from letta.testing.scripted_model import Call, Reply, Script, ScriptedModel
from letta.testing.server import ServerProcess
from tests.counting_page import CountingPage
from tests.reverse_proxy import ReverseProxy
from tests.runs.instances import SHORT
from tests.runs.test_background_streams import resume, text_of
from tests.runs.test_two_instances import begin
from tests.support.servers import database_of
from tests.talking import AgentTalk

pytestmark = pytest.mark.slow

CLIENTS = 6
SECONDS_OF_LOAD = 2.0
"""Before one instance is stopped, and again after it is gone."""


@dataclass
class Customer:
    """One agent and its client, the official one as it is by default, which talks until told to stop."""

    number: int
    model: ScriptedModel
    page: CountingPage
    talk: AgentTalk
    client: Letta
    said: list[Script] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def work(self, enough: threading.Event) -> None:
        """Turns with an edit of memory and a tool whose effect counts, by turns in one piece and streamed."""
        while not enough.is_set():
            try:
                self.turn(len(self.said) + 1)
            except Exception as error:  # whatever it is, a customer would have seen it
                self.failures.append(f"{type(error).__name__}: {error}")
                return

    def turn(self, count: int) -> None:
        name = f"{self.number}-{count}"
        edit = Call("memory_insert", {"label": "human", "new_string": f"line {name}."})
        fetch = Call("fetch_webpage", {"url": self.page.page(name)})
        script = self.model.script(Reply(calls=[edit], delay=0.05), Reply(calls=[fetch]), Reply(f"answer {name}."))
        self.said.append(script)
        if count % 2:
            messages = self.client.agents.messages.create(self.talk.id, input=script.say()).messages
        else:
            messages = self.streamed(script.say())
        answers = [m.content for m in messages if m.message_type == "assistant_message"]
        assert answers == [f"answer {name}."]

    def streamed(self, text: str) -> list[Any]:
        with self.client.agents.messages.create(self.talk.id, input=text, streaming=True) as events:
            return list(events)

    @property
    def lines(self) -> list[str]:
        return [f"line {self.number}-{count}." for count in range(1, len(self.said) + 1)]


@pytest.fixture
def page() -> Iterator[CountingPage]:
    with CountingPage(seconds=0.05) as page:
        yield page


@pytest.fixture
def instances(server_environment: dict[str, str]) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    environment = server_environment | SHORT | {"LETTA_ALLOW_PRIVATE_URLS": "127.0.0.1"}
    with ServerProcess(environment) as old, ServerProcess(environment) as new:
        yield old, new


def test_a_deploy_under_load_loses_nothing_and_does_nothing_twice(
    instances: tuple[ServerProcess, ServerProcess], model: ScriptedModel, page: CountingPage
) -> None:
    """No request fails for clients that try again by themselves, and turns that outlast the grace go on elsewhere."""
    old, new = instances
    with ExitStack() as stack:
        front = stack.enter_context(ReverseProxy([old.port, new.port]))
        http = stack.enter_context(httpx2.Client(base_url=new.url, trust_env=False, timeout=30))
        customers = [customer(stack, front, http, number, model, page) for number in range(CLIENTS)]
        with_old = stack.enter_context(httpx2.Client(base_url=old.url, trust_env=False, timeout=30))
        watched, waiting = AgentTalk(http), AgentTalk(http)
        slow = model.script(Reply("After all.", hold=True))
        slow_run = begin(AgentTalk.of(with_old, watched.id), slow)
        blocking = model.script(Reply("At long last.", hold=True))
        answered = ask_in_background(stack, old, front, waiting, blocking)
        slow.wait_asked()
        blocking.wait_asked()

        enough = threading.Event()
        threads = [threading.Thread(target=one.work, args=(enough,)) for one in customers]
        for thread in threads:
            thread.start()
        time.sleep(SECONDS_OF_LOAD)
        assert old.terminate() == 0
        time.sleep(SECONDS_OF_LOAD)
        slow.wait_asked(2)
        blocking.wait_asked(2)
        slow.release()
        blocking.release()
        enough.set()
        for thread in threads:
            thread.join(60)

        assert [failure for one in customers for failure in one.failures] == []
        assert front.answered[old.port], "the one that was stopped was at work"
        for one in customers:
            check_history(one)
        assert page.visits == Counter(f"{one.number}-{n}" for one in customers for n in range(1, len(one.said) + 1))
        assert text_of(resume(http, slow_run)) == "After all."
        assert answered() == ["At long last."]
        check_runs(new, customers, [watched, waiting])


def customer(
    stack: ExitStack,
    front: ReverseProxy,
    http: httpx2.Client,
    number: int,
    model: ScriptedModel,
    page: CountingPage,
    kind: type[Customer] = Customer,
) -> Customer:
    blocks = [{"label": "human", "value": ""}]
    talk = AgentTalk(http, tools=["memory_insert", "fetch_webpage"], memory_blocks=blocks)
    return kind(number, model, page, talk, stack.enter_context(Letta(base_url=front.url, api_key="-")))


def ask_in_background(
    stack: ExitStack, old: ServerProcess, front: ReverseProxy, talk: AgentTalk, script: Script
) -> Any:
    """A client whose blocking request the old instance gets, and which tries again at the common address."""
    client = stack.enter_context(Letta(base_url=old.url, api_key="-"))
    answers: list[str] = []

    def ask() -> None:
        try:
            answer = client.with_options(max_retries=0).agents.messages.create(talk.id, input=script.say())
        except Exception:  # what the client does by itself, were there one address for both
            retry = client.with_options(base_url=front.url, default_headers={"x-stainless-retry-count": "1"})
            answer = retry.agents.messages.create(talk.id, input=script.say())
        answers.extend(str(m.content) for m in answer.messages if m.message_type == "assistant_message")

    thread = threading.Thread(target=ask)
    thread.start()

    def answered() -> list[str]:
        thread.join(30)
        return answers

    return answered


def check_history(one: Customer) -> None:
    """Every turn is there once, in order, with one answer, and its edits were made once."""
    history = one.talk.history(limit="1000")
    users = [str(m["content"]) for m in history if m["message_type"] == "user_message"]
    assert users == [script.say() for script in one.said]
    answers = [m["content"] for m in history if m["message_type"] == "assistant_message"]
    assert answers == [f"answer {one.number}-{count}." for count in range(1, len(one.said) + 1)]
    assert [line for line in one.talk.block("human").split("\n") if line] == one.lines


def check_runs(server: ServerProcess, customers: list[Customer], further: list[AgentTalk]) -> None:
    """There is one run a turn, and all are over."""
    with database_of(server) as cursor:
        cursor.execute("SELECT agent_id, count(*) FROM runs WHERE status = 'completed' GROUP BY agent_id")
        completed = dict(cursor.fetchall())
        cursor.execute("SELECT count(*) FROM runs")
        (every,) = cursor.fetchone()
    expected = {one.talk.id: len(one.said) for one in customers} | {talk.id: 1 for talk in further}
    assert completed == expected
    assert every == sum(expected.values())


def test_migrations_by_both_at_once(server_environment: dict[str, str]) -> None:
    """On an empty database; each of them ends with the schema that it needs."""
    server = ServerProcess(server_environment)
    command = [sys.executable, "-m", "letta.cli", "migrate"]
    environment = server._full_environment()
    both = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(2)
    ]
    ends = [(process.communicate(timeout=60)[0], process.returncode) for process in both]
    server.stop()
    assert [code for _, code in ends] == [0, 0], ends
    assert all("The schema is at revision" in text for text, _ in ends), ends
    assert not any("Traceback" in text for text, _ in ends), ends
    with database_of(server) as cursor:
        cursor.execute("SELECT count(*) FROM alembic_version")
        assert cursor.fetchone() == (1,)
        cursor.execute("SELECT count(*), count(DISTINCT name) FROM tools")
        tools, names = cursor.fetchone()
        assert tools == names > 0
