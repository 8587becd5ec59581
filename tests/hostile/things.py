"""One thing of each kind, by the names that paths give their ids: what operations are tried on."""

from typing import Any

import httpx2

from tests.folders.uploading import uploaded
from tests.support.waiting import until
from tests.talking import AgentTalk

NOWHERE = "http://nowhere.invalid/v1"
MCP = {"mcp_server_type": "streamable_http", "server_url": "http://nowhere.invalid/mcp"}
YEARLY = {"type": "recurring", "cron_expression": "0 0 29 2 *"}


def things(http: httpx2.Client, mark: str = "a") -> dict[str, str]:
    """Makes one of each kind, so that operations get further than finding nothing. The mark is in all their texts."""

    def made(path: str, **body: Any) -> str:
        return str(http.post(path, json=body).raise_for_status().json()["id"])

    talk = AgentTalk(http, name=f"agent {mark}", tags=[mark], memory_blocks=[{"label": "human", "value": mark}])
    talk.say(f"Hello {mark}.", background=True, streaming=False)
    folder, archive = made("/v1/folders", name=f"a folder {mark}"), made("/v1/archives", name=f"an archive {mark}")
    http.patch(f"/v1/agents/{talk.id}/archives/attach/{archive}").raise_for_status()
    http.patch(f"/v1/agents/{talk.id}/folders/attach/{folder}").raise_for_status()
    passage = made(f"/v1/archives/{archive}/passages", text=f"a passage {mark}")
    tool = f"greet_{mark.lower()}"
    source = f"def {tool}() -> str:\n    '''Say hello to {mark}.'''\n    return 'hello'\n"
    message = {"role": "user", "content": f"Good morning {mark}."}
    template = f"template-{mark}"
    made("/v1/templates", type="agent", agent_id=talk.id, name=template)
    block = made("/v1/blocks", label="a", value=mark)
    http.patch(f"/v1/blocks/{block}", json={"value": f"{mark} again"}).raise_for_status()
    http.patch(f"/v1/agents/{talk.id}/core-memory/blocks/attach/{block}").raise_for_status()
    said = {"agent_id": talk.id, "input": f"One of many {mark}."}
    batch = made("/v1/messages/batches", requests=[said])
    until(lambda: http.get(f"/v1/jobs/{batch}").json()["status"] == "completed")
    run_id = http.get("/v1/runs", params={"agent_id": talk.id}).json()[0]["id"]
    config = made("/v1/sandbox-config/local/default")
    of_deployment = {"template_id": "t", "base_template_id": "b", "deployment_id": f"deployment-{mark}"}
    made("/v1/_internal_templates/blocks", label="a", value=mark, entity_id="e", **of_deployment)
    identity = made("/v1/identities", identifier_key=mark, name=f"b {mark}", identity_type="user")
    http.patch(f"/v1/agents/{talk.id}/identities/attach/{identity}").raise_for_status()
    return {
        "sandbox_config_id": config,
        "env_var_id": made(f"/v1/sandbox-config/{config}/environment-variable", key=f"KEY_{mark}", value=mark),
        "deployment": f"deployment-{mark}",
        "agent_id": talk.id,
        "model_id": talk.id,
        "archive_id": archive,
        "block_id": block,
        "block_label": "human",
        "conversation_id": made(f"/v1/conversations?agent_id={talk.id}", summary=f"a conversation {mark}"),
        "file_id": uploaded(http, folder, f"a file {mark}"),
        "folder_id": folder,
        "batch_id": batch,
        "job_id": batch,
        "folder_name": f"a folder {mark}",
        "mcp_tool_name": "greet",
        "group_id": made("/v1/groups", agent_ids=[talk.id], description=f"a group {mark}"),
        "identity_id": identity,
        "source_id": folder,
        "message_id": talk.history()[-1]["id"],
        "mcp_server_id": made("/v1/mcp-servers", server_name=f"a server {mark}", config=MCP),
        "mcp_server_name": f"a server {mark}",
        "provider_id": made(
            "/v1/providers", name=f"a-provider-{mark}", provider_type="openai", api_key="k", base_url=NOWHERE
        ),
        "passage_id": passage,
        "memory_id": passage,
        "run_id": run_id,
        "response_id": run_id,
        "step_id": http.get("/v1/steps", params={"agent_id": talk.id}).json()[0]["id"],
        "key_id": made("/v1/api-keys", name=f"a key {mark}", scopes=["read"]),
        "token": browser_token(http, talk.id, f"{mark}.example"),
        "scheduled_message_id": made(f"/v1/agents/{talk.id}/schedule", messages=[message], schedule=YEARLY),
        "template_name": template,
        "template_version": template,
        "webhook_id": made("/v1/webhooks", url="http://nowhere.invalid/told", description=f"a webhook {mark}"),
        "tool_id": made("/v1/tools", source_code=source),
        "tool_name": tool,
        "version": "1",
        "other": "2",
    }


def browser_token(http: httpx2.Client, agent_id: str, hostname: str) -> str:
    """The id of a token for one agent."""
    policy = [{"type": "agent", "id": agent_id, "access": ["read_agent"]}]
    http.post("/v1/client-side-access-tokens", json={"hostname": hostname, "policy": policy}).raise_for_status()
    return str(http.get("/v1/client-side-access-tokens").json()["tokens"][0]["token"])
