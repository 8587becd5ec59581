"""Operations on the versions of a block."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from letta.blocks import history_repository as repository
from letta.blocks.block import Block
from letta.blocks.history import BlockVersion, diff
from letta.blocks.history_repository import VersionsPage
from letta.blocks.schemas import BlockComparison, BlockResponse, BlockVersionResponse, RevertBlock
from letta.database.pagination import Order
from letta.http.dependencies import ActorDep, DatabaseDep
from letta.http.parameters import MAX_PAGE, BlockId

router = APIRouter(prefix="/v1/blocks/{block_id}", tags=["blocks"])

LARGEST_VERSION = 2**31 - 1
Version = Annotated[
    int, Path(ge=1, le=LARGEST_VERSION, description="Number of the version; a block's first version is 1.")
]
VersionCursor = Annotated[int | None, Query(ge=1, le=LARGEST_VERSION, description="Number of a version.")]


@router.get("/history", response_model=list[BlockVersionResponse])
async def list_block_versions(
    actor: ActorDep,
    database: DatabaseDep,
    block_id: BlockId,
    before: VersionCursor = None,
    after: VersionCursor = None,
    limit: Annotated[int, Query(ge=0, le=MAX_PAGE, description="Most versions to return.")] = 50,
    order: Annotated[Order, Query(description="Sort order by version.")] = "desc",
) -> list[BlockVersion]:
    """Every edit of a block, newest first: who made it, when, and what it changed."""
    page = VersionsPage(limit, before, after, order)
    return await database.read(repository.list_versions, actor, block_id, page)


@router.get("/history/{version}", response_model=BlockVersionResponse)
async def retrieve_block_version(
    actor: ActorDep, database: DatabaseDep, block_id: BlockId, version: Version
) -> BlockVersion:
    """One version of a block."""
    (found,) = await database.read(repository.get_versions, actor, block_id, version)
    return found


@router.get("/history/{version}/compare/{other}", response_model=BlockComparison)
async def compare_block_versions(
    actor: ActorDep, database: DatabaseDep, block_id: BlockId, version: Version, other: Version
) -> BlockComparison:
    """The differences between two versions of a block."""
    first, second = await database.read(repository.get_versions, actor, block_id, version, other)
    return BlockComparison(
        block_id=block_id,
        version=version,
        other=other,
        value=first.value,
        other_value=second.value,
        diff=diff(first.value, second.value),
    )


@router.post("/revert", response_model=BlockResponse)
async def revert_block(actor: ActorDep, database: DatabaseDep, block_id: BlockId, body: RevertBlock) -> Block:
    """Restore a block's label, value, limit and description from a version. This is an edit, too: nothing is lost."""
    return await database.run(repository.revert_block, actor, block_id, body.version, body.current_version)
