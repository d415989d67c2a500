"""Each fault of the wire, against a real server: what surely did not happen, what perhaps did."""

from __future__ import annotations

import gzip
import logging
import socket

import pytest
from scripted import Answer, Scripted, as_json, gzipped, whole
from wire import TOKEN, Fixed, FixedAsync, call, network, send, unknown

from b24_offline import (
    AsyncHttpTransport,
    AuthNetwork,
    HttpError,
    HttpSettings,
    HttpTransport,
    Lost,
    NotSent,
    Reply,
)

pytestmark = pytest.mark.parametrize("kind", ["threads", "asyncio"])

SMALL = HttpSettings(max_answer=1024 * 1024, connect_timeout=2.0)


def reply_to(kind: str, answer: Answer, timeout: int = 20_000) -> tuple[Reply, Scripted]:
    with Scripted(lambda number, request: answer) as server:
        return send(kind, Fixed(server.base), [call(timeout)], SMALL)[0], server


def test_an_answer_is_given_as_it_is(kind: str) -> None:
    reply, server = reply_to(kind, as_json("200 OK", '{"result":[]}'))
    assert reply == Reply.ANSWER(status=200, body='{"result":[]}')
    assert [request.path for request in server.requests] == ["/rest/crm.deal.list"]
    assert server.requests[0].body == f'{{"auth":"{TOKEN}","start":-1}}'
    assert TOKEN not in server.requests[0].headers
    assert "content-type: application/json" in server.requests[0].headers


def test_a_refusal_that_repeats_the_token_does_not_hold_it(kind: str) -> None:
    reply, _ = reply_to(kind, as_json("403 Forbidden", f'{{"error":"X","error_description":"no {TOKEN}"}}'))
    assert reply == Reply.ANSWER(status=403, body='{"error":"X","error_description":"no …"}')


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"])
def test_a_redirect_is_an_answer_and_not_followed(kind: str, status: str) -> None:
    with Scripted(lambda number, request: as_json("200 OK", "{}")) as elsewhere:
        reply, _ = reply_to(kind, whole(status, b"moved", f"location: {elsewhere.base}\r\n"))
        assert reply == Reply.ANSWER(status=int(status[:3]), body="moved")
        assert not elsewhere.requests, "the token went elsewhere"


@pytest.mark.parametrize("address", ["http://[bad/", "http://a:b:c/", "http://h\xff/", "http://h:port/"])
def test_where_a_redirect_leads_is_not_even_read(kind: str, address: str) -> None:
    reply, _ = reply_to(kind, whole("302 Found", b"moved", f"location: {address}\r\n"))
    assert reply == Reply.ANSWER(status=302, body="moved")


def test_html_is_an_answer_for_the_machine_to_judge(kind: str) -> None:
    reply, server = reply_to(kind, whole("502 Bad Gateway", b"<html>\xe4</html>"))
    assert reply == Reply.ANSWER(status=502, body="<html>\ufffd</html>")
    assert len(server.requests) == 1, "nothing is repeated"


CUT = b'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"result":'
PACKED = gzip.compress(b'{"result":{"process_id":"0123456789abcdef"}}', 9)
GZIP = "content-encoding: gzip\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(CUT),
        Answer(CUT, reset=True),
        Answer(),
        Answer(reset=True),
        Answer(b"this is no HTTP\r\n\r\n"),
        whole("200 OK", PACKED[:-12], GZIP),
        whole("200 OK", b'{"result":true}', GZIP),
        whole("200 OK", b'{"result":"\xff"}'),
    ],
    ids=["cut", "cut-reset", "closed", "reset", "no-http", "cut-gzip", "no-gzip", "no-utf8"],
)
def test_what_is_broken_is_unknown_and_not_repeated(kind: str, answer: Answer) -> None:
    reply, server = reply_to(kind, answer)
    assert reply == unknown(Lost.BROKEN)
    assert len(server.requests) == 1


def test_an_answer_in_gzip_is_unpacked(kind: str) -> None:
    reply, _ = reply_to(kind, gzipped("200 OK", b'{"result":true}'))
    assert reply == Reply.ANSWER(status=200, body='{"result":true}')


def test_an_answer_of_100_mb_is_not_read_to_its_end(kind: str) -> None:
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {100 * 1024 * 1024}\r\n\r\n".encode()
    reply, _ = reply_to(kind, Answer(head + b" " * 65_536, endless=True))
    assert reply == unknown(Lost.TOO_LARGE)


def test_the_limit_counts_after_decompression(kind: str) -> None:
    reply, _ = reply_to(kind, gzipped("200 OK", b" " * (2 * 1024 * 1024)))
    assert reply == unknown(Lost.TOO_LARGE)


def test_silence_is_unknown_after_the_calls_own_time(kind: str) -> None:
    for silent in (Answer(silent=True), Answer(CUT, silent=True)):
        reply, _ = reply_to(kind, silent, timeout=100)
        assert reply == unknown(Lost.TIMED_OUT)


