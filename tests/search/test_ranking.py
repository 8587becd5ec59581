"""How passages are ranked: by words, by meaning, by both. The figures are in `benchmarks/retrieval.py`."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import text

from letta.archives.archive import Archive
from letta.archives.passage_repository import NewPassage, find_passages, insert_passages
from letta.archives.repository import insert_archive
from letta.database.base import SCHEMA
from letta.database.engine import Database
from letta.database.ids import new_id
from letta.organizations.actor import Actor
from letta.search import lexical, passage_repository
from letta.search.request import PassageSearch

MODEL = "m"
Vector = list[float]


class Shelf:
    """An archive of passages."""

    def __init__(self, database: Database, actor: Actor) -> None:
        self.database, self.actor = database, actor
        new = Archive(new_id("archive"), actor.organization_id, "shelf", embedding_config={"embedding_model": MODEL})
        self.archive = database.run_sync(insert_archive, actor, new)

    def put(self, *texts: str, vectors: Sequence[Vector | None] | None = None) -> "Shelf":
        new = [
            NewPassage(text, embedding=vector, embedding_model=MODEL if vector else None)
            for text, vector in zip(texts, vectors or [None] * len(texts), strict=True)
        ]
        self.database.run_sync(insert_passages, self.actor, self.archive, new)
        return self

    def search(self, question: str, vector: Vector | None = None, limit: int = 10) -> list[tuple[str, float]]:
        search = PassageSearch(question, limit, self.archive.id, vector=vector, model=MODEL)
        found = self.database.run_sync(find_passages, self.actor, search)
        return [(passage.text, score) for passage, score in found]

    def find(self, question: str, vector: Vector | None = None, limit: int = 10) -> list[str]:
        return [text for text, _ in self.search(question, vector, limit)]


@pytest.fixture
def shelf(database: Database, actor: Actor) -> Shelf:
    return Shelf(database, actor)


class TestWords:
    def test_a_text_needs_only_some_of_the_words(self, shelf: Shelf) -> None:
        shelf.put("The cat sleeps on the sofa.", "Rain is forecast.")
        assert shelf.find("Could you please tell me where exactly our cat was sleeping yesterday?") == [
            "The cat sleeps on the sofa."
        ]

    def test_a_rare_word_tells_more_than_a_common_one(self, shelf: Shelf) -> None:
        shelf.put(*(f"The project meeting number {number} took place." for number in range(20)), "A marmot was seen.")
        assert shelf.find("project marmot")[0] == "A marmot was seen."

    def test_more_of_the_words_tell_more(self, shelf: Shelf) -> None:
        shelf.put("Anna likes tea.", "Anna likes tea with milk.", "Ben likes coffee.")
        assert shelf.find("tea with milk for Anna")[:2] == ["Anna likes tea with milk.", "Anna likes tea."]

    @pytest.mark.parametrize(
        ("text", "question"),
        [
            ("She is running fast.", "who runs?"),
            ("Zoë met José in Kraków.", "zoe jose krakow"),
            ("zoe met jose in krakow", "Zoë José Kraków"),
            ("Straße nach Łódź", "lodz"),
            ("Ο Σωκράτης ήταν φιλόσοφος", "σωκρατης"),
            ("東京都に住んでいます", "東京"),
            ("Мой адрес: Москва", "москва"),
            ("See http://example.org/docs/setup for more", "example.org/docs/setup"),
            ("The invoice INV-2024-0042 is due", "INV-2024-0042"),
            ("Write to ada@example.org", "ada@example.org"),
            ("Version 3.11.7 is out", "3.11.7"),
        ],
    )
    def test_forms_accents_scripts_and_names_of_things(self, shelf: Shelf, text: str, question: str) -> None:
        shelf.put("nothing of the kind", text)
        assert shelf.find(question)[0] == text

    def test_in_long_texts_it_counts_how_often_a_word_occurs(self, shelf: Shelf) -> None:
        filler = " ".join(f"word{number}" for number in range(150))
        about, aside = f"The pooler. {filler} " + "pooler " * 10, f"A pooler was named. {filler} and much else besides"
        shelf.put(aside, about)
        assert shelf.find("pooler") == [about, aside]

    def test_a_text_that_is_long_has_words_by_chance(self, shelf: Shelf) -> None:
        catalogue = "heron " + " ".join(f"bird{number}" for number in range(400))
        shelf.put(catalogue, "A heron stood there.", "Herons eat fish.", "We saw a heron.")
        assert shelf.find("heron")[-1] == catalogue

    def test_of_equals_the_older_comes_first(self, shelf: Shelf) -> None:
        shelf.put("My name is Ada.", "Your name is Ben.", "Her name is Eve.")
        assert shelf.find("name") == ["My name is Ada.", "Your name is Ben.", "Her name is Eve."]

    def test_scores_fall_from_one(self, shelf: Shelf) -> None:
        shelf.put("tea", "tea and milk", "milk")
        scores = [score for _, score in shelf.search("tea milk")]
        assert scores[0] == 1.0
        assert scores == sorted(scores, reverse=True)
        assert all(0 < score <= 1 for score in scores)

    @pytest.mark.parametrize("question", ["the of and", "?!", "🦫", "'", "\\", "a'b\\c", ":*", "&|!()", "@"])
    def test_a_question_without_words_finds_nothing_and_breaks_nothing(self, shelf: Shelf, question: str) -> None:
        shelf.put("it's a 'quoted' \\ text")
        assert shelf.find(question) in ([], ["it's a 'quoted' \\ text"])

    def test_a_very_long_question_is_asked_by_its_first_words(self, shelf: Shelf) -> None:
        shelf.put("marmot", "heron")
        question = "marmot " + " ".join(f"word{number}" for number in range(20_000)) + " heron"
        assert shelf.find(question) == ["marmot"]

    def test_of_very_frequent_words_the_texts_with_several_are_looked_at(
        self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(lexical, "_MOST_HITS", 5)
        passage_repository._passages_statement.cache_clear()
        shelf.put(*(f"project {number}" for number in range(30)), *(f"meeting {number}" for number in range(30)))
        shelf.put("The project meeting was moved.")
        try:
            assert shelf.find("project meeting")[0] == "The project meeting was moved."
            assert len(shelf.find("project", limit=100)) == 5
            assert shelf.find("projects of number 29")[0] == "project 29"
        finally:
            passage_repository._passages_statement.cache_clear()

    def test_the_number_of_results_is_bounded(self, shelf: Shelf) -> None:
        shelf.put(*(f"note {number}" for number in range(120)))
        assert len(shelf.find("note", limit=3)) == 3
        assert len(shelf.find("note", limit=100)) == 100


class TestMeaning:
    def test_what_is_near_is_found_without_a_word_in_common(self, shelf: Shelf) -> None:
        shelf.put("A feline rests.", "The market fell.", vectors=[[1.0, 0.1], [0.1, 1.0]])
        assert shelf.find("sleeping cat", [1.0, 0.0]) == ["A feline rests.", "The market fell."]

    def test_both_together_beat_each_alone(self, shelf: Shelf) -> None:
        shelf.put(
            "The cat chased the mouse.",  # both
            "The mouse of my computer.",  # the word alone
            "A feline hunted a rodent.",  # the meaning alone
            "Stocks fell.",
            vectors=[[1.0, 0.1], [0.1, 1.0], [1.0, 0.12], [-1.0, 0.0]],
        )
        found = shelf.find("mouse", [1.0, 0.0])
        assert found[0] == "The cat chased the mouse."
        assert found[-1] == "Stocks fell."

    def test_a_text_without_vector_counts_by_its_words(self, shelf: Shelf) -> None:
        shelf.put("The key is under the mat.", "A door.", "A lock.", vectors=[None, [1.0, 0.2], [0.5, 1.0]])
        assert shelf.find("under which mat is the key", [1.0, 0.0])[0] == "The key is under the mat."

    def test_vectors_of_other_dimensions_or_models_are_not_compared(self, shelf: Shelf) -> None:
        shelf.put("two numbers", "three numbers", vectors=[[1.0, 0.0], [1.0, 0.0, 0.0]])
        assert shelf.find("numbers of two", [1.0, 0.0]) == ["two numbers", "three numbers"]
        search = PassageSearch("numbers", 10, shelf.archive.id, vector=[1.0, 0.0], model="another")
        found = shelf.database.run_sync(find_passages, shelf.actor, search)
        assert len(found) == 2

    def test_one_text_alone_has_a_score(self, shelf: Shelf) -> None:
        shelf.put("alone", vectors=[[1.0, 0.0]])
        assert shelf.search("alone", [1.0, 0.0]) == [("alone", 1.0)]
        ((_, score),) = shelf.search("other", [0.0, 1.0])
        assert 0 <= score <= 1

    def test_words_beyond_the_nearest_vectors_are_seen_and_the_other_way_round(self, shelf: Shelf) -> None:
        near: list[Vector | None] = [[1.0, number / 1000] for number in range(100)]
        shelf.put(*(f"near {number}" for number in range(100)), vectors=near)
        shelf.put("the marmot", vectors=[[0.0, 1.0]])
        assert "the marmot" in shelf.find("marmot", [1.0, 0.0])


def test_archives_and_organizations_are_kept_apart(database: Database, new_actor: Callable[[], Actor]) -> None:
    one, other = Shelf(database, new_actor()), Shelf(database, new_actor())
    one.put("the marmot of one")
    other.put("the marmot of another")
    assert one.find("marmot") == ["the marmot of one"]
    everywhere = database.run_sync(find_passages, one.actor, PassageSearch("marmot", 10))
    assert [passage.text for passage, _ in everywhere] == ["the marmot of one"]
    foreign = PassageSearch("marmot", 10, other.archive.id)
    assert [passage.text for passage, _ in database.run_sync(find_passages, other.actor, foreign)] == [
        "the marmot of another"
    ]


def test_a_search_is_one_statement(shelf: Shelf, statements: list[str]) -> None:
    shelf.put("a", vectors=[[1.0, 0.0]])
    shelf.find("a", [1.0, 0.0])
    statements.clear()
    shelf.find("a", [1.0, 0.0])
    assert len([statement for statement in statements if "SELECT" in statement]) == 1


@pytest.mark.parametrize("tag", ["plain", "two words", "it's", "back\\slash", "'", "&|!()", "ü" * 200, "@x", "#"])
def test_a_tag_is_found_whatever_is_in_it(shelf: Shelf, tag: str) -> None:
    new = [NewPassage(f"note {number}", tags=tags) for number, tags in enumerate([[tag], [tag, "b"], ["b"], []])]
    shelf.database.run_sync(insert_passages, shelf.actor, shelf.archive, new)

    def find(*tags: str, archive: str | None = shelf.archive.id, **conditions: Any) -> list[str]:
        search = PassageSearch("notes", 10, archive, tags=tags, **conditions)
        return sorted(passage.text for passage, _ in shelf.database.run_sync(find_passages, shelf.actor, search))

    assert find(tag) == ["note 0", "note 1"]
    assert find(tag, "b") == ["note 0", "note 1", "note 2"]
    assert find(tag, "b", all_tags=True) == ["note 1"]
    assert find(tag, tag, archive=None) == ["note 0", "note 1"]
    assert find("none") == []


def test_what_is_compared_stays_in_the_row(database: Database) -> None:
    """Where it moves out, as rows with vectors are large, a search takes several times as long."""
    query = text("""
        SELECT array_agg(attname ORDER BY attname) FROM pg_attribute
        WHERE attrelid = to_regclass(:passages) AND attnum > 0 AND attstorage IN ('x', 'e')
    """)
    moved = database.run_sync(lambda connection: connection.scalar(query, {"passages": f"{SCHEMA}.passages"}))
    assert moved == ["metadata", "text"]
