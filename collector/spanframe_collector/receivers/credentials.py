"""The TLS credentials of the gRPC listener."""

from pathlib import Path

import grpc

from spanframe_serving.tls import TlsSettings, server_context, tls_files, tls_paths

__all__ = ["server_credentials"]


def server_credentials(settings: TlsSettings) -> grpc.ServerCredentials | None:
    """Return the TLS credentials of the gRPC listener; None: it serves plain text.

    Raises:
        SettingsError: when a certificate or key cannot be read.
    """
    paths = tls_paths(settings)
    if not paths:
        return None

    def read() -> grpc.ServerCertificateConfiguration:
        server_context(paths)  # raises with the reason, which gRPC does not
        certificate, key, *client_ca = (Path(path).read_bytes() for path in paths)
        return grpc.ssl_server_certificate_configuration(
            [(key, certificate)], client_ca[0] if client_ca else None
        )

    files = tls_files(paths, read)
    return grpc.dynamic_ssl_server_credentials(
        files.value,
        lambda: files.value if files.changed() else None,
        require_client_authentication=bool(settings.tls_client_ca),
    )
