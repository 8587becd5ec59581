"""Settings of models as the V1 API writes them: one form for each kind of provider.

The defaults of the fields are the API's documented ones. What is stored is the agent's ``llm_config``;
`letta.agents.model_config` translates both ways.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from letta.schema import Schema

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh"]
Effort = Literal["low", "medium", "high", "max"]
Verbosity = Literal["low", "medium", "high"]


MAX_INTEGER = 2**31 - 1
"""Largest number that counts of tokens and the like may have."""


class TextResponseFormat(Schema):
    """Answers are free text."""

    type: Literal["text"] = "text"


class JsonSchemaResponseFormat(Schema):
    """Answers are JSON that obeys a schema."""

    type: Literal["json_schema"] = "json_schema"
    json_schema: dict[str, Any] = Field(description="As defined by OpenAI: name, strict and schema.")


class JsonObjectResponseFormat(Schema):
    """Answers are some JSON object."""

    type: Literal["json_object"] = "json_object"


ResponseFormat = Annotated[
    TextResponseFormat | JsonSchemaResponseFormat | JsonObjectResponseFormat, Field(discriminator="type")
]


class OpenAIReasoning(Schema):
    """How long a model of OpenAI's kind thinks."""

    reasoning_effort: ReasoningEffort = "minimal"


class ChatGPTOAuthReasoning(Schema):
    """How long a model behind a ChatGPT account thinks."""

    reasoning_effort: ReasoningEffort = "medium"


class AnthropicThinking(Schema):
    """Whether and how long a model of Anthropic's kind thinks."""

    type: Literal["enabled", "disabled"] = "enabled"
    budget_tokens: int = Field(1024, ge=0, le=MAX_INTEGER)


class GeminiThinkingConfig(Schema):
    """Whether and how long a model of Google's kind thinks."""

    include_thoughts: bool = True
    thinking_budget: int = Field(1024, ge=-1, le=MAX_INTEGER)


class ZAIThinking(Schema):
    """Whether a model of Z.ai's kind thinks."""

    type: Literal["enabled", "disabled"] = "enabled"
    clear_thinking: bool = False


class _Settings(Schema):
    max_output_tokens: int = Field(
        4096, gt=0, le=MAX_INTEGER, description="Most tokens in one answer. Only applied if sent explicitly."
    )
    parallel_tool_calls: bool = Field(True, description="Whether the model may call several tools at once.")
    temperature: float = Field(0.7, ge=0, le=2)


class _FormattedSettings(_Settings):
    response_format: ResponseFormat | None = None


class OpenAIModelSettings(_FormattedSettings):
    """Settings of models of OpenAI and of everything that is compatible with it."""

    provider_type: Literal["openai"] = "openai"
    reasoning: OpenAIReasoning = Field(default_factory=lambda: OpenAIReasoning(reasoning_effort="high"))
    strict: bool = Field(True, description="Whether tool schemas are enforced by the provider.")


class SGLangModelSettings(_FormattedSettings):
    """Settings of models served by SGLang."""

    provider_type: Literal["sglang"] = "sglang"
    reasoning: OpenAIReasoning = Field(default_factory=lambda: OpenAIReasoning(reasoning_effort="high"))
    strict: bool = True
    tool_call_parser: str | None = None


class AnthropicModelSettings(_FormattedSettings):
    """Settings of Anthropic's models."""

    provider_type: Literal["anthropic"] = "anthropic"
    temperature: float = Field(1.0, ge=0, le=2)
    thinking: AnthropicThinking = Field(default_factory=AnthropicThinking)
    verbosity: Verbosity | None = None
    effort: Effort | None = None
    strict: bool = False


class _GoogleSettings(_Settings):
    max_output_tokens: int = Field(65536, gt=0, le=MAX_INTEGER)
    thinking_config: GeminiThinkingConfig = Field(default_factory=GeminiThinkingConfig)
    response_schema: ResponseFormat | None = None


class GoogleAIModelSettings(_GoogleSettings):
    """Settings of Google's models by API key."""

    provider_type: Literal["google_ai"] = "google_ai"


class GoogleVertexModelSettings(_GoogleSettings):
    """Settings of Google's models on Vertex AI."""

    provider_type: Literal["google_vertex"] = "google_vertex"


class AzureModelSettings(_FormattedSettings):
    """Settings of OpenAI's models on Azure."""

    provider_type: Literal["azure"] = "azure"


class XAIModelSettings(_FormattedSettings):
    """Settings of xAI's models."""

    provider_type: Literal["xai"] = "xai"


class ZAIModelSettings(_FormattedSettings):
    """Settings of Z.ai's models."""

    provider_type: Literal["zai"] = "zai"
    thinking: ZAIThinking = Field(default_factory=ZAIThinking)


class GroqModelSettings(_FormattedSettings):
    """Settings of models on Groq."""

    provider_type: Literal["groq"] = "groq"


class DeepseekModelSettings(_FormattedSettings):
    """Settings of DeepSeek's models."""

    provider_type: Literal["deepseek"] = "deepseek"


class TogetherModelSettings(_FormattedSettings):
    """Settings of models on Together."""

    provider_type: Literal["together"] = "together"


class BedrockModelSettings(_FormattedSettings):
    """Settings of models on Bedrock."""

    provider_type: Literal["bedrock"] = "bedrock"


class BasetenModelSettings(_Settings):
    """Settings of models on Baseten."""

    provider_type: Literal["baseten"] = "baseten"


class OpenRouterModelSettings(_FormattedSettings):
    """Settings of models on OpenRouter."""

    provider_type: Literal["openrouter"] = "openrouter"


class ChatGPTOAuthModelSettings(_Settings):
    """Settings of models behind a ChatGPT account."""

    provider_type: Literal["chatgpt_oauth"] = "chatgpt_oauth"
    reasoning: ChatGPTOAuthReasoning = Field(default_factory=ChatGPTOAuthReasoning)


def _with_provider_type(value: Any) -> Any:
    """Clients may leave the kind out where it is the default one."""
    return {"provider_type": "openai", **value} if isinstance(value, dict) else value


ModelSettings = Annotated[
    Annotated[
        OpenAIModelSettings
        | SGLangModelSettings
        | AnthropicModelSettings
        | GoogleAIModelSettings
        | GoogleVertexModelSettings
        | AzureModelSettings
        | XAIModelSettings
        | ZAIModelSettings
        | GroqModelSettings
        | DeepseekModelSettings
        | TogetherModelSettings
        | BedrockModelSettings
        | BasetenModelSettings
        | OpenRouterModelSettings
        | ChatGPTOAuthModelSettings,
        Field(discriminator="provider_type"),
    ],
    BeforeValidator(_with_provider_type),
]
