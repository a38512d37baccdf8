"""Tests the rendered chart, without a cluster."""

import re
from pathlib import Path

import custom_resources
import jsonschema
import kubernetes_validate
import pytest
import yaml
from helm_python.chart import Chart, lint
from helm_python.errors import HelmError

CHART = Path(__file__).parents[1] / "helm" / "orange-meets"
KUBERNETES = "1.34.0"
# Kubernetes has no schemas of these; custom_resources/ has them.
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
    "all features": {
        "host": "meet.example",
        "image": {"repository": "registry.example/orange-meets", "digest": "sha256:" + "a" * 64},
        "imagePullSecrets": [{"name": "registry"}],
        "ingress": {"enabled": True, "annotations": {"a": "b"}},
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "persistence": {"enabled": True, "size": "5Gi", "storageClass": "fast"},
        "turn": {"urls": ["turns:turn.example:443?transport=tcp"], "secretName": "turn"},
        "admin": {"tokenSecretName": "meet-admin"},
        "otlpEndpoint": "http://collector.observability:4318",
        "autoscaling": {"enabled": True, "targetLoad": 0.55},
        "disruption": {"maxUnavailable": 0},
        "podAnnotations": {"a": "b"},
        "nodeSelector": {"media": "yes"},
        "tolerations": [{"key": "media", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
    },
    "no persistence": {"persistence": {"enabled": False}, "networkPolicy": {"enabled": False}},
}
each_set = pytest.mark.parametrize("values", SETS.values(), ids=SETS.keys())


def render(values):
    """Returns the manifests and the notes."""
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
def test_the_linter_finds_nothing(values):
    report = lint(CHART, values, strict=True, kube_version="v" + KUBERNETES)
    findings = [m for m in report["messages"] if m["severity"] >= 2]
    assert (findings, report["errors"]) == ([], [])


@each_set
def test_every_manifest_is_valid(values):
    manifests, _ = render(values)
    assert len(manifests) >= 3
    for manifest in manifests:
        if manifest["kind"] in CUSTOM:
            custom_resources.validate(manifest)
            # The custom resources' schemas do not cover metadata, which all resources share.
            manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": manifest["metadata"]}
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_the_schemas_detect_errors():
    service = find({}, "Service")
    service["spec"]["prots"] = []
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(service, KUBERNETES, strict=True)


@pytest.mark.parametrize(
    ("kind", "doctor", "expected"),
    [
        ("HTTPRoute", lambda spec: spec.update(hostnam=[]), "hostnam"),
        ("HTTPRoute", lambda spec: spec.update(hostnames=["Meet Example"]), "Meet Example"),
        ("HTTPRoute", lambda spec: spec["rules"][0]["timeouts"].update(request="never"), "never"),
        ("HTTPRoute", lambda spec: spec["parentRefs"][0].pop("name"), "name"),
        ("HTTPRoute", lambda spec: spec["rules"][0]["backendRefs"][0].update(port="http"), "http"),
        ("ServiceMonitor", lambda spec: spec.pop("selector"), "selector"),
        ("ServiceMonitor", lambda spec: spec["endpoints"][0].update(prot=1), "prot"),
        ("ServiceMonitor", lambda spec: spec["endpoints"][0].update(interval="often"), "often"),
    ],
)
def test_the_schemas_of_custom_resources_detect_errors(kind, doctor, expected):
    manifest = find(SETS["gateway"] | SETS["all features"] | {"ingress": {}}, kind)
    custom_resources.validate(manifest)
    doctor(manifest["spec"])
    with pytest.raises(jsonschema.ValidationError) as error:
        custom_resources.validate(manifest)
    assert expected in error.value.message


def test_a_custom_resource_without_a_schema_is_an_error():
    manifest = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor", "metadata": {}}
    with pytest.raises(LookupError):
        custom_resources.validate(manifest)


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
    selectors += [
        m["spec"]["selector"]["matchLabels"]
        for m in manifests
        if m["kind"] == "PodDisruptionBudget"
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


def test_rooms_and_workers_have_the_server_s_defaults_unless_set():
    page = (CHART.parents[2] / "docs" / "configuration.md").read_text()
    media = ["ORANGE_MEDIA_SPREAD", "ORANGE_MEDIA_LOAD_LIMIT", "ORANGE_MEDIA_PIN"]
    settings = [*media, "ORANGE_PARTICIPANTS_PER_ROOM"]
    for name in settings:
        default = re.search(rf"^\|.*`{name}` \| `(.+)` \|$", page, re.MULTILINE)[1]
        assert variables({})[name] == default, name
    media = {"spread": 60, "loadLimit": 75, "pin": True}
    expected = variables({"media": media, "participantsPerRoom": 120})
    assert [expected[name] for name in settings] == ["60", "75", "true", "120"]


def test_media_over_tcp_uses_the_same_ports_and_can_be_disabled():
    def media(values, protocol):
        ports = [p for p in container(values)["ports"] if p["name"].startswith("media-")]
        return [p["hostPort"] for p in ports if p["protocol"] == protocol]

    assert media({}, "TCP") == media({}, "UDP") == [8190, 8191, 8192, 8193]
    assert variables({})["ORANGE_MEDIA_TCP"] == "on"
    without = {"media": {"tcp": False}}
    assert media(without, "TCP") == []
    assert media(without, "UDP") == media({}, "UDP")
    assert variables(without)["ORANGE_MEDIA_TCP"] == "off"


def test_set_addresses_take_precedence_over_the_node_s():
    values = {"media": {"advertise": ["203.0.113.7", "2001:db8::7"]}}
    assert variables(values)["ORANGE_ADVERTISE"] == "203.0.113.7,2001:db8::7"


def test_a_media_service_uses_the_same_ports_and_no_host_ports():
    for name, first in [("load balancer", 8190), ("node port", 30190)]:
        values = SETS[name]
        assert all("hostPort" not in port for port in container(values)["ports"])
        service = find(values, "Service", "-media")["spec"]
        assert service["externalTrafficPolicy"] == "Local"
        for protocol in ("UDP", "TCP"):
            ports = [port for port in service["ports"] if port["protocol"] == protocol]
            assert ports
            for number, port in enumerate(ports):
                assert port["port"] == first + number
                assert port.get("nodePort", port["port"]) == port["port"]
    assert find({}, "Service", "-media") is None


def test_the_termination_grace_period_is_longer_than_draining():
    values = {"drainSeconds": 300}
    pod = find(values, "StatefulSet")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] > 300
    assert variables(values)["ORANGE_DRAIN_SECONDS"] == "300"


def test_only_the_autoscaler_sets_the_number_of_pods():
    assert find({}, "HorizontalPodAutoscaler") is None
    assert find({}, "StatefulSet")["spec"]["replicas"] == 1
    values = SETS["all features"]
    scaler = find(values, "HorizontalPodAutoscaler")["spec"]
    pods = find(values, "StatefulSet")
    assert "replicas" not in pods["spec"], "an upgrade would override the autoscaler"
    assert scaler["scaleTargetRef"] == {
        "apiVersion": pods["apiVersion"],
        "kind": "StatefulSet",
        "name": pods["metadata"]["name"],
    }
    [metric] = scaler["metrics"]
    assert metric["pods"] == {
        "metric": {"name": "orange_sfu_load"},
        "target": {"type": "AverageValue", "averageValue": "550m"},
    }
    assert scaler["behavior"]["scaleDown"]["stabilizationWindowSeconds"] >= 600


def test_a_node_can_be_drained_unless_forbidden():
    for values, most in ({}, 1), (SETS["all features"], 0):
        assert find(values, "PodDisruptionBudget")["spec"]["maxUnavailable"] == most


def test_each_probe_has_its_own_endpoint():
    probes = {kind: container({})[kind]["httpGet"]["path"] for kind in
              ("startupProbe", "livenessProbe", "readinessProbe")}
    assert list(probes.values()) == ["/startupz", "/livez", "/readyz"]


def test_a_route_keeps_websockets_open_and_targets_the_service():
    route = find(SETS["gateway"], "HTTPRoute")["spec"]
    assert route["hostnames"] == ["meet.example"]
    assert route["parentRefs"] == [{"name": "public", "namespace": "edge"}]
    assert route["rules"][0]["backendRefs"] == [{"name": "meet-orange-meets", "port": 80}]
    assert route["rules"][0]["timeouts"] == {"request": "0s"}


def test_a_monitor_scrapes_the_named_port():
    monitor = find(SETS["all features"], "ServiceMonitor")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    service = find(SETS["all features"], "Service")
    named = {port["name"]: port["targetPort"] for port in service["spec"]["ports"]}
    assert named[monitor["spec"]["endpoints"][0]["port"]] == "admin"
    assert variables({})["ORANGE_ADMIN"] == "[::]:8081"
    labels = monitor["spec"]["selector"]["matchLabels"]
    assert labels.items() <= service["metadata"]["labels"].items()


def test_secrets_are_mounted_only_where_they_are_set():
    values = SETS["all features"]
    pod = find(values, "StatefulSet")["spec"]["template"]["spec"]
    volumes = {one["name"]: one["secret"]["secretName"] for one in pod["volumes"]}
    assert volumes == {"turn": "turn", "admin": "meet-admin"}
    mounts = {one["name"]: one["mountPath"] for one in container(values)["volumeMounts"]}
    settings = variables(values)
    assert settings["ORANGE_TURN_SECRET_FILE"] == f"{mounts['turn']}/secret"
    assert settings["ORANGE_ADMIN_TOKEN_FILE"] == f"{mounts['admin']}/token"
    assert "volumes" not in find({}, "StatefulSet")["spec"]["template"]["spec"]
    assert not {"ORANGE_TURN_URLS", "ORANGE_ADMIN_TOKEN_FILE"} & variables({}).keys()


def test_spans_are_exported_if_a_collector_is_set():
    name = "ORANGE_OTLP_ENDPOINT"
    assert variables(SETS["all features"])[name] == SETS["all features"]["otlpEndpoint"]
    assert name not in variables({})


def test_the_doctor_checks_the_service():
    doctor = find({}, "Pod")["spec"]
    assert doctor["containers"][0]["args"] == ["doctor", "--url", "http://meet-orange-meets"]
    assert doctor["restartPolicy"] == "Never"


def test_the_administration_port_is_reachable_only_inside_the_cluster():
    def ways_in(values):
        rules = find(values, "NetworkPolicy")["spec"]["ingress"]
        return [rule for rule in rules if any(port["port"] == "admin" for port in rule["ports"])]

    assert [port["name"] for port in find({}, "Service")["spec"]["ports"]] == ["http"]
    assert ways_in({}) == []
    assert [rule["from"] for rule in ways_in(SETS["all features"])] == [[{"namespaceSelector": {}}]]
    ingress = find(SETS["all features"], "Ingress")["spec"]["rules"][0]["http"]["paths"][0]
    assert ingress["backend"]["service"]["port"] == {"name": "http"}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"media": {"mode": "service"}}, "media.advertise"),
        ({"media": {"port": 65533}}, "lower one of them"),
        ({"ingress": {"enabled": True}}, "set host"),
        ({"gateway": {"enabled": True}, "host": "meet.example"}, "gateway.parentRefs"),
        ({"turn": {"urls": ["turn:turn.example"]}}, "turn.secretName"),
        ({"turn": {"urls": ["https://turn.example"]}}, "urls"),
        ({"replicas": 3}, "replicas"),
        ({"autoscaling": {"maxReplicas": 2}}, "do not share rooms"),
        ({"autoscaling": {"targetLoad": 1.5}}, "targetLoad"),
        ({"media": {"mode": "hostNetwork"}}, "mode"),
        ({"media": {"advertise": ["0.0.0.0"]}}, "advertise"),
        ({"media": {"spread": 0}}, "spread"),
        ({"media": {"loadLimit": 101}}, "loadLimit"),
        ({"media": {"pin": "yes"}}, "pin"),
        ({"participantsPerRoom": 1}, "participantsPerRoom"),
        ({"trustedProxies": ["10.0.0.1"]}, "trustedProxies"),
        ({"host": "https://meet.example"}, "host"),
        ({"otlpEndpoint": "collector:4317"}, "otlpEndpoint"),
    ],
    ids=lambda one: one if isinstance(one, str) else None,
)
def test_invalid_values_are_refused_with_a_reason(values, expected):
    with pytest.raises(HelmError) as error:
        render(values)
    assert expected in str(error.value)


def test_the_notes_list_the_remaining_steps():
    for name, expected in [
        ("defaults", "port-forward"),
        ("defaults", "UDP and TCP 8190-8193"),
        ("all features", "ingress.tlsSecretName is not set"),
        ("all features", "trustedProxies is not set"),
        ("ingress", "https://meet.example"),
        ("load balancer", "203.0.113.7, 2001:db8::7"),
        ("no persistence", "lost when the pod ends"),
    ]:
        assert expected in render(SETS[name])[1], (name, expected)
    assert "is not set" not in render(SETS["ingress"])[1]


