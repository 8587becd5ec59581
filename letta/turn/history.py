"""Making a history acceptable to providers, whatever interrupted it.

Providers refuse a call without its return, a return without its call, calls that have one id, and messages that say
nothing. What is missing is made up for the request only; the stored history stays as it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from letta.json_types import JsonObject
from letta.messages.message import Message

INTERRUPTED = "The call was interrupted before its result was stored; it may have taken effect."
UNDECIDED = "Nobody decided about the call, so it was not carried out."


def repair(messages: Iterable[Message]) -> list[Message]:
    """The messages with every call answered right after it, once, and no other returns."""
    repaired = _Repaired()
    for message in messages:  # all of a context, in every step
        if message.role == "tool":
            repaired.add_returns(message)
        elif message.role == "approval" and message.approvals is not None:
            repaired.decided = True  # to the model, the returns of the calls tell the rest of it
        elif not _says_nothing(message):
            repaired.add(message)
    repaired.close()
    return repaired.messages


class _Repaired:
    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.decided = True
        self._open: dict[str, JsonObject] = {}
        self._ids: dict[str, int] = {}

    def add(self, message: Message) -> None:
        joins = message.role == "approval" and self._belongs_to_last(message)
        if self._open and not joins:
            self.close()
        if message.tool_calls:
            message = self._opened(message, message.tool_calls)
        if joins:
            self.messages[-1] = _joined(self.messages[-1], message)
        else:
            self.messages.append(message)

    def add_returns(self, message: Message) -> None:
        """Keep those returns that answer open calls. Several rows may answer the calls of one message."""
        returns = []
        for returned in message.tool_returns or ():
            call = self._open.pop(returned["tool_call_id"], None)
            if call is not None:
                known = call["id"] == returned["tool_call_id"]
                returns.append(returned if known else returned | {"tool_call_id": call["id"]})
        if returns:
            self.messages.append(replace(message, tool_returns=returns))

    def _opened(self, message: Message, calls: Sequence[JsonObject]) -> Message:
        """The message, whose calls are open from now on. None of them is there twice, or has the id of another one."""
        opened = []
        for call in calls:
            if call["id"] not in self._open:
                self._open[call["id"]] = named = self._named(call)
                opened.append(named)
        self.decided = message.role != "approval"
        return message if opened == calls else replace(message, tool_calls=opened)

    def _named(self, call: JsonObject) -> JsonObject:
        """The call. Some models count their calls from the beginning in each answer; others refuse such a history."""
        name = call_id = call["id"]
        while name in self._ids:
            self._ids[call_id] += 1
            name = f"{call_id}-{self._ids[call_id]}"
        self._ids[name] = 1
        return call if name == call_id else call | {"id": name}

    def close(self) -> None:
        """Answer the calls that nothing else has answered."""
        if not self._open:
            return
        text = INTERRUPTED if self.decided else UNDECIDED
        made_up = [_made_up_return(call, text) for call in self._open.values()]
        last = self.messages[-1]
        self.messages.append(
            Message("tool", last.agent_id, last.conversation_id, tool_returns=made_up, created_at=last.created_at)
        )
        self._open.clear()

    def _belongs_to_last(self, message: Message) -> bool:
        """A request for approval may follow a row with what else the model said; to a provider they are one.

        Imported messages have no steps any more, but follow each other likewise.
        """
        return bool(
            self.messages and self.messages[-1].role == "assistant" and self.messages[-1].step_id == message.step_id
        )


def _says_nothing(message: Message) -> bool:
    if message.tool_calls or message.role == "system":
        return False
    # Not any(…): this loop runs over the whole context in every step.
    for part in message.content:  # noqa: SIM110
        if part["type"] != "text" or part["text"].strip():
            return False
    return True


def _joined(first: Message, second: Message) -> Message:
    calls = [*(first.tool_calls or ()), *(second.tool_calls or ())]
    return replace(first, content=[*first.content, *second.content], tool_calls=calls)


def _made_up_return(call: JsonObject, text: str) -> JsonObject:
    return {
        "tool_call_id": call["id"],
        "name": call["name"],
        "status": "error",
        "tool_return": text,
        "stdout": None,
        "stderr": None,
    }
