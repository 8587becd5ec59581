"""What a person should know once the server is up."""

import logging
import os

from letta.server.server import SyncServer
from letta.settings.spelling import misspelt

logger = logging.getLogger(__name__)

_SHOWN_MODELS = 5
_NO_MODELS = """No model is configured yet. Set one of these variables and start again:
  OPENAI_API_KEY=…                                    OpenAI
  OPENAI_API_KEY=… OPENAI_BASE_URL=https://…/v1       anything compatible with OpenAI
  OPENROUTER_API_KEY=… | GROQ_API_KEY=… | TOGETHER_API_KEY=… | DEEPSEEK_API_KEY=… | XAI_API_KEY=…
  OLLAMA_BASE_URL=http://localhost:11434/v1           models on this machine"""

_NO_MODELS_YET = (
    "No models are known yet, because no configured provider has responded. The server asks again when needed."
)


def print_summary(server: SyncServer) -> None:
    """Print where the server listens, where data live and which models there are; a line of the log if it is JSON."""
    if server.settings.log_format == "json":
        logger.info(summary(server))
    else:
        print(summary(server), flush=True)  # noqa: T201 - meant for the person who started it


def address(host: str, port: int) -> str:
    """The URL at which a server that listens there is reached from this machine."""
    if host in {"127.0.0.1", "0.0.0.0", "::"}:  # noqa: S104
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def summary(server: SyncServer) -> str:
    """The lines of the summary."""
    settings = server.settings
    url = settings.render_external_url or address(settings.bind_host, settings.bind_port)
    lines = [f"Letta server is up: {url}", f"Data: {server.data_location}", *map(str, server.provider_reports)]
    lines += [f"Ignoring unknown setting {name}. Did you mean {meant}?" for name, meant in misspelt(os.environ)]
    models = [model.handle for model in server.catalog.llms()]
    if not models:
        return "\n".join([*lines, _NO_MODELS_YET if server.catalog.providers() else _NO_MODELS])
    shown = ", ".join(models[:_SHOWN_MODELS]) + (", …" if len(models) > _SHOWN_MODELS else "")
    return "\n".join([*lines, f"Models ({len(models)}): {shown}"])
