"""The address of a portal's REST interface, checked once."""

from __future__ import annotations

import ipaddress
import re

import httpx

from .errors import EndpointError

_NAME = re.compile(r"[a-z0-9._-]*|[0-9a-f:.]*:[0-9a-f:.]*", re.IGNORECASE)
_EXAMPLE = "it looks like https://portal.example/rest/"


class Endpoint:
    """The REST base of a portal, such as `https://portal.example/rest/`.

    It is https, or plain http on a loopback address where `allow_http` is given; it has no userinfo and no
    query, and its path ends with `/`. Raises `EndpointError`.
    """

    __slots__ = ("_allow_http", "_url")

    def __init__(self, text: str, *, allow_http: bool = False) -> None:
        what = "the endpoint"
        url = _checked(text, what, allow_http)
        if "?" in text or "#" in text:
            raise EndpointError(f"{what} holds a query or a fragment; leave out everything from '?' or '#' on")
        path = url.raw_path.decode("ascii").rstrip("/")
        if not path:
            raise EndpointError("the endpoint lacks its path; a portal's REST base is https://HOST/rest/")
        _refuse_webhook(path)
        self._url = url.copy_with(raw_path=f"{path}/".encode("ascii"))
        self._allow_http = allow_http

    @property
    def url(self) -> str:
        """The address; its path ends with `/`."""
        return str(self._url)

    @property
    def portal(self) -> str:
        """What names the portal in the journal: the host in lower case, with the port if the address has one
        that is not its scheme's own."""
        return portal_of(self.url)

    def sibling(self, text: str, what: str) -> str:
        """Checks another address that gets secrets, such as the token endpoint, by the same rules."""
        return str(_checked(text, what, self._allow_http))

    def __repr__(self) -> str:
        return f"Endpoint({self.url!r})"


def portal_of(url: str) -> str:
    """The name of the portal at this address."""
    parsed = httpx.URL(url)
    host = f"[{_host(parsed)}]" if ":" in _host(parsed) else _host(parsed)
    return host.lower() if parsed.port is None else f"{host.lower()}:{parsed.port}"


def is_loopback(url: str) -> bool:
    """Whether the host of an address is this machine."""
    host = _host(httpx.URL(url))
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host(url: httpx.URL) -> str:
    """The host as it goes over the wire and into the journal: an international name in its ASCII form."""
    return url.raw_host.decode("ascii")


def _checked(text: str, what: str, allow_http: bool) -> httpx.URL:
    try:
        url = httpx.URL(text.strip())
        # an international name that does not exist shows only here
        host = url.host
    except (httpx.InvalidURL, UnicodeError):
        # its own words would repeat the address
        raise _unreadable(what) from None
    if not url.scheme:
        raise EndpointError(f"{what} is no address (relative URL without a base); {_EXAMPLE}")
    if url.userinfo:
        advice = "remove it, the token of --auth is all that is needed"
        raise EndpointError(f"{what} holds a user or a password before the host; {advice}")
    if url.scheme not in ("https", "http"):
        raise EndpointError(f"{what} is neither https nor http; {_EXAMPLE}")
    if not _NAME.fullmatch(_host(url)) or (url.port or 0) > 65_535:
        raise _unreadable(what)
    if not host:
        raise EndpointError(f"{what} is no address (empty host); {_EXAMPLE}")
    if url.scheme == "http":
        _refuse_open_http(url, what, allow_http)
    return url


def _unreadable(what: str) -> EndpointError:
    return EndpointError(f"{what} is no address (its host or port can't be read); {_EXAMPLE}")


def _refuse_open_http(url: httpx.URL, what: str, allow_http: bool) -> None:
    if not allow_http:
        raise EndpointError(
            f"{what} is plain http, which shows the token to everybody on the way; use https, or give "
            "--allow-http for an address of this machine such as http://127.0.0.1/"
        )
    if not is_loopback(str(url)):
        raise EndpointError(
            f"{what} is plain http to {_host(url)}, and --allow-http is for addresses of this machine only "
            "(localhost, 127.0.0.1, [::1]); use https"
        )


def _refuse_webhook(path: str) -> None:
    parts = path.split("/")
    after_rest = parts[parts.index("rest") + 1 :] if "rest" in parts else []
    if len(after_rest) > 1 and after_rest[0].isascii() and after_rest[0].isdigit():
        raise EndpointError(
            "the endpoint is an inbound webhook (/rest/USER/CODE/), and portals refuse the offline queue to "
            "webhooks; use https://HOST/rest/ with the OAuth token of an application"
        )
