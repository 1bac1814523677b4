"""The files of deploy/, held against published schemas and against each other."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

import spanframe
from spanframe.settings import rows
from spanframe_collector.settings import CollectorSettings
from tests.plugins.image import USER, stages
from tests.plugins.launches import DEPLOY, TOOLS, compose, kubernetes, launches, unit

FOLDERS = ("sidecar", "standalone")
RESOURCES = [
    pytest.param(resource, id=f"{folder}-{resource['kind']}")
    for folder in FOLDERS
    for resource in kubernetes(folder)
]
PODS = [
    pytest.param(resource["spec"]["template"], id=folder)
    for folder in FOLDERS
    for resource in kubernetes(folder)
    if "template" in resource["spec"]
]


def run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def containers(pod: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [*pod.get("initContainers", ()), *pod["containers"]]


# --- schemas and linters --------------------------------------------------------------


def validate(resource: Any, version: str) -> None:
    """Hold a resource against the schema of a version, fields it does not know too."""
    # Loaded here: it takes seconds, and the schema of Compose is another program's.
    from kubernetes_validate import validate  # noqa: PLC0415

    assert validate(resource, version, strict=True) == version


@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.parametrize("version", ["1.29", "1.33", "1.37"])
def test_kubernetes_knows_every_field(resource: Any, version: str) -> None:
    """1.29 is the first that has native sidecars by default."""
    validate(resource, version)


def test_a_field_that_kubernetes_does_not_know_is_found() -> None:
    """So that the test above can fail."""
    resource = {**kubernetes("standalone")[0], "spec": {"prots": []}}
    with pytest.raises(Exception, match="prots"):
        validate(resource, "1.37")


def test_the_compose_file_fits_its_schema() -> None:
    schema = ("--builtin-schema", "vendor.compose-spec")
    run(TOOLS / "check-jsonschema", *schema, DEPLOY / "compose.yaml")


def test_hadolint_has_nothing_to_say() -> None:
    run(
        TOOLS / "hadolint", "--failure-threshold", "style", DEPLOY / "docker/Dockerfile"
    )


# --- pods -----------------------------------------------------------------------------


@pytest.mark.parametrize("template", PODS)
def test_a_pod_is_allowed_where_the_restricted_standard_is_enforced(
    template: Any,
) -> None:
    pod = template["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == USER
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    kinds = {kind for volume in pod.get("volumes", ()) for kind in volume} - {"name"}
    assert kinds <= {"emptyDir"}
    for container in containers(pod):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("template", PODS)
def test_what_a_pod_refers_to_is_there(template: Any) -> None:
    pod = template["spec"]
    volumes = {volume["name"] for volume in pod.get("volumes", ())} | {"spans"}
    for container in containers(pod):
        assert {m["name"] for m in container["volumeMounts"]} <= volumes
        ports = {port["name"] for port in container.get("ports", ())}
        for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = container.get(kind, {}).get("httpGet")
            assert asked is None or asked["port"] in ports
        name, _, tag = container["image"].rpartition(":")
        assert name in {"spanframe", "spanframe-shop"}
        assert tag == spanframe.__version__


def test_the_sidecar_is_a_native_one_that_outlives_its_app() -> None:
    [pods] = (r["spec"] for r in kubernetes("sidecar") if "template" in r["spec"])
    [sidecar] = pods["template"]["spec"]["initContainers"]
    assert sidecar["restartPolicy"] == "Always"
    assert "startupProbe" in sidecar


def test_every_selector_finds_its_pods() -> None:
    for folder in FOLDERS:
        resources = kubernetes(folder)
        [pods] = (r["spec"] for r in resources if "template" in r["spec"])
        labels = pods["template"]["metadata"]["labels"].items()
        ports = {
            port["name"]
            for container in containers(pods["template"]["spec"])
            for port in container.get("ports", ())
        }
        selectors = [pods["selector"]["matchLabels"]]
        for resource in resources:
            spec = resource["spec"]
            match resource["kind"]:
                case "Service":
                    selectors.append(spec["selector"])
                    assert {port["targetPort"] for port in spec["ports"]} <= ports
                case "PodDisruptionBudget":
                    selectors.append(spec["selector"]["matchLabels"])
                    assert spec["minAvailable"] < pods["replicas"]
                case "NetworkPolicy":
                    selectors.append(spec["podSelector"]["matchLabels"])
                case _:
                    assert "template" in spec
        assert all(selector.items() <= labels for selector in selectors)
        assert len(selectors) == len(resources)


# --- what all of them share -----------------------------------------------------------


def test_every_setting_in_a_manifest_is_one_that_the_collector_reads() -> None:
    known = {name for row in rows(CollectorSettings) for name in row.env}
    secrets = {"token": "t", "store": "postgresql+psycopg://u:p@h/d"}
    for name, launch in launches(secrets.__getitem__).items():
        given = {k for k in launch.environment if k.startswith("SPANFRAME_")}
        assert given <= known, name
        CollectorSettings.load(environ=launch.environment)


def test_a_collector_that_can_be_reached_from_outside_asks_for_a_token() -> None:
    secrets = {"token": "t", "store": "postgresql+psycopg://u:p@h/d"}
    for name, launch in launches(secrets.__getitem__).items():
        settings = CollectorSettings.load(environ=launch.environment)
        assert not settings.insecure, name
        listeners = [a for a in (settings.grpc, settings.http) if a is not None]
        assert settings.token or all(each.is_local for each in listeners), name


def test_no_manifest_holds_a_secret() -> None:
    for path in DEPLOY.rglob("*.yaml"):
        for line in path.read_text().splitlines():
            found = re.search(r"(?:TOKEN|PASSWORD): +(\S+)", line)
            assert found is None or found[1].startswith("${"), (path.name, line)


def test_the_images_run_as_a_user_of_their_own_and_keep_one_folder() -> None:
    for stage in ("app", "collector"):
        base, instructions = stages()[stage]
        assert base == "gcr.io/distroless/python3-debian13:nonroot"
        assert ("USER", f"{USER}:{USER}") in instructions
    last = list(stages())[-1]
    assert last == "collector"
    facts = dict(stages()[last][1])
    assert facts["VOLUME"] == '["/var/lib/spanframe"]'
    assert facts["EXPOSE"] == "4317 4318"


def test_every_container_of_the_compose_file_is_hardened() -> None:
    for name, service in compose().items():
        if not service["image"].startswith("spanframe"):
            continue
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert set(service.get("depends_on", ())) <= set(compose())


def test_the_unit_sets_each_thing_once() -> None:
    many = {"Environment", "SystemCallFilter"}
    twice = {name for name, values in unit().items() if len(values) > 1} - many
    assert twice == set()


# --- an OpenTelemetry Collector in front ----------------------------------------------


def otel_collectors() -> dict[str, Any]:
    folder = DEPLOY / "otel-collector"
    operator = yaml.safe_load((folder / "operator.yaml").read_text())
    plain = yaml.safe_load((folder / "config.yaml").read_text())
    return {"plain": plain, "operator": operator["spec"]["config"]}


@pytest.mark.parametrize("name", ["plain", "operator"])
def test_an_opentelemetry_collector_in_front_forwards_to_the_service(name: str) -> None:
    config = otel_collectors()[name]
    pipeline = config["service"]["pipelines"]["traces"]
    for kind in ("receivers", "processors", "exporters"):
        assert set(pipeline[kind]) == set(config[kind])
    extensions = config.get("extensions", {})
    assert set(config["service"].get("extensions", ())) == set(extensions)
    [exporter] = config["exporters"].values()
    [service] = (r for r in kubernetes("standalone") if r["kind"] == "Service")
    ports = {port["name"]: port["port"] for port in service["spec"]["ports"]}
    host = service["metadata"]["name"]
    assert exporter["endpoint"] == f"{host}:{ports['grpc']}"
    # It reads no zstd and no snappy, and answers only what is committed.
    assert exporter["compression"] == "gzip"
    assert exporter["retry_on_failure"]["max_elapsed_time"] == "0s"


# --- what a collector needs -----------------------------------------------------------

MEASURED = re.compile(r"([\d.]+) cores,? (?:and|RSS at most) ([\d.]+) MiB")


def measured() -> tuple[float, float]:
    """Return the cores and MiB at 10 000 spans/s that the page on operating tells."""
    page = (DEPLOY.parent / "docs" / "operating.md").read_text()
    [row] = [line for line in page.splitlines() if "processor time and memory" in line]
    found = MEASURED.search(row)
    assert found is not None
    return float(found[1]), float(found[2])


@pytest.mark.parametrize("name", ["sidecar", "standalone"])
def test_what_a_manifest_asks_for_was_measured(name: str) -> None:
    """The figures it names are the page's, and the requests and limits hold them."""
    cores, mib = measured()
    text = "".join(f.read_text() for f in (DEPLOY / "kubernetes" / name).glob("*.yaml"))
    readme = (DEPLOY / "README.md").read_text()
    for place in (text, readme):
        said = MEASURED.search(" ".join(place.replace("#", "").split()))
        assert said is not None
        assert (float(said[1]), float(said[2])) == (cores, round(mib))
    [collector] = re.findall(
        r"requests: \{cpu: (\d+)m, memory: (\d+)Mi\}\n *limits: \{memory: (\d+)Mi\}",
        text,
    )[:1]
    cpu, requested, limit = map(int, collector)
    assert requested >= mib
    assert limit >= mib + 256  # what many large requests at once may take
    # The sidecar of one app is asked for a share: nobody else sends to it.
    assert cpu >= (1000 * cores if name == "standalone" else 50)
