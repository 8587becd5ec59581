"""What each operation asks of a key. One that isn't told here is closed to keys, and open to the password alone.

Kinds of access to agents (`read_agent` and the like) may have been granted for single agents: then every id in the
request has to belong to one of those, and where the path has none, the parameter that is told behind the operation has
to name one: a parameter of the query, or a `body` field, of each object of a list where the field before it is one.
Operations with `own` behind them need no agent named: their answers are limited to the key's agents.
"""

from dataclasses import dataclass

from letta.access.grants import OF_AGENTS, Access

_MINTING = "minting"
_OWN = "own"


@dataclass(frozen=True, slots=True)
class Rule:
    """What an operation asks of a key."""

    needs: frozenset[Access]
    selectors: tuple[str, ...] = ()
    is_minting: bool = False
    is_own: bool = False

    @property
    def is_of_agents(self) -> bool:
        """Whether a key for single agents may reach it."""
        return self.needs <= OF_AGENTS


_RULES: dict[str, str] = {
    "read_agent": """
        GET /v1/_internal_agents/count                          own
        GET /v1/agents                                          own
        GET /v1/agents/count                                    own
        GET /v1/agents/{agent_id}
        GET /v1/agents/{agent_id}/archival-memory
        GET /v1/agents/{agent_id}/archival-memory/search
        GET /v1/agents/{agent_id}/core-memory
        GET /v1/agents/{agent_id}/core-memory/blocks
        GET /v1/agents/{agent_id}/core-memory/blocks/{block_label}
        GET /v1/agents/{agent_id}/files
        GET /v1/agents/{agent_id}/folders
        GET /v1/agents/{agent_id}/sources
        GET /v1/agents/{agent_id}/tools
        GET /openai/v1/models/{model_id}
        GET /v1/blocks/{block_id}
        GET /v1/blocks/{block_id}/history
        GET /v1/blocks/{block_id}/history/{version}
        GET /v1/blocks/{block_id}/history/{version}/compare/{other}
    """,
    "write_agent": """
        PATCH /v1/_internal_agents/{agent_id}/core-memory/blocks/{block_label}
        PATCH /v1/agents/{agent_id}
        POST /v1/agents/{agent_id}/archival-memory
        DELETE /v1/agents/{agent_id}/archival-memory/{memory_id}
        PATCH /v1/agents/{agent_id}/archives/attach/{archive_id}
        PATCH /v1/agents/{agent_id}/archives/detach/{archive_id}
        PATCH /v1/agents/{agent_id}/core-memory/blocks/attach/{block_id}
        PATCH /v1/agents/{agent_id}/core-memory/blocks/detach/{block_id}
        PATCH /v1/agents/{agent_id}/files/close-all
        PATCH /v1/agents/{agent_id}/files/{file_id}/close
        PATCH /v1/agents/{agent_id}/files/{file_id}/open
        PATCH /v1/agents/{agent_id}/core-memory/blocks/{block_label}
        PATCH /v1/agents/{agent_id}/folders/attach/{folder_id}
        PATCH /v1/agents/{agent_id}/folders/detach/{folder_id}
        PATCH /v1/agents/{agent_id}/identities/attach/{identity_id}
        PATCH /v1/agents/{agent_id}/identities/detach/{identity_id}
        POST /v1/agents/{agent_id}/recompile
        PATCH /v1/agents/{agent_id}/sources/attach/{source_id}
        PATCH /v1/agents/{agent_id}/sources/detach/{source_id}
        POST /v1/agents/{agent_id}/system-prompt/recompile
        PATCH /v1/agents/{agent_id}/tools/approval/{tool_name}
        PATCH /v1/agents/{agent_id}/tools/attach/{tool_id}
        PATCH /v1/agents/{agent_id}/tools/detach/{tool_id}
        POST /v1/agents/{agent_id}/tools/{tool_name}/run
        PATCH /v1/blocks/{block_id}
        POST /v1/blocks/{block_id}/revert
    """,
    "read_messages": """
        GET /v1/agents/{agent_id}/messages
        GET /v1/agents/{agent_id}/schedule
        GET /v1/agents/{agent_id}/schedule/{scheduled_message_id}
        POST /v1/agents/messages/search                         body.agent_id
        GET /v1/conversations                                   agent_id
        GET /v1/conversations/{conversation_id}
        GET /v1/conversations/{conversation_id}/messages
        POST /v1/conversations/{conversation_id}/stream
        POST /v1/messages/search                                body.agent_id
        GET /v1/messages/batches                                own
        GET /v1/messages/batches/{batch_id}
        GET /v1/messages/batches/{batch_id}/messages
        GET /v1/messages/{message_id}
        GET /openai/v1/responses/{response_id}
        GET /openai/v1/responses/{response_id}/input_items
        GET /v1/responses/{response_id}
        GET /v1/responses/{response_id}/input_items
        GET /v1/runs                                            agent_id agent_ids
        GET /v1/runs/active                                     agent_id
        GET /v1/runs/{run_id}
        GET /v1/runs/{run_id}/messages
        GET /v1/runs/{run_id}/metrics
        GET /v1/runs/{run_id}/steps
        POST /v1/runs/{run_id}/stream
        GET /v1/runs/{run_id}/trace
        GET /v1/runs/{run_id}/usage
        GET /v1/steps                                           agent_id
        GET /v1/steps/{step_id}
        GET /v1/steps/{step_id}/messages
        GET /v1/steps/{step_id}/metrics
    """,
    "write_messages": """
        POST /openai/v1/chat/completions                        body.model
        POST /openai/v1/responses                               body.model
        POST /openai/v1/responses/{response_id}/cancel
        POST /v1/agents/{agent_id}/messages
        POST /v1/agents/{agent_id}/messages/async
        POST /v1/agents/{agent_id}/messages/cancel
        POST /v1/agents/{agent_id}/messages/stream
        POST /v1/agents/{agent_id}/schedule
        DELETE /v1/agents/{agent_id}/schedule/{scheduled_message_id}
        POST /v1/agents/{agent_id}/summarize
        POST /v1/chat/completions                               body.model
        POST /v1/conversations                                  agent_id
        DELETE /v1/conversations/{conversation_id}
        PATCH /v1/conversations/{conversation_id}
        POST /v1/conversations/{conversation_id}/cancel
        POST /v1/conversations/{conversation_id}/compact
        POST /v1/conversations/{conversation_id}/fork
        POST /v1/conversations/{conversation_id}/messages
        POST /v1/conversations/{conversation_id}/recompile
        POST /v1/messages/batches                               body.requests.agent_id
        PATCH /v1/messages/batches/{batch_id}/cancel
        POST /v1/responses                                      body.model
        POST /v1/responses/{response_id}/cancel
        PATCH /v1/steps/{step_id}/feedback
    """,
    "read_agent read_messages": """
        GET /v1/agents/{agent_id}/context
        GET /v1/agents/{agent_id}/export
        POST /v1/agents/{agent_id}/export
        POST /v1/agents/{agent_id}/messages/preview-raw-payload
        POST /v1/conversations/{conversation_id}/messages/preview-raw-payload
        GET /v1/steps/{step_id}/trace
        GET /v1/telemetry/{step_id}
    """,
    "write_agent write_messages": """
        POST /v1/agents/{agent_id}/generate
        PATCH /v1/agents/{agent_id}/messages/{message_id}
        PATCH /v1/agents/{agent_id}/reset-messages
        DELETE /openai/v1/responses/{response_id}
        DELETE /v1/responses/{response_id}
        DELETE /v1/runs/{run_id}
    """,
    "read": """
        GET /v1/_internal_blocks
        GET /v1/_internal_blocks/{block_id}/agents
        GET /v1/_internal_runs
        GET /v1/_internal_templates/deployment/{deployment}
        GET /v1/agents/{agent_id}/groups
        GET /v1/archives
        GET /v1/archives/{archive_id}
        GET /v1/archives/{archive_id}/agents
        GET /v1/archives/{archive_id}/deleted-passages
        GET /v1/blocks
        GET /v1/blocks/count
        GET /v1/blocks/{block_id}/agents
        GET /v1/embeddings/total_storage_size
        GET /v1/folders
        GET /v1/folders/count
        GET /v1/folders/name/{folder_name}
        GET /v1/folders/{folder_id}
        GET /v1/folders/metadata
        GET /v1/folders/{folder_id}/agents
        GET /v1/folders/{folder_id}/files
        GET /v1/folders/{folder_id}/files/{file_id}
        GET /v1/folders/{folder_id}/passages
        GET /v1/groups
        GET /v1/groups/count
        GET /v1/groups/{group_id}
        GET /v1/groups/{group_id}/messages
        GET /v1/identities
        GET /v1/identities/count
        GET /v1/identities/{identity_id}
        GET /v1/identities/{identity_id}/agents
        GET /v1/identities/{identity_id}/blocks
        GET /v1/jobs
        GET /v1/jobs/active
        GET /v1/jobs/{job_id}
        GET /v1/mcp-servers
        GET /v1/mcp-servers/{mcp_server_id}
        GET /v1/mcp-servers/{mcp_server_id}/tools
        GET /v1/mcp-servers/{mcp_server_id}/tools/{tool_id}
        GET /v1/messages
        GET /v1/models
        GET /v1/models/embedding
        POST /v1/passages/search
        GET /v1/sandbox-config
        GET /v1/sandbox-config/{sandbox_config_id}/environment-variable
        GET /v1/sources
        GET /v1/sources/count
        GET /v1/sources/name/{folder_name}
        GET /v1/sources/{folder_id}
        GET /v1/sources/metadata
        GET /v1/sources/{folder_id}/agents
        GET /v1/sources/{folder_id}/files
        GET /v1/sources/{folder_id}/files/{file_id}
        GET /v1/sources/{folder_id}/passages
        GET /v1/tags
        GET /v1/templates
        GET /v1/templates/{template_name}
        GET /v1/templates/{template_name}/versions
        GET /v1/tools
        GET /v1/tools/count
        POST /v1/tools/generate-schema
        GET /v1/tools/mcp/servers
        GET /v1/tools/mcp/servers/{mcp_server_name}/tools
        POST /v1/tools/search
        GET /v1/tools/{tool_id}
        GET /v1/webhooks
        GET /v1/webhooks/{webhook_id}
        GET /v1/webhooks/{webhook_id}/deliveries
    """,
    "write": """
        POST /v1/_internal_blocks
        DELETE /v1/_internal_blocks/{block_id}
        POST /v1/_internal_search/cache-warm
        POST /v1/_internal_templates/agents
        POST /v1/_internal_templates/blocks
        POST /v1/_internal_templates/blocks/batch
        DELETE /v1/_internal_templates/deployment/{deployment}
        POST /v1/_internal_templates/groups
        POST /v1/agents
        POST /v1/agents/import
        DELETE /v1/agents/{agent_id}
        POST /v1/archives
        DELETE /v1/archives/{archive_id}
        PATCH /v1/archives/{archive_id}
        DELETE /v1/archives/{archive_id}/deleted-passages/{passage_id}
        POST /v1/archives/{archive_id}/deleted-passages/{passage_id}/restore
        POST /v1/archives/{archive_id}/passages
        POST /v1/archives/{archive_id}/passages/batch
        DELETE /v1/archives/{archive_id}/passages/{passage_id}
        POST /v1/blocks
        DELETE /v1/blocks/{block_id}
        PATCH /v1/blocks/{block_id}/identities/attach/{identity_id}
        PATCH /v1/blocks/{block_id}/identities/detach/{identity_id}
        POST /v1/folders
        DELETE /v1/folders/{folder_id}
        PATCH /v1/folders/{folder_id}
        DELETE /v1/folders/{folder_id}/{file_id}
        POST /v1/folders/{folder_id}/upload
        POST /v1/groups
        DELETE /v1/groups/{group_id}
        PATCH /v1/groups/{group_id}
        PATCH /v1/groups/{group_id}/blocks/attach/{block_id}
        PATCH /v1/groups/{group_id}/blocks/detach/{block_id}
        PATCH /v1/groups/{group_id}/messages/{message_id}
        PATCH /v1/groups/{group_id}/reset-messages
        POST /v1/identities
        PUT /v1/identities
        DELETE /v1/identities/{identity_id}
        PATCH /v1/identities/{identity_id}
        PUT /v1/identities/{identity_id}/properties
        DELETE /v1/jobs/{job_id}
        PATCH /v1/jobs/{job_id}/cancel
        POST /v1/mcp-servers
        GET /v1/mcp-servers/connect/{mcp_server_id}
        DELETE /v1/mcp-servers/{mcp_server_id}
        PATCH /v1/mcp-servers/{mcp_server_id}
        PATCH /v1/mcp-servers/{mcp_server_id}/refresh
        POST /v1/mcp-servers/{mcp_server_id}/tools/{tool_id}/run
        POST /v1/sources
        PATCH /v1/steps/{step_id}/transaction/{transaction}
        DELETE /v1/sources/{folder_id}
        PATCH /v1/sources/{folder_id}
        DELETE /v1/sources/{folder_id}/{file_id}
        POST /v1/sources/{folder_id}/upload
        POST /v1/templates
        DELETE /v1/templates/{template_name}
        PATCH /v1/templates/{template_name}
        POST /v1/templates/{template_name}/rollback
        POST /v1/templates/{template_name}/save
        POST /v1/templates/{template_version}/agents
        POST /v1/tools
        PUT /v1/tools
        POST /v1/tools/add-base-tools
        POST /v1/tools/generate-tool
        PUT /v1/tools/mcp/servers
        POST /v1/tools/mcp/servers/connect
        POST /v1/tools/mcp/servers/test
        DELETE /v1/tools/mcp/servers/{mcp_server_name}
        PATCH /v1/tools/mcp/servers/{mcp_server_name}
        POST /v1/tools/mcp/servers/{mcp_server_name}/resync
        POST /v1/tools/mcp/servers/{mcp_server_name}/tools/{tool_name}/execute
        POST /v1/tools/mcp/servers/{mcp_server_name}/{mcp_tool_name}
        POST /v1/tools/run
        DELETE /v1/tools/{tool_id}
        PATCH /v1/tools/{tool_id}
        POST /v1/webhooks
        DELETE /v1/webhooks/{webhook_id}
        PATCH /v1/webhooks/{webhook_id}
        POST /v1/webhooks/{webhook_id}/rotate-secret
        POST /v1/webhooks/{webhook_id}/test
    """,
    "admin": """
        GET /v1/api-keys
        POST /v1/api-keys
        DELETE /v1/api-keys/{key_id}
        GET /v1/api-keys/{key_id}
        GET /v1/client-side-access-tokens
        DELETE /v1/client-side-access-tokens/{token}
        GET /v1/providers
        POST /v1/providers
        POST /v1/providers/check
        DELETE /v1/providers/{provider_id}
        GET /v1/providers/{provider_id}
        PATCH /v1/providers/{provider_id}
        POST /v1/providers/{provider_id}/check
        PATCH /v1/providers/{provider_id}/refresh
        POST /v1/sandbox-config
        POST /v1/sandbox-config/e2b/default
        DELETE /v1/sandbox-config/environment-variable/{env_var_id}
        PATCH /v1/sandbox-config/environment-variable/{env_var_id}
        POST /v1/sandbox-config/local
        POST /v1/sandbox-config/local/default
        POST /v1/sandbox-config/local/recreate-venv
        DELETE /v1/sandbox-config/{sandbox_config_id}
        PATCH /v1/sandbox-config/{sandbox_config_id}
        POST /v1/sandbox-config/{sandbox_config_id}/environment-variable
    """,
    # These look at it themselves, agent by agent.
    "": """
        GET /openai/v1/models
        POST /mcp
    """,
    # Whoever opens an agent to somebody else has to have that access: looked at where the token is made.
    _MINTING: "POST /v1/client-side-access-tokens",
}


def _read() -> dict[str, Rule]:
    found: dict[str, Rule] = {}
    for kinds, lines in _RULES.items():
        minting = kinds == _MINTING
        needs = frozenset() if minting else frozenset(Access(kind) for kind in kinds.split())
        for line in filter(None, map(str.strip, lines.splitlines())):
            verb, path, *selectors = line.split()
            own = selectors == [_OWN]
            found[f"{verb} {path}"] = Rule(needs, () if own else tuple(selectors), minting, own)
    return found


RULES = _read()
