"""Tests the image as Compose runs it: its contents, its privileges, and meetings through it."""

import json
import os
import re
import socket
import subprocess
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MAX_BYTES = 40_000_000


def run(*command, **options):
    result = subprocess.run(command, text=True, capture_output=True, timeout=600, **options)
    assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
    return result.stdout


def compose(*command, **variables):
    file = ROOT / "deploy/compose.yaml"
    return run("docker-compose", "--file", file, *command, env={**os.environ, **variables})


def inspect(kind, name):
    return json.loads(run("docker", kind, "inspect", name))[0]


@pytest.fixture(scope="module")
def server():
    """Returns the id of the running container: healthy, with default settings."""
    compose("up", "--wait", "--wait-timeout", "120")
    yield compose("ps", "--quiet", "orange-meets").strip()
    compose("--profile", "turn", "down", "--volumes", "--timeout", "5")


@pytest.fixture(scope="module")
def binary(tmp_path_factory):
    """Returns the path of the binary, copied out of the image."""
    container = run("docker", "create", os.environ["ORANGE_IMAGE"]).strip()
    path = tmp_path_factory.mktemp("image") / "orange-meets"
    run("docker", "cp", f"{container}:/usr/local/bin/orange-meets", path)
    run("docker", "rm", container)
    return path


def test_the_image_is_small():
    sizes = [
        inspect("image", os.environ[name])["Size"]
        for name in ("ORANGE_IMAGE", "ORANGE_RUNTIME_IMAGE")
    ]
    added = sizes[0] - sizes[1]
    print(f"\nimage: {added / 1e6:.1f} MB on top of a base of {sizes[1] / 1e6:.1f} MB")
    assert 0 < added <= MAX_BYTES


def test_the_binary_lists_its_crates(binary):
    scanned = json.loads(run("syft", "scan", f"file:{binary}", "--output", "json", "--quiet"))
    crates = {one["name"] for one in scanned["artifacts"] if one["type"] == "rust-crate"}
    assert {"axum", "str0m", "rustls", "rusqlite"} <= crates
    assert not {"openmls", "e2ee"} & crates


def test_the_image_contains_no_shell():
    command = ["docker", "run", "--rm", "--entrypoint", "/bin/sh", os.environ["ORANGE_IMAGE"], "-c", ":"]
    assert subprocess.run(command, capture_output=True).returncode != 0


def test_the_process_has_no_privileges(server):
    state = inspect("container", server)
    assert state["Config"]["User"] == "65532:65532"
    assert state["HostConfig"]["ReadonlyRootfs"] is True
    assert state["HostConfig"]["Privileged"] is False
    # From the kernel, not from the engine's configuration.
    status = Path(f"/proc/{state['State']['Pid']}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines())
    assert set(fields["Uid"].split() + fields["Gid"].split()) == {"65532"}
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(fields[kind], 16) == 0, kind
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"
    mounts = Path(f"/proc/{state['State']['Pid']}/mounts").read_text().splitlines()
    root = next(line.split() for line in mounts if line.split()[1] == "/")
    assert "ro" in root[3].split(",")


def test_the_administration_api_is_reachable_only_from_inside_the_container(server):
    output = run("docker", "exec", server, "/usr/local/bin/orange-meets", "rooms", "list")
    assert output.split() == ["room", "participants", "seconds"]
    published = inspect("container", server)["NetworkSettings"]["Ports"]
    assert published["8081/tcp"] is None
    assert published["8080/tcp"] == [{"HostIp": "127.0.0.1", "HostPort": os.environ["ORANGE_PORT"]}]


def url():
    return f"http://localhost:{os.environ['ORANGE_PORT']}"


def post(path):
    request = urllib.request.Request(f"{url()}/api/v1/{path}", method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def test_the_doctor_connects_through_the_published_ports(server, binary):
    output = run(binary, "doctor", "--url", url())
    assert re.search(r"ok       media: connected to 127\.0\.0\.1:819[0-3] over UDP", output), output


def test_a_room_survives_its_container(server):
    room = post("rooms")["room"]
    compose("up", "--wait", "--wait-timeout", "120", "--force-recreate", "orange-meets")
    assert compose("ps", "--quiet", "orange-meets").strip() != server
    assert post(f"rooms/{room}/tokens")["token"]


def meet(story, **variables):
    """Runs one test of web-client/tests/deployed, in which browsers meet."""
    command = ["npx", "vitest", "run", "--config", "vitest.deployed.config.ts", "-t", story]
    environment = {**os.environ, "ORANGE_DEPLOYED_URL": url(), **variables}
    output = run(*command, cwd=ROOT / "web-client", env=environment)
    assert "1 passed" in output, output
    return output


def test_browsers_meet_through_the_published_ports_before_and_after_a_restart(server):
    restart = f"docker-compose --file {ROOT}/deploy/compose.yaml restart"
    meet("see each other before and after", ORANGE_DEPLOYED_RESTART=restart)


def test_browsers_meet_over_the_published_tcp_ports_only(server):
    compose("up", "--wait", "--wait-timeout", "120", ORANGE_MEDIA_TCP="only")
    meet("see each other over TCP only")


def test_browsers_meet_over_turn_only(server):
    # Browsers gather no candidates from a TURN server on loopback.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        own = probe.getsockname()[0]
    urls = f"turn:{own}:3478?transport=udp"
    compose("--profile", "turn", "up", "--wait", "--wait-timeout", "120", ORANGE_TURN_URLS=urls)
    meet("see each other over the TURN relay only")
