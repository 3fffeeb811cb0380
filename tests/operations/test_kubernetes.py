"""The manifests of k8s/: valid for every version of Kubernetes they are for, and as careful as they are to be."""

from __future__ import annotations

import functools
import json
import re
import tomllib
from pathlib import Path

import jsonschema_rs
import kubernetes_validate
import pytest
import yaml
from kubernetes_validate import utils

from app.settings.environment import names
from tests.operations.manifests import (
    KUBECTL,
    OVERLAYS,
    PLACE,
    Manifest,
    containers,
    named,
    office,
    pods,
    render,
    selects,
    understood,
)

pytestmark = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed; .ci/test names it")

VERSIONS = [f"1.{minor}" for minor in range(31, 38)]
TEXT: Manifest = {"type": "string", "minLength": 1}
DURATION: Manifest = {"type": "string", "pattern": "^([0-9]+(ms|[smhdwy]))+$"}
TEXTS: Manifest = {"type": "object", "additionalProperties": {"type": "string"}}


def record(required: str = "", **fields: Manifest) -> Manifest:
    """The schema of an object with these fields and no others."""
    return {"type": "object", "properties": fields, "required": required.split(), "additionalProperties": False}


def listed(of: Manifest) -> Manifest:
    """The schema of a list that is not empty."""
    return {"type": "array", "items": of, "minItems": 1}


def custom(kind: str, spec: Manifest) -> Manifest:
    """The schema of a resource of the Prometheus operator."""
    metadata = record("name", name=TEXT, namespace=TEXT, labels=TEXTS, annotations=TEXTS)
    version: Manifest = {"const": "monitoring.coreos.com/v1"}
    return record(
        "apiVersion kind metadata spec", apiVersion=version, kind={"const": kind}, metadata=metadata, spec=spec
    )


# The operator's own schemas are in no package that is light enough: these are of the fields that are used (0.80).
RULE = record("expr", alert=TEXT, record=TEXT, expr=TEXT, keep_firing_for=DURATION, labels=TEXTS, annotations=TEXTS) | {
    "oneOf": [{"required": ["alert"]}, {"required": ["record"]}]
}
RULE["properties"]["for"] = DURATION
GROUP = record("name rules", name=TEXT, interval=DURATION, rules=listed(RULE))
REFERENCE = record("name key", name=TEXT, key=TEXT)
ENDPOINT = record(
    "port",
    port=TEXT,
    path={"type": "string", "pattern": "^/"},
    interval=DURATION,
    scrapeTimeout=DURATION,
    authorization=record("credentials", type={"const": "Bearer"}, credentials=REFERENCE),
)
CUSTOM = {
    "PrometheusRule": custom("PrometheusRule", record("groups", groups=listed(GROUP))),
    "Probe": custom(
        "Probe",
        record(
            "jobName prober targets",
            jobName=TEXT,
            interval=DURATION,
            module=TEXT,
            prober=record("url", url=TEXT),
            targets=record("staticConfig", staticConfig=record("static", static=listed(TEXT))),
        ),
    ),
    "ServiceMonitor": custom(
        "ServiceMonitor",
        record("selector endpoints", selector=record("matchLabels", matchLabels=TEXTS), endpoints=listed(ENDPOINT)),
    ),
}


@pytest.fixture(scope="module")
def rendered() -> dict[str, list[Manifest]]:
    """The manifests of every overlay."""
    return {each: render(PLACE / "k8s" / "overlays" / each) for each in OVERLAYS}


@pytest.fixture(scope="module", params=OVERLAYS)
def manifests(request: pytest.FixtureRequest, rendered: dict[str, list[Manifest]]) -> list[Manifest]:
    """The manifests of each overlay in turn."""
    return rendered[request.param]


@pytest.fixture(autouse=True)
def _read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utils, "schema_contents", _contents)


_contents = functools.cache(utils.schema_contents)


