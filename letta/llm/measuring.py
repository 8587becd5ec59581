"""What calls of models come to, for the server's figures and traces."""

import time

from letta.llm.usage import Usage
from letta.telemetry import metrics, tracing

_OK = "ok"
_BROKEN_OFF = "broken_off"
"""Where nobody waited for the end any more, such as after a cancelled turn."""


class ModelCall:
    """One call of a chat model, from its beginning until `end`."""

    def __init__(self, provider: str, model: str, *, streamed: bool) -> None:
        self._provider, self._model = provider, model
        self._outcome = _BROKEN_OFF
        self._began = time.perf_counter()
        self._span = tracing.begin_model_call(provider, model, streamed=streamed)

    def answered(self, usage: Usage) -> None:
        """The whole answer is there."""
        self._outcome = _OK
        counts = {
            "input": usage.prompt_tokens,
            "output": usage.completion_tokens,
            "cached_input": usage.cached_input_tokens,
            "reasoning": usage.reasoning_tokens,
        }
        for kind, tokens in counts.items():
            if tokens:
                metrics.model_tokens.add(self._provider, self._model, kind, amount=tokens)
        if self._span is not None:
            tracing.note(self._span, {f"gen_ai.usage.{kind}_tokens": tokens or 0 for kind, tokens in counts.items()})

    def failed(self, kind: str) -> None:
        """The provider didn't answer, or not as it should."""
        self._outcome = kind

    def end(self) -> None:
        """The call is over, however it ended."""
        metrics.model_calls.add(self._provider, self._model, self._outcome)
        metrics.model_call_seconds.observe(time.perf_counter() - self._began, self._provider, self._model)
        tracing.end_model_call(self._span, None if self._outcome in {_OK, _BROKEN_OFF} else self._outcome)
