"""What somebody has told a former server of our own making: little of everything, and what only old rows look like."""

import json
from datetime import timedelta
from typing import Any

from tests.legacy.former_server import NOON, ORGANIZATION, USER, FormerServer, encrypted, padded

KEY = "the key of the former server"
OTHER_ORGANIZATION = "org-11111111-0000-4000-8000-000000000000"
OTHER_USER = "user-11111111-0000-4000-8000-000000000000"
MODEL = "openai-proxy/gpt-4o-mini"
EMBEDDING = "openai/text-embedding-3-small"
LLM = {
    "model": "gpt-4o-mini",
    "model_endpoint_type": "openai",
    "model_endpoint": "http://old.example/v1",
    "provider_name": "openai",
    "provider_category": "base",
    "context_window": 64000,
    "handle": MODEL,
    "temperature": 0.5,
    "max_tokens": 4096,
    "put_inner_thoughts_in_kwargs": False,
    "what_nobody_knows": 1,
}
EMBEDDER = {
    "embedding_endpoint_type": "openai",
    "embedding_model": "text-embedding-3-small",
    "embedding_dim": 4,
    "embedding_chunk_size": 300,
    "handle": EMBEDDING,
}

Row = dict[str, Any]


def uid(prefix: str, number: int) -> str:
    """An id that is easy to tell."""
    return f"{prefix}-{number:08d}-0000-4000-8000-000000000000"


ADA, BOB, OLD, CAI, ELSE, DAN = (uid("agent", number) for number in range(1, 7))
SUPPORT, FORK, GONE = (uid("conv", number) for number in range(1, 4))
HUMAN, PERSONA, SHARED, NOTES, APART = (uid("block", number) for number in range(1, 6))
ROLL, FETCH, SEND, VOICE, REMOTE = (uid("tool", number) for number in range(1, 6))
ARCHIVE, OUTSIDE = uid("archive", 1), uid("archive", 2)
SERVER, FOLDER, CUSTOMER = uid("mcp_server", 1), uid("source", 1), uid("identity", 1)
FILE, SLEEPERS = uid("file", 1), uid("group", 1)
RUN, UNFINISHED, WAITING = (uid("run", number) for number in range(1, 4))
PLAIN, SEALED, ENVIRONMENT = (uid("provider", number) for number in range(1, 4))
SANDBOX, SIGN_IN = uid("sandbox", 1), uid("mcp-oauth", 1)
BATCH, BROKEN_OFF = uid("job", 1), uid("job", 2)
STEP, SECOND_STEP, LOST_STEP = (uid("step", number) for number in range(1, 4))


def fill(server: FormerServer) -> None:
    """Store all of it."""
    _people(server)
    _providers(server)
    _sandboxes(server)
    _tools(server)
    _blocks(server)
    _agents(server)
    _archives(server)
    _conversations(server)
    _messages(server)
    _runs(server)
    _jobs(server)
    _groups(server)


def _people(server: FormerServer) -> None:
    server.add(
        "organizations",
        {"id": ORGANIZATION, "name": "Ours", "privileged_tools": False},
        {"id": OTHER_ORGANIZATION, "name": "Theirs", "privileged_tools": True},
    )
    server.add(
        "users",
        {"id": USER, "name": "default_user"},
        {"id": OTHER_USER, "name": "Zoe", "organization_id": OTHER_ORGANIZATION},
    )
    properties = [{"key": "tier", "value": "gold", "type": "string"}]
    server.add(
        "identities",
        {
            "id": CUSTOMER,
            "identifier_key": "customer-1",
            "name": "Customer",
            "identity_type": "user",
            "properties": properties,
        },
    )
    server.add("identities_agents", {"identity_id": CUSTOMER, "agent_id": ADA})
    server.add("identities_blocks", {"identity_id": CUSTOMER, "block_id": HUMAN})


