"""Files as the rest of the server knows them."""

from dataclasses import dataclass
from datetime import datetime

PARSING, EMBEDDING, COMPLETED, FAILED = "parsing", "embedding", "completed", "error"
"""What is going on with a file: its text is being read; its passages get their vectors; all is done; it can't be."""


@dataclass(slots=True)
class File:
    """A file of a folder.

    Attributes:
        content: its text, where that was asked for and is known.
        total_chunks: into how many passages it was cut.
        chunks_embedded: how many of them have a vector.
    """

    id: str
    organization_id: str
    folder_id: str
    file_name: str
    original_file_name: str | None = None
    file_type: str | None = None
    file_size: int | None = None
    processing_status: str = PARSING
    error_message: str | None = None
    total_chunks: int | None = None
    chunks_embedded: int | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    content: str | None = None


@dataclass(slots=True)
class AttachedFile:
    """A file as an agent has it.

    Attributes:
        visible_content: what the agent sees of it; None where it is closed.
        start_line: of a view that isn't the file's beginning, the first line, counted from 0.
        end_line: the line behind its last one.
    """

    id: str
    agent_id: str
    file_id: str
    folder_id: str
    folder_name: str
    own_name: str
    file_type: str | None
    line_count: int | None
    is_open: bool = False
    last_accessed_at: datetime | None = None
    visible_content: str | None = None
    start_line: int | None = None
    end_line: int | None = None

    @property
    def file_name(self) -> str:
        """The name by which agents know it."""
        return f"{self.folder_name}/{self.own_name}"
