"""How well, and how fast, memory is found again. Measures and prints; judges nothing (the exit code is always 0).

    python -m benchmarks.retrieval DATA [--json FILE]

DATA is a (gzipped) JSON list of conversations: ``turns`` with ``id``, ``speaker`` and ``text``; ``qa`` with
``question``, ``evidence`` (ids of the turns that answer it) and ``category``. LoCoMo has this form; its licence keeps
it out of this project. Each turn, as ``speaker: text``, is one passage of the conversation's archive, and one message
of an agent's conversation. Recall@10 is the share of a question's evidence that is found, averaged over the questions
of categories 1 to 4.

Vectors are made by a small real model (`benchmarks.minilm`) where its packages are installed; without them only the
figures of full text are measured. The database is `--pg-uri` (default `LETTA_PG_URI`, else an embedded Postgres that
goes afterwards); what is stored goes with its schema. Words are stemmed as `LETTA_SEARCH_LANGUAGE` says (english).
"""

import argparse
import asyncio
import gzip
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean, median
from typing import Any

from benchmarks.report import Row, table, write_json
from benchmarks.stage import own_schema, progress

K = 10
MODEL = "all-MiniLM-L6-v2"
CATEGORIES = {1, 2, 3, 4}
SIZES = (1_000, 6_000)
TIMED_QUESTIONS = 100
BATCH = 500

ROWS: Sequence[Row] = (
    Row("text_recall", "passages by words, recall@10", ">= 0.62"),
    Row("vector_recall", "passages by vectors alone, recall@10"),
    Row("hybrid_recall", "passages by both, recall@10", ">= 0.68"),
    Row("conversation_recall", "messages by words and neighbours, recall@10", ">= 0.71"),
    *(
        Row(f"{name}_{size}_p50_ms", f"{what}, {size:,} of them, p50, ms", f"<= {budget}")
        for size, budget in zip(SIZES, (5, 10), strict=True)
        for name, what in (("text", "passages by words"), ("hybrid", "passages by both"), ("conversation", "messages"))
    ),
)


@dataclass(slots=True)
class Question:
    """A question, and the indices of the turns that answer it."""

    text: str
    evidence: set[int]
    vector: list[float] | None = None


@dataclass(slots=True)
class Talk:
    """A conversation: its turns as texts, and questions about it."""

    texts: list[str]
    questions: list[Question]
    vectors: list[list[float] | None] = field(default_factory=list)


def main() -> None:
    options = _parser().parse_args()
    with ExitStack() as stack:
        uri, schema = stack.enter_context(own_schema(options.pg_uri))
        talks = read_talks(options.data)
        if not options.without_vectors:
            stack.enter_context(_vectors(talks))
        bench = Bench(uri)
        figures = bench.measure(talks)
    questions = sum(len(talk.questions) for talk in talks)
    facts = {"turns": sum(len(talk.texts) for talk in talks), "questions": questions, "language": bench.language}
    sys.stdout.write(f"{facts['turns']} turns, {questions} questions, {bench.language}, schema {schema}\n")
    sys.stdout.write(table(ROWS, {"ours": figures}, facts) + "\n")
    if options.json:
        write_json(options.json, {"ours": figures}, facts)


def read_talks(path: Path) -> list[Talk]:
    """The conversations of a file, with those of their questions that have an answer."""
    raw = path.read_bytes()
    conversations = json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    return [_talk(conversation) for conversation in conversations]


def _talk(conversation: dict[str, Any]) -> Talk:
    turns = conversation["turns"]
    index = {turn["id"]: number for number, turn in enumerate(turns)}
    asked = [question for question in conversation["qa"] if question["category"] in CATEGORIES]
    questions = [
        Question(question["question"], evidence)
        for question in asked
        if (evidence := {index[identifier] for identifier in question["evidence"] if identifier in index})
    ]
    texts = [f"{turn['speaker']}: {turn['text']}" for turn in turns]
    return Talk(texts, questions, [None] * len(texts))