def _providers(server: FormerServer) -> None:
    ours = {"provider_type": "openai", "provider_category": "byok", "base_url": "http://127.0.0.1:9/v1"}
    server.add(
        "providers",
        ours | {"id": PLAIN, "name": "mine", "api_key_enc": "sk-plain-key"},
        ours | {"id": SEALED, "name": "sealed", "api_key_enc": encrypted("sk-sealed-key", KEY)},
        ours
        | {"id": ENVIRONMENT, "name": "openai", "provider_category": "base", "organization_id": None}
        | {"api_key_enc": encrypted("sk-of-the-environment", "whatever key")},
        ours | {"id": uid("provider", 4), "name": "clouds", "provider_type": "bedrock", "access_key": "older"},
    )
    listed = {"enabled": True, "model_endpoint_type": "openai", "display_name": ""}
    server.add(
        "provider_models",
        listed
        | {"id": "model-1", "provider_id": PLAIN, "handle": "mine/gpt-4o-mini", "name": "gpt-4o-mini"}
        | {"model_type": "llm", "max_context_window": 50_000},
        listed
        | {"id": "model-2", "provider_id": PLAIN, "handle": "mine/embedder", "name": "embedder"}
        | {"model_type": "embedding", "embedding_dim": 4},
    )


def _sandboxes(server: FormerServer) -> None:
    packages = [{"name": "requests", "version": None}]
    server.add(
        "sandbox_configs",
        {"id": SANDBOX, "type": "LOCAL", "config": {"use_venv": True, "pip_requirements": packages}},
        {"id": uid("sandbox", 2), "type": "E2B", "config": {}},
    )
    variable = {"sandbox_config_id": SANDBOX, "value": ""}
    server.add(
        "sandbox_environment_variables",
        variable | {"id": uid("sandbox-env", 1), "key": "SEALED", "value_enc": encrypted("sealed-variable", KEY)},
        variable | {"id": uid("sandbox-env", 2), "key": "OLDER", "value": "older-variable", "description": "d"},
        variable
        | {"id": uid("sandbox-env", 3), "key": "OLDER", "value": "of E2B", "sandbox_config_id": uid("sandbox", 2)},
        variable | {"id": uid("sandbox-env", 4), "key": "LOST", "sandbox_config_id": uid("sandbox", 9)},
    )


def _jobs(server: FormerServer) -> None:
    server.add("job_messages", {"id": 1, "job_id": BATCH, "message_id": uid("message", 2)})
    job = {"user_id": USER, "job_type": "batch", "metadata_": {"why": "newsletter"}}
    server.add(
        "jobs",
        job | {"id": BATCH, "status": "failed", "completed_at": NOON.replace(tzinfo=None), "stop_reason": "error"},
        job | {"id": BROKEN_OFF, "status": "running", "callback_url": "https://hook.example/", "metadata_": "null"},
    )


def _tools(server: FormerServer) -> None:
    source = (
        'def roll(sides: int) -> str:\n    """Roll.\n\n    Args:\n        sides: of the die\n    """\n    return "4"\n'
    )
    schema = {
        "name": "roll",
        "description": "Roll.",
        "parameters": {"type": "object", "properties": {}, "required": []},
    }
    common = {"source_type": "json", "tags": [], "return_char_limit": 4000}
    server.add(
        "tools",
        common | {"id": ROLL, "name": "roll", "tool_type": "custom", "source_code": source, "json_schema": schema},
        # Of one of our built-in tools, which the former server didn't have: the user's own comes first.
        common | {"id": FETCH, "name": "run_code", "tool_type": "custom", "source_code": "x", "json_schema": "null"},
        common | {"id": SEND, "name": "send_message", "tool_type": "letta_core", "json_schema": schema},
        common | {"id": VOICE, "name": "search_memory", "tool_type": "letta_voice_sleeptime_core"},
        common | {"id": REMOTE, "name": "weather", "tool_type": "external_mcp", "json_schema": schema},
    )
    server.add(
        "mcp_server",
        {
            "id": SERVER,
            "server_name": "forecasts",
            "server_type": "streamable_http",
            "server_url": "https://mcp.example/",
            "token_enc": encrypted("mcp-token", KEY),
            "custom_headers_enc": json.dumps({"X-From": "plain"}),
        },
    )
    sign_in = {
        "token_type": "Bearer",
        "server_id": SERVER,
        "server_name": "forecasts",
        "server_url": "https://mcp.example/",
        "user_id": USER,
    }
    server.add(
        "mcp_oauth",
        sign_in
        | {"id": SIGN_IN, "state": "s1", "status": "authorized", "client_id": "us", "redirect_uri": "http://here/"}
        | {"access_token_enc": encrypted("oauth-token", KEY), "refresh_token_enc": "oauth-refresh", "expires_at": NOON},
        sign_in | {"id": uid("mcp-oauth", 2), "state": "s2", "status": "pending"},
        sign_in | {"id": uid("mcp-oauth", 3), "state": "s3", "status": "authorized", "server_id": uid("mcp_server", 9)},
    )
    server.add("mcp_tools", {"id": "mcp-tool-mapping-1", "mcp_server_id": SERVER, "tool_id": REMOTE})


