"""The bill of materials names what the lock files name."""

import json
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_locked_crate_and_every_shipped_npm_package_is_named(tmp_path):
    bill = tmp_path / "sbom.spdx.json"
    subprocess.run([ROOT / "deploy" / "sbom.sh", bill], check=True)
    packages = json.loads(bill.read_text())["packages"]
    named = {(one["name"], one.get("versionInfo", "")) for one in packages}

    crates = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    assert {(one["name"], one["version"]) for one in crates} <= named

    locked = json.loads((ROOT / "web-client" / "package-lock.json").read_text())["packages"]
    shipped = {
        (path.rpartition("node_modules/")[2], one["version"])
        for path, one in locked.items()
        if path and not one.get("dev") and not one.get("optional")
    }
    assert shipped and shipped <= named
