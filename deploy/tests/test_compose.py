"""Tests compose.yaml as Compose parses it, without an engine, and that the files it mounts exist."""

import functools
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

DEPLOY = Path(__file__).parents[1]
ROOT = DEPLOY.parent


@functools.cache
def compose(*profiles, **variables):
    return json.loads(read(*profiles, **variables).stdout)["services"]


def read(*profiles, **variables):
    files = ["compose.yaml", "compose.public.yaml"] if "public" in profiles else ["compose.yaml"]
    command = ["docker-compose"]
    for file in files:
        command += ["--file", DEPLOY / file]
    for profile in {*profiles} - {"public"}:
        command += ["--profile", profile]
    own = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [*command, "config", "--format", "json"],
        env={**own, **variables},
        capture_output=True,
    )


ALL = ("turn", "monitoring")


def ports(service):
    return {
        (one.get("host_ip", ""), one["published"], one["target"], one["protocol"])
        for one in service["ports"]
    }


def test_by_default_the_server_is_reachable_from_this_machine_only():
    services = compose()
    assert services.keys() == {"orange-meets"}
    server = services["orange-meets"]
    assert server["environment"]["ORANGE_DOMAIN"] == "localhost"
    assert ("127.0.0.1", "8080", 8080, "tcp") in ports(server)


def test_the_domain_is_the_only_required_setting_of_a_public_server():
    services = compose("public", ORANGE_DOMAIN="meet.example")
    server = services["orange-meets"]
    settings = server["environment"]
    assert settings["ORANGE_DOMAIN"] == "meet.example"
    assert settings["ORANGE_ACME"] == "true"
    assert settings["ORANGE_TRUSTED_PROXIES"] == "", "clients connect directly"
    reached = {one for one in ports(server) if one[3] == "tcp" and one[2] not in range(8190, 8194)}
    assert reached == {("", "80", 8082, "tcp"), ("", "443", 8443, "tcp")}
    listening = settings["ORANGE_REDIRECT"], settings["ORANGE_HTTPS"]
    assert listening == ("0.0.0.0:8082", "0.0.0.0:8443")
    refused = read("public")
    assert (refused.stdout, b"set it to the domain" in refused.stderr) == (b"", True)


def test_there_is_a_published_port_for_each_media_worker_of_the_image():
    image = (DEPLOY / "Dockerfile").read_text()
    workers = int(re.search(r"ORANGE_MEDIA_WORKERS=(\d+)", image)[1])
    first = int(re.search(r"ORANGE_MEDIA_PORT=(\d+)", image)[1])
    public = compose("public", ORANGE_DOMAIN="meet.example")
    for services, address in ((compose(), "127.0.0.1"), (public, "")):
        wanted = range(first, first + workers)
        media = {one for one in ports(services["orange-meets"]) if one[2] in wanted}
        both = {(port, kind) for port in wanted for kind in ("udp", "tcp")}
        assert media == {(address, str(port), port, kind) for port, kind in both}


@pytest.mark.parametrize("name", compose(*ALL))
def test_every_service_runs_without_privileges(name):
    service = compose(*ALL)[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert not service.get("privileged", False)
    added = {"coturn": ["NET_BIND_SERVICE"]}
    assert service.get("cap_add", []) == added.get(name, [])


def test_the_server_is_not_root_stores_its_data_and_has_time_to_drain():
    server = compose()["orange-meets"]
    assert server["user"] == "65532:65532"
    assert [(one["source"], one["target"]) for one in server["volumes"]] == [
        ("data", "/data"),
        ("secrets", "/secrets"),
    ]
    drains = int(server["environment"]["ORANGE_DRAIN_SECONDS"])
    grace = re.fullmatch(r"(?:(\d+)m)?(?:(\d+)s)?", server["stop_grace_period"])
    assert int(grace[1] or 0) * 60 + int(grace[2] or 0) > drains


def test_every_variable_is_a_setting_of_the_server():
    known = set(re.findall(r"`(ORANGE_[A-Z_]+)`", (ROOT / "docs/configuration.md").read_text()))
    assert len(known) > 5
    for profiles in ((), ("public",)):
        settings = compose(*profiles, ORANGE_DOMAIN="meet.example")["orange-meets"]["environment"]
        assert settings.keys() <= known


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ORANGE_ADVERTISE", "203.0.113.7"),
        ("ORANGE_MEDIA_TCP", "only"),
        ("ORANGE_MEDIA_SPREAD", "60"),
        ("ORANGE_MEDIA_LOAD_LIMIT", "75"),
        ("ORANGE_MEDIA_PIN", "true"),
        ("ORANGE_PARTICIPANTS_PER_ROOM", "120"),
        ("ORANGE_DRAIN_SECONDS", "5"),
        ("ORANGE_LOG_FORMAT", "json"),
        ("ORANGE_OTLP_ENDPOINT", "http://collector:4318"),
    ],
)
def test_a_variable_is_passed_to_private_and_public_servers(name, value):
    for profiles in ((), ("public",)):
        services = compose(*profiles, ORANGE_DOMAIN="meet.example", **{name: value})
        assert services["orange-meets"]["environment"][name] == value