def _blocks(server: FormerServer) -> None:
    block = {"limit": 5000, "is_template": False, "read_only": False, "version": 3, "metadata_": {}}
    server.add(
        "block",
        block | {"id": HUMAN, "label": "human", "value": "Ada likes tea."},
        block | {"id": PERSONA, "label": "persona", "value": "I am kind.", "read_only": True},
        block | {"id": SHARED, "label": "team", "value": "The launch is in June.", "metadata_": "null"},
        block | {"id": NOTES, "label": "notes", "value": "now", "current_history_entry_id": "block_hist-2"},
        block | {"id": APART, "label": "team", "value": "Only in support."},
        block | {"id": uid("block", 9), "label": "x", "value": "deleted", "is_deleted": True},
    )
    server.add("blocks_tags", {"block_id": SHARED, "tag": "work"})
    history = {"block_id": NOTES, "label": "notes", "limit": 5000}
    server.add(
        "block_history",
        history | {"id": "block_hist-1", "sequence_number": 1, "value": "first", "actor_type": "LETTA_AGENT"},
        history | {"id": "block_hist-2", "sequence_number": 2, "value": "second", "actor_type": "LETTA_USER"},
    )


def _agents(server: FormerServer) -> None:
    agent = {
        "llm_config": LLM,
        "embedding_config": EMBEDDER,
        "timezone": "Europe/Berlin",
        "message_buffer_autoclear": False,
    }
    rules = [
        {"type": "InitToolRule", "tool_name": "roll"},
        {"type": "exit_loop", "tool_name": "send_message"},
        {"type": "?"},
    ]
    compaction = {"mode": "sliding_window", "prompt": "x" * 2182, "clip_chars": 1000, "sliding_window_percentage": 0.4}
    server.add(
        "agents",
        agent
        | {
            "id": ADA,
            "name": "Ada's helper",
            "agent_type": "letta_v1_agent",
            "system": "You help Ada.",
            "message_ids": [uid("message", number) for number in (1, 2, 3, 4, 5, 99)],
            "tool_rules": rules,
            "compaction_settings": compaction,
            "metadata_": {"env": "test"},
        },
        agent
        | {"id": BOB, "name": "Bob", "agent_type": "memgpt_v2_agent", "message_ids": _ids(20, 24), "hidden": True},
        # Of an added provider, under a handle that one of the environment's has, too.
        agent
        | {
            "id": DAN,
            "name": "Dan",
            "agent_type": "letta_v1_agent",
            "system": "You are Dan.",
            "llm_config": LLM | {"provider_name": "sealed", "provider_category": "byok"},
            "message_ids": [],
        },
        # As old versions left them.
        {
            "id": OLD,
            "name": "Old",
            "llm_config": {"model": "gpt-4", "temperature": 9, "context_window": None},
            "message_ids": _ids(30, 34),
            "timezone": "Atlantis/Capital",
        },
        agent
        | {
            "id": CAI,
            "name": "Waits",
            "agent_type": "letta_v1_agent",
            "message_ids": _ids(40, 42),
            "system": "You wait.",
        },
        agent
        | {
            "id": ELSE,
            "name": "Of others",
            "agent_type": "letta_v1_agent",
            "system": "Elsewhere.",
            "message_ids": [uid("message", 60)],
            "organization_id": OTHER_ORGANIZATION,
        },
    )
    server.add("agents_tags", {"agent_id": ADA, "tag": "prod"}, {"agent_id": ADA, "tag": "tea"})
    held = [
        (ADA, HUMAN, "human"),
        (ADA, PERSONA, "persona"),
        (ADA, SHARED, "team"),
        (BOB, SHARED, "team"),
        (BOB, NOTES, "n"),
    ]
    server.add("blocks_agents", *({"agent_id": a, "block_id": b, "block_label": label} for a, b, label in held))
    pairs = [(ADA, ROLL), (ADA, REMOTE), (BOB, SEND), (BOB, FETCH), (OLD, VOICE), (CAI, ROLL)]
    server.add("tools_agents", *({"agent_id": agent_id, "tool_id": tool_id} for agent_id, tool_id in pairs))
    server.add("sources", {"id": FOLDER, "name": "handbook", "instructions": "Cite it.", "embedding_config": EMBEDDER})
    server.add("sources_agents", {"agent_id": ADA, "source_id": FOLDER})
    _files(server)
    secret = {"agent_id": ADA, "value": ""}
    server.add(
        "agent_environment_variables",
        secret | {"id": "agent-env-1", "key": "SEALED", "value_enc": encrypted("sealed-value", KEY)},
        secret | {"id": "agent-env-2", "key": "PLAIN", "value_enc": "plain-value"},
        secret | {"id": "agent-env-3", "key": "OLDER", "value": "older-value"},
    )


