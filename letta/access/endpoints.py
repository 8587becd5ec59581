"""Operations on keys of programs, and on tokens of browsers."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from letta.access import repository, service
from letta.access.key import BROWSER, PROGRAM, StoredKey
from letta.access.schemas import (
    AccessTokenList,
    AccessTokenResponse,
    ApiKeyResponse,
    CreateAccessToken,
    CreateApiKey,
    CreatedApiKey,
    Policy,
)
from letta.access.tokens import digest, is_stored_key
from letta.database.ids import id_pattern
from letta.database.pagination import Page
from letta.http.dependencies import ActorDep, DatabaseDep, PrincipalDep, ServerDep
from letta.http.parameters import MAX_PAGE, page_parameters

router = APIRouter(prefix="/v1", tags=["access"])

KeyId = Annotated[str, Path(pattern=id_pattern("key"), description="Id of the key.")]
KeysPage = Annotated[Page, page_parameters()]


@router.get("/api-keys", response_model=list[ApiKeyResponse])
async def list_api_keys(actor: ActorDep, database: DatabaseDep, page: KeysPage) -> list[StoredKey]:
    """The organization's keys, newest first."""
    return await database.read(repository.list_keys, actor, PROGRAM, page)


@router.post("/api-keys", response_model=CreatedApiKey)
async def create_api_key(principal: PrincipalDep, database: DatabaseDep, body: CreateApiKey) -> CreatedApiKey:
    """Create an API key. It acts for the user who creates it. The key itself is only shown in this response."""
    made, key = await database.run(service.create_key, principal, body)
    shown = ApiKeyResponse.model_validate(made)
    return CreatedApiKey(**shown.model_dump(), key=key)


@router.get("/api-keys/{key_id}", response_model=ApiKeyResponse)
async def retrieve_api_key(actor: ActorDep, database: DatabaseDep, key_id: KeyId) -> StoredKey:
    """One key, without the key itself."""
    return await database.read(repository.get_key, actor, key_id, PROGRAM)


@router.delete("/api-keys/{key_id}")
async def revoke_api_key(actor: ActorDep, server: ServerDep, key_id: KeyId) -> dict[str, str]:
    """Revoke a key. It stops working at once; on other instances of the server within seconds."""
    server.key_cache.forget(await server.database.run(repository.delete_key, actor, PROGRAM, key_id=key_id))
    return {"message": f"Key {key_id} is revoked"}


@router.post("/client-side-access-tokens", response_model=AccessTokenResponse)
async def create_access_token(
    principal: PrincipalDep, database: DatabaseDep, body: CreateAccessToken
) -> AccessTokenResponse:
    """Create a token for web pages, for some agents and some time. The token itself is only shown in this response."""
    made, token = await database.run(service.create_token, principal, body)
    return _shown(made, token)


@router.get("/client-side-access-tokens", response_model=AccessTokenList)
async def list_access_tokens(
    actor: ActorDep,
    database: DatabaseDep,
    agent_id: Annotated[str | None, Query(alias="agentId", description="Only tokens for this agent.")] = None,
    limit: Annotated[int, Query(ge=0, le=MAX_PAGE, description="Most items to return.")] = 50,
    offset: Annotated[int, Query(ge=0, le=2**31, description="How many items to skip.")] = 0,
) -> AccessTokenList:
    """The organization's tokens, newest first, with ids instead of the tokens themselves."""
    found = await database.read(repository.list_tokens, actor, agent_id, limit=limit + 1, offset=offset)
    return AccessTokenList(tokens=[_shown(each, each.id) for each in found[:limit]], hasNextPage=len(found) > limit)


@router.delete("/client-side-access-tokens/{token}")
async def revoke_access_token(
    actor: ActorDep,
    server: ServerDep,
    token: Annotated[str, Path(max_length=255, description="The token, or its id as shown in lists.")],
) -> dict[str, str]:
    """Revoke a token. It stops working at once; on other instances of the server within seconds."""
    named = {"token_digest": digest(token)} if is_stored_key(token) else {"key_id": token}
    server.key_cache.forget(await server.database.run(repository.delete_key, actor, BROWSER, **named))
    return {"message": "The token is revoked"}


def _shown(key: StoredKey, token: str) -> AccessTokenResponse:
    return AccessTokenResponse.model_validate(
        {
            "token": token,
            "hostname": key.hostname,
            "policy": Policy.model_validate({"data": key.policy}),
            "expiresAt": key.expires_at,
        }
    )
