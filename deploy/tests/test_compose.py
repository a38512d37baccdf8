"""What Compose reads in compose.yaml, without an engine; and that what it names exists."""

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
    command = ["docker-compose", "--file", DEPLOY / "compose.yaml"]
    for profile in profiles:
        command += ["--profile", profile]
    own = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    read = subprocess.run(
        [*command, "config", "--format", "json"],
        env={**own, **variables},
        capture_output=True,
        check=True,
    )
    return json.loads(read.stdout)["services"]


ALL = ("public", "monitoring")


def ports(service):
    return {
        (one.get("host_ip", ""), one["published"], one["target"], one["protocol"])
        for one in service["ports"]
    }


def test_without_settings_it_is_there_for_this_machine_alone():
    services = compose()
    assert services.keys() == {"orange-meets"}
    server = services["orange-meets"]
    assert server["environment"]["ORANGE_DOMAIN"] == "localhost"
    assert ("127.0.0.1", "8080", 8080, "tcp") in ports(server)


def test_the_domain_is_the_one_setting_of_a_public_host():
    services = compose("public", ORANGE_DOMAIN="meet.example")
    assert services["orange-meets"]["environment"]["ORANGE_DOMAIN"] == "meet.example"
    caddy = services["caddy"]
    assert "meet.example" in caddy["command"] and "orange-meets:8080" in caddy["command"]
    assert ports(caddy) == {("", "80", 80, "tcp"), ("", "443", 443, "tcp")}


def test_there_is_a_published_port_for_each_media_worker_of_the_image():
    image = (DEPLOY / "Dockerfile").read_text()
    workers = int(re.search(r"ORANGE_MEDIA_WORKERS=(\d+)", image)[1])
    first = int(re.search(r"ORANGE_MEDIA_PORT=(\d+)", image)[1])
    media = {one for one in ports(compose()["orange-meets"]) if one[3] == "udp"}
    assert media == {("", str(port), port, "udp") for port in range(first, first + workers)}


@pytest.mark.parametrize("name", compose(*ALL))
def test_every_service_is_fenced_in(name):
    service = compose(*ALL)[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert not service.get("privileged", False)
    added = {"caddy": ["NET_BIND_SERVICE"]}
    assert service.get("cap_add", []) == added.get(name, [])


def test_the_server_is_not_root_keeps_its_data_and_is_given_time_to_drain():
    server = compose()["orange-meets"]
    assert server["user"] == "65532:65532"
    assert [(one["source"], one["target"]) for one in server["volumes"]] == [("data", "/data")]
    drains = int(server["environment"]["ORANGE_DRAIN_SECONDS"])
    grace = re.fullmatch(r"(?:(\d+)m)?(?:(\d+)s)?", server["stop_grace_period"])
    assert int(grace[1] or 0) * 60 + int(grace[2] or 0) > drains


def test_every_variable_is_a_setting_of_the_server():
    known = set(re.findall(r"`(ORANGE_[A-Z_]+)`", (ROOT / "docs/configuration.md").read_text()))
    assert len(known) > 5
    assert compose()["orange-meets"]["environment"].keys() <= known


def test_only_monitoring_reaches_its_figures_and_only_from_this_machine():
    services = compose(*ALL)
    assert "ports" not in services["prometheus"]
    assert {one[0] for one in ports(services["grafana"])} == {"127.0.0.1"}


@pytest.mark.parametrize("name", compose(*ALL))
def test_every_file_that_is_mounted_exists(name):
    binds = [one for one in compose(*ALL)[name].get("volumes", []) if one["type"] == "bind"]
    for bind in binds:
        assert Path(bind["source"]).is_file(), bind["source"]
        assert bind["read_only"] is True


def metrics():
    """The names of all metrics that the server registers, from its sources."""
    named = set()
    for crate in ("signaling", "sfu"):
        for source in (ROOT / crate / "src").glob("metrics*.rs"):
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
def test_every_alert_and_panel_asks_for_metrics_that_exist(title, expression):
    asked = {
        re.sub(r"_(bucket|sum|count)$", "", name)
        for name in re.findall(r"\borange_[a-z_]+", expression)
    }
    assert asked or expression.startswith("up{"), title
    assert asked <= metrics(), title
