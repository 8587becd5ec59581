"""The Blueprint, against a copy of Render's published schema, and against what its documentation says beside."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from letta.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = Path(__file__).parent / "fixtures" / "render-schema.json"
SECRET = re.compile(r"PASSWORD|KEY|TOKEN|SECRET|URI|URL")


@pytest.fixture(scope="module")
def blueprint() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "render.yaml").read_text())
    return loaded


@pytest.fixture
def service(blueprint: dict[str, Any]) -> dict[str, Any]:
    only: dict[str, Any]
    (only,) = blueprint["services"]
    return only


def test_it_is_valid(blueprint: dict[str, Any]) -> None:
    validator = Draft202012Validator(json.loads(SCHEMA.read_text()))
    assert [error.message for error in validator.iter_errors(blueprint)] == []


def test_the_free_plan_works_as_it_stands(service: dict[str, Any]) -> None:
    assert service["plan"] == "free"
    assert not {"preDeployCommand", "disk", "scaling"} & service.keys()
    assert service.get("numInstances", 1) == 1


def test_what_it_names_exists(service: dict[str, Any]) -> None:
    assert (ROOT / service["dockerfilePath"]).is_file()
    assert (ROOT / service["dockerContext"]).resolve() == ROOT
    assert service["healthCheckPath"] == "/v1/health/"


def test_no_deploy_without_being_asked_for(service: dict[str, Any]) -> None:
    assert service["autoDeployTrigger"] == "off"  # a bare off would be False


def test_the_server_ends_before_render_kills_it(service: dict[str, Any]) -> None:
    default = Settings.model_fields["graceful_shutdown_seconds"].default
    assert default + 10 <= service["maxShutdownDelaySeconds"] <= 300


def test_secrets_are_typed_in_or_generated(service: dict[str, Any]) -> None:
    variables = {entry["key"]: entry for entry in service["envVars"]}
    for name in ("LETTA_SERVER_PASSWORD", "LETTA_ENCRYPTION_KEY"):
        assert variables[name] == {"key": name, "generateValue": True}
    assert variables["LETTA_PG_URI"] == {"key": "LETTA_PG_URI", "sync": False}
    for name, entry in variables.items():
        assert not (SECRET.search(name) and "value" in entry), f"{name} is in the file for everybody to read"


def test_every_variable_is_one_that_the_server_reads(service: dict[str, Any]) -> None:
    known = {name for field in Settings.model_fields.values() for name in field.validation_alias.choices}  # type: ignore[union-attr]
    assert {entry["key"] for entry in service["envVars"]} <= known


def test_the_image_has_a_command_and_no_secret_argument() -> None:
    lines = [line.split(maxsplit=1) for line in (ROOT / "Dockerfile.render").read_text().splitlines() if line.strip()]
    instructions = [words[0].upper() for words in lines]
    assert "CMD" in instructions
    assert "ARG" not in instructions  # Render passes every variable of the service as an argument of the build
    assert "VOLUME" not in instructions  # an anonymous volume would look as if data were safe
