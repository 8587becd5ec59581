"""Archival memory: storing passages with their vectors, and finding them again.

A passage is stored whether or not its vector can be made. Where the embedding model can't be reached, the vector
follows (`letta.archives.embedding`), and until then the passage is found by its words.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from letta.archives import passage_repository, repository
from letta.archives.archive import Archive, Passage, model_name
from letta.archives.passage_repository import NewPassage
from letta.database.engine import Database
from letta.errors import InvalidArgumentError
from letta.json_types import JsonObject
from letta.llm.embeddings import Embedder
from letta.llm.tokens import estimate
from letta.organizations.actor import Actor
from letta.search.request import PassageSearch
from letta.settings import settings

_INSERT_SECONDS = 20.0
"""How long storing waits for vectors."""
_SEARCH_SECONDS = 10.0
"""How long a search waits for its vector before it goes by the words."""
_QUERY_CHARACTERS = 8_000

Refresh = Callable[[Connection, Actor, str], None]
"""Brings an agent's system message up to date with what it has in archival memory."""


class ArchivalMemory:
    """Passages in and out, with what that needs of the outside world."""

    def __init__(
        self,
        database: Database,
        embedder: Embedder,
        when_due: Callable[[], None],
        when_searched: Callable[[str], None] | None = None,
    ) -> None:
        """`when_due` is told when vectors are missing, `when_searched` of each archive that is searched by vector."""
        self._database = database
        self._embedder = embedder
        self._when_due = when_due
        self._when_searched = when_searched

    async def insert(self, actor: Actor, archive_id: str, new: Sequence[NewPassage]) -> list[Passage]:
        """Store passages in an archive.

        Raises:
            NotFoundError: no such archive.
        """
        archive = await self._database.read(repository.get_archive, actor, archive_id)
        prepared = await self.with_vectors(actor, archive.embedding_config, new)
        stored = await self._database.run(_insert, actor, archive_id, prepared)
        return self._noted(stored)

    async def insert_for_agent(
        self, actor: Actor, agent_id: str, new: Sequence[NewPassage], refresh: Refresh
    ) -> list[Passage]:
        """Store passages in an agent's archive, which is made if it has none.

        Raises:
            NotFoundError: no such agent.
            InvalidArgumentError: a text is too long.
        """
        for passage in new:
            _check_length(passage.text)
        prepared = await self.prepare_for_agent(actor, agent_id, new)
        stored = await self._database.run(_insert_for_agent, actor, agent_id, prepared, refresh)
        return self._noted(stored)

    async def prepare_for_agent(self, actor: Actor, agent_id: str, new: Sequence[NewPassage]) -> list[NewPassage]:
        """These passages with their vectors, as far as they can be made now, for `keep_for_agent`.

        Raises:
            NotFoundError: no such agent.
        """
        config = await self._database.read(repository.embedding_config_of_agent, actor, agent_id)
        return await self.with_vectors(actor, config, new)

    def look_for_due(self) -> None:
        """Say that passages were stored without the vectors that they should have."""
        self._when_due()

    async def find(self, actor: Actor, archive: Archive, search: PassageSearch) -> list[tuple[Passage, float]]:
        """Search in one archive."""
        search = replace(search, archive_id=archive.id, settled=not archive.embedding_due)
        search = await self._with_vector(actor, search, archive.embedding_config)
        if search.vector is not None:
            search = replace(search, indexed=archive.indexed_vectors(len(search.vector)))
            if self._when_searched is not None:
                self._when_searched(archive.id)
        return await self._database.read(passage_repository.find_passages, actor, search)

    async def find_for_agent(self, actor: Actor, agent_id: str, search: PassageSearch) -> list[tuple[Passage, float]]:
        """Search in an agent's archive.

        Raises:
            NotFoundError: no such agent.
        """
        archive = await self._database.read(repository.archive_of_agent, actor, agent_id)
        return [] if archive is None else await self.find(actor, archive, search)

    async def find_anywhere(self, actor: Actor, search: PassageSearch) -> list[tuple[Passage, float]]:
        """Search in all archives of the organization, with the embedding model that most of them have."""
        models = await self._database.read(repository.models_in_use, actor)
        search = await self._with_vector(actor, search, models[0] if models else None)
        return await self._database.read(passage_repository.find_passages, actor, search)

    async def find_in_several(
        self, actor: Actor, archives: Sequence[Archive], search: PassageSearch
    ) -> list[tuple[Passage, float]]:
        """Search in several archives at once, with the embedding model that most of them have."""
        if len(archives) <= 1:
            return await self.find(actor, archives[0], search) if archives else []
        models = Counter(model_name(archive.embedding_config) for archive in archives if archive.embedding_config)
        usual = models.most_common(1)[0][0] if models else None
        config = next((a.embedding_config for a in archives if a.embedding_config and _has(a, usual)), None)
        settled = all(_has(archive, usual) and not archive.embedding_due for archive in archives)
        search = replace(search, archive_ids=[archive.id for archive in archives], settled=settled)
        search = await self._with_vector(actor, search, config)
        return await self._database.read(passage_repository.find_passages, actor, search)

    async def with_vectors(
        self, actor: Actor, config: JsonObject | None, new: Sequence[NewPassage]
    ) -> list[NewPassage]:
        """These passages with their vectors, as far as they can be made now."""
        vectors = await self._embedder.try_to_embed(
            config, [passage.text for passage in new], actor.organization_id, seconds=_INSERT_SECONDS
        )
        if config is None or vectors is None:
            return list(new)
        return [
            replace(passage, embedding=vector, embedding_model=model_name(config))
            for passage, vector in zip(new, vectors, strict=True)
        ]

    async def _with_vector(self, actor: Actor, search: PassageSearch, config: JsonObject | None) -> PassageSearch:
        if config is None or not search.text.strip():
            return search
        vectors = await self._embedder.try_to_embed(
            config, [search.text[:_QUERY_CHARACTERS]], actor.organization_id, seconds=_SEARCH_SECONDS
        )
        if not vectors or vectors[0] is None:
            return search
        return replace(search, vector=vectors[0], model=model_name(config))

    def _noted(self, stored: list[Passage]) -> list[Passage]:
        if any(is_due(passage) for passage in stored):
            self._when_due()
        return stored