def test_coturn_may_relay_to_the_server_only():
    services = compose("turn", ORANGE_TURN_URLS="turn:meet.example:3478")
    server, coturn = services["orange-meets"], services["coturn"]
    peer = server["networks"]["front"]["ipv4_address"]
    assert server["environment"]["ORANGE_TURN_PEER"] == peer
    assert f"--allowed-peer-ip={peer}" in coturn["command"]
    assert [one for one in coturn["command"] if one.startswith("--allowed-peer-ip")] == [
        f"--allowed-peer-ip={peer}"
    ]
    assert "--denied-peer-ip=0.0.0.0-255.255.255.255" in coturn["command"]
    assert {one[2] for one in ports(coturn)} == {3478}
    assert coturn["user"] == server["user"], "it reads the secret that the server creates"
    assert not any("secret=" in one for one in coturn["command"])
    assert compose()["orange-meets"]["environment"]["ORANGE_TURN_PEER"] == ""


def test_metrics_are_not_published_and_grafana_only_on_this_machine():
    services = compose(*ALL)
    assert "ports" not in services["prometheus"]
    assert not any(one[2] == 8081 for one in ports(services["orange-meets"]))
    scraped = yaml.safe_load((DEPLOY / "monitoring/prometheus.yml").read_text())
    targets = scraped["scrape_configs"][0]["static_configs"][0]["targets"]
    assert targets == ["orange-meets:8081"]
    assert {one[0] for one in ports(services["grafana"])} == {"127.0.0.1"}


@pytest.mark.parametrize("name", compose(*ALL))
def test_every_file_that_is_mounted_exists(name):
    binds = [one for one in compose(*ALL)[name].get("volumes", []) if one["type"] == "bind"]
    for bind in binds:
        assert Path(bind["source"]).is_file(), bind["source"]
        assert bind["read_only"] is True


def metrics():
    """Returns the names of all metrics that the server registers, from its sources."""
    named = set()
    for source in (DEPLOY / "server/src").rglob("*.rs"):
        named.update(re.findall(r'"((?:orange|process)_[a-z_]+)"', source.read_text()))
    for crate in ("signaling", "sfu"):
        for source in (ROOT / crate / "src").rglob("metrics*.rs"):
            prefix = "orange_sfu_" if crate == "sfu" else ""
            text = source.read_text()
            for name in re.findall(r'"([a-z]+(?:_[a-z]+)*)"', text):
                named.add(prefix + name)
    return named


def expressions():
    alerts = yaml.safe_load((DEPLOY / "monitoring/alerts.yml").read_text())
    for group in alerts["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    board = json.loads((DEPLOY / "monitoring/grafana/overview.json").read_text())
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


@pytest.mark.parametrize(("title", "expression"), list(expressions()))
def test_every_alert_and_panel_uses_existing_metrics(title, expression):
    asked = {
        re.sub(r"_(bucket|sum|count)$", "", name)
        for name in re.findall(r"\b(?:orange|process)_[a-z_]+", expression)
    }
    assert asked or expression.startswith("up{"), title
    assert asked <= metrics(), title