def _files(server: FormerServer) -> None:
    file = {"source_id": FOLDER, "file_type": "text/plain", "total_chunks": 1, "chunks_embedded": 1}
    server.add(
        "files",
        file | {"id": FILE, "file_name": "handbook/policy.txt", "processing_status": "completed"},
        file | {"id": uid("file", 2), "file_name": "handbook/lost.txt", "processing_status": "parsing"},
        file | {"id": uid("file", 3), "file_name": "policy.txt", "processing_status": "completed"},
    )
    server.add("file_contents", {"id": "file_content-1", "file_id": FILE, "text": "Be kind.\n\nBe brief.\n"})
    seen = {"file_id": FILE, "source_id": FOLDER, "file_name": "handbook/policy.txt", "is_open": True}
    view = "[Viewing file start (out of 2 lines)]\n1: Be kind.\n2: Be brief."
    server.add(
        "files_agents",
        seen | {"id": "file_agent-1", "agent_id": ADA, "visible_content": view, "last_accessed_at": NOON},
        seen | {"id": "file_agent-2", "agent_id": BOB, "visible_content": "left over", "last_accessed_at": NOON},
    )
    passage = {"id": uid("passage", 20), "text": "Be kind.", "embedding": padded(0, 0, 0.5, 0), "metadata_": {}}
    server.add("source_passages", passage | {"embedding_config": EMBEDDER, "source_id": FOLDER, "file_id": FILE})


def _groups(server: FormerServer) -> None:
    group = {"description": "", "turns_counter": 2, "last_processed_message_id": uid("message", 3)}
    server.add(
        "groups",
        group | {"id": SLEEPERS, "manager_type": "sleeptime", "manager_agent_id": ADA, "agent_ids": [CAI, BOB]},
    )
    server.add("groups_agents", {"group_id": SLEEPERS, "agent_id": BOB}, {"group_id": SLEEPERS, "agent_id": CAI})


