"""What endpoints ask for: the server's parts and the caller."""

from typing import Annotated

from fastapi import Depends, Request

from letta.database.engine import Database
from letta.organizations.actor import Actor, Principal
from letta.server.server import SyncServer


async def _server(request: Request) -> SyncServer:
    server: SyncServer = request.app.state.server
    return server


async def _database(request: Request) -> Database:
    server: SyncServer = request.app.state.server
    return server.database


async def _principal(request: Request) -> Principal:
    server: SyncServer = request.app.state.server
    return await server.principal(request.headers.get("user_id"))


async def _actor(principal: Annotated[Principal, Depends(_principal)]) -> Actor:
    return principal.actor


ServerDep = Annotated[SyncServer, Depends(_server)]
DatabaseDep = Annotated[Database, Depends(_database)]
PrincipalDep = Annotated[Principal, Depends(_principal)]
ActorDep = Annotated[Actor, Depends(_actor)]
