"""What the doctor says, to whoever runs the server."""

import asyncio

from fastapi import APIRouter

from letta.doctor.schemas import Examination
from letta.http.dependencies import ServerDep

router = APIRouter(prefix="/v1/admin/doctor", tags=["admin"])

_one_at_a_time = asyncio.Lock()


@router.get("", response_model=Examination)
async def examine_server(server: ServerDep) -> Examination:
    """Check the installation as `letta doctor` does, and say how to fix what is wrong. This may take seconds."""
    from letta.server.examine import examine_running

    async with _one_at_a_time:
        return Examination.of(await asyncio.to_thread(examine_running, server))
