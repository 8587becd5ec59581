"""Providers of models."""

from pydantic import Field

from letta.settings.kinds import Secret, SettingsGroup, Text, env


class ProviderSettings(SettingsGroup):
    """Models"""

    default_llm_handle: Text = Field(
        None,
        validation_alias=env("LETTA_DEFAULT_LLM_HANDLE"),
        description="Model for agents created without one.",
    )
    default_embedding_handle: Text = Field(
        None,
        validation_alias=env("LETTA_DEFAULT_EMBEDDING_HANDLE"),
        description="Embedding model for agents and archives created without one.",
    )
    global_max_context_window_limit: int = Field(
        128_000,
        gt=0,
        validation_alias=env("GLOBAL_MAX_CONTEXT_WINDOW_LIMIT"),
        description="Largest context window, in tokens, given to an agent that does not set one.",
    )
    llm_request_timeout_seconds: float = Field(
        60,
        gt=0,
        validation_alias=env("LETTA_LLM_REQUEST_TIMEOUT_SECONDS"),
        description="Seconds to wait for a model that does not stream its answer.",
    )
    llm_stream_timeout_seconds: float = Field(
        600,
        gt=0,
        validation_alias=env("LETTA_LLM_STREAM_TIMEOUT_SECONDS"),
        description="Most seconds that a streamed answer may take.",
    )
    llm_max_retries: int = Field(
        2,
        ge=0,
        le=10,
        validation_alias=env("LETTA_LLM_MAX_RETRIES"),
        description="Retries after a transient failure of a model call.",
    )
    openai_api_key: Secret = Field(
        None,
        validation_alias=env("OPENAI_API_KEY"),
        description="Key for OpenAI, or for the service at OPENAI_BASE_URL.",
    )
    openai_base_url: Text = Field(
        None,
        validation_alias=env("OPENAI_BASE_URL", "OPENAI_API_BASE"),
        description="Base URL of an OpenAI-compatible service; OPENAI_API_KEY is then only needed if the service "
        "requires a key.",
    )
    anthropic_api_key: Secret = Field(
        None, validation_alias=env("ANTHROPIC_API_KEY"), description="Key for Anthropic (Claude models)."
    )
    anthropic_base_url: Text = Field(
        None,
        validation_alias=env("ANTHROPIC_BASE_URL"),
        description="Base URL of a service compatible with Anthropic's Messages API, used with ANTHROPIC_API_KEY.",
    )
    gemini_api_key: Secret = Field(
        None, validation_alias=env("GEMINI_API_KEY"), description="Key for Google AI Studio (Gemini models)."
    )
    gemini_base_url: Text = Field(
        None,
        validation_alias=env("GEMINI_BASE_URL"),
        description="Base URL of a service compatible with the Gemini API, used with GEMINI_API_KEY.",
    )
    azure_api_key: Secret = Field(None, validation_alias=env("AZURE_API_KEY"), description="Key for OpenAI on Azure.")
    azure_base_url: Text = Field(
        None,
        validation_alias=env("AZURE_BASE_URL"),
        description="Address of the Azure resource, such as https://NAME.openai.azure.com.",
    )
    azure_api_version: Text = Field(
        None,
        validation_alias=env("AZURE_API_VERSION"),
        description="Version of Azure's API, if the resource does not offer the one without versions (/openai/v1).",
    )
    openrouter_api_key: Secret = Field(
        None, validation_alias=env("OPENROUTER_API_KEY"), description="Key for OpenRouter."
    )
    openrouter_handle_base: Text = Field(
        None, validation_alias=env("OPENROUTER_HANDLE_BASE"), description="Prefix of OpenRouter handles."
    )
    groq_api_key: Secret = Field(None, validation_alias=env("GROQ_API_KEY"), description="Key for Groq.")
    together_api_key: Secret = Field(None, validation_alias=env("TOGETHER_API_KEY"), description="Key for Together.")
    deepseek_api_key: Secret = Field(None, validation_alias=env("DEEPSEEK_API_KEY"), description="Key for DeepSeek.")
    xai_api_key: Secret = Field(None, validation_alias=env("XAI_API_KEY"), description="Key for xAI.")
    fireworks_api_key: Secret = Field(None, validation_alias=env("FIREWORKS_API_KEY"), description="Key for Fireworks.")
    zai_api_key: Secret = Field(None, validation_alias=env("ZAI_API_KEY"), description="Key for Z.ai.")
    minimax_api_key: Secret = Field(None, validation_alias=env("MINIMAX_API_KEY"), description="Key for MiniMax.")
    baseten_api_key: Secret = Field(None, validation_alias=env("BASETEN_API_KEY"), description="Key for Baseten.")
    vllm_api_base: Text = Field(None, validation_alias=env("VLLM_API_BASE"), description="Base URL of a vLLM server.")
    vllm_api_key: Secret = Field(
        None, validation_alias=env("VLLM_API_KEY"), description="Key for the vLLM server, if it requires one."
    )
    vllm_handle_base: Text = Field(
        None, validation_alias=env("VLLM_HANDLE_BASE"), description="Prefix of vLLM handles."
    )
    sglang_api_base: Text = Field(
        None, validation_alias=env("SGLANG_API_BASE"), description="Base URL of an SGLang server."
    )
    sglang_api_key: Secret = Field(
        None, validation_alias=env("SGLANG_API_KEY"), description="Key for the SGLang server, if it requires one."
    )
    sglang_handle_base: Text = Field(
        None, validation_alias=env("SGLANG_HANDLE_BASE"), description="Prefix of SGLang handles."
    )
    lmstudio_base_url: Text = Field(
        None, validation_alias=env("LMSTUDIO_BASE_URL"), description="Base URL of LM Studio."
    )
    ollama_base_url: Text = Field(None, validation_alias=env("OLLAMA_BASE_URL"), description="Base URL of Ollama.")
