"""How each manifest in deploy/ starts the collector, as that manifest says it.

A `Launch` is what an engine would take from a manifest: the words of the command, the
environment, how readiness is asked, and the time a stop may take.
"""

import dataclasses
import functools
import json
import re
import shlex
import subprocess
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from tests.plugins.image import ROOT, stages

DEPLOY: Final = ROOT / "deploy"
TOOLS: Final = Path(sysconfig.get_path("scripts"))
"""Where the command line tools of the development environment are."""


class Probe(NamedTuple):
    """One way in which an engine asks a container how it is."""

    kind: str
    """``http``, ``grpc`` or ``exec``."""
    target: str
    """The path, or the command for a shell."""
    port: int = 0


@dataclasses.dataclass(frozen=True)
class Launch:
    """One manifest's way to run the collector."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    started: Probe
    start_seconds: float
    probes: tuple[Probe, ...]
    grace_seconds: float
    state: str | None
    """The folder that is kept; None: the store is somewhere else."""
    app: Mapping[str, str]
    """The environment of an app that sends here."""
    is_image: bool = True
    """Whether it is what the Dockerfile installs; else, what the systemd page does."""


Given = Callable[[str], str]
"""Gives the secrets: ``token``, and ``store`` with the password in it."""


def compose() -> dict[str, Any]:
    """Return the services of the Compose file, with its merges done."""
    services: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return services["services"]  # type: ignore[no-any-return]


@functools.cache
def kubernetes(folder: str) -> tuple[Any, ...]:
    """Return the resources that kustomize builds from a folder."""
    built = subprocess.run(
        [TOOLS / "kubectl", "kustomize", DEPLOY / "kubernetes" / folder],
        check=True,
        capture_output=True,
        text=True,
    )
    return tuple(yaml.safe_load_all(built.stdout))


def unit() -> dict[str, list[str]]:
    """Return the settings of the systemd unit; a name may stand several times."""
    text = (DEPLOY / "systemd/spanframe-collector.service").read_text()
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, is_setting, value = line.partition("=")
        if is_setting and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def _image(stage: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the environment and the other facts of an image."""
    environment: dict[str, str] = {}
    facts: dict[str, str] = {}
    for word, value in stages()[stage][1]:
        facts[word] = value
        if word == "ENV":
            pairs = (pair.partition("=") for pair in shlex.split(value))
            environment |= {key: text for key, _, text in pairs}
    return environment, facts


def _exec_form(value: str) -> tuple[str, ...]:
    return tuple(json.loads(value.rpartition("CMD ")[2]))


def _health(facts: Mapping[str, str]) -> tuple[Probe, float]:
    """Return the health command of the image, and how long a start may take."""
    value = facts["HEALTHCHECK"]
    allowed = re.search(r"--start-period=(\d+)s", value)
    assert allowed is not None
    return Probe("exec", shlex.join(_exec_form(value))), float(allowed[1])


def docker(given: Given) -> Iterator[Launch]:
    """Yield the image by itself, as ``docker run`` starts it."""
    environment, facts = _image("collector")
    health, start_seconds = _health(facts)
    token = {"SPANFRAME_TOKEN": given("token")}
    yield Launch(
        name="docker",
        command=(*_exec_form(facts["ENTRYPOINT"]), *_exec_form(facts["CMD"])),
        environment=environment | token,
        started=health,
        start_seconds=start_seconds,
        probes=(health,),
        grace_seconds=10,  # what `docker stop` waits
        state=json.loads(facts["VOLUME"])[0],
        app={"SPANFRAME_ENDPOINT": "http://127.0.0.1:4317", **token},
    )


def from_compose(given: Given) -> Iterator[Launch]:
    """Yield the collectors of the Compose file."""
    services = compose()
    environment, facts = _image("collector")
    health, start_seconds = _health(facts)
    for name, service in services.items():
        if service["image"] != "spanframe:latest":
            continue
        own = {k: _filled(v, given) for k, v in service["environment"].items()}
        sender = next(
            s
            for s in services.values()
            if s["image"].startswith("spanframe-shop") and name in s["depends_on"]
        )
        mounts = [m.partition(":")[2] for m in service.get("volumes", ())]
        yield Launch(
            name=f"compose-{name}",
            command=(*_exec_form(facts["ENTRYPOINT"]), *_exec_form(facts["CMD"])),
            environment=environment | own,
            started=health,
            start_seconds=start_seconds,
            probes=(health,),
            grace_seconds=_seconds(service["stop_grace_period"]),
            state=mounts[0] if mounts else None,
            app={
                key: _filled(value, given).replace(f"//{name}:", "//127.0.0.1:")
                for key, value in sender["environment"].items()
            },
        )


