"""``spanframe collector --check``: the health command of containers and units."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from tests.plugins.collector import Collector
from tests.plugins.forked import run


def check(
    *options: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the health command."""
    return run("collector", "--check", *options, **(environment or {}))


def check_of(collector: Collector, *options: str) -> subprocess.CompletedProcess[str]:
    http = collector.http_endpoint.partition("://")[2] or "off"
    return check("--grpc", collector.target, "--http", http, *options)


@pytest.fixture
def certificate(tmp_path: Path) -> Callable[[str], list[str]]:
    """Return a function: from a name to the options of a collector certified for it."""

    def certify(name: str) -> list[str]:
        authority = trustme.CA()
        leaf = authority.issue_cert(name)
        leaf.private_key_pem.write_to_path(tmp_path / "key.pem")
        chain = b"".join(part.bytes() for part in leaf.cert_chain_pems)
        (tmp_path / "cert.pem").write_bytes(chain)
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        files = {"--tls-cert": "cert.pem", "--tls-key": "key.pem"}
        return [word for k, name in files.items() for word in (k, str(tmp_path / name))]

    return certify


def test_a_running_collector_is_ready_on_both_listeners(collector: Collector) -> None:
    done = check_of(collector)
    assert (done.returncode, done.stderr) == (0, "")
    assert collector.target in done.stdout
    assert collector.http_endpoint.removeprefix("http://") in done.stdout


def test_the_environment_alone_is_enough(collector: Collector) -> None:
    http = collector.http_endpoint.removeprefix("http://")
    environment = {"SPANFRAME_GRPC": collector.target, "SPANFRAME_HTTP": http}
    # A proxy is not asked for what listens on this machine.
    environment |= {"http_proxy": "http://127.0.0.1:1", "grpc_proxy": "127.0.0.1:1"}
    assert check(environment=environment).returncode == 0


def test_a_collector_that_listens_everywhere_is_asked_here(tmp_path: Path) -> None:
    with Collector.running(tmp_path / "collector", "--insecure") as collector:
        port = collector.target.rpartition(":")[2]
        done = check("--grpc", f"0.0.0.0:{port}", "--http", "off", "--insecure")
        assert done.returncode == 0, done.stderr


def test_no_collector_is_told_with_the_address(collector: Collector) -> None:
    collector.terminate()
    done = check_of(collector)
    assert done.returncode == 3
    assert done.stderr.startswith(f"Not ready: gRPC on {collector.target}: UNAVAILABLE")
    assert "Traceback" not in done.stderr


def test_an_http_listener_that_is_missing_is_told(collector: Collector) -> None:
    done = check("--grpc", collector.target, "--http", "127.0.0.1:1")
    assert done.returncode == 3
    assert done.stderr.startswith("Not ready: HTTP on 127.0.0.1:1: ")


def test_a_token_is_not_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("SPANFRAME_TOKEN", "canary")
        with Collector.running(tmp_path / "collector") as collector:
            patch.delenv("SPANFRAME_TOKEN")
            assert check_of(collector).returncode == 0


@pytest.mark.parametrize("name", ["collector.example", "*.example", "10.1.2.3"])
def test_over_tls_the_name_of_the_certificate_does_not_matter(
    tmp_path: Path, certificate: Callable[[str], list[str]], name: str
) -> None:
    options = certificate(name)
    with Collector.running(tmp_path / "collector", *options) as collector:
        done = check_of(collector, *options)
        assert done.returncode == 0, done.stderr


def test_over_tls_another_certificate_is_not_believed(
    tmp_path: Path, certificate: Callable[[str], list[str]]
) -> None:
    options = certificate("collector.example")
    stranger = tmp_path / "stranger.pem"
    with Collector.running(tmp_path / "collector", *options) as collector:
        stranger.write_bytes(trustme.CA().cert_pem.bytes())
        done = check_of(collector, *options, "--tls-cert", str(stranger))
        assert done.returncode == 3
        assert "CERTIFICATE_VERIFY_FAILED" in done.stderr


def test_with_client_certificates_its_own_is_shown(
    tmp_path: Path, certificate: Callable[[str], list[str]]
) -> None:
    options = certificate("collector.example")
    options += ["--tls-client-ca", str(tmp_path / "ca.pem")]
    with Collector.running(tmp_path / "collector", *options) as collector:
        done = check_of(collector, *options)
        assert done.returncode == 0, done.stderr


def test_sockets_in_the_file_system_are_asked(tmp_path: Path) -> None:
    options = ["--grpc", f"unix:{tmp_path}/g.sock", "--http", f"unix:{tmp_path}/h.sock"]
    with Collector.running(tmp_path / "collector", *options):
        done = check(*options)
        assert done.returncode == 0, done.stderr


def test_a_collector_that_stops_is_not_ready(tmp_path: Path) -> None:
    with Collector.running(
        tmp_path / "collector", "--drain-seconds", "60"
    ) as collector:
        collector._running.terminate()
        while "Stopping" not in collector.log:
            time.sleep(0.05)
        done = check_of(collector)
        assert done.returncode == 3
        assert done.stderr.endswith("NOT_SERVING\n")
