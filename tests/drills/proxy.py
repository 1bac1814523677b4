"""A TCP proxy in front of a collector that cuts connections as answers come."""

import random
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["cutting"]


class _Proxy:
    """Passes bytes on, and ends a connection instead of every n-th answer or so."""

    def __init__(self, target: str, cuts_one_in: int) -> None:
        host, _, port = target.rpartition(":")
        self._target = host, int(port)
        self._chance = random.Random(11)  # noqa: S311 - the same cuts every time
        self._cuts_one_in = cuts_one_in
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self.cuts = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    @contextmanager
    def running(self) -> Iterator[None]:
        self._start(self._accept)
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()
            self._listener.close()

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        self._listener.settimeout(0.1)
        while not self._stop.is_set():
            with suppress(TimeoutError):
                client, _ = self._listener.accept()
                self._start(self._pass_on, client)

    def _pass_on(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(self._target) as there:
            while not self._stop.is_set():
                for readable in select.select([client, there], [], [], 0.1)[0]:
                    data = readable.recv(1 << 16)
                    if not data or self._cuts(readable is there, data):
                        return
                    (there if readable is client else client).sendall(data)

    def _cuts(self, is_answer: bool, data: bytes) -> bool:
        # Short ones are HTTP/2's own: settings, pings, windows.
        if not is_answer or len(data) < 60 or self._chance.randrange(self._cuts_one_in):
            return False
        self.cuts += 1
        return True


@contextmanager
def cutting(target: str, cuts_one_in: int) -> Iterator[_Proxy]:
    """Run a proxy that cuts one answer in so many."""
    proxy = _Proxy(target, cuts_one_in)
    with proxy.running():
        yield proxy
