"""A TCP port for a Postgres that listens on a Unix socket, for servers that know TCP alone. Parses nothing.

python -m benchmarks.relay URI      prints the address of the port, and relays until it is terminated
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast
from urllib.parse import parse_qs, urlsplit

_CHUNK = 262_144


@contextmanager
def reached_by_tcp(uri: str) -> Iterator[str]:
    """The address of the database by TCP; through a relay in a process of its own where it has none."""
    if urlsplit(uri).hostname:
        yield uri
        return
    relay = subprocess.Popen([sys.executable, "-m", "benchmarks.relay", uri], stdout=subprocess.PIPE)
    try:
        yield cast(IO[bytes], relay.stdout).readline().decode().strip()
    finally:
        relay.terminate()
        relay.communicate()


async def _serve(uri: str) -> None:
    parts = urlsplit(uri)
    asked = parse_qs(parts.query)
    socket = f"{asked['host'][0]}/.s.PGSQL.{asked.get('port', ['5432'])[0]}"

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_unix_connection(socket)
        await asyncio.gather(_pump(reader, forth), _pump(back, writer), return_exceptions=True)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    credentials = parts.netloc.rpartition("@")[0]
    address = parts._replace(netloc=f"{credentials}@127.0.0.1:{port}", query="sslmode=disable")
    sys.stdout.write(address.geturl() + "\n")
    sys.stdout.flush()
    await server.serve_forever()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
