"""Whether answers to the request that is being served may show the values of agents' secrets."""

from contextvars import ContextVar

secrets_are_shown: ContextVar[bool] = ContextVar("secrets_are_shown", default=True)
"""False where a key asks that may not manage keys. What is done for the request in other threads sees it, too."""
