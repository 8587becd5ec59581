"""A self-hosted server for stateful AI agents: the Letta V1 REST API on Postgres."""

__version__ = "0.1.0"
