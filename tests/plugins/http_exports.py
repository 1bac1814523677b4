"""Exports over HTTP: what a sender posts, and what it is answered."""

import http.client
import json
import socket
import time
from contextlib import closing
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from google.rpc.status_pb2 import Status

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
RETRY = 503


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The message of an error, whatever its encoding."""
        if self.headers["content-type"] == PROTOBUF:
            return str(Status.FromString(self.body).message)
        return str(json.loads(self.body)["message"])


def send(
    endpoint: str,
    body: Any = b"",
    media_type: str = PROTOBUF,
    *,
    method: str = "POST",
    path: str = "/v1/traces",
    **headers: str,
) -> Answer:
    """Send one request; ``body`` may be an iterable of chunks."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if media_type:
        given["content-type"] = media_type
    target = urlsplit(endpoint).netloc
    with closing(http.client.HTTPConnection(target, timeout=20)) as connection:
        connection.request(method, path, body, given)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, answer.read())


def send_at_last(endpoint: str, body: bytes, media_type: str = PROTOBUF) -> Answer:
    """Send until it is taken, as a client does that is told to wait."""
    deadline = time.monotonic() + 20
    while (answer := send(endpoint, body, media_type)).status == RETRY:
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)
    return answer


def raw(endpoint: str) -> socket.socket:
    target = urlsplit(endpoint)
    assert target.hostname is not None
    return socket.create_connection((target.hostname, target.port or 0), timeout=20)
