"""Who may send: tokens and TLS over real gRPC, and how they are renewed."""

import errno
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import trustme

from spanframe.errors import SettingsError
from spanframe_collector.receivers.credentials import server_credentials
from spanframe_collector.settings import CollectorSettings
from spanframe_serving.tokens import Tokens
from spanframe_serving.watched_files import WatchedFiles
from tests.plugins.collector import Collector
from tests.plugins.otlp import request, span

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
MESSAGE = request(span(1)).SerializeToString()


def settings(**given: str) -> CollectorSettings:
    return CollectorSettings.load(given, {})


def tokens_of(given: CollectorSettings) -> Tokens:
    return Tokens(given.token, given.token_file)


def rewrite(path: Path, text: str) -> None:
    """Replace a file as secret stores do: another file under the same name."""
    partial = path.with_suffix(".new")
    partial.write_text(text)
    partial.replace(path)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def write_certificate(ca: trustme.CA, folder: Path) -> dict[str, str]:
    certificate = ca.issue_cert("localhost", "127.0.0.1")
    folder.mkdir(exist_ok=True)
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    for name, content in (
        ("cert.pem", chain),
        ("key.pem", certificate.private_key_pem.bytes()),
        ("ca.pem", ca.cert_pem.bytes()),
    ):
        partial = folder / f"{name}.new"
        partial.write_bytes(content)
        partial.replace(folder / name)
    return {
        "cert": str(folder / "cert.pem"),
        "key": str(folder / "key.pem"),
        "ca": str(folder / "ca.pem"),
    }


def send(target: str, credentials: grpc.ChannelCredentials) -> grpc.StatusCode:
    with grpc.secure_channel(target, credentials) as channel:
        try:
            channel.unary_unary(EXPORT)(MESSAGE, timeout=20)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code
    return grpc.StatusCode.OK


def trusting(ca: trustme.CA) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(ca.cert_pem.bytes())


def test_without_tokens_everyone_may_send() -> None:
    assert tokens_of(settings()).allow([])


def test_any_of_several_tokens_opens() -> None:
    tokens = tokens_of(settings(token="one two"))  # noqa: S106
    assert tokens.allow(["Bearer one"])
    assert tokens.allow(["Bearer two"])
    for refused in ([], ["Bearer three"], ["Bearer one two"], ["Bearer one"] * 2):
        assert not tokens.allow(refused)


def test_a_token_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    rewrite(path, "old\n")
    tokens = tokens_of(settings(token_file=str(path)))
    assert tokens.allow(["Bearer old"])
    rewrite(path, "new\nnewer\n")
    assert not tokens.allow(["Bearer old"])
    assert tokens.allow(["Bearer newer"])


def test_a_token_file_that_goes_away_leaves_the_old_tokens(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    rewrite(path, "old")
    tokens = tokens_of(settings(token_file=str(path)))
    rewrite(path, "  \n")
    assert tokens.allow(["Bearer old"])
    path.unlink()
    assert tokens.allow(["Bearer old"])
    assert not tokens.allow(["Bearer "])


@pytest.mark.parametrize("back", ["old", "new"])
def test_of_a_token_file_that_is_away_each_change_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, back: str
) -> None:
    caplog.set_level("INFO")
    path = tmp_path / "tokens"
    rewrite(path, "old")
    tokens = tokens_of(settings(token_file=str(path)))
    path.rename(tmp_path / "away")
    for _ in range(3):
        assert tokens.allow(["Bearer old"])
    rewrite(path, "")
    for _ in range(3):
        assert tokens.allow(["Bearer old"])
    if back == "old":
        (tmp_path / "away").rename(path)
    else:
        rewrite(path, "new")
    for _ in range(3):
        assert tokens.allow([f"Bearer {back}"])
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 3
    assert all(text.startswith(str(path)) for text in said)
    assert "cannot be used: [Errno 2]" in said[0]
    assert "cannot be used: the content is not valid" in said[1]


