"""Whether there is a model to talk to."""

from letta.doctor.check import Verdict, fail, ok, skip, warn
from letta.doctor.context import DoctorContext
from letta.errors import LettaError

_SHOWN = 5
_SET_ONE = "Set OPENAI_API_KEY, OPENROUTER_API_KEY, OLLAMA_BASE_URL or another provider's variable."


def models(context: DoctorContext) -> Verdict:
    """Which models the configured providers offer."""
    if context.find_models is None:
        return skip("Not checked.")
    try:
        handles = sorted(context.find_models())
    except LettaError as error:
        return fail(error.detail, "Correct the provider's variables.")
    if not handles:
        return warn("No models were found.", _SET_ONE)
    finding = f"{len(handles)} found: {', '.join(handles[:_SHOWN])}{', …' if len(handles) > _SHOWN else ''}"
    if context.default_model and context.default_model not in handles:
        return fail(finding, f"Correct LETTA_DEFAULT_LLM_HANDLE: {context.default_model} is not one of these models.")
    return ok(finding)