def validate(manifest: Manifest) -> None:
    """Hold a manifest to the strict schemas of all versions."""
    if manifest["apiVersion"] == "monitoring.coreos.com/v1":
        jsonschema_rs.validate(CUSTOM[manifest["kind"]], manifest)
        return
    for version in VERSIONS:
        assert kubernetes_validate.validate(manifest, version, strict=True) == version


def test_all_is_valid_by_the_strict_schemas_of_kubernetes_1_31_to_1_37(manifests: list[Manifest]) -> None:
    assert len(manifests) >= 15
    for each in manifests:
        validate(each)


def test_what_is_not_valid_is_found(rendered: dict[str, list[Manifest]]) -> None:
    deployment = named(rendered["production"], "Deployment")["chiso"]
    pod = deployment["spec"]["template"]["spec"]
    misspelled: Manifest = {"securitycontext": {}}
    for wrong in (misspelled, {"terminationGracePeriodSeconds": "30"}):
        with pytest.raises(kubernetes_validate.ValidationError):
            validate(deployment | {"spec": deployment["spec"] | {"template": {"spec": pod | wrong}}})
    rule = named(rendered["production"], "PrometheusRule")["chiso"]
    nameless: Manifest = {"groups": [{"name": "a", "rules": [{"expr": "1"}]}]}
    empty: Manifest = {"groups": []}
    for unfit in (nameless, empty, rule["spec"] | {"more": 1}):
        with pytest.raises(jsonschema_rs.ValidationError):
            validate(rule | {"spec": unfit})


def test_an_overlay_as_the_document_tells_an_office_to_write_it(tmp_path: Path) -> None:
    for overlay in OVERLAYS:
        manifests = render(office(overlay, tmp_path))
        for each in manifests:
            validate(each)
        images = {each["image"] for _, pod in pods(manifests) for each in containers(pod)}
        assert "registry.example.vn/chiso:0.1.0" in images
        assert not any(each.startswith("chiso:") for each in images)
    for overlay in ("single", "production"):
        there = tmp_path / "offices" / overlay / "kustomization.yaml"
        there.write_text(
            there.read_text() + "\ncomponents:\n- ../../k8s/components/oidc\n- ../../k8s/components/probe\n"
        )
        manifests = render(there.parent)
        for each in manifests:
            validate(each)
        [probe] = named(manifests, "Probe").values()
        assert (probe["metadata"]["namespace"], probe["spec"]["jobName"]) == ("chiso", "chiso-blackbox")
        [provider] = (each for name, each in named(manifests, "NetworkPolicy").items() if name == "oidc")
        assert provider["spec"]["egress"][0]["ports"] == [{"port": 443, "protocol": "TCP"}]
        settings, secrets = environment(manifests, named(manifests, "Deployment")["chiso"]["spec"]["template"])
        assert {"CHISO_OIDC__ISSUER", "CHISO_OIDC__CLIENT_ID", "CHISO_HTTP__PUBLIC_URL"} <= set(settings)
        assert secrets["CHISO_OIDC__CLIENT_SECRET"] == ("chiso", "oidc-client-secret")


