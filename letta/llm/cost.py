"""What calls of models cost, by the list prices that come with the package genai-prices; no net is needed."""

from datetime import datetime

from letta.llm.usage import Usage

_PRICE_LISTS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google_ai": "google",
    "azure": "azure",
    "openrouter": "openrouter",
    "groq": "groq",
    "together": "together",
    "deepseek": "deepseek",
    "xai": "x-ai",
    "fireworks": "fireworks",
    "zai": "zai",
    "minimax": "minimax",
    "baseten": "baseten",
}
"""Our names of providers in the package's words. What runs on one's own machines has no price."""


def cost_usd(provider: str, model: str, usage: Usage, *, at: datetime | None = None) -> float | None:
    """The price of one call in US dollars at the provider's list price; None where that isn't known.

    The first call loads the prices, which takes about a quarter of a second and 15 MB: call it in a thread.

    Args:
        provider: its name in the API, such as ``google_ai``.
        at: when the call was made, as prices change; now by default.
    """
    price_list = _PRICE_LISTS.get(provider)
    if price_list is None:
        return None
    from genai_prices import Usage as Counted
    from genai_prices import calc_price

    counted = Counted(
        input_tokens=usage.prompt_tokens,
        cache_read_tokens=usage.cached_input_tokens or 0,
        cache_write_tokens=usage.cache_write_tokens or 0,
        output_tokens=usage.completion_tokens,
    )
    try:
        priced = calc_price(counted, model, provider_id=price_list, genai_request_timestamp=at)
    except LookupError:
        return None
    return float(priced.total_price)
