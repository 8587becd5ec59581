"""A TCP port for a Postgres, one that listens on a Unix socket or one that shall seem far away. Parses nothing.

python -m benchmarks.relay URI SECONDS      prints the address of the port, and relays until it is terminated

SECONDS pass before whatever a client sends is passed on.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast
from urllib.parse import SplitResult, parse_qs, urlsplit

_CHUNK = 262_144


@contextmanager
def reached_by_tcp(uri: str, delay: float = 0.0) -> Iterator[str]:
    """The address of the database by TCP, so many seconds away; through a relay in a process of its own if needed."""
    if urlsplit(uri).hostname and not delay:
        yield uri
        return
    command = [sys.executable, "-m", "benchmarks.relay", uri, str(delay)]
    relay = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        yield cast(IO[bytes], relay.stdout).readline().decode().strip()
    finally:
        relay.terminate()
        relay.communicate()


async def _serve(uri: str, delay: float) -> None:
    parts = urlsplit(uri)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await _connect(parts)
        await asyncio.gather(_pump(reader, forth, delay), _pump(back, writer), return_exceptions=True)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    credentials = parts.netloc.rpartition("@")[0]
    address = parts._replace(netloc=f"{credentials}@127.0.0.1:{port}", query="sslmode=disable")
    sys.stdout.write(address.geturl() + "\n")
    sys.stdout.flush()
    await server.serve_forever()


async def _connect(parts: SplitResult) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if parts.hostname:
        return await asyncio.open_connection(parts.hostname, parts.port or 5432)
    asked = parse_qs(parts.query)
    socket = f"{asked['host'][0]}/.s.PGSQL.{asked.get('port', ['5432'])[0]}"
    while True:
        try:
            return await asyncio.open_unix_connection(socket)
        except BlockingIOError:  # more at once than the socket's queue holds; TCP would wait by itself
            await asyncio.sleep(0.001)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float = 0.0) -> None:
    try:
        while data := await reader.read(_CHUNK):
            if delay:
                await asyncio.sleep(delay)
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], float(sys.argv[2])))
