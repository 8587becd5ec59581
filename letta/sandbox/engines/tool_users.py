"""User ids that tools run as where the server is root. Servers of one machine share none: each ends all of a tool's
processes by their user.
"""

import os
import socket
from dataclasses import dataclass

AT_ONCE = 8
"""How many user ids are taken: one for each tool that a server runs at the same time."""

FIRST_USER = 61000
"""From here on, ids belong to nobody."""

BEYOND_LAST = 61184
"""From here on, systemd gives ids to services."""


@dataclass(frozen=True)
class ToolUsers:
    """A range of `AT_ONCE` user ids, which is ours as long as some process has the mark open.

    Args:
        first: of the ids.
        mark: whoever runs something as these users keeps it open.
    """

    first: int
    mark: socket.socket

    @classmethod
    def claim(cls) -> "ToolUsers":
        """Take a range that is free. A server that isn't root runs nothing as another user: it gets a mark of nothing.

        Raises:
            OSError: other servers have all of them.
        """
        mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        if os.geteuid() != 0:
            return cls(FIRST_USER, mark)
        for first in range(FIRST_USER, BEYOND_LAST - AT_ONCE + 1, AT_ONCE):
            try:
                mark.bind(f"\0letta-tool-users-{first}")  # a name that the kernel forgets with the last who has it open
            except OSError:
                continue
            return cls(first, mark)
        mark.close()
        raise OSError(
            f"all user ids from {FIRST_USER} to {BEYOND_LAST - 1} are in use by other servers on this machine"
        )
