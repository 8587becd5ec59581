"""The server's parts, and the caller of a request."""

import re
from collections.abc import Sequence

from letta.access.key_cache import KeyCache
from letta.archives.embedding import EmbeddingWorker
from letta.archives.memory import ArchivalMemory
from letta.archives.vector_index import VectorIndexer
from letta.background import Task, Worker
from letta.database.configured import data_directory, maintenance_dsn, quota_mb
from letta.database.embedded import EmbeddedPostgres
from letta.database.engine import Database
from letta.database.ids import id_pattern
from letta.errors import InvalidArgumentError, NotFoundError
from letta.folders.processing import FileWorker
from letta.folders.reading import FileReader
from letta.llm.catalog import Catalog, ProviderReport
from letta.llm.clients import close_clients
from letta.llm.embeddings import Embedder
from letta.organizations.actor import DEFAULT_ACTOR, Principal
from letta.organizations.repository import find_actor
from letta.providers.catalogs import OrganizationCatalogs
from letta.runs.executor import RunExecutor
from letta.runs.readers import Readers
from letta.sandbox.sandbox import Sandbox
from letta.schedules.scheduler import Scheduler
from letta.search.indexing import StoredTexts
from letta.server.retention import Retention
from letta.settings import Settings
from letta.tools.running import CustomTools
from letta.turn.models import ModelSource

_PROVIDERS_SECONDS = 3.0
"""How long a start waits for the providers' lists of models; what comes later is taken in when it comes."""
_USER_ID = re.compile(id_pattern("user"))


class SyncServer:
    """One process's database, models and runs. The name is that under which scripts have always imported it.

    Attributes:
        provider_reports: what came of asking each provider for its models, once all have answered.
    """

    def __init__(
        self, settings: Settings, database: Database, catalog: Catalog, embedded: EmbeddedPostgres | None = None
    ) -> None:
        self.settings = settings
        self.database = database
        self.catalog = catalog
        self.catalogs = OrganizationCatalogs(database, catalog)
        embedder = Embedder(self.catalogs)
        self.embedding = EmbeddingWorker(database, embedder)
        self.indexer = VectorIndexer(
            database,
            maintenance_dsn(settings, database.dsn),
            exact_up_to=settings.exact_search_rows,
            memory_mb=settings.vector_index_memory_mb,
            quota_mb=quota_mb(settings, database.dsn),
        )
        self.archival = ArchivalMemory(database, embedder, self.embedding.wake, self.indexer.searched)
        self.file_reader = FileReader(settings)
        self.files = FileWorker(database, self.file_reader, self.embedding.wake)
        self.models = ModelSource(self.catalogs)
        self.sandbox = Sandbox(settings)
        self.custom_tools = CustomTools(database, self.sandbox)
        self.executor = RunExecutor(
            database,
            self.models,
            self.archival,
            self.custom_tools,
            self.file_reader,
            lease_seconds=settings.run_lease_seconds,
            max_runs=settings.max_concurrent_runs,
            queue_seconds=settings.queue_seconds,
            instance=settings.render_instance_id,
        )
        self.scheduler = Scheduler(database, self.executor)
        self.key_cache = KeyCache(database)
        self.readers = Readers(settings.max_readers)
        self.embedded = embedded
        self.provider_reports: Sequence[ProviderReport] = ()
        self._providers = Task(self._ask_providers)
        self._workers: Sequence[Worker] = (
            self.embedding,
            self.files,
            Retention(database, settings),
            StoredTexts(database),
        )

    async def start(self) -> None:
        """Ask the providers for their models, and begin the work that no request asks for."""
        self.scheduler.start()
        self.executor.start_sweeping(self.scheduler.heard)
        for worker in self._workers:
            worker.start()
        self._providers.ensure()
        await self._providers.finish(_PROVIDERS_SECONDS)

    async def stop(self) -> None:
        """Let runs end or hand them over, then close all connections."""
        await self.scheduler.stop()
        await self.executor.stop(0)
        for worker in self._workers:
            await worker.stop()
        for stop in (self._providers.stop, self.indexer.stop, self.key_cache.stop):
            await stop()
        await self.sandbox.close()
        await close_clients()
        self.database.close()
        if self.embedded is not None:
            self.embedded.stop()

    async def _ask_providers(self) -> None:
        self.provider_reports = await self.catalog.refresh()

    def gauges(self) -> dict[str, tuple[str, float]]:
        """Figures that are known at any moment, for /metrics: name, what it is, value."""
        return {
            "letta_turns_running": ("Turns running in this process.", self.executor.running),
            "letta_turns_limit": ("Most turns that may run in this process.", self.settings.max_concurrent_runs),
            "letta_turns_queued": ("Requests waiting for their conversation.", self.executor.waiting),
            "letta_readers": ("Requests following runs.", len(self.readers)),
            "letta_readers_limit": ("Most requests that may follow runs.", self.settings.max_readers),
            "letta_database_connections_used": ("Database connections in use.", self.database.connections_used),
            "letta_database_connections_limit": (
                "Most database connections that may be open.",
                self.database.connections_limit,
            ),
        }

    @property
    def data_location(self) -> str:
        """Where agents and messages are kept, without secrets."""
        if self.embedded is not None:
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
            raise NotFoundError(
                "The user_id header is missing or names no known user, and LETTA_NO_DEFAULT_ACTOR is set. Send the id "
                "of an existing user."
            )
        return Principal(actor or DEFAULT_ACTOR)
