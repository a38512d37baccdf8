"""The bill of materials and the advisory check name what the lock files name, and the patched str0m."""

import json
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    bill = tmp_path_factory.mktemp("sbom") / "sbom.spdx.json"
    subprocess.run([ROOT / "deploy" / "sbom.sh", bill], check=True)
    return json.loads(bill.read_text())["packages"]


def test_every_locked_crate_and_every_shipped_npm_package_is_named(packages):
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


def test_str0m_is_named_as_published_with_each_of_its_patches(packages):
    (str0m,) = [one for one in packages if one["name"] == "str0m"]
    purls = [
        ref["referenceLocator"] for ref in str0m["externalRefs"] if ref["referenceType"] == "purl"
    ]
    assert purls == [f"pkg:cargo/str0m@{str0m['versionInfo']}"]

    checksum, crate = (ROOT / "sfu" / "str0m" / "str0m.sha256").read_text().split()
    assert crate == f"str0m-{str0m['versionInfo']}.crate"
    assert str0m["checksums"] == [{"algorithm": "SHA256", "checksumValue": checksum}]
    patches = sorted(patch.name for patch in (ROOT / "sfu" / "str0m" / "patches").glob("*.patch"))
    comments = [annotation["comment"] for annotation in str0m["annotations"]]
    assert patches and len(patches) == len(comments)
    assert all(name in comment for name, comment in zip(patches, comments))


def test_the_advisory_check_looks_up_the_published_str0m_and_all_else_as_locked(tmp_path):
    lock = tmp_path / "Cargo.lock"
    subprocess.run([ROOT / "deploy" / "advisories.sh", "lock", lock], check=True)
    audited = tomllib.loads(lock.read_text())["package"]
    checksum, _ = (ROOT / "sfu" / "str0m" / "str0m.sha256").read_text().split()
    (str0m,) = [one for one in audited if one["name"] == "str0m"]
    assert str0m.pop("source").startswith("registry+")
    assert str0m.pop("checksum") == checksum
    assert audited == tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