def _has(archive: Archive, model: str | None) -> bool:
    return (model_name(archive.embedding_config) if archive.embedding_config else None) == model


def is_due(passage: Passage) -> bool:
    """Whether a passage lacks the vector that it should have."""
    return passage.embedding_config is not None and passage.embedding_model is None


def keep_for_agent(connection: Connection, actor: Actor, agent_id: str, new: Sequence[NewPassage]) -> list[Passage]:
    """Store passages in an agent's archive, which is made if it has none.

    Raises:
        NotFoundError: no such agent.
    """
    archive = repository.ensure_archive_of_agent(connection, actor, agent_id)
    return passage_repository.insert_passages(connection, actor, archive, new)


def _insert(connection: Connection, actor: Actor, archive_id: str, new: Sequence[NewPassage]) -> list[Passage]:
    archive = repository.get_archive(connection, actor, archive_id)
    return passage_repository.insert_passages(connection, actor, archive, new)


def _insert_for_agent(
    connection: Connection, actor: Actor, agent_id: str, new: Sequence[NewPassage], refresh: Refresh
) -> list[Passage]:
    stored = keep_for_agent(connection, actor, agent_id, new)
    refresh(connection, actor, agent_id)
    return stored


def _check_length(text: str) -> None:
    tokens, limit = estimate(text), settings.archival_memory_token_limit
    if tokens > limit:
        raise InvalidArgumentError(
            f"text has about {tokens} tokens, but archival memory accepts at most {limit} at once. Split it into "
            "several passages, or raise LETTA_ARCHIVAL_MEMORY_TOKEN_LIMIT."
        )
