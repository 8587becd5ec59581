"""Environment variables for the tools of all agents."""

from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import ScriptedModel

Json = dict[str, Any]

UNKNOWN = "123e4567-e89b-42d3-8456-426614174000"
SOURCE = '''def look(name: str) -> str:
    """Look at the environment.

    Args:
        name: of a variable
    """
    import os

    return os.environ.get(name, "nothing")
'''


@pytest.fixture
def config(http: httpx2.Client) -> str:
    """The id of settings that have no variables yet."""
    for known in http.get("/v1/sandbox-config/").json():
        http.delete(f"/v1/sandbox-config/{known['id']}").raise_for_status()
    return str(http.post("/v1/sandbox-config/local/default").raise_for_status().json()["id"])


def variables(config: str) -> str:
    return f"/v1/sandbox-config/{config}/environment-variable"


def seen_by_a_tool(http: httpx2.Client, name: str, **fields: Any) -> str:
    body = {"source_code": SOURCE, "args": {"name": name}} | fields
    return str(http.post("/v1/tools/run", json=body).raise_for_status().json()["tool_return"])


def test_there_is_one_set_of_settings(http: httpx2.Client, config: str) -> None:
    (listed,) = http.get("/v1/sandbox-config/").json()
    assert (listed["id"], listed["type"]) == (config, "local")
    assert listed["config"] == {"sandbox_dir": None, "use_venv": False, "venv_name": "venv", "pip_requirements": []}
    for path, body in (("", {"config": {}}), ("local", {}), ("local/default", None)):
        assert http.post(f"/v1/sandbox-config/{path}", json=body).json()["id"] == config
    assert http.get("/v1/sandbox-config", params={"sandbox_type": "e2b"}).json() == []
    assert http.patch(f"/v1/sandbox-config/{config}", json={"config": {}}).json() == listed


def test_variables_reach_all_tools(http: httpx2.Client, config: str, model: ScriptedModel) -> None:
    made = http.post(variables(config), json={"key": "KETTLE", "value": "blue", "description": "d"}).json()
    assert made == made | {"key": "KETTLE", "value": "blue", "sandbox_config_id": config, "value_enc": None}
    assert seen_by_a_tool(http, "KETTLE") == "blue"
    assert seen_by_a_tool(http, "KETTLE", env_vars={"KETTLE": "red"}) == "red"
    tool = http.put("/v1/tools", json={"source_code": SOURCE}).raise_for_status().json()
    for secrets, expected in (({}, "blue"), ({"KETTLE": "green"}, "green")):
        body = {"model": "openai-proxy/gpt-4o-mini", "tool_ids": [tool["id"]], "secrets": secrets}
        agent = http.post("/v1/agents", json=body).raise_for_status().json()
        ran = http.post(f"/v1/agents/{agent['id']}/tools/look/run", json={"args": {"name": "KETTLE"}}).json()
        assert ran["func_return"] == expected, ran
    http.delete(f"/v1/tools/{tool['id']}").raise_for_status()


def test_variables_are_changed_and_deleted(http: httpx2.Client, config: str) -> None:
    made = [http.post(variables(config), json={"key": key, "value": key}).json() for key in ("A", "B")]
    assert http.get(variables(config)).json() == made
    assert http.get(variables(config), params={"limit": 1, "after": made[0]["id"]}).json() == made[1:]
    path = f"/v1/sandbox-config/environment-variable/{made[0]['id']}"
    changed = http.patch(path, json={"key": "C", "value": "c"}).json()
    assert (changed["key"], changed["value"]) == ("C", "c")
    assert seen_by_a_tool(http, "C") == "c"
    for taken in (http.post(variables(config), json={"key": "B", "value": ""}), http.patch(path, json={"key": "B"})):
        assert (taken.status_code, "'B'" in taken.json()["detail"]) == (409, True)
    assert http.delete(path).status_code == 204
    assert http.delete(path).status_code == http.patch(path, json={}).status_code == 404
    assert http.delete(f"/v1/sandbox-config/{config}").status_code == 204
    assert seen_by_a_tool(http, "B") == "nothing"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("", {"config": {"use_venv": True}}),
        ("", {"config": {"template": "t"}}),
        ("", {"config": {"language": "typescript"}}),
        ("local", {"pip_requirements": [{"name": "x"}]}),
        ("local", {"sandbox_dir": "/"}),
        ("e2b/default", None),
        ("local/recreate-venv", None),
    ],
)
def test_where_tools_run_is_not_chosen_here(http: httpx2.Client, path: str, body: Json | None) -> None:
    refused = http.post(f"/v1/sandbox-config/{path}", json=body)
    assert (refused.status_code, "LETTA_TOOL_SANDBOX" in refused.json()["detail"]) == (501, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", f"sandbox-{UNKNOWN}"),
        ("DELETE", f"sandbox-{UNKNOWN}"),
        ("GET", f"sandbox-{UNKNOWN}/environment-variable"),
        ("PATCH", f"environment-variable/sandbox-env-{UNKNOWN}"),
        ("DELETE", f"environment-variable/sandbox-env-{UNKNOWN}"),
    ],
)
def test_what_is_not_there(http: httpx2.Client, method: str, path: str) -> None:
    answer = http.request(method, f"/v1/sandbox-config/{path}", json={} if method == "PATCH" else None)
    assert (answer.status_code, UNKNOWN in answer.json()["detail"]) == (404, True)
