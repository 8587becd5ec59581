"""What older versions of the former server don't have, as their own migrations leave a database."""

_ADDED = {
    "1c28e167b74f": ("conversations.last_message_at",),
    "b2c3d4e5f6a8": (
        *("conversations.model", "conversations.model_settings"),
        *("steps.cache_write_tokens", "steps.cached_input_tokens", "steps.model_handle", "steps.reasoning_tokens"),
    ),
    "a1b2c3d4e5f8": ("blocks_conversations", "blocks_tags", "provider_trace_metadata", "providers.last_synced"),
    "27de0f58e076": (
        *("conversation_messages", "conversations", "messages.conversation_id", "runs.conversation_id"),
        "steps.request_id",
    ),
    "39577145c45d": (),
    "d0880aae6cee": ("agents.compaction_settings", "steps.prompt_tokens_details", "tools.project_id"),
    "b1c2d3e4f5a6": ("agents.last_stop_reason", "provider_models"),
    "f6cd5a1e519d": (
        *("mcp_tools", "run_metrics", "runs", "messages.run_id", "steps.run_id", "step_metrics.run_id"),
        *("step_metrics.llm_request_start_ns", "step_metrics.step_start_ns"),
        *("jobs.background", "jobs.organization_id", "jobs.stop_reason", "messages.approvals"),
        *("archives.embedding_config", "sources.vector_db_provider", "tools.enable_parallel_execution"),
        *("block.hidden", "groups.hidden", "agent_environment_variables.value_enc"),
        *("sandbox_environment_variables.value_enc", "mcp_server.custom_headers_enc", "mcp_server.token_enc"),
        *("mcp_oauth.access_token_enc", "mcp_oauth.authorization_code_enc", "mcp_oauth.client_secret_enc"),
        *("mcp_oauth.refresh_token_enc", "providers.access_key_enc", "providers.api_key_enc"),
    ),
    "ddb69be34a72": (),
}
"""Tables, and columns of tables, that a revision has and the one before it hadn't; newest first."""

_DROPPED = {"f6cd5a1e519d": ("job_messages", "steps.job_id", "step_metrics.job_id")}
"""Those that a revision hasn't, and the one before it had."""

REVISIONS = tuple(_ADDED)


def lacks(revision: str) -> set[str]:
    """Tables and columns that a database of this revision doesn't have."""
    place = REVISIONS.index(revision)
    added = {name for newer in REVISIONS[:place] for name in _ADDED[newer]}
    return added | {name for older in REVISIONS[place:] for name in _DROPPED.get(older, ())}
