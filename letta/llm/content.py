"""Parts of messages, as every adapter reads and makes them."""

import hashlib
import json
import uuid

from letta.json_types import JsonObject
from letta.messages.images import parse_data_url
from letta.messages.message import Message

_DEFAULT_MEDIA_TYPE = "image/png"


def text_part(text: str, signature: str | None = None) -> JsonObject:
    """Something the model says."""
    return {"type": "text", "text": text, "signature": signature}


def reasoning_part(text: str, signature: str | None = None) -> JsonObject:
    """Something the model thinks. The signature proves to its provider that the model really did."""
    return {"type": "reasoning", "is_native": True, "reasoning": text, "signature": signature}


def answer_parts(reasoning: str | None, text: str | None) -> list[JsonObject]:
    """Thoughts and text, where there are any."""
    parts = [reasoning_part(reasoning)] if reasoning else []
    return [*parts, text_part(text)] if text else parts


def thinks(config: JsonObject) -> bool:
    """Whether the agent's model shall think by itself, and not in the arguments of its calls."""
    return bool(config.get("enable_reasoner")) and not config.get("put_inner_thoughts_in_kwargs")


def is_own(message: Message, config: JsonObject) -> bool:
    """Whether the model that is asked gave this message itself: a model can't read another one's hidden thoughts."""
    return message.model is not None and message.model == str(config["model"])


def image_url(source: JsonObject) -> str:
    """Where an image is, or the image itself as a data URL."""
    return source.get("url") or f"data:{source.get('media_type')};base64,{source.get('data')}"


def image_data(source: JsonObject) -> tuple[str, str] | None:
    """Media type and base64 data of an image; None if it is only known where it is."""
    if source.get("data"):
        return source.get("media_type") or _DEFAULT_MEDIA_TYPE, source["data"]
    return parse_data_url(source.get("url") or "")


def new_call_id() -> str:
    """An id for a call that its model gave none."""
    return f"call_{uuid.uuid4().hex[:24]}"


def short_id(call_id: str, limit: int) -> str:
    """A call's id for a provider that takes no longer ones. Different ids stay different, whatever they begin with."""
    return call_id if len(call_id) <= limit else f"call_{hashlib.sha256(call_id.encode()).hexdigest()[:24]}"


def arguments_of(call: JsonObject) -> JsonObject:
    """A call's arguments as an object; empty where the model wrote something else."""
    try:
        arguments = json.loads(call["arguments"])
    except (ValueError, RecursionError):
        return {}
    return arguments if isinstance(arguments, dict) else {}


def tool_envelope(returned: JsonObject, message: Message) -> JsonObject:
    """A tool's return as the model sees it: status, text and time."""
    return {
        "status": "OK" if returned["status"] == "success" else "Failed",
        "message": _return_text(returned["tool_return"]),
        "time": message.created_at.strftime("%Y-%m-%d %I:%M:%S %p %Z%z"),
    }


def envelope_text(returned: JsonObject, message: Message) -> str:
    """The same as JSON text."""
    return json.dumps(tool_envelope(returned, message), ensure_ascii=False, indent=2)


def return_images(returned: JsonObject) -> list[JsonObject]:
    """The sources of the images in a tool's return."""
    value = returned["tool_return"]
    return [part["source"] for part in value if part.get("type") == "image"] if isinstance(value, list) else []


def _return_text(value: str | list[JsonObject] | None) -> str | None:
    if not isinstance(value, list):
        return value
    return "\n".join(part["text"] for part in value if part.get("type") == "text")
