"""Images in messages: those that are only known where they are get fetched before the message is stored.

Providers differ in whether they fetch images, and what an address shows may change or go. Data URLs are taken apart.
"""

import base64
import binascii
import re
from collections.abc import Sequence

from letta.errors import InvalidArgumentError
from letta.messages.schemas import ContentPart, ImageContent, ImageSource, InputMessage, MessageCreate
from letta.outgoing import egress

MOST_BYTES = 20 * 1024 * 1024
"""Size that the images of one request may have together."""

_SECONDS = 20.0
_REDIRECTS = 3
_DATA_URL = re.compile(r"data:(?P<media_type>[^;,]+);base64,(?P<data>.*)", re.DOTALL)
_BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


async def with_images(messages: Sequence[InputMessage]) -> list[InputMessage]:
    """The messages with all images in them.

    Raises:
        InvalidArgumentError: an address may not be asked, or holds no image that models can see, or too large ones.
        EgressError: an address can't be reached.
    """
    if not any(_lacks_images(message) for message in messages):
        return list(messages)
    fetching = _Fetching()
    return [await fetching.complete(message) if _lacks_images(message) else message for message in messages]


def parse_data_url(url: str) -> tuple[str, str] | None:
    """Media type and base64 data of a data URL; None if it is another URL."""
    found = _DATA_URL.fullmatch(url)
    return (found["media_type"], found["data"]) if found else None


def _lacks_images(message: InputMessage) -> bool:
    return (
        isinstance(message, MessageCreate)
        and isinstance(message.content, list)
        and any(isinstance(part, ImageContent) and part.source.type == "url" for part in message.content)
    )


class _Fetching:
    """One request's images, which have a common limit of size."""

    def __init__(self) -> None:
        self._left = MOST_BYTES

    async def complete(self, message: InputMessage) -> InputMessage:
        if not isinstance(message, MessageCreate) or isinstance(message.content, str):
            return message
        parts: list[ContentPart] = [await self._completed(part) for part in message.content]
        return message.model_copy(update={"content": parts})

    async def _completed(self, part: ContentPart) -> ContentPart:
        if not isinstance(part, ImageContent) or part.source.type != "url":
            return part
        url = part.source.url or ""
        data = _decoded(url) or await self._fetched(url)
        self._left -= len(data)
        if self._left < 0:
            raise InvalidArgumentError(
                f"The images of the request exceed {MOST_BYTES // 1024**2} MB. Send fewer or smaller ones."
            )
        encoded = base64.b64encode(data).decode()
        source = ImageSource(type="base64", media_type=_media_type(data, url), data=encoded, detail=part.source.detail)
        return ImageContent(type="image", source=source)

    async def _fetched(self, url: str) -> bytes:
        answer = await egress.request("GET", url, seconds=_SECONDS, max_bytes=self._left, redirects=_REDIRECTS)
        if answer.status >= 400:
            raise InvalidArgumentError(
                f"The image could not be downloaded: {url[:200]} returned status {answer.status}. Check the address, "
                "or send the image itself as base64 data."
            )
        return answer.body


def _decoded(url: str) -> bytes | None:
    parsed = parse_data_url(url)
    if parsed is None:
        return None
    try:
        return base64.b64decode(parsed[1], validate=True)
    except (binascii.Error, ValueError):
        raise InvalidArgumentError(
            "The data URL of an image does not contain valid base64. Encode the image again."
        ) from None


def _media_type(data: bytes, url: str) -> str:
    """What the image is by its own beginning: what servers tell isn't always right."""
    for beginning, media_type in _BEGINNINGS.items():
        if data.startswith(beginning):
            return media_type
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    raise InvalidArgumentError(
        f"{url[:200]} is not an image that models can read. Use the address of a PNG, JPEG, GIF or WebP file."
    )
