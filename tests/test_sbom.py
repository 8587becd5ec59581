"""`make sbom` lists all that the lock file brings, with what it is held to. The first run downloads the tool."""

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_the_bill_of_materials_names_all_that_is_locked(tmp_path: Path) -> None:
    file = tmp_path / "sbom.json"
    subprocess.run(["make", "--silent", "sbom", f"SBOM={file}"], cwd=ROOT, check=True, capture_output=True)
    told = json.loads(file.read_text())
    assert told["bomFormat"] == "CycloneDX"
    assert told["metadata"]["component"]["name"] == "letta-server-render"
    lock = (ROOT / "requirements.lock").read_text()
    locked = re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==(\S+)", lock, re.MULTILINE)
    assert len(locked) > 50
    assert {(part["name"], part["version"]) for part in told["components"]} == set(locked)
    hashes = {
        known["content"]
        for part in told["components"]
        for reference in part["externalReferences"]
        for known in reference.get("hashes", ())
    }
    assert hashes == set(re.findall(r"--hash=sha256:([0-9a-f]{64})", lock))
