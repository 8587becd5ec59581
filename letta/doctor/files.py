"""Whether the server can write its files."""

import os
import tempfile

from letta.doctor.check import Verdict, fail, ok
from letta.doctor.context import DoctorContext


def letta_dir(context: DoctorContext) -> Verdict:
    """Whether LETTA_DIR exists, or can be made, and takes a file."""
    directory = context.letta_dir
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(b"x")
    except OSError as error:
        return fail(
            f"{directory} can't be written to: {error.strerror}.",
            f"Set LETTA_DIR to a directory that user id {os.geteuid()} may write to, such as /tmp/letta.",
        )
    return ok(f"{directory} can be written to.")
