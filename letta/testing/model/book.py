"""Which reply belongs to a request: decided by what the request says, so that any number of agents may ask at once."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock

from letta.testing.model.script import SUMMARY_TEXT, Failure, Reply, Scenario

_MARKER = re.compile(r"\[\[script:([A-Za-z0-9_-]+)\]\]")
_DEFAULT_KEY = "default"


def marker(key: str) -> str:
    """The text that, somewhere in a user message, asks for the script registered under the key."""
    return f"[[script:{key}]]"


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a request: `role` is user, assistant, or anything else for what never decides."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The reply chosen for a request, and the script and step it comes from."""

    key: str
    step: int
    reply: Reply


class ScriptBook:
    """The registered scripts. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.reset()

    def reset(self) -> None:
        with self._lock:
            self._scenarios: dict[str, Scenario] = {}
            self._default = Reply()
            self._summary = Reply(text=SUMMARY_TEXT)
            self._broken_paths: dict[str, Failure] = {}
            self._failed: Counter[tuple[str, int]] = Counter()

    def register(self, key: str, scenario: Scenario) -> None:
        with self._lock:
            self._scenarios[key] = scenario

    def set_default(self, reply: Reply) -> None:
        """The reply to requests without a script, and behind the last step of one."""
        with self._lock:
            self._default = reply
            self._failed.pop((_DEFAULT_KEY, 0), None)

    def break_path(self, path: str, failure: Failure | None) -> None:
        """Let every request whose path ends like this fail, whatever the scripts say; None mends it."""
        with self._lock:
            self._failed.pop((path, 0), None)
            if failure is None:
                self._broken_paths.pop(path, None)
            else:
                self._broken_paths[path] = failure

    def choose(self, newest_first: Iterable[Turn], *, offers_tools: bool) -> Choice:
        """The reply to a request with these messages.

        The newest user message with a registered marker names the script; the step is the number of assistant
        messages behind it. A script's tool calls are never given to a request that offers no tools: that is
        a request for a summary which happens to quote the marker.
        """
        with self._lock:
            found = self._find(newest_first)
            if found is None:
                return Choice(_DEFAULT_KEY, 0, self._default if offers_tools else self._summary_or_default())
            key, step = found
            scenario = self._scenarios[key]
            if not offers_tools and scenario.without_tools is not None:
                return Choice(key, -1, scenario.without_tools)
            reply = scenario.steps[step] if step < len(scenario.steps) else self._default
            if reply.calls and not offers_tools:
                reply = self._summary
            return Choice(key, step, reply)

    def failure_due(self, choice: Choice) -> Failure | None:
        """The failure that this request is to meet. Counts it: `Failure.times` is per step of a script."""
        return self._count(choice.reply.error, (choice.key, choice.step))

    def path_failure_due(self, path: str) -> Failure | None:
        for ending, failure in self._broken_paths.copy().items():
            if path.endswith(ending):
                return self._count(failure, (ending, 0))
        return None

    def _summary_or_default(self) -> Reply:
        return self._summary if self._default == Reply() else self._default

    def _find(self, newest_first: Iterable[Turn]) -> tuple[str, int] | None:
        answers = 0
        for turn in newest_first:
            if turn.role == "assistant":
                answers += 1
            elif turn.role == "user":
                keys = [key for key in _MARKER.findall(turn.text) if key in self._scenarios]
                if keys:
                    return keys[-1], answers
        return None

    def _count(self, failure: Failure | None, where: tuple[str, int]) -> Failure | None:
        if failure is None:
            return None
        with self._lock:
            self._failed[where] += 1
            due = failure.times is None or self._failed[where] <= failure.times
        return failure if due else None