def _archives(server: FormerServer) -> None:
    archive = {"embedding_config": EMBEDDER, "vector_db_provider": "NATIVE"}
    server.add(
        "archives",
        # Without a model of its own: its agents' is taken.
        archive | {"id": ARCHIVE, "name": "Ada's", "embedding_config": "null"},
        archive | {"id": OUTSIDE, "name": "Outside", "vector_db_provider": "TPUF"},
    )
    server.add(
        "archives_agents",
        {"agent_id": ADA, "archive_id": ARCHIVE, "is_owner": True},
        {"agent_id": BOB, "archive_id": ARCHIVE, "is_owner": False},
    )
    passage = {"archive_id": ARCHIVE, "embedding_config": EMBEDDER, "metadata_": {}}
    server.add(
        "archival_passages",
        passage
        | {"id": uid("passage", 1), "text": "Paris is in France.", "embedding": padded(0.5, 0.25, 0, 0), "tags": ["a"]},
        # Longer than its model says: nothing of it is lost. As long as nobody knows: what is behind it is padding.
        passage | {"id": uid("passage", 2), "text": "Long.", "embedding": padded(1, 0, 0, 0, 2, 3)},
        passage | {"id": uid("passage", 3), "text": "Whose?", "embedding": padded(1, 2, 3), "embedding_config": "null"},
        passage | {"id": uid("passage", 4), "text": "No vector.", "embedding": None},
        passage | {"id": uid("passage", 5), "text": "Elsewhere.", "embedding": None, "archive_id": OUTSIDE},
    )
    tag = {"archive_id": ARCHIVE, "passage_id": uid("passage", 1)}
    server.add("passage_tags", tag | {"id": "passage_tag-1", "tag": "a"}, tag | {"id": "passage_tag-2", "tag": "b"})


def _conversations(server: FormerServer) -> None:
    server.add(
        "conversations",
        {"id": SUPPORT, "agent_id": ADA, "summary": "Support", "model": MODEL, "model_settings": "null"},
        {"id": FORK, "agent_id": ADA, "summary": None},
        {"id": GONE, "agent_id": ADA, "summary": "Gone", "is_deleted": True},
    )
    server.add("blocks_conversations", {"conversation_id": SUPPORT, "block_id": APART, "block_label": "team"})
    link = {"agent_id": ADA, "in_context": True}
    links = [(SUPPORT, 10, True), (SUPPORT, 11, False), (SUPPORT, 12, True), (FORK, 13, True), (FORK, 12, True)]
    server.add(
        "conversation_messages",
        *(
            link
            | {
                "id": f"conv_msg-{place}",
                "conversation_id": conversation_id,
                "message_id": uid("message", number),
                "position": place,
                "in_context": shown,
            }
            for place, (conversation_id, number, shown) in enumerate(links)
        ),
    )


def text(words: str) -> list[Row]:
    """The content of a message that is plain text."""
    return [{"type": "text", "text": words, "signature": None}]


def envelope(words: str, status: str = "OK") -> str:
    """What a tool returned, as the former server wrapped it."""
    return json.dumps({"status": status, "message": words, "time": "2026-01-02 01:00:00 PM CET+0100"}, indent=2)


def _call(call_id: str, name: str, **arguments: Any) -> Row:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


