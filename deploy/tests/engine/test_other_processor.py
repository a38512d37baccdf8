"""Tests the binary of an image for another architecture under emulation."""

import json
import os
import re
import signal
import socket
import struct
import subprocess
import time
import urllib.error
import urllib.request

import pytest

IMAGE, OTHER = os.environ["ORANGE_IMAGE"], os.environ["ORANGE_OTHER"]
PROCESSOR = os.environ["ORANGE_OTHER_PROCESSOR"]
# e_machine of the ELF header.
MACHINES = {"amd64": 62, "arm64": 183}


def run(*command):
    result = subprocess.run(command, text=True, capture_output=True, timeout=300)
    assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Returns a folder with all files of the image."""
    folder = tmp_path_factory.mktemp("image")
    container = run("docker", "create", "--platform", f"linux/{OTHER}", IMAGE).strip()
    try:
        with subprocess.Popen(["docker", "export", container], stdout=subprocess.PIPE) as export:
            subprocess.run(["tar", "-C", folder, "-x"], stdin=export.stdout, check=True)
        assert export.returncode == 0
    finally:
        run("docker", "rm", container)
    return folder


def emulated(files, *arguments):
    # An image built from scratch contains no libraries.
    libraries = files if (files / "lib").exists() else f"/usr/{PROCESSOR}-linux-gnu"
    program = files / "usr/local/bin/orange-meets"
    return [f"qemu-{PROCESSOR}-static", "-L", str(libraries), str(program), *arguments]


@pytest.fixture
def server(files):
    """Returns the URL of a running server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = ["serve", "--http", address, "--media-port", "0", "--media-workers", "2", "--in-memory"]
    process = subprocess.Popen(emulated(files, *command, "--advertise", "127.0.0.1"))
    try:
        deadline = time.monotonic() + 60
        while not answers(f"http://{address}/readyz"):
            assert process.poll() is None, "the process has ended"
            assert time.monotonic() < deadline, "the server does not become ready"
            time.sleep(0.2)
        yield f"http://{address}"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def test_the_image_and_its_binary_are_for_that_architecture(files):
    [image] = json.loads(run("docker", "image", "inspect", IMAGE))
    assert (image["Os"], image["Architecture"]) == ("linux", OTHER)
    header = (files / "usr/local/bin/orange-meets").read_bytes()[:20]
    assert header[:4] == b"\x7fELF"
    assert struct.unpack_from("<H", header, 18)[0] == MACHINES[OTHER]


def test_the_binary_starts(files):
    assert run(*emulated(files, "--version")).startswith("orange-meets ")


def test_the_server_serves_the_page_accepts_calls_and_ends_on_sigterm(files, server):
    assert answers(f"{server}/livez")
    with urllib.request.urlopen(server, timeout=30) as page:
        assert b"<title>" in page.read()
    # The doctor, emulated as well, connects by ICE and DTLS. On a busy machine it may be slower than
    # the server's timeouts.
    for _ in range(3):
        doctor = emulated(files, "doctor", "--url", server)
        output = subprocess.run(doctor, text=True, capture_output=True, timeout=300).stdout
        transports = re.findall(r"ok       media: connected to 127\.0\.0\.1:\d+ over (UDP|TCP)", output)
        if transports == ["UDP", "TCP"]:
            return
    raise AssertionError(output)
