"""What endpoints ask for: the server's parts and the caller."""

from typing import Annotated

from fastapi import Depends, Request

from letta.database.engine import Database
from letta.http.auth import PRINCIPAL
from letta.organizations.actor import Actor, Principal
from letta.server.server import SyncServer


async def _server(request: Request) -> SyncServer:
    server: SyncServer = request.app.state.server
    return server


async def _database(request: Request) -> Database:
    server: SyncServer = request.app.state.server
    return server.database


async def principal_of(request: Request) -> Principal:
    """For whom a request acts."""
    known: Principal | None = request.scope.get(PRINCIPAL)
    if known is not None:
        return known
    server: SyncServer = request.app.state.server
    return await server.principal(request.headers.get("user_id"))


async def _actor(request: Request) -> Actor:
    return (await principal_of(request)).actor


ServerDep = Annotated[SyncServer, Depends(_server)]
DatabaseDep = Annotated[Database, Depends(_database)]
PrincipalDep = Annotated[Principal, Depends(principal_of)]
ActorDep = Annotated[Actor, Depends(_actor)]
