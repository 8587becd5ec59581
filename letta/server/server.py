"""The server's parts, and the caller of a request."""

import asyncio
import re

from letta.archives.embedding import EmbeddingWorker
from letta.archives.memory import ArchivalMemory
from letta.archives.vector_index import VectorIndexer
from letta.database.configured import data_directory, maintenance_dsn, quota_mb
from letta.database.embedded import EmbeddedPostgres
from letta.database.engine import Database
from letta.database.ids import id_pattern
from letta.errors import InvalidArgumentError, NotFoundError
from letta.llm.catalog import Catalog, ProviderReport
from letta.llm.clients import close_clients
from letta.llm.embeddings import Embedder
from letta.organizations.actor import DEFAULT_ACTOR, Principal
from letta.organizations.repository import find_actor
from letta.runs.executor import RunExecutor
from letta.search.indexing import index_stored
from letta.settings import Settings
from letta.steps.retention import keep_traces_bounded
from letta.turn.models import ModelSource

_PROVIDERS_SECONDS = 3.0
"""How long a start waits for the providers' lists of models; what comes later is taken in when it comes."""
_USER_ID = re.compile(id_pattern("user"))


class SyncServer:
    """One process's database, models and runs. The name is that under which scripts have always imported it."""

    def __init__(
        self, settings: Settings, database: Database, catalog: Catalog, embedded: EmbeddedPostgres | None = None
    ) -> None:
        self.settings = settings
        self.database = database
        self.catalog = catalog
        embedder = Embedder(catalog)
        self.embedding = EmbeddingWorker(database, embedder)
        self.indexer = VectorIndexer(
            database,
            maintenance_dsn(settings, database.dsn),
            exact_up_to=settings.exact_search_rows,
            quota_mb=quota_mb(settings, database.dsn),
        )
        self.archival = ArchivalMemory(database, embedder, self.embedding.wake, self.indexer.searched)
        self.models = ModelSource(catalog)
        self.executor = RunExecutor(
            database,
            self.models,
            self.archival,
            lease_seconds=settings.run_lease_seconds,
            max_runs=settings.max_concurrent_runs,
            queue_seconds=settings.queue_seconds,
            instance=settings.render_instance_id,
        )
        self._embedded = embedded
        self._refresh: asyncio.Task[list[ProviderReport]] | None = None
        self._retention: asyncio.Task[None] | None = None
        self._indexing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Ask the providers for their models, and begin the work that no request asks for."""
        self.executor.start_sweeping()
        self.embedding.start()
        self._retention = asyncio.create_task(keep_traces_bounded(self.database, self.settings))
        self._indexing = asyncio.create_task(index_stored(self.database))
        self._refresh = asyncio.create_task(self.catalog.refresh())
        await asyncio.wait({self._refresh}, timeout=_PROVIDERS_SECONDS)

    async def stop(self) -> None:
        """Let runs end or hand them over, then close all connections."""
        await self.executor.stop(0)
        await self.embedding.stop()
        await self.indexer.stop()
        await close_clients()
        for background in (self._refresh, self._retention, self._indexing):
            if background is not None:
                background.cancel()
        self.database.close()
        if self._embedded is not None:
            self._embedded.stop()

    @property
    def provider_reports(self) -> list[ProviderReport]:
        """What came of asking each provider for its models, once all have answered."""
        if self._refresh is None or not self._refresh.done():
            return []
        return self._refresh.result()

    @property
    def data_location(self) -> str:
        """Where agents and messages are kept, without secrets."""
        if self._embedded is not None:
            return f"embedded Postgres in {data_directory(self.settings)}"
        return f"{self.database.dsn.masked()}, schema {self.settings.pg_schema}"

    async def principal(self, user_id: str | None) -> Principal:
        """The caller that a request's ``user_id`` header names; the default user without one.

        Raises:
            InvalidArgumentError: the header is malformed.
            NotFoundError: nobody is named, or nobody who exists, and LETTA_NO_DEFAULT_ACTOR is set.
        """
        if user_id and not _USER_ID.match(user_id):
            raise InvalidArgumentError("Header user_id must be 'user-' followed by a UUID. Correct it or leave it out.")
        actor = None
        if user_id == DEFAULT_ACTOR.user_id:
            actor = DEFAULT_ACTOR
        elif user_id:
            actor = await self.database.read(find_actor, user_id)
        if actor is None and self.settings.no_default_actor:
            raise NotFoundError("The user_id header names no known user, and LETTA_NO_DEFAULT_ACTOR is set.")
        return Principal(actor or DEFAULT_ACTOR)
