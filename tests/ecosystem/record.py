"""`make ecosystem`: runs the clients anew, records what they send, writes the page.

make ecosystem                              # all clients, in their pinned versions
make ecosystem ARGS=openinference-openai    # only these
make ecosystem ARGS='--upgrade langsmith'   # in their newest release
make ecosystem ARGS=--page                  # none: only the page
make ecosystem ARGS=--web                   # none: OpenTelemetry's web SDK anew
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.ecosystem import environments, recordings, web_sdk
from tests.ecosystem.clients import CLIENTS, Client
from tests.ecosystem.endpoint import Endpoint, Sent
from tests.ecosystem.judged import judged
from tests.ecosystem.normal import normal
from tests.ecosystem.page import PAGE, page
from tests.ecosystem.replay import Shown, replayed, shown
from tests.plugins.http_exports import PROTOBUF
from tests.plugins.otlp_sink import OtlpSink

_SECONDS: Final = 300
"""Maximum time of a client, in seconds."""


def main() -> int:
    """Record the clients that the command line names, or all of them."""
    given = _arguments()
    if given.web:
        web_sdk.build()
        return 0
    failed = [c for c in _chosen(given) if not _recorded(c, upgrade=given.upgrade)]
    with tempfile.TemporaryDirectory() as folder:
        seen = shown(replayed(Path(folder) / "spanframe.db"))
        if given.accept:
            _accept(seen)
        PAGE.write_text(page(seen))
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make ecosystem",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("clients", nargs="*", metavar="CLIENT", help="default: all")
    parser.add_argument("--upgrade", action="store_true", help="the newest releases")
    parser.add_argument("--page", action="store_true", help="record none")
    parser.add_argument("--web", action="store_true", help="build the web SDK")
    parser.add_argument(
        "--accept", action="store_true", help="list as known what is not shown now"
    )
    given = parser.parse_args()
    unknown = set(given.clients) - {client.name for client in CLIENTS}
    if unknown:
        parser.error(f"no client is called {', '.join(sorted(unknown))}")
    return given


def _chosen(given: argparse.Namespace) -> Sequence[Client]:
    if given.page:
        return ()
    return [c for c in CLIENTS if not given.clients or c.name in given.clients]


def _recorded(client: Client, *, upgrade: bool) -> bool:
    try:
        count = record(client, upgrade=upgrade)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"{client.name}: {error}\n")
        return False
    sys.stdout.write(f"{client.name}: {count} exports\n")
    return True


def _accept(seen: Shown) -> None:
    for client in CLIENTS:
        missing = {v.id for v in judged(client, seen[client.name]) if not v.holds}
        if missing:
            client.gaps.parent.mkdir(exist_ok=True)
            client.gaps.write_text("".join(f"{id_}\n" for id_ in sorted(missing)))
        else:
            client.gaps.unlink(missing_ok=True)


def record(client: Client, *, upgrade: bool) -> int:
    """Run a client, replace its recording, return the count of its exports."""
    environments.installed(client, upgrade=upgrade)
    with (
        Endpoint.serving() as endpoint,
        OtlpSink.serving() as sink,
        tempfile.TemporaryDirectory() as home,
    ):
        done = subprocess.run(
            environments.command(client),
            env=_environment(client, home, url=endpoint.url, grpc=sink.endpoint),
            cwd=home,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        over_grpc = [
            Sent("traces", PROTOBUF, {}, request.SerializeToString())
            for request in sink.requests
        ]
        sent = normal(client.name, [*endpoint.sent, *over_grpc])
    if done.returncode or not sent:
        asked = ", ".join(sorted(endpoint.unknown))
        raise RuntimeError(
            f"exit code {done.returncode}, {len(sent)} exports, unknown: {asked}\n"
            f"{done.stdout[-4000:]}{done.stderr[-8000:]}"
        )
    recordings.write(client, sent)
    return len(sent)


def _environment(client: Client, home: str, *, url: str, grpc: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {
        **kept,
        "HOME": home,
        "FAKE_URL": url,
        "PYTHONHASHSEED": "0",
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_SERVICE_NAME": "ecosystem",
        "OPENAI_API_KEY": "none",
        "OPENAI_BASE_URL": f"{url}/v1",
        "ANTHROPIC_API_KEY": "none",
        "ANTHROPIC_BASE_URL": url,
        "GOOGLE_API_KEY": "none",
        "GOOGLE_GEMINI_BASE_URL": url,
        **{k: v.format(url=url, grpc=grpc) for k, v in client.environment.items()},
    }


if __name__ == "__main__":
    sys.exit(main())
