"""What the chart makes of its values, without a cluster."""

import re
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from helm_python.chart import Chart, lint
from helm_python.errors import HelmError

CHART = Path(__file__).parents[1] / "helm" / "orange-meets"
KUBERNETES = "1.34.0"
# No schema of these comes with Kubernetes: only what the tests below say of them is checked.
CUSTOM = {"HTTPRoute", "ServiceMonitor"}

SETS = {
    "defaults": {},
    "ingress": {
        "host": "meet.example",
        "ingress": {"enabled": True, "className": "nginx", "tlsSecretName": "meet-tls"},
        "trustedProxies": ["10.0.0.0/8"],
    },
    "gateway": {
        "host": "meet.example",
        "gateway": {"enabled": True, "parentRefs": [{"name": "public", "namespace": "edge"}]},
    },
    "load balancer": {
        "media": {"mode": "service", "workers": 2, "advertise": ["203.0.113.7", "2001:db8::7"]},
    },
    "node port": {
        "media": {
            "mode": "service",
            "port": 30190,
            "advertise": ["203.0.113.7"],
            "service": {"type": "NodePort"},
        },
    },
    "everything": {
        "host": "meet.example",
        "image": {"repository": "registry.example/orange-meets", "digest": "sha256:" + "a" * 64},
        "imagePullSecrets": [{"name": "registry"}],
        "ingress": {"enabled": True, "annotations": {"a": "b"}},
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "persistence": {"enabled": True, "size": "5Gi", "storageClass": "fast"},
        "podAnnotations": {"a": "b"},
        "nodeSelector": {"media": "yes"},
        "tolerations": [{"key": "media", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
    },
    "nothing kept": {"persistence": {"enabled": False}, "networkPolicy": {"enabled": False}},
}
each_set = pytest.mark.parametrize("values", SETS.values(), ids=SETS.keys())


def render(values):
    """The manifests, and the notes."""
    with Chart.load(CHART) as chart:
        files = chart.render(values, name="meet", namespace="meetings")
    notes = next((text for path, text in files.items() if path.endswith("NOTES.txt")), "")
    manifests = [
        manifest
        for path, text in files.items()
        if path.endswith(".yaml")
        for manifest in yaml.safe_load_all(text)
        if manifest
    ]
    return manifests, notes


def find(values, kind, suffix=""):
    found = [m for m in render(values)[0] if m["kind"] == kind]
    found = [m for m in found if m["metadata"]["name"].endswith(suffix)]
    return found[0] if found else None


def container(values):
    return find(values, "StatefulSet")["spec"]["template"]["spec"]["containers"][0]


def variables(values):
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in container(values)["env"]}


@each_set
def test_the_linter_has_nothing_to_say(values):
    report = lint(CHART, values, strict=True, kube_version="v" + KUBERNETES)
    findings = [m for m in report["messages"] if m["severity"] >= 2]
    assert (findings, report["errors"]) == ([], [])


@each_set
def test_every_manifest_fits_the_schemas_of_kubernetes(values):
    manifests, _ = render(values)
    assert len(manifests) >= 3
    for manifest in manifests:
        if manifest["kind"] not in CUSTOM:
            kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_the_schemas_would_notice():
    service = find({}, "Service")
    service["spec"]["prots"] = []
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(service, KUBERNETES, strict=True)


@each_set
def test_every_pod_runs_without_privileges(values):
    pods = [m["spec"] for m in render(values)[0] if m["kind"] == "Pod"]
    pods.append(find(values, "StatefulSet")["spec"]["template"]["spec"])
    assert len(pods) == 2
    for pod in pods:
        assert pod["automountServiceAccountToken"] is False
        assert not pod.get("hostNetwork", False)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for one in pod["containers"]:
            assert one["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


@each_set
def test_services_and_policies_select_the_pod_and_nothing_else(values):
    manifests, _ = render(values)
    pod = find(values, "StatefulSet")["spec"]["template"]["metadata"]["labels"]
    test = next(m for m in manifests if m["kind"] == "Pod")["metadata"]["labels"]
    own = {"statefulset.kubernetes.io/pod-name": "meet-orange-meets-0"}
    selectors = [m["spec"]["selector"] for m in manifests if m["kind"] == "Service"]
    selectors += [
        m["spec"]["podSelector"]["matchLabels"] for m in manifests if m["kind"] == "NetworkPolicy"
    ]
    for selector in selectors:
        assert selector.items() <= {**pod, **own}.items()
        assert not selector.items() <= {**test, **own}.items()


@each_set
def test_every_variable_is_a_setting_of_the_server(values):
    page = (CHART.parents[2] / "docs" / "configuration.md").read_text()
    known = set(re.findall(r"`(ORANGE_[A-Z_]+)`", page))
    assert len(known) > 5
    assert variables(values).keys() <= known


def test_the_node_s_own_address_and_ports_carry_media():
    assert variables({})["ORANGE_ADVERTISE"] == {"fieldRef": {"fieldPath": "status.hostIP"}}
    ports = [p for p in container({})["ports"] if p["protocol"] == "UDP"]
    assert [p["hostPort"] for p in ports] == [8190, 8191, 8192, 8193]
    assert variables({})["ORANGE_MEDIA_WORKERS"] == "4"


def test_given_addresses_win_over_the_node_s():
    values = {"media": {"advertise": ["203.0.113.7", "2001:db8::7"]}}
    assert variables(values)["ORANGE_ADVERTISE"] == "203.0.113.7,2001:db8::7"


def test_a_media_service_keeps_the_port_numbers_and_takes_the_node_s_ports_away():
    for name, first in [("load balancer", 8190), ("node port", 30190)]:
        values = SETS[name]
        assert all("hostPort" not in port for port in container(values)["ports"])
        service = find(values, "Service", "-media")["spec"]
        assert service["externalTrafficPolicy"] == "Local"
        for number, port in enumerate(service["ports"]):
            assert port["port"] == first + number
            assert port.get("nodePort", port["port"]) == port["port"]
    assert find({}, "Service", "-media") is None


def test_the_pod_is_given_longer_to_end_than_it_drains():
    values = {"drainSeconds": 300}
    pod = find(values, "StatefulSet")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] > 300
    assert variables(values)["ORANGE_DRAIN_SECONDS"] == "300"


def test_the_probes_ask_three_different_questions():
    probes = {kind: container({})[kind]["httpGet"]["path"] for kind in
              ("startupProbe", "livenessProbe", "readinessProbe")}
    assert list(probes.values()) == ["/startupz", "/livez", "/readyz"]


def test_a_route_keeps_sockets_open_and_leads_to_the_service():
    route = find(SETS["gateway"], "HTTPRoute")["spec"]
    assert route["hostnames"] == ["meet.example"]
    assert route["parentRefs"] == [{"name": "public", "namespace": "edge"}]
    assert route["rules"][0]["backendRefs"] == [{"name": "meet-orange-meets", "port": 80}]
    assert route["rules"][0]["timeouts"] == {"request": "0s"}


def test_a_monitor_asks_the_named_port():
    monitor = find(SETS["everything"], "ServiceMonitor")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    service = find(SETS["everything"], "Service")
    assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
    labels = monitor["spec"]["selector"]["matchLabels"]
    assert labels.items() <= service["metadata"]["labels"].items()


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"media": {"mode": "service"}}, "media.advertise"),
        ({"media": {"port": 65533}}, "lower one of them"),
        ({"ingress": {"enabled": True}}, "set host"),
        ({"gateway": {"enabled": True}, "host": "meet.example"}, "gateway.parentRefs"),
        ({"replicas": 3}, "replicas"),
        ({"media": {"mode": "hostNetwork"}}, "mode"),
        ({"media": {"advertise": ["0.0.0.0"]}}, "advertise"),
        ({"trustedProxies": ["10.0.0.1"]}, "trustedProxies"),
        ({"host": "https://meet.example"}, "host"),
    ],
    ids=lambda one: one if isinstance(one, str) else None,
)
def test_values_of_no_use_are_refused_with_a_word_on_which(values, told):
    with pytest.raises(HelmError) as error:
        render(values)
    assert told in str(error.value)


def test_the_notes_say_what_is_left_to_do():
    for name, told in [
        ("defaults", "port-forward"),
        ("defaults", "UDP 8190-8193"),
        ("everything", "ingress.tlsSecretName is not set"),
        ("everything", "trustedProxies is not set"),
        ("ingress", "https://meet.example"),
        ("load balancer", "203.0.113.7, 2001:db8::7"),
        ("nothing kept", "end with the pod"),
    ]:
        assert told in render(SETS[name])[1], (name, told)
    assert "is not set" not in render(SETS["ingress"])[1]


