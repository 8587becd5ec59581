"""How much vectors take."""

from typing import Annotated

from fastapi import APIRouter, Header

from letta.archives import passage_repository
from letta.errors import InvalidArgumentError
from letta.http.dependencies import ActorDep, DatabaseDep

router = APIRouter(prefix="/v1/embeddings", tags=["embeddings"])

_UNITS = {"B": 0, "KB": 1, "MB": 2, "GB": 3, "TB": 4}


@router.get("/total_storage_size", response_model=float)
async def total_storage_size(
    actor: ActorDep,
    database: DatabaseDep,
    storage_unit: Annotated[str | None, Header(description="Unit of the result: B, KB, MB, GB or TB.")] = "GB",
) -> float:
    """The size of the vectors of the organization's passages."""
    unit = (storage_unit or "GB").upper()
    if unit not in _UNITS:
        raise InvalidArgumentError(f"storage-unit is '{unit[:20]}'. Use one of {', '.join(_UNITS)}.")
    stored: int = await database.read(passage_repository.bytes_of_vectors, actor)
    return float(stored / 1024 ** _UNITS[unit])