@contextmanager
def _vectors(talks: Sequence[Talk]) -> Iterator[None]:
    """Embed all texts and questions, by the way that the server embeds them."""
    from benchmarks.minilm import minilm_endpoint, missing_packages

    missing = missing_packages()
    if missing:
        progress(f"no vectors, as these packages are not installed (see benchmarks/minilm.py): {', '.join(missing)}")
        yield
        return
    with minilm_endpoint() as url:
        for number, talk in enumerate(talks, 1):
            progress(f"embedding conversation {number} of {len(talks)}")
            texts = [*talk.texts, *(question.text for question in talk.questions)]
            vectors = asyncio.run(_embed(url, texts))
            talk.vectors = vectors[: len(talk.texts)]
            for question, vector in zip(talk.questions, vectors[len(talk.texts) :], strict=True):
                question.vector = vector
        yield


async def _embed(url: str, texts: list[str]) -> list[list[float] | None]:
    from letta.constants import DEFAULT_ORGANIZATION_ID
    from letta.llm.catalog import Catalog
    from letta.llm.clients import close_clients
    from letta.llm.embeddings import Embedder
    from letta.llm.provider import Provider

    catalog = Catalog([Provider("openai", "openai", url, "openai")])
    config = {"embedding_model": MODEL, "embedding_endpoint": url, "batch_size": 64}
    try:
        return await Embedder(catalog).embed(config, texts, DEFAULT_ORGANIZATION_ID)
    finally:
        await close_clients()