def from_kubernetes(given: Given) -> Iterator[Launch]:
    """Yield the sidecar and the standalone collector."""
    for folder in ("sidecar", "standalone"):
        for resource in kubernetes(folder):
            if resource["kind"] in {"StatefulSet", "Deployment"}:
                yield _pod(folder, resource["spec"]["template"]["spec"], given)


def _pod(name: str, pod: Any, given: Given) -> Launch:
    environment, facts = _image("collector")
    containers = [*pod.get("initContainers", ()), *pod["containers"]]
    found = {container["name"]: container for container in containers}
    collector = found["collector"]
    ports = {port["name"]: port["containerPort"] for port in collector["ports"]}
    probes = {
        kind: _probe(collector[f"{kind}Probe"], ports)
        for kind in ("startup", "readiness", "liveness")
        if f"{kind}Probe" in collector
    }
    startup = collector["startupProbe"]
    own = _environment(collector, given)
    mounts = [mount["mountPath"] for mount in collector["volumeMounts"]]
    sender = _environment(found["app"], given) if "app" in found else {}
    return Launch(
        name=f"kubernetes-{name}",
        command=(*_exec_form(facts["ENTRYPOINT"]), *collector["args"]),
        environment=environment | own,
        started=probes.pop("startup"),
        start_seconds=startup["periodSeconds"] * startup["failureThreshold"],
        probes=tuple(probes.values()),
        grace_seconds=pod["terminationGracePeriodSeconds"],
        state=next((mount for mount in mounts if mount != "/tmp"), None),  # noqa: S108
        app=sender
        or {
            "SPANFRAME_ENDPOINT": "http://127.0.0.1:4317",
            "SPANFRAME_TOKEN": given("token"),
            "SPANFRAME_STORE": own["SPANFRAME_STORE"],
        },
    )


def from_systemd(given: Given) -> Iterator[Launch]:
    """Yield the unit, with a token from its EnvironmentFile."""
    settings = unit()
    pairs = (line.partition("=") for line in settings["Environment"])
    environment = {key: value for key, _, value in pairs}
    token = {"SPANFRAME_TOKEN": given("token")}
    yield Launch(
        name="systemd",
        command=tuple(shlex.split(settings["ExecStart"][0])),
        environment=environment | token,
        started=Probe("exec", settings["ExecStartPost"][0]),
        start_seconds=float(settings["TimeoutStartSec"][0]),
        probes=(),
        grace_seconds=float(settings["TimeoutStopSec"][0]),
        state=f"/var/lib/{settings['StateDirectory'][0]}",
        app={"SPANFRAME_ENDPOINT": "http://127.0.0.1:4317", **token},
        is_image=False,
    )


def launches(given: Given) -> dict[str, Launch]:
    """Return every way in which deploy/ starts a collector, by name."""
    sources = (docker, from_compose, from_kubernetes, from_systemd)
    return {launch.name: launch for read in sources for launch in read(given)}


def _probe(probe: Mapping[str, Any], ports: Mapping[str, int]) -> Probe:
    if "grpc" in probe:
        return Probe("grpc", probe["grpc"].get("service", ""), probe["grpc"]["port"])
    asked = probe["httpGet"]
    return Probe("http", asked["path"], ports.get(asked["port"], asked["port"]))


def _environment(container: Mapping[str, Any], given: Given) -> dict[str, str]:
    return {
        variable["name"]: variable["value"]
        if "value" in variable
        else given(variable["valueFrom"]["secretKeyRef"]["key"])
        for variable in container["env"]
    }


def _filled(value: str, given: Given) -> str:
    """Fill in what Compose takes from the shell's environment."""
    if value.startswith("postgresql"):
        assert "${POSTGRES_PASSWORD:-}" in value
        return given("store")
    return value.replace("${SPANFRAME_TOKEN:-}", given("token"))


def _seconds(duration: str) -> float:
    found = re.fullmatch(r"(\d+)s", duration)
    assert found is not None, duration
    return float(found[1])
