"""The tools that look at the web: what the model is told of each."""

from letta.tools.builtin import BuiltinTool, integer, parameters, text

_BUILTIN = "letta_builtin"
_STRINGS = {"type": "array", "items": {"type": "string"}}

WEB_TOOLS: tuple[BuiltinTool, ...] = (
    BuiltinTool(
        "web_search",
        _BUILTIN,
        "Search the web. Returns titles, addresses and short passages, or whole texts if asked.",
        parameters(
            ["query"],
            query=text("What to look for, in plain words."),
            num_results=integer("Most results to return (10 unless given)."),
            category=text("Only results of a kind, such as news, research paper or company."),
            include_text={"type": "boolean", "description": "Whether to return the text of each page."},
            include_domains=_STRINGS | {"description": "Only pages of these sites."},
            exclude_domains=_STRINGS | {"description": "No pages of these sites."},
            start_published_date=text("Only pages published from this date on, such as 2025-01-31."),
            end_published_date=text("Only pages published until this date."),
            user_location=text("Country of the user, as a two-letter code."),
        ),
    ),
    BuiltinTool(
        "fetch_webpage",
        _BUILTIN,
        "Read a page of the web as Markdown.",
        parameters(["url"], url=text("Address of the page, beginning with https://.")),
    ),
)
