"""The encryption key beside the embedded database, for installations that configure none."""

import secrets

from letta.database.embedded.errors import DataDirectoryError
from letta.database.embedded.files import sync_directory, write_private
from letta.database.embedded.layout import Layout


def read_key(layout: Layout) -> str | None:
    """The key, or None if there is none.

    Raises:
        DataDirectoryError: its file is empty.
    """
    try:
        key = layout.key_file.read_text().strip()
    except FileNotFoundError:
        return None
    if not key:
        raise DataDirectoryError(f"The encryption key's file is empty. {_remedy(layout)}")
    return key


def ensure_key(layout: Layout, *, one_is_known: bool) -> str:
    """The key; made when there is none yet. To be used under the lock of `users.locked` only.

    Args:
        layout: where it is.
        one_is_known: whether the database's secrets have been written with a key.

    Raises:
        DataDirectoryError: there is no key, although the database knows one. Nothing is made then.
    """
    key = read_key(layout)
    if key is not None:
        return key
    if one_is_known:
        raise DataDirectoryError(f"The encryption key of this database's secrets is missing. {_remedy(layout)}")
    return make_key(layout)


def make_key(layout: Layout) -> str:
    """A new key, in place of the one that may be there. To be used under the lock as well."""
    key = secrets.token_urlsafe(32)
    write_private(layout.key_file, key)
    return key


def propose_key(layout: Layout) -> str:
    """The key to go on with, kept beside the one in force; the same until it is adopted. To be used under the lock."""
    try:
        proposed = layout.next_key_file.read_text().strip()
    except FileNotFoundError:
        proposed = ""
    if not proposed:
        proposed = secrets.token_urlsafe(32)
        write_private(layout.next_key_file, proposed)
    return proposed


def adopt_key(layout: Layout) -> None:
    """Put the proposed key in the place of the one in force. To be used under the lock."""
    if layout.next_key_file.exists():
        layout.next_key_file.replace(layout.key_file)
        sync_directory(layout.data_directory)


def _remedy(layout: Layout) -> str:
    return (
        f"Restore {layout.key_file} from a backup, or set LETTA_ENCRYPTION_KEY to that key. If it is lost, run "
        "`letta reset-encryption-key`. Nothing was changed."
    )