def test_every_pod_is_restricted(manifests: list[Manifest]) -> None:
    """The profile `restricted` of Pod Security, rule by rule, and more: a root that cannot be written to, no token."""
    space = named(manifests, "Namespace")["chiso"]
    assert space["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    found = list(pods(manifests))
    assert len(found) >= 5
    for name, template in found:
        pod = template["spec"]
        assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers", "ephemeralContainers"} & set(pod), name
        kinds = {kind for each in pod["volumes"] for kind in each if kind != "name"}
        assert kinds <= {"configMap", "emptyDir", "persistentVolumeClaim", "secret"}, name
        whole = pod["securityContext"]
        assert whole["runAsNonRoot"] is True and whole["runAsUser"] > 0 and whole["runAsGroup"] > 0, name
        assert whole["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not {"sysctls", "seLinuxOptions", "windowsOptions", "appArmorProfile"} & set(whole), name
        for each in containers(template):
            assert each["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert not any("hostPort" in port for port in each.get("ports", [])), name
            assert {"name": "tmp", "mountPath": "/tmp"} in each["volumeMounts"], name
        assert pod["automountServiceAccountToken"] is False and pod["enableServiceLinks"] is False, name
        account = named(manifests, "ServiceAccount")[pod["serviceAccountName"]]
        assert account["automountServiceAccountToken"] is False
    assert {each["metadata"].get("namespace", "chiso") for each in manifests} == {"chiso"}


def test_every_container_says_what_it_needs_and_those_that_serve_are_asked_how_they_are(
    manifests: list[Manifest],
) -> None:
    version = tomllib.loads((PLACE / "pyproject.toml").read_text())["project"]["version"]
    for name, template in pods(manifests):
        for each in containers(template):
            needs = each["resources"]
            assert set(needs["requests"]) == {"cpu", "memory"} and "memory" in needs["limits"], name
            image, _, tag = each["image"].partition(":")
            assert tag and tag != "latest", name
            assert image != "chiso" or tag == version, name
            serves = "ports" in each
            assert serves is ("readinessProbe" in each), name
            assert serves is ("livenessProbe" in each) is ("startupProbe" in each), name
    [chiso] = named(manifests, "Deployment")["chiso"]["spec"]["template"]["spec"]["containers"]
    assert {chiso[each]["httpGet"]["path"] for each in ("startupProbe", "livenessProbe")} == {"/livez"}
    assert chiso["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}


def environment(manifests: list[Manifest], template: Manifest) -> tuple[dict[str, str], dict[str, tuple[str, str]]]:
    """What the containers of a pod are told: values, and names and keys of secrets."""
    values: dict[str, str] = {}
    secrets: dict[str, tuple[str, str]] = {}
    for container in containers(template):
        for each in container.get("envFrom", []):
            values |= named(manifests, "ConfigMap")[each["configMapRef"]["name"]]["data"]
        for each in container.get("env", []):
            if "value" in each:
                values[each["name"]] = each["value"]
            else:
                reference = each["valueFrom"]["secretKeyRef"]
                secrets[each["name"]] = (reference["name"], reference["key"])
    return values, secrets


def test_settings_are_settings_and_secrets_are_never_values(manifests: list[Manifest]) -> None:
    assert named(manifests, "Secret") == {}
    document = (PLACE / "k8s" / "README.md").read_text()
    secret = re.compile("DSN|PEPPER|SECRET|PASSWORD|KEY")
    for name, template in pods(manifests):
        values, secrets = environment(manifests, template)
        assert [each for each in values if secret.search(each)] == [], name
        of_chiso = {each for each in {*values, *secrets} if each.startswith("CHISO_")}
        if name != "StatefulSet/chiso-database":
            assert of_chiso <= set(names()), name
        for there, key in secrets.values():
            assert f"`{there}`" in document and f"`{key}`" in document, "the document says how it is made"
        for volume in template["spec"]["volumes"]:
            assert "secret" not in volume or f"`{volume['secret']['secretName']}`" in document
        if any("chiso" in each["image"].rpartition("/")[2] for each in containers(template) if "command" in each):
            assert "CHISO_LOG__LEVEL" in values, "every command has the settings of all"
    _, secrets = environment(manifests, named(manifests, "Deployment")["chiso"]["spec"]["template"])
    assert secrets == {
        "CHISO_DATABASE__DSN": ("chiso", "dsn"),
        "CHISO_AUTH__PEPPER": ("chiso", "pepper"),
        "CHISO_AUTH__PREVIOUS_PEPPER": ("chiso", "previous-pepper"),
        "CHISO_METRICS__KEY": ("chiso", "metrics-key"),
    }
    _, secrets = environment(manifests, named(manifests, "Job")["chiso-migrate"]["spec"]["template"])
    assert secrets == {"CHISO_DATABASE__DSN": ("chiso-owner", "dsn")}


def test_every_command_is_one_that_chiso_has(manifests: list[Manifest]) -> None:
    seen = set()
    for _, template in pods(manifests):
        for each in containers(template):
            if "chiso" not in each["image"].rpartition("/")[2]:
                continue
            name, *arguments = each["command"]
            assert name == "chiso"
            seen.add(understood(arguments))
    assert seen == {"serve", "wait", "migrate", "verify", "maintain"}


def test_what_is_referred_to_is_there(manifests: list[Manifest]) -> None:
    labels = {name: template["metadata"]["labels"] for name, template in pods(manifests)}
    ports = {
        name: {port["name"] for each in containers(template) for port in each.get("ports", [])}
        for name, template in pods(manifests)
    }
    for service in named(manifests, "Service").values():
        [chosen] = (name for name in labels if service["spec"]["selector"].items() <= labels[name].items())
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports[chosen]
    for budget in named(manifests, "PodDisruptionBudget").values():
        assert [name for name in labels if selects(budget["spec"]["selector"], labels[name])] == ["Deployment/chiso"]
        assert budget["spec"]["maxUnavailable"] == 1
    [monitor] = named(manifests, "ServiceMonitor").values()
    service = named(manifests, "Service")["chiso"]
    assert selects(monitor["spec"]["selector"], service["metadata"]["labels"])
    assert not any(
        selects(monitor["spec"]["selector"], each["metadata"]["labels"])
        for name, each in named(manifests, "Service").items()
        if name != "chiso"
    )
    assert {each["port"] for each in monitor["spec"]["endpoints"]} <= {
        each["name"] for each in service["spec"]["ports"]
    }
    claims = set(named(manifests, "PersistentVolumeClaim"))
    configured = set(named(manifests, "ConfigMap"))
    for name, template in pods(manifests):
        for volume in template["spec"]["volumes"]:
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in claims, name
            if "configMap" in volume:
                assert volume["configMap"]["name"] in configured, name
    for name, each in named(manifests, "Deployment").items():
        selector = each["spec"]["selector"]
        assert selects(selector, labels[f"Deployment/{name}"])
        # Jobs are no replicas of the service.
        assert [other for other in labels if selects(selector, labels[other])] == [f"Deployment/{name}"]


def test_replicas(rendered: dict[str, list[Manifest]]) -> None:
    assert named(rendered["single"], "Deployment")["chiso"]["spec"]["replicas"] == 1
    assert named(rendered["single"], "HorizontalPodAutoscaler") == {}
    for overlay in ("production", "citus"):
        deployment = named(rendered[overlay], "Deployment")["chiso"]
        assert "replicas" not in deployment["spec"], "else every apply would undo what the autoscaler did"
        scaler = named(rendered[overlay], "HorizontalPodAutoscaler")["chiso"]["spec"]
        assert scaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "chiso"}
        assert 2 <= scaler["minReplicas"] <= scaler["maxReplicas"]
        # One more during a rollout; the defaults of the two pools; PostgreSQL's usual limit.
        assert (scaler["maxReplicas"] + 1) * (8 + 8) <= 100 - 3 - 10
        pod = deployment["spec"]["template"]["spec"]
        [apart] = pod["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        assert apart["topologyKey"] == "kubernetes.io/hostname"
        assert {each["topologyKey"] for each in pod["topologySpreadConstraints"]} == {
            "topology.kubernetes.io/zone",
            "kubernetes.io/hostname",
        }


def test_nothing_goes_in_or_out_but_what_is_named(manifests: list[Manifest]) -> None:
    policies = {name: each["spec"] for name, each in named(manifests, "NetworkPolicy").items()}
    assert policies.pop("default-deny") == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert policies["dns"]["podSelector"] == {}
    may: dict[str, set[tuple[str, object]]] = {}
    for name, template in pods(manifests):
        for spec in policies.values():
            if selects(spec["podSelector"], template["metadata"]["labels"]):
                for way in ("ingress", "egress"):
                    for rule in spec.get(way, []):
                        assert rule.get("from") or rule.get("to"), "everybody is nobody in particular"
                        may.setdefault(name, set()).update((way, port["port"]) for port in rule["ports"])
    for name, allowed in may.items():
        if name == "StatefulSet/chiso-database":
            assert allowed == {("egress", 53), ("ingress", 5432)}
        elif name == "Deployment/chiso":
            assert allowed == {("egress", 53), ("egress", 5432), ("ingress", 8000)}
        else:
            assert allowed == {("egress", 53), ("egress", 5432)}
    assert set(may) == {name for name, _ in pods(manifests)}


def test_the_ingress_lets_streams_and_large_bodies_through(manifests: list[Manifest]) -> None:
    [ingress] = named(manifests, "Ingress").values()
    told = ingress["metadata"]["annotations"]
    assert told["nginx.ingress.kubernetes.io/proxy-buffering"] == "off"
    assert int(told["nginx.ingress.kubernetes.io/proxy-read-timeout"]) >= 3600
    assert (told["nginx.org/proxy-buffering"], told["nginx.org/proxy-read-timeout"]) == ("False", "3600s")
    assert {told[each] for each in told if each.endswith("-body-size")} == {"32m"}
    [rule] = ingress["spec"]["rules"]
    [path] = rule["http"]["paths"]
    service = named(manifests, "Service")[path["backend"]["service"]["name"]]
    assert path["backend"]["service"]["port"]["name"] in {each["name"] for each in service["spec"]["ports"]}
    assert [rule["host"]] == ingress["spec"]["tls"][0]["hosts"]
    values, _ = environment(manifests, named(manifests, "Deployment")["chiso"]["spec"]["template"])
    assert values["CHISO_HTTP__PUBLIC_URL"] == f"https://{rule['host']}"


def test_the_rules_and_the_dashboard_are_those_of_deploy(manifests: list[Manifest]) -> None:
    folder = PLACE / "deploy" / "monitoring"
    wanted = yaml.safe_load((folder / "alerts.yaml").read_text())
    written = yaml.safe_load((PLACE / "k8s" / "base" / "monitoring" / "rules.yaml").read_text())
    assert written["spec"] == wanted, "`make rules` makes them anew"
    # Kustomize breaks long lines of its own, which an expression does not mind.
    rules, told = (
        re.sub(r"(\\n| )+", " ", json.dumps(each, sort_keys=True))
        for each in (
            named(manifests, "PrometheusRule")["chiso"]["spec"],
            wanted,
        )
    )
    assert rules == told
    dashboard = named(manifests, "ConfigMap")["chiso-dashboard"]
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(dashboard["data"]["chiso.json"]) == json.loads((folder / "dashboard.json").read_text())
    # What `kubectl apply` remembers of a manifest is an annotation, and those have 256 KiB.
    assert all(len(json.dumps(each)) < 250_000 for each in manifests)


def test_care_is_at_night_of_the_country_and_one_run_at_a_time(rendered: dict[str, list[Manifest]]) -> None:
    for overlay, manifests in rendered.items():
        jobs = {name: each["spec"] for name, each in named(manifests, "CronJob").items()}
        wanted = {"chiso-verify": "30 3 * * 1-6", "chiso-verify-deep": "30 3 * * 0", "chiso-maintain": "30 2 * * *"}
        wanted |= {} if overlay == "citus" else {"chiso-backup": "0 1 * * *"}
        assert {name: each["schedule"] for name, each in jobs.items()} == wanted
        for each in jobs.values():
            assert (each["timeZone"], each["concurrencyPolicy"]) == ("Asia/Ho_Chi_Minh", "Forbid")
            assert each["jobTemplate"]["spec"]["activeDeadlineSeconds"] > 0
