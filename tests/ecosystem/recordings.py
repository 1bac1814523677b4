"""Writes the exports of a client as small files, and reads them back.

``recordings/<client>/NN-<signal>.pb.gz`` or ``….json.gz``, a file an export in the
order in which they came; headers that say something of traces are in ``headers.json``.
"""

import gzip
import json
import shutil
from collections.abc import Sequence
from typing import Final

from tests.ecosystem.clients import Client
from tests.ecosystem.endpoint import Sent

__all__ = ["read", "write"]

_ENDINGS: Final = {"application/x-protobuf": "pb", "application/json": "json"}
_MEDIA_TYPES: Final = {ending: media_type for media_type, ending in _ENDINGS.items()}
_HEADERS: Final = "headers.json"


def write(client: Client, sent: Sequence[Sent]) -> None:
    """Replace the recording of a client."""
    shutil.rmtree(client.recordings, ignore_errors=True)
    client.recordings.mkdir(parents=True)
    for number, one in enumerate(sent, 1):
        name = f"{number:02}-{one.signal}.{_ENDINGS[one.media_type]}.gz"
        packed = gzip.compress(one.body, mtime=0)
        (client.recordings / name).write_bytes(packed)
    headers = next((one.headers for one in sent if one.headers), None)
    if headers:
        text = json.dumps(headers, indent=2, sort_keys=True)
        (client.recordings / _HEADERS).write_text(f"{text}\n")


def read(client: Client) -> list[Sent]:
    """Return the exports of a client, in order."""
    given = client.recordings / _HEADERS
    headers = json.loads(given.read_text()) if given.exists() else {}
    found = []
    for path in sorted(client.recordings.glob("*.gz")):
        name, ending, _ = path.name.split(".")
        body = gzip.decompress(path.read_bytes())
        signal = name.partition("-")[2]
        found.append(Sent(signal, _MEDIA_TYPES[ending], headers, body))
    return found
