"""Password and encryption key."""

from letta.doctor.check import Verdict, fail, ok, warn
from letta.doctor.context import DoctorContext
from letta.doctor.database import Visit
from letta.server import facts_repository
from letta.server.policy import is_loopback

_GENERATE = "openssl rand -hex 32"


def password(context: DoctorContext) -> Verdict:
    """Whether strangers can use the server."""
    if context.has_password:
        return ok("Every request needs LETTA_SERVER_PASSWORD or an API key.")
    if is_loopback(context.bind_host):
        return ok(f"None, and none is needed: only this machine can reach {context.bind_host}.")
    finding = f"No password: anybody who can reach {context.bind_host} may read and change everything."
    if context.allows_no_password:
        return warn(finding, "Set LETTA_SERVER_PASSWORD and remove LETTA_ALLOW_NO_PASSWORD.")
    return fail(finding, f"Set LETTA_SERVER_PASSWORD, for example to the output of `{_GENERATE}`.")


def encryption_key(visit: Visit) -> Verdict:
    """Whether secrets are encrypted, with the key that the database knows."""
    return _judge_key(visit.context, facts_repository.known_fingerprint(visit.connection))


def encryption_key_alone(context: DoctorContext) -> Verdict:
    """Whether there is a key, when the database can't be asked."""
    return _judge_key(context, None)


def _judge_key(context: DoctorContext, stored: str | None) -> Verdict:
    if context.key_problem is not None:
        finding, _, remedy = context.key_problem.partition(". ")
        return fail(f"{finding}.", remedy)
    if context.key_fingerprint is None and context.key_is_made:
        if stored:
            return fail(
                "The key of the embedded database is missing, and its secrets were encrypted with that key.",
                "Restore the file encryption-key, or set LETTA_ENCRYPTION_KEY to that key; If the key is lost, run "
                "`letta reset-encryption-key`.",
            )
        return ok("None yet; the server creates one for the embedded database at its first start.")
    if context.key_fingerprint is None:
        finding = "LETTA_ENCRYPTION_KEY is not set"
        if stored:
            return fail(
                f"{finding}, but the database's secrets were encrypted with a key.", "Set it to the key used before."
            )
        return fail(
            f"{finding}: secrets are stored unencrypted.", f"Set it to the output of `{_GENERATE}`, and keep a copy."
        )
    if stored and stored != context.key_fingerprint:
        return fail(
            "The database's secrets were encrypted with another key.",
            "Set LETTA_ENCRYPTION_KEY to the key used before; nothing is lost. If that is lost: `letta "
            "reset-encryption-key`.",
        )
    return ok(f"Set, fingerprint {context.key_fingerprint}" + (", as in the database." if stored else "."))
