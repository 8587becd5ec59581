"""What is broken, each for a moment, at a moment that nobody chose.

Servers that were ended are started again, but not waited for: the clients have the other one.
"""

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack

from tests.crash.world import LEASE_SECONDS, World

Fault = Callable[[World, random.Random], None]

_STATEMENTS = (
    "jsonb_populate_recordset",
    "context_messages",
    "UPDATE",
    "COMMIT",
    "BEGIN",
    "run_events",
    "blocks",
    "passages",
)


def kill_a_server(world: World, chance: random.Random) -> None:
    """A server is killed, as when the host takes its memory away."""
    server = chance.choice(world.servers)
    server.kill()
    time.sleep(chance.uniform(0, 1))
    server.start(wait=False)


def kill_both_servers(world: World, chance: random.Random) -> None:
    """Both servers are killed at once, so that nobody is there to take over."""
    for server in world.servers:
        server.kill()
    time.sleep(chance.uniform(0, 0.5))
    for server in world.servers:
        server.start(wait=False)


def stop_a_server(world: World, chance: random.Random) -> None:
    """A server gets SIGTERM, as in every deploy."""
    server = chance.choice(world.servers)
    if server.terminate() != 0:
        raise RuntimeError("the server did not end with exit code 0")
    server.start(wait=False)


def freeze_a_server(world: World, chance: random.Random) -> None:
    """A server is halted for less or more than a lease, and then goes on as if nothing had happened."""
    server = chance.choice(world.servers)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        time.sleep(chance.uniform(0.5, 2 * LEASE_SECONDS))
    finally:
        os.kill(server.pid, signal.SIGCONT)


def terminate_backends(world: World, chance: random.Random) -> None:
    """All connections are ended by Postgres, as an administrator does."""
    for _ in range(chance.randint(1, 3)):
        world.terminate_backends()
        time.sleep(chance.uniform(0, 0.1))


def restart_postgres(world: World, chance: random.Random) -> None:
    """Postgres is restarted, as for maintenance."""
    with world.without_postgres():
        time.sleep(chance.uniform(0, 1))


def crash_postgres(world: World, chance: random.Random) -> None:
    """Postgres crashes; what was committed comes back from its log."""
    with world.without_postgres(signal.SIGQUIT):
        time.sleep(chance.uniform(0, 1))


def drop_the_pooler(world: World, chance: random.Random) -> None:
    """The pooler goes, politely or not, and comes back."""
    if world.pooler is None:
        raise RuntimeError("there is no pooler in this world")
    world.pooler.stop(chance.choice((signal.SIGTERM, signal.SIGKILL)))
    time.sleep(chance.uniform(0, 1.5))
    world.pooler.start()


def cut_the_network(world: World, chance: random.Random) -> None:
    """Every connection to the database breaks, and none can be made."""
    with ExitStack() as stack:
        for wire in world.wires:
            stack.enter_context(wire.outage())
        time.sleep(chance.uniform(0, 1.5))


def cut_one_server_off(world: World, chance: random.Random) -> None:
    """One server loses the database, longer than a lease perhaps, while the other one works."""
    with chance.choice(world.wires).outage():
        time.sleep(chance.uniform(0.5, 1.5 * LEASE_SECONDS))


def stall_the_network(world: World, chance: random.Random) -> None:
    """No connection to the database breaks and nothing arrives, for less or more than a lease."""
    wires = chance.choice((world.wires, world.wires[:1], world.wires[1:]))
    for wire in wires:
        wire.stall()
    time.sleep(chance.uniform(0.2, 2 * LEASE_SECONDS))
    for wire in wires:
        wire.resume()


def slow_the_network(world: World, chance: random.Random) -> None:
    """The database is far away."""
    for wire in world.wires:
        wire.delay = chance.uniform(0.02, 0.2)
    time.sleep(chance.uniform(1, 3))
    for wire in world.wires:
        wire.delay = 0


def lose_a_statement(world: World, chance: random.Random) -> None:
    """A connection breaks before a statement arrives, or before its answer does: nobody can tell which."""
    for _ in range(chance.randint(1, 4)):
        wire = chance.choice(world.wires)
        wire.cut_at(chance.choice(_STATEMENTS), chance.choice(("before", "after")))
        time.sleep(chance.uniform(0, 0.3))


def cut_clients_off(world: World, chance: random.Random) -> None:
    """The connections of all clients break in the middle of what they asked for."""
    for _ in range(chance.randint(1, 4)):
        world.front.cut()
        time.sleep(chance.uniform(0, 0.4))


FAULTS: tuple[Fault, ...] = (
    kill_a_server,
    kill_a_server,
    kill_both_servers,
    stop_a_server,
    freeze_a_server,
    terminate_backends,
    restart_postgres,
    crash_postgres,
    drop_the_pooler,
    cut_the_network,
    cut_one_server_off,
    stall_the_network,
    slow_the_network,
    lose_a_statement,
    lose_a_statement,
    cut_clients_off,
)
"""What is done equally often; some of it stands here twice."""