def _messages(server: FormerServer) -> None:
    of_step = {"run_id": RUN, "step_id": STEP}
    roll = [_call("call_1", "roll", sides=6), _call("call_2", "roll", sides=8)]
    returns = [
        {"tool_call_id": "call_1", "status": "success", "stdout": [], "stderr": [], "func_response": envelope("4")},
        {"tool_call_id": "call_2", "status": "error", "stderr": ["!"], "func_response": envelope("No.", "Failed")},
    ]
    rows = [
        message(1, ADA, "system", text("You help Ada. (compiled elsewhere)")),
        message(2, ADA, "user", text("Roll two dice."), otid="0b0e7a52-0000-4000-8000-000000000001", **of_step),
        message(3, ADA, "assistant", text("Rolling."), tool_calls=roll, model="gpt-4o-mini", **of_step),
        message(4, ADA, "tool", text(envelope("4")), tool_returns=returns, **of_step),
        message(5, ADA, "assistant", text("A four."), run_id=RUN, step_id=SECOND_STEP, model="gpt-4o-mini"),
        message(6, ADA, "user", text("Long ago: my cat is called Mau.")),
        message(7, ADA, "user", '[{"type": "text", "text": "a\\u0000b \\ud800 c"}]'),
        message(8, ADA, "user", text("taken back"), is_deleted=True),
        message(10, ADA, "system", text("You help Ada."), conversation_id=SUPPORT),
        message(11, ADA, "user", text("evicted"), conversation_id=SUPPORT),
        message(12, ADA, "user", text("shared"), conversation_id=SUPPORT),
        message(13, ADA, "system", text("You help Ada."), conversation_id=FORK),
        message(14, ADA, "user", text("said in what is gone"), conversation_id=GONE),
        message(20, BOB, "system", text("…")),
        message(21, BOB, "user", text("Hello Bob")),
        message(
            22, BOB, "assistant", text("I say hello."), tool_calls=[_call("call_3", "send_message", message="Hi!")]
        ),
        message(
            23,
            BOB,
            "tool",
            text(envelope("None")),
            name="send_message",
            tool_call_id="call_3",
            tool_returns=[{"tool_call_id": "call_3", "status": "success", "func_response": envelope("None")}],
        ),
        message(24, BOB, "user", text('{\n  "type": "heartbeat"\n}')),
        message(30, OLD, "system", None, text="You are old."),
        message(31, OLD, "user", None, text="Do you remember me?"),
        message(
            32,
            OLD,
            "assistant",
            [{"type": "tool_call", "id": "call_4", "name": "recall", "input": {"what": "you"}}],
            tool_calls=None,
        ),
        message(33, OLD, "function", None, text=envelope("Yes."), name="recall", tool_call_id="call_4"),
        message(34, OLD, "summary", text('{"type": "system_alert", "message": "We met."}')),
        message(40, CAI, "system", text("You wait.")),
        message(41, CAI, "user", text("May you?"), run_id=WAITING),
        message(42, CAI, "approval", text("May I?"), tool_calls=[_call("call_5", "roll", sides=2)], run_id=WAITING),
        message(60, ELSE, "system", text("Elsewhere.")),
    ]
    for row in rows:  # rows of one call have the same columns
        server.add("messages", row)


def message(number: int, agent_id: str, role: str, content: Any, **more: Any) -> Row:
    """A row of a message."""
    owner = OTHER_ORGANIZATION if agent_id == ELSE else ORGANIZATION
    # Times are in no order, as they may be within a step; what counts is the number.
    made = {"sequence_id": number * 10, "created_at": NOON - timedelta(seconds=number % 3), "tool_calls": []}
    row = {
        "id": uid("message", number),
        "agent_id": agent_id,
        "role": role,
        "content": content,
        "organization_id": owner,
    }
    return row | made | more


def _ids(first: int, last: int) -> list[str]:
    return [uid("message", number) for number in range(first, last + 1)]


def _runs(server: FormerServer) -> None:
    run = {"agent_id": ADA, "status": "completed", "metadata_": {"run_type": "send_message"}, "background": False}
    server.add(
        "runs",
        run
        | {"id": RUN, "stop_reason": "end_turn", "completed_at": NOON.replace(tzinfo=None), "conversation_id": None},
        run | {"id": UNFINISHED, "status": "running", "conversation_id": GONE, "callback_url": "https://hook.example/"},
        run | {"id": WAITING, "agent_id": CAI, "stop_reason": "requires_approval"},
    )
    server.add("run_metrics", {"id": RUN, "agent_id": ADA, "run_ns": 5_000, "num_steps": 2, "tools_used": [ROLL]})
    step = {
        "agent_id": ADA,
        "status": "SUCCESS",
        "prompt_tokens": 100,
        "completion_tokens": 10,
        "total_tokens": 110,
        "tags": [],
    }
    details = {"prompt_tokens_details": {"cached_tokens": 7}, "completion_tokens_details": {"reasoning_tokens": 3}}
    server.add(
        "steps",
        step | details | {"id": STEP, "run_id": RUN, "model_handle": MODEL},
        step | {"id": SECOND_STEP, "run_id": RUN, "created_at": NOON + timedelta(seconds=1), "stop_reason": "end_turn"},
        step | {"id": LOST_STEP, "run_id": None},
    )
    server.add("step_metrics", {"id": STEP, "agent_id": ADA, "step_ns": 9_000, "llm_request_ns": 8_000, "run_id": RUN})
    server.add("provider_traces", {"id": "provider_trace-1", "step_id": STEP, "request_json": {}, "response_json": {}})