def test_a_file_that_could_not_be_opened_for_a_moment_is_read_at_last(
    tmp_path: Path,
) -> None:
    path = tmp_path / "value"
    path.write_text("old")
    errors: list[OSError] = []

    def read() -> str:
        for error in errors:
            raise error
        return path.read_text()

    watched = WatchedFiles([str(path)], read)
    rewrite(path, "newer")
    errors.append(OSError(errno.EMFILE, "Too many open files"))
    assert not watched.changed()
    errors.clear()
    assert watched.changed()
    assert watched.value == "newer"


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_a_token_file_without_a_token_stops_the_start(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "tokens"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingsError, match="token_file is"):
        tokens_of(settings(token_file=str(path)))


def test_certificates_that_cannot_be_read_stop_the_start(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.pem")
    with pytest.raises(SettingsError, match=r"none\.pem cannot be read: No such file"):
        server_credentials(settings(tls_cert=missing, tls_key=missing))


def test_certificates_that_cannot_be_used_stop_the_start(
    authority: trustme.CA, tmp_path: Path
) -> None:
    """Otherwise gRPC would fail to listen, and not say why."""
    files = write_certificate(authority, tmp_path / "tls")
    other = write_certificate(trustme.CA(), tmp_path / "other")
    text = tmp_path / "text.pem"
    text.write_text("no certificate")
    for cert, key, why in (
        (str(text), files["key"], "not PEM|no start line|pem lib"),
        (files["cert"], other["key"], "mismatch"),
    ):
        with pytest.raises(SettingsError, match=why) as caught:
            server_credentials(settings(tls_cert=cert, tls_key=key))
        assert cert in str(caught.value)


@pytest.mark.parametrize(
    "half", [{"tls_cert": "c"}, {"tls_key": "k"}, {"tls_client_ca": "a"}]
)
def test_half_a_tls_setting_is_refused(half: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="tls_cert and tls_key"):
        settings(**half)


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> dict[str, str]:
    return write_certificate(authority, tmp_path / "tls")


@pytest.fixture
def tls(files: dict[str, str], tmp_path: Path) -> Iterator[Collector]:
    options = ("--tls-cert", files["cert"], "--tls-key", files["key"])
    with Collector.running(tmp_path / "c", *options) as collector:
        yield collector


def test_tls_serves_those_who_trust_it_and_no_others(
    tls: Collector, authority: trustme.CA
) -> None:
    assert send(tls.target, trusting(authority)) == grpc.StatusCode.OK
    assert send(tls.target, trusting(trustme.CA())) == grpc.StatusCode.UNAVAILABLE
    with (
        grpc.insecure_channel(tls.target) as channel,
        pytest.raises(grpc.RpcError, match="UNAVAILABLE"),
    ):
        channel.unary_unary(EXPORT)(MESSAGE, timeout=20)


def test_a_renewed_certificate_is_served_without_a_restart(
    tls: Collector, files: dict[str, str], authority: trustme.CA
) -> None:
    renewed = trustme.CA()
    assert send(tls.target, trusting(authority)) == grpc.StatusCode.OK
    write_certificate(renewed, Path(files["cert"]).parent)
    assert send(tls.target, trusting(renewed)) == grpc.StatusCode.OK
    assert send(tls.target, trusting(authority)) == grpc.StatusCode.UNAVAILABLE


def test_mutual_tls_wants_a_certificate_it_knows(
    files: dict[str, str], authority: trustme.CA, tmp_path: Path
) -> None:
    options = ["--tls-cert", files["cert"], "--tls-key", files["key"]]
    options += ["--tls-client-ca", files["ca"]]

    def with_client_certificate(ca: trustme.CA) -> grpc.ChannelCredentials:
        mine = ca.issue_cert("app@example.com")
        chain = b"".join(blob.bytes() for blob in mine.cert_chain_pems)
        return grpc.ssl_channel_credentials(
            authority.cert_pem.bytes(), mine.private_key_pem.bytes(), chain
        )

    with Collector.running(tmp_path / "c", *options) as collector:
        known = with_client_certificate(authority)
        stranger = with_client_certificate(trustme.CA())
        assert send(collector.target, known) == grpc.StatusCode.OK
        assert send(collector.target, stranger) == grpc.StatusCode.UNAVAILABLE
        nobody = trusting(authority)
        assert send(collector.target, nobody) == grpc.StatusCode.UNAVAILABLE