def test_an_answer_that_trickles_is_unknown_after_the_calls_own_time(kind: str) -> None:
    # a byte now and then keeps each single wait short, but not the whole
    reply, _ = reply_to(kind, Answer(b"HTTP/1.1 200 OK\r\nx: " + b"y", endless=True), timeout=300)
    assert reply in (unknown(Lost.TIMED_OUT), unknown(Lost.BROKEN))
    trickle = Answer(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n \r\n", silent=True)
    reply, _ = reply_to(kind, trickle, timeout=300)
    assert reply == unknown(Lost.TIMED_OUT)


def test_no_connection_is_surely_not_sent(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    reply = send(kind, Fixed(f"http://127.0.0.1:{port}/rest/"), [call()])[0]
    assert network(reply) == "the portal can't be reached (Connection refused)"


def test_no_such_name_is_surely_not_sent(kind: str) -> None:
    reply = send(kind, Fixed("https://portal.invalid/rest/"), [call()])[0]
    assert network(reply).startswith("the portal can't be reached (")


def test_tls_that_fails_is_surely_not_sent(kind: str) -> None:
    with Scripted(lambda number, request: as_json("200 OK", "{}")) as plain:
        reply = send(kind, Fixed(f"https://localhost:{plain.port}/rest/"), [call()])[0]
        assert network(reply).startswith("the portal can't be reached (")
        assert not plain.requests


def test_a_connection_that_can_not_be_made_in_time_is_surely_not_sent(kind: str) -> None:
    # an address of the documentation range, to which nothing answers or routes
    http = HttpSettings(connect_timeout=0.05)
    reply = send(kind, Fixed("https://192.0.2.1/rest/"), [call()], http)[0]
    assert network(reply).startswith("the portal can't be reached (")


def test_no_name_of_a_method_is_not_sent(kind: str) -> None:
    with Scripted(lambda number, request: as_json("200 OK", "{}")) as server:
        for method in ("", "../oauth", "a/b", "a?b", "a#b", "http://elsewhere.example/"):
            reply = send(kind, Fixed(server.base), [call(method=method)])[0]
            assert reply.is_NOT_SENT() and reply[0].is_REFUSED(), f"{method}: {reply}"
        assert not server.requests


@pytest.mark.parametrize("source", [Fixed, FixedAsync])
def test_a_token_that_can_not_be_renewed_asks_for_a_person_once(kind: str, source: type[Fixed]) -> None:
    expired = as_json("401 Unauthorized", '{"error":"expired_token"}')
    with Scripted(lambda number, request: expired) as server:
        auth = source(server.base)
        for reply in send(kind, auth, [call(), call()]):
            assert reply == Reply.NOT_SENT(NotSent.SIGN_IN_AGAIN(why="it is fixed"))
        assert (auth.refreshes, len(server.requests)) == (1, 2), "nothing is repeated without a new token"


def test_a_source_of_tokens_that_fails_oddly_is_a_fault_of_the_network(kind: str) -> None:
    class Odd(Fixed):
        def token(self) -> str:
            raise RuntimeError("https://oauth.example/?client_secret=canary-secret")

    class NoText(Fixed):
        def token(self) -> str:
            return "canary\ud800"

    class OddWords(Fixed):
        def token(self) -> str:
            raise AuthNetwork("later\ud800")

    cases = [(Odd, "RuntimeError"), (NoText, "UnicodeEncodeError"), (OddWords, "later?")]
    for source, words in cases:
        why = network(send(kind, source("https://portal.example/rest/"), [call()])[0])
        assert words in why and "canary" not in why


def test_no_cookie_is_kept(kind: str) -> None:
    with Scripted(lambda number, request: whole("200 OK", b"{}", "set-cookie: a=b; Path=/\r\n")) as server:
        send(kind, Fixed(server.base), [call(), call()])
        assert len(server.requests) == 2
        assert all("cookie" not in request.headers for request in server.requests)


def test_proxies_of_the_environment_are_for_the_way_out(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Scripted(lambda number, request: as_json("200 OK", "{}")) as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        with Scripted(lambda number, request: as_json("200 OK", "{}")) as server:
            assert send(kind, Fixed(server.base), [call()])[0].is_ANSWER()
        assert not proxy.requests
        # the proxy refuses to connect, so nothing was sent
        reply = send(kind, Fixed("https://portal.example/rest/"), [call()])[0]
        assert network(reply).startswith("the portal can't be reached (")
        assert [request.path for request in proxy.requests] == ["portal.example:443"]


def test_secrets_are_in_no_repr_and_no_log(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with Scripted(lambda number, request: as_json("200 OK", "{}")) as server:
        auth = Fixed(server.base)
        transport = HttpTransport(auth)
        shown = f"{transport!r} {AsyncHttpTransport(auth)!r} {transport.send(call())}"
        transport.close()
    assert "canary" not in shown + caplog.text


@pytest.mark.parametrize(
    ("name", "value"),
    [("HTTPS_PROXY", "ftp://user:canary-password@proxy.example"), ("ALL_PROXY", "nonsense://proxy.example"),
     ("SSL_CERT_FILE", "/does/not/exist.pem")],
)
def test_an_environment_that_can_not_be_used_is_named(
    kind: str, name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    transport = HttpTransport if kind == "threads" else AsyncHttpTransport
    with pytest.raises(HttpError, match="HTTPS can't be set up") as refused:
        transport(Fixed("https://portal.example/rest/"))
    assert "canary-password" not in str(refused.value)


def test_authorities_that_are_no_pem_are_refused(kind: str) -> None:
    for wrong in (b"", b"no certificate", b"\xff"):
        with pytest.raises(HttpError, match="no certificate in PEM form"):
            send(kind, Fixed("https://portal.example/rest/"), [], HttpSettings(ca=wrong))
    assert "PEM" not in repr(HttpSettings(ca=b"PEM"))
