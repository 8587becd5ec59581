"""Reading a page of the web."""

import asyncio

import httpx2

from letta.errors import LettaError
from letta.memory_tools.errors import ToolError
from letta.outgoing import egress

_MOST_BYTES = 5 * 1024 * 1024
_SECONDS = 30.0
_REDIRECTS = 5
_TEXT_TYPES = ("text/", "application/json", "application/xml", "application/xhtml")


async def fetch_webpage(url: str) -> str:
    """The page as Markdown.

    Raises:
        ToolError: the address may not be asked, doesn't answer, or holds no text.
    """
    try:
        answer = await egress.request("GET", url, seconds=_SECONDS, max_bytes=_MOST_BYTES, redirects=_REDIRECTS)
    except LettaError as error:
        raise ToolError(error.detail) from error
    except httpx2.InvalidURL as error:  # to which a page leads on
        raise ToolError(f"The page redirects to an invalid URL ({error}).") from error
    if answer.status >= 400:
        raise ToolError(f"The page returned status {answer.status}. Check the address.")
    kind = answer.headers.get("content-type", "text/html")
    if not kind.startswith(_TEXT_TYPES):
        raise ToolError(f"The address does not lead to text but to {kind.partition(';')[0]}.")
    if "html" not in kind:
        return answer.body.decode(errors="replace")
    try:
        return await asyncio.to_thread(_markdown, answer.body)  # a large page takes seconds
    except RecursionError:
        raise ToolError("The page is nested too deeply to be read.") from None


def _markdown(page: bytes) -> str:
    from bs4 import BeautifulSoup
    from markdownify import MarkdownConverter

    soup = BeautifulSoup(page, "html.parser")
    for tag in soup(["script", "style", "noscript", "template", "svg", "nav", "footer"]):
        tag.decompose()
    body = soup.find("main") or soup.find("article") or soup.body or soup
    text: str = MarkdownConverter(heading_style="ATX").convert_soup(body)
    lines = [line.rstrip() for line in text.splitlines()]
    kept = [line for number, line in enumerate(lines) if line or (number and lines[number - 1])]
    return "\n".join(kept).strip()
