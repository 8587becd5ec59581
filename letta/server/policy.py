"""When the server must not start: each refusal is one sentence that names the setting and the remedy."""

import ipaddress
from pathlib import Path

from letta.errors import ConfigurationError
from letta.settings import Settings

_RESERVED_PORTS = {18012, 18013, 19099}


def check_settings(settings: Settings) -> None:
    """Refuse a configuration that can't serve, or that would expose or lose data.

    Raises:
        ConfigurationError: naming the setting and the remedy.
    """
    if settings.render and settings.bind_port in _RESERVED_PORTS:
        raise ConfigurationError(f"Port {settings.bind_port} is reserved by Render. Set PORT to another port.")
    if settings.server_password is not None:
        return
    if settings.server_secure and (settings.render or not is_loopback(settings.bind_host)):
        raise ConfigurationError(
            "A password is required (--secure or LETTA_SERVER_SECURE), but LETTA_SERVER_PASSWORD is not set. Set it "
            "to a long random text."
        )
    if not is_loopback(settings.bind_host) and not settings.allow_no_password:
        where = (
            "on Render: under Environment"
            if settings.render
            else "docker run -e LETTA_SERVER_PASSWORD=<a long random text> …"
        )
        raise ConfigurationError(
            f"Without a password the server won't listen on {settings.bind_host}, where others can reach it. Set "
            f"LETTA_SERVER_PASSWORD ({where}), or "
            "LETTA_ALLOW_NO_PASSWORD=true if anybody may read and change everything."
        )


def check_embedded(settings: Settings, data_directory: Path) -> None:
    """Refuse the embedded database where it would not outlive the container.

    Raises:
        ConfigurationError: naming the setting and the remedy.
    """
    if settings.render:
        raise ConfigurationError(
            "LETTA_PG_URI is not set. Render erases the disk at every deploy, so a database on it would be lost. Set "
            "LETTA_PG_URI to the connection string of your Postgres (Supabase: Connect > Session pooler)."
        )
    if settings.in_container and not is_on_a_mount(data_directory):
        raise ConfigurationError(
            f"No database is configured, and {data_directory} is not on a volume, so all data would be lost with the "
            "container. Add a volume (docker run -v letta-data:/var/lib/letta …), or set LETTA_PG_URI."
        )


def check_encryption_key(settings: Settings) -> None:
    """Refuse to keep secrets in clear where they would lie on somebody else's disks.

    Raises:
        ConfigurationError: naming the setting and the remedy.
    """
    if settings.encryption_key is None and settings.render:
        raise ConfigurationError(
            "LETTA_ENCRYPTION_KEY is not set, so secrets would be stored unencrypted. Set it to a long random text, "
            "and keep a copy: without it, stored secrets can't be read again."
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server bound to this address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_on_a_mount(directory: Path) -> bool:
    """Whether a directory, or one above it other than the root, is a mount point that isn't kept in memory."""
    directory = directory.absolute()
    mounts = _mounts()
    for candidate in (directory, *directory.parents[:-1]):
        if (kind := mounts.get(str(candidate))) is not None:
            return kind not in {"tmpfs", "ramfs", "overlay"}
    return False


def _mounts() -> dict[str, str]:
    """File system types by mount point, from /proc/self/mounts (see proc(5))."""
    try:
        lines = Path("/proc/self/mounts").read_text().splitlines()
    except OSError:
        return {}
    fields = [line.split() for line in lines]
    return {field[1].replace("\\040", " "): field[2] for field in fields}
