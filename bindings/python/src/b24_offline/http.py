"""What the transport and the sign-in share: the client and the reading of answers."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import time
import zlib
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from ._native import Lost
from .boundary import version
from .endpoint import is_loopback
from .errors import HttpError


@dataclass(frozen=True)
class HttpSettings:
    """How HTTP is spoken."""

    #: The largest answer taken, in bytes after decompression.
    max_answer: int = 16 * 1024 * 1024
    #: How long a connection may take to be made, in seconds.
    connect_timeout: float = 10.0
    #: PEM text of further certificate authorities, for a self-hosted portal or the emulator. Those of
    #: SSL_CERT_FILE and SSL_CERT_DIR, or of certifi, are known anyway.
    ca: bytes | None = field(default=None, repr=False)

    def tls(self) -> ssl.SSLContext:
        """The certificate authorities in use. Raises `HttpError`."""
        try:
            context = httpx.create_ssl_context()
        except OSError as error:
            raise HttpError(
                f"HTTPS can't be set up ({cause(error)}); name certificates that exist in SSL_CERT_FILE and "
                "SSL_CERT_DIR, or unset them"
            ) from None
        if self.ca is not None:
            try:
                context.load_verify_locations(cadata=self.ca.decode("ascii"))
            except (ValueError, ssl.SSLError):
                raise HttpError(
                    "the file of certificate authorities holds no certificate in PEM form; name another"
                ) from None
        return context

    def client(self, url: str, tls: ssl.SSLContext) -> httpx.AsyncClient:
        """A client for this address that follows no redirect, keeps no cookie and repeats nothing by itself.
        Raises `HttpError`."""
        try:
            return httpx.AsyncClient(
                verify=tls,
                # proxies are for the way out, not for this machine
                trust_env=not is_loopback(url),
                follow_redirects=False,
                event_hooks={"response": [_forget_redirect]},
                timeout=httpx.Timeout(None, connect=self.connect_timeout),
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=8),
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                headers={"user-agent": f"b24-offline/{version()}", "accept-encoding": "gzip"},
            )
        except (httpx.InvalidURL, ValueError, ImportError):
            # its own words would repeat the address of the proxy
            raise HttpError(
                "HTTPS can't be set up (a proxy that the environment names can't be used); correct HTTPS_PROXY, "
                "ALL_PROXY and NO_PROXY, or install httpx[socks] where it is a SOCKS proxy"
            ) from None


async def _forget_redirect(response: httpx.Response) -> None:
    # even where none is followed httpx reads the address, and fails where it can't
    response.headers.pop("location", None)


class NotConnected(Exception):
    """No connection was made: the request surely was not executed."""


class LostAnswer(Exception):
    """The request was perhaps executed."""

    def __init__(self, lost: Lost) -> None:
        super().__init__(str(lost))
        self.lost = lost


async def post(
    client: httpx.AsyncClient, url: str, content_type: str, content: str, until: float, most: int
) -> tuple[int, bytes]:
    """Posts once and answers with status and body. `until` (of `time.monotonic`) bounds the whole answer, `most`
    its bytes. Raises `NotConnected` or `LostAnswer`."""
    headers = {"content-type": content_type, "accept": "application/json"}

    async def exchange() -> tuple[int, bytes]:
        request = client.stream("POST", url, headers=headers, content=content.encode("utf-8"))
        async with request as response:
            body = _Body(response.headers.get("content-encoding", ""), most)
            async for chunk in response.aiter_raw():
                body.add(chunk)
            return response.status_code, body.whole()

    try:
        return await asyncio.wait_for(exchange(), max(0.0, until - time.monotonic()))
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        raise NotConnected(cause(error)) from None
    except asyncio.TimeoutError:
        raise LostAnswer(Lost.TIMED_OUT) from None
    except (httpx.HTTPError, httpx.StreamError, OSError):
        raise LostAnswer(Lost.BROKEN) from None


class _Body:
    """A body as it comes, unpacked here: a packed body that was cut must not pass for a whole one, and one that
    unpacks to more than is taken must not be unpacked."""

    def __init__(self, encoding: str, most: int) -> None:
        if encoding.lower() not in ("", "identity", "gzip"):
            raise LostAnswer(Lost.BROKEN)
        self._most = most
        self._bytes = bytearray()
        self._packed = encoding.lower() == "gzip"
        self._unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._began = False

    def add(self, chunk: bytes) -> None:
        if not self._packed:
            self._take(chunk)
        while self._packed and chunk:
            if self._unpacker.eof:
                # another packed part follows
                self._unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
            self._began = True
            try:
                self._take(self._unpacker.decompress(chunk, self._most + 1))
            except zlib.error:
                raise LostAnswer(Lost.BROKEN) from None
            chunk = self._unpacker.unused_data

    def whole(self) -> bytes:
        if self._began and not self._unpacker.eof:
            raise LostAnswer(Lost.BROKEN)
        return bytes(self._bytes)

    def _take(self, unpacked: bytes) -> None:
        self._bytes += unpacked
        if len(self._bytes) > self._most:
            raise LostAnswer(Lost.TOO_LARGE)


def cause(error: BaseException) -> str:
    """The innermost cause of an error in plain words, in one line: the outer ones only tell which layer gave
    up."""
    innermost = error
    while (inner := innermost.__cause__ or innermost.__context__) is not None:
        innermost = inner
    if isinstance(innermost, httpx.ConnectTimeout | TimeoutError | asyncio.CancelledError):
        return "it took too long"
    words = str(innermost)
    if isinstance(innermost, ssl.SSLCertVerificationError):
        words = innermost.verify_message
    elif isinstance(innermost, ssl.SSLError | socket.gaierror):
        words = innermost.strerror or words
    elif isinstance(innermost, OSError) and innermost.errno is not None:
        words = os.strerror(innermost.errno)
    words = "".join(" " if ord(letter) < 32 or ord(letter) == 127 else letter for letter in words)
    return words or type(innermost).__name__
