"""Uploading files, as tests do it."""

import time
from typing import Any

import httpx2

SECONDS = 60


def upload(
    http: httpx2.Client, folder_id: str, data: bytes, file_name: str = "notes.txt", **query: Any
) -> dict[str, Any]:
    """Uploads a file and returns what is answered, before it is read."""
    files = {"file": (file_name, data, "application/octet-stream")}
    answer = http.post(f"/v1/folders/{folder_id}/upload", files=files, params=query)
    return dict(answer.raise_for_status().json())


def settled(http: httpx2.Client, folder_id: str, file_id: str) -> dict[str, Any]:
    """The file, once nothing is done with it any more."""
    give_up = time.monotonic() + SECONDS
    while True:
        file: dict[str, Any] = http.get(f"/v1/folders/{folder_id}/files/{file_id}").raise_for_status().json()
        if file["processing_status"] in {"completed", "error"} or time.monotonic() > give_up:
            return file
        time.sleep(0.05)


def uploaded(http: httpx2.Client, folder_id: str, text: str, name: str = "notes.txt") -> str:
    """Uploads a text and returns the file's id, once it has been read."""
    file_id = str(upload(http, folder_id, text.encode(), name)["id"])
    assert settled(http, folder_id, file_id)["processing_status"] == "completed"
    return file_id
