"""Whether everything survives the loss of the process and of LETTA_DIR: the parts of `test_persistence.py`.

- `things`: what is written through the official client, and read again after the restart
- `database`: where it is stored meanwhile, and how no trace of it remains
- `watch`: what the server writes outside LETTA_DIR and the database
- `restart`: the course of events
"""


class CheckFailedError(Exception):
    """A check failed. The message says what is wrong and, where somebody can do something about it, what."""
