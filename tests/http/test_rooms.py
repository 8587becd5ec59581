"""Operations that are loaded on first use are found as if all had been there from the start."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from starlette.routing import BaseRoute, Match, Route

from letta.http.rooms import Rooms

ID = "00000000-0000-4000-8000-000000000000"


def found(routes: list[BaseRoute], method: str, path: str) -> tuple[str, str] | None:
    scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
    for route in routes:
        if isinstance(route, Route) and route.matches(scope)[0] is Match.FULL:
            return route.path, route.endpoint.__qualname__
    return None


def requests(routes: list[BaseRoute]) -> Iterator[tuple[str, str]]:
    for route in routes:
        assert isinstance(route, Route)
        for method in route.methods or ():
            yield method, re.sub(r"{\w+(:\w+)?}", ID, route.path)


@pytest.fixture(scope="module")
def everything() -> list[BaseRoute]:
    routes: list[BaseRoute] = []
    Rooms(routes).load_all()
    return routes


def test_every_operation_is_found_by_its_first_request(everything: list[BaseRoute]) -> None:
    asked = list(requests(everything))
    assert len(asked) > 250
    for method, path in asked:
        routes: list[BaseRoute] = []
        rooms = Rooms(routes)
        asyncio.run(rooms.load(rooms.wanted(path)))
        assert found(routes, method, path) == found(everything, method, path)


def test_the_order_does_not_depend_on_what_was_asked_for_first(everything: list[BaseRoute]) -> None:
    routes: list[BaseRoute] = []
    rooms = Rooms(routes)
    for _, path in reversed(list(requests(everything))):
        asyncio.run(rooms.load(rooms.wanted(path)))
    assert routes == everything
    assert rooms.wanted("/v1/groups") == []


def test_the_description_needs_all_rooms(everything: list[BaseRoute]) -> None:
    routes: list[BaseRoute] = []
    rooms = Rooms(routes)
    asyncio.run(rooms.load(rooms.wanted("/openapi.json")))
    assert routes == everything


def test_requests_at_once_load_a_room_once() -> None:
    async def ask() -> list[BaseRoute]:
        routes: list[BaseRoute] = []
        rooms = Rooms(routes)
        wanted = rooms.wanted("/v1/groups")
        assert wanted
        await asyncio.gather(*(rooms.load(wanted) for _ in range(10)))
        return routes

    routes = asyncio.run(ask())
    assert len({id(route) for route in routes}) == len(routes)


@pytest.mark.slow
def test_a_server_begins_without_the_rooms_that_it_may_never_need() -> None:
    code = "import sys, letta.server.run; from letta.settings import Settings; letta.server.run.create_app(Settings())"
    shown = f"{code}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True).stdout.split()
    assert "letta.messages.endpoints" in loaded
    unneeded = {"letta.groups.endpoints", "letta.folders.endpoints", "letta.completions.openai_endpoints"}
    assert unneeded.isdisjoint(loaded)
