"""A server that answers each request on a loopback port with what a test tells it, byte by byte."""

from __future__ import annotations

import gzip
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    path: str
    headers: str
    body: str


@dataclass(frozen=True)
class Answer:
    """What to do with a request: these bytes, then the connection is closed."""

    bytes: bytes = b""
    #: Over and over, until the client goes away.
    endless: bool = False
    #: The connection is reset instead of being closed.
    reset: bool = False
    #: After that the connection stays open, silent, until the client goes away.
    silent: bool = False
    #: Only once the test says so.
    after: threading.Event | None = None


def whole(status: str, body: bytes, headers: str = "") -> Answer:
    """A whole answer with a body; each header ends with CR LF."""
    head = f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n{headers}\r\n"
    return Answer(head.encode() + body)


def as_json(status: str, body: str) -> Answer:
    """A whole JSON answer."""
    return whole(status, body.encode(), "content-type: application/json\r\n")


def gzipped(status: str, body: bytes) -> Answer:
    """A whole answer with a body in gzip."""
    return whole(status, gzip.compress(body, 9), "content-encoding: gzip\r\n")


class Scripted:
    """Asks `answer` for each request, numbered from 0; use it as a context."""

    def __init__(self, answer: Callable[[int, Request], Answer]) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.requests: list[Request] = []
        self._guard = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def base(self) -> str:
        """The REST base of the portal that this server plays."""
        return f"http://127.0.0.1:{self.port}/rest/"

    def __enter__(self) -> Scripted:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # wakes the thread that accepts
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            request = read(connection)
            if request is None:
                return
            with self._guard:
                number = len(self.requests)
                self.requests.append(request)
            answer = self._answer(number, request)
            if answer.after is not None:
                answer.after.wait(30)
            try:
                give(connection, answer)
            except OSError:
                # the client has gone
                return


def give(connection: socket.socket, answer: Answer) -> None:
    connection.sendall(answer.bytes)
    while answer.endless:
        connection.sendall(answer.bytes)
    while answer.silent and connection.recv(4096):
        continue
    if answer.reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def read(connection: socket.socket) -> Request | None:
    received = b""
    while True:
        part = connection.recv(65_536)
        if not part:
            return None
        received += part
        if received.startswith(b"\x16"):
            # TLS, which this server does not speak
            return None
        head, separator, body = received.partition(b"\r\n\r\n")
        if not separator:
            continue
        headers = head.decode("latin-1").lower()
        _, found, rest = headers.partition("content-length: ")
        if len(body) >= (int(rest.split("\r\n")[0]) if found else 0):
            return Request(head.decode("latin-1").split(" ")[1], headers, body.decode())
