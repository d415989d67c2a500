"""Addresses that are used and addresses that are not."""

from __future__ import annotations

import pytest

from b24_offline import Endpoint, EndpointError


def wrong(text: str, allow_http: bool = False) -> str:
    with pytest.raises(EndpointError) as raised:
        Endpoint(text, allow_http=allow_http)
    assert raised.value.exit_code == 2
    return str(raised.value)


def test_an_address_is_written_in_one_form() -> None:
    assert Endpoint(" https://Portal.Example/rest ").url == "https://portal.example/rest/"
    assert Endpoint("https://portal.example:443/intern/rest///").url == "https://portal.example/intern/rest/"
    assert repr(Endpoint("https://portal.example/rest/")) == "Endpoint('https://portal.example/rest/')"


def test_addresses_that_would_leak_are_refused() -> None:
    assert "plain http, which shows the token" in wrong("http://portal.example/rest/")
    assert "plain http, which shows the token" in wrong("http://127.0.0.1/rest/")
    assert "user or a password" in wrong("https://u:p@portal.example/rest/")
    for end in ("?auth=x", "?", "#x"):
        assert "query or a fragment" in wrong(f"https://portal.example/rest/{end}")
    assert "neither https nor http" in wrong("ftp://portal.example/rest/")
    assert "plain http to portal.example, and --allow-http is for addresses of this machine only" in wrong(
        "http://portal.example/rest/", allow_http=True
    )


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "[::1]"])
def test_plain_http_is_for_this_machine(host: str) -> None:
    Endpoint(f"http://{host}:8080/rest/", allow_http=True)


@pytest.mark.parametrize("host", ["localhost.example", "127.0.0.1.example", "0.0.0.0", "10.0.0.1", "[::2]"])
def test_and_for_no_other(host: str) -> None:
    wrong(f"http://{host}/rest/", allow_http=True)


def test_webhooks_are_told_from_portals() -> None:
    for path in ("1/abc123/", "1/abc123", "1/abc/crm.deal.list"):
        assert "inbound webhook" in wrong(f"https://portal.example/rest/{path}")
    Endpoint("https://portal.example/rest/")
    Endpoint("https://portal.example/intern/rest")


def test_what_is_missing_is_named() -> None:
    assert "lacks its path" in wrong("https://portal.example")
    assert "looks like https://portal.example/rest/" in wrong("portal.example/rest/")
    assert "looks like https://portal.example/rest/" in wrong("")
    assert "empty host" in wrong("https:///rest/")


@pytest.mark.parametrize(
    "text",
    [
        "https://user:canary-1@portal.example/rest/",
        "https://portal.example/rest/1/canary-1/",
        "https://portal.example/rest/?auth=canary-1",
        "http://portal.example/rest/1/canary-1/",
        "https://portal.example:canary-1/rest/",
        "https://portal.example/\ncanary-1/",
        "https://[canary-1/rest/",
        "canary-1",
    ],
)
def test_no_refusal_repeats_a_secret(text: str) -> None:
    assert "canary-1" not in wrong(text)


def test_the_portal_is_named_by_host_and_odd_port() -> None:
    def portal(text: str) -> str:
        return Endpoint(text, allow_http=True).portal

    assert portal("https://Portal.Example:443/rest/") == "portal.example"
    assert portal("http://127.0.0.1:8080/rest") == "127.0.0.1:8080"
    assert portal("http://[::1]:8080/rest") == "[::1]:8080"


def test_an_international_name_is_written_as_the_native_program_writes_it() -> None:
    for text in ("https://пример.example/rest/", "https://xn--e1afmkfd.example/rest/"):
        assert Endpoint(text).portal == "xn--e1afmkfd.example"


@pytest.mark.parametrize("host", ["xn--", "xn--a", "portal.example:99999"])
def test_hosts_and_ports_that_do_not_exist_are_refused(host: str) -> None:
    with pytest.raises(EndpointError, match="its host or port can't be read"):
        Endpoint(f"https://{host}/rest/")
