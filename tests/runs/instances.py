"""Servers that share a database, as they do during every deploy, and agents that can be spoken to through each."""

from contextlib import ExitStack
from typing import Any

import httpx2

from letta.testing.server import ServerProcess
from tests.talking import AgentTalk

Json = dict[str, Any]
SHORT = {"LETTA_RUN_LEASE_SECONDS": "1", "LETTA_GRACEFUL_SHUTDOWN_SECONDS": "2", "LETTA_KEEPALIVE_INTERVAL": "5"}
"""Clocks of servers that end while runs go on."""
_BLOCKS = [{"label": "human", "value": "Name: Ada."}]


class Instance:
    """A server, and a connection to it."""

    def __init__(self, stack: ExitStack, environment: dict[str, str]) -> None:
        self.server = ServerProcess(environment | SHORT | {"LETTA_ALLOW_PRIVATE_URLS": "127.0.0.1"})
        stack.callback(self.server.stop)
        self.server.start(wait=False)
        self.http = stack.enter_context(httpx2.Client(base_url=self.server.url, timeout=30, trust_env=False))

    def ready(self) -> "Instance":
        """The same, once the server is."""
        self.server.wait_healthy()
        return self

    def at(self, talk: AgentTalk) -> AgentTalk:
        """The same agent, spoken to through this server."""
        other = AgentTalk.__new__(AgentTalk)
        other.http, other.agent, other.id, other.path = self.http, talk.agent, talk.id, talk.path
        return other


def make(http: httpx2.Client, **settings: Any) -> AgentTalk:
    """An agent with the tools to edit its block."""
    given = {"tools": ["memory_insert", "memory_replace"], "memory_blocks": _BLOCKS, "include_base_tool_rules": False}
    return AgentTalk(http, **(given | settings))
