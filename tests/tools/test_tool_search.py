"""Tools are found by what they are for."""

from collections.abc import Iterator

import httpx2
import pytest
from letta_client import BadRequestError, Letta, UnprocessableEntityError

ROLL = '''
def roll_dice(sides: int) -> int:
    """Throw a die and tell what came up.

    Args:
        sides: how many faces it has
    """
    return 4
'''
FORECAST = '''
def weather_forecast(town: str) -> str:
    """Tell what the weather will be like.

    Args:
        town: where
    """
    return "rain"
'''


@pytest.fixture
def tools(client: Letta) -> Iterator[dict[str, str]]:
    """Two tools of our own, beside those that come with the server."""
    made = {
        "roll": client.tools.create(source_code=ROLL, tags=["games", "a\\'b"]).id,
        "forecast": client.tools.create(source_code=FORECAST, tags=["outdoors"]).id,
    }
    yield made
    for tool in made.values():
        client.tools.delete(tool)


def test_the_best_comes_first(client: Letta, tools: dict[str, str]) -> None:
    found = client.tools.search(query="which tool throws dice for me?")
    assert found[0].tool.id == tools["roll"]
    assert (found[0].fts_rank, found[0].vector_rank, found[0].combined_score) == (1, None, 1.0)
    assert [result.fts_rank for result in found] == list(range(1, len(found) + 1))
    assert "how many faces it has" in (found[0].embedded_text or "")
    assert tools["forecast"] not in {result.tool.id for result in found}


@pytest.mark.parametrize("mode", ["vector", "fts", "hybrid"])
def test_without_vectors_every_mode_goes_by_words(client: Letta, tools: dict[str, str], mode: str) -> None:
    found = client.tools.search(query="archival memory", search_mode=mode, limit=2)  # type: ignore[arg-type]
    assert {result.tool.name for result in found} == {"archival_memory_insert", "archival_memory_search"}


def test_types_tags_and_arguments_count(client: Letta, tools: dict[str, str]) -> None:
    assert [r.tool.id for r in client.tools.search(query="weather", tool_types=["custom"])] == [tools["forecast"]]
    assert client.tools.search(query="weather", tool_types=["letta_core"]) == []
    assert [r.tool.id for r in client.tools.search(query="dice", tags=["games", "other"])] == [tools["roll"]]
    assert [r.tool.id for r in client.tools.search(query="dice", tags=["a\\'b"])] == [tools["roll"]]
    assert client.tools.search(query="dice", tags=["outdoors"]) == []
    assert client.tools.search(query="faces")[0].tool.id == tools["roll"]
    assert client.tools.search(query="outdoors")[0].tool.id == tools["forecast"]


def test_without_a_query_the_newest_are_listed(client: Letta, tools: dict[str, str]) -> None:
    found = client.tools.search(limit=2)
    assert [result.tool.id for result in found] == [tools["forecast"], tools["roll"]]
    assert [(result.fts_rank, result.combined_score) for result in found] == [(None, 0.0), (None, 0.0)]
    assert client.tools.search(query=" ", tags=["games"])[0].tool.id == tools["roll"]


def test_what_cannot_be_asked_is_told(client: Letta, http: httpx2.Client) -> None:
    with pytest.raises(UnprocessableEntityError, match="limit"):
        client.tools.search(query="x", limit=101)
    with pytest.raises(UnprocessableEntityError, match="search_mode"):
        client.tools.search(query="x", search_mode="other")  # type: ignore[arg-type]
    with pytest.raises((UnprocessableEntityError, BadRequestError), match="NUL"):
        client.tools.search(query="a\0b")
    for query in ("'", "\\", "the of", "x" * 100_000):
        assert http.post("/v1/tools/search", json={"query": query}).status_code == 200