class Bench:
    """Stores conversations and asks for them, by the functions that the server uses."""

    def __init__(self, uri: str) -> None:
        from letta.database.dsn import parse_dsn
        from letta.database.engine import Database
        from letta.database.migrations import migrate
        from letta.organizations.actor import DEFAULT_ACTOR
        from letta.search.indexing_repository import set_language
        from letta.settings import settings

        self.language = settings.search_language
        self._database = Database(parse_dsn(uri))
        migrate(self._database)
        self._database.run_sync(set_language, settings.search_language)
        self._actor = DEFAULT_ACTOR

    def measure(self, talks: Sequence[Talk]) -> dict[str, float]:
        """All figures, by their keys."""
        progress("recall")
        figures = self._recall(talks)
        for size in SIZES:
            progress(f"time within {size}")
            figures |= self._times(talks, size)
        self._database.close()
        return figures

    def _recall(self, talks: Sequence[Talk]) -> dict[str, float]:
        shares: dict[str, list[float]] = {}
        for talk in talks:
            archive, agent = self._archive(talk), self._agent(talk.texts)
            self._database.run_sync(_analyze)
            for question in talk.questions:
                for name, found in self._answers(talk, archive, agent, question):
                    share = len(found & question.evidence) / len(question.evidence)
                    shares.setdefault(f"{name}_recall", []).append(share)
        return {name: mean(values) for name, values in shares.items()}

    def _answers(self, talk: Talk, archive: str, agent: str, question: Question) -> Iterator[tuple[str, set[int]]]:
        place = {text: number for number, text in enumerate(talk.texts)}
        yield "text", {place[text] for text in self._by_words(archive, question)}
        yield "conversation", {place[text] for text in self._in_conversation(agent, question)}
        if question.vector is not None:
            yield "hybrid", {place[text] for text in self._by_both(archive, question)}
            yield "vector", {place[text] for text in self._by_vector(archive, question)}

    def _times(self, talks: Sequence[Talk], size: int) -> dict[str, float]:
        texts = [text for talk in talks for text in talk.texts]
        vectors = [vector for talk in talks for vector in talk.vectors]
        times = -(-size // len(texts))
        large = Talk((texts * times)[:size], [], (vectors * times)[:size])
        archive, agent = self._archive(large), self._agent(large.texts)
        self._database.run_sync(_analyze)
        questions = [question for talk in talks for question in talk.questions]
        questions = questions[:: max(1, len(questions) // TIMED_QUESTIONS)]
        figures = {
            f"text_{size}_p50_ms": _p50(lambda question: self._by_words(archive, question), questions),
            f"conversation_{size}_p50_ms": _p50(lambda question: self._in_conversation(agent, question), questions),
        }
        if questions[0].vector is not None:
            figures[f"hybrid_{size}_p50_ms"] = _p50(lambda question: self._by_both(archive, question), questions)
        return figures

    def _by_words(self, archive: str, question: Question) -> list[str]:
        return self._passages(archive, question.text, None)

    def _by_both(self, archive: str, question: Question) -> list[str]:
        return self._passages(archive, question.text, question.vector)

    def _by_vector(self, archive: str, question: Question) -> list[str]:
        return self._passages(archive, "?", question.vector)

    def _passages(self, archive: str, text: str, vector: list[float] | None) -> list[str]:
        from letta.archives.passage_repository import find_passages
        from letta.search.request import PassageSearch

        search = PassageSearch(text, K, archive, vector=vector, model=MODEL, settled=True)
        return [passage.text for passage, _ in self._database.run_sync(find_passages, self._actor, search)]

    def _in_conversation(self, agent: str, question: Question) -> list[str]:
        from letta.messages.search import find_messages
        from letta.search.request import MessageSearch

        search = MessageSearch(question.text, K, ("user", "assistant"), agent)
        return [found.message.text for found in self._database.run_sync(find_messages, self._actor, search)]

    def _archive(self, talk: Talk) -> str:
        """An archive with the conversation's turns as passages."""
        from letta.archives.archive import Archive
        from letta.archives.passage_repository import NewPassage, insert_passages
        from letta.archives.repository import insert_archive
        from letta.database.ids import new_id

        config = {"embedding_model": MODEL}
        archive = Archive(new_id("archive"), self._actor.organization_id, "bench", embedding_config=config)
        archive = self._database.run_sync(insert_archive, self._actor, archive)
        new = [
            NewPassage(text, embedding=vector, embedding_model=MODEL)
            for text, vector in zip(talk.texts, talk.vectors, strict=True)
        ]
        for start in range(0, len(new), BATCH):
            self._database.run_sync(insert_passages, self._actor, archive, new[start : start + BATCH])
        return archive.id

    def _agent(self, texts: Sequence[str]) -> str:
        """An agent whose conversation is these texts."""
        from letta.agents.agent import Agent
        from letta.agents.repository import insert_agent
        from letta.conversations.repository import create_conversation
        from letta.database.ids import new_id
        from letta.messages.message import Message, text_content
        from letta.messages.repository import insert_messages

        agent = Agent(new_id("agent"), self._actor.organization_id, "Bench", "letta_v1_agent", "", {})
        self._database.run_sync(insert_agent, agent)
        conversation = self._database.run_sync(create_conversation, self._actor, agent.id, is_default=True)
        template = Message("user", agent.id, conversation)
        new = [replace(template, id=new_id("message"), content=text_content(text)) for text in texts]
        for start in range(0, len(new), BATCH):
            self._database.run_sync(insert_messages, self._actor, new[start : start + BATCH])
        return agent.id


def _analyze(connection: Any) -> None:
    from sqlalchemy import text

    from letta.database.base import SCHEMA

    connection.execute(text(f"ANALYZE {SCHEMA}.passages, {SCHEMA}.messages"))


def _p50(ask: Callable[[Question], object], questions: Sequence[Question]) -> float:
    """Median milliseconds of a search, its transaction included."""
    times = []
    for question in questions:
        began = time.perf_counter()
        ask(question)
        times.append((time.perf_counter() - began) * 1000)
    return median(times)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retrieval", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--pg-uri", help="database to use")
    parser.add_argument("--without-vectors", action="store_true", help="measure full text alone")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    return parser


if __name__ == "__main__":
    main()
