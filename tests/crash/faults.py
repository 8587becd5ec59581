"""What is broken, each for a moment, at a moment that nobody chose."""

import random
import signal
import time
from collections.abc import Callable

from tests.crash.world import World

Fault = Callable[[World, random.Random], None]

_STATEMENTS = ("jsonb_populate_recordset", "context_messages", "UPDATE", "COMMIT", "BEGIN", "run_events", "blocks")


def kill_a_server(world: World, chance: random.Random) -> None:
    """As when the host takes the memory away."""
    server = chance.choice(world.servers)
    server.kill()
    time.sleep(chance.uniform(0, 1))
    server.start()


def kill_both_servers(world: World, chance: random.Random) -> None:
    """So that nobody is there to take over."""
    for server in world.servers:
        server.kill()
    time.sleep(chance.uniform(0, 0.5))
    for server in world.servers:
        server.start(wait=False)
    for server in world.servers:
        server.wait_healthy()


def stop_a_server(world: World, chance: random.Random) -> None:
    """As every deploy does."""
    server = chance.choice(world.servers)
    if server.terminate() != 0:
        raise RuntimeError("the server did not end with exit code 0")
    server.start()


def terminate_backends(world: World, chance: random.Random) -> None:
    """As an administrator, or a pooler that is restarted, does."""
    for _ in range(chance.randint(1, 3)):
        world.terminate_backends()
        time.sleep(chance.uniform(0, 0.1))


def restart_postgres(world: World, chance: random.Random) -> None:
    """Maintenance."""
    with world.without_postgres():
        time.sleep(chance.uniform(0, 1))


def crash_postgres(world: World, chance: random.Random) -> None:
    """No word to anybody; what was committed comes back from the log."""
    with world.without_postgres(signal.SIGQUIT):
        time.sleep(chance.uniform(0, 1))


def cut_the_network(world: World, chance: random.Random) -> None:
    """Every connection breaks and none can be made."""
    with world.wire.outage():
        time.sleep(chance.uniform(0, 1.5))


def stall_the_network(world: World, chance: random.Random) -> None:
    """Nothing breaks and nothing arrives, for less or more than a lease."""
    world.wire.stall()
    time.sleep(chance.uniform(0.2, 4))
    world.wire.resume()


def slow_the_network(world: World, chance: random.Random) -> None:
    """A database far away."""
    world.wire.delay = chance.uniform(0.02, 0.2)
    time.sleep(chance.uniform(1, 3))
    world.wire.delay = 0


def lose_a_statement(world: World, chance: random.Random) -> None:
    """A connection breaks before a statement arrives, or before its answer does: nobody can tell which."""
    for _ in range(chance.randint(1, 4)):
        world.wire.cut_at(chance.choice(_STATEMENTS), chance.choice(("before", "after")))
        time.sleep(chance.uniform(0, 0.3))


FAULTS: tuple[Fault, ...] = (
    kill_a_server,
    kill_a_server,
    kill_both_servers,
    stop_a_server,
    terminate_backends,
    restart_postgres,
    crash_postgres,
    cut_the_network,
    stall_the_network,
    slow_the_network,
    lose_a_statement,
    lose_a_statement,
)
