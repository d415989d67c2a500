"""The renewal of an auth file's pair, against a token endpoint that plays each case."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from scripted import Answer, Request, Scripted, as_json
from wire import call, network, send, with_async

from b24_offline import (
    AsyncHttpTransport,
    AuthFileError,
    Endpoint,
    HttpTransport,
    OAuthFile,
    Reply,
)

both = pytest.mark.parametrize("kind", ["threads", "asyncio"])
DONE = Reply.ANSWER(status=200, body='{"result":true}')
NEW_PAIR = as_json(
    "200 OK", '{"access_token":"canary-new","refresh_token":"canary-refresh-2","expires_in":3600}'
)


def portal(valid: str, oauth: Callable[[], Answer]) -> Scripted:
    """A portal that takes one token, and the token endpoint beside it."""

    def answer(number: int, request: Request) -> Answer:
        if request.path.startswith("/oauth/"):
            return oauth()
        if json.loads(request.body)["auth"] == valid:
            return as_json("200 OK", '{"result":true}')
        return as_json("401 Unauthorized", '{"error":"expired_token","error_description":"old"}')

    return Scripted(answer)


def write(path: Path, access: str, refresh: str, oauth_url: str) -> None:
    document = {
        "access_token": access, "refresh_token": refresh, "client_id": "app.1",
        "client_secret": "canary-secret", "oauth_url": oauth_url, "member": "kept",
    }
    path.write_text(json.dumps(document))
    path.chmod(0o600)


def opened(server: Scripted, folder: Path) -> OAuthFile:
    path = folder / "auth.json"
    if not path.exists():
        write(path, "canary-old", "canary-refresh", f"http://127.0.0.1:{server.port}/oauth/token/")
    return OAuthFile(path, Endpoint(server.base, allow_http=True))


def stored(folder: Path, field: str) -> str:
    return str(json.loads((folder / "auth.json").read_text())[field])


def renewals(server: Scripted) -> list[Request]:
    return [request for request in server.requests if request.path.startswith("/oauth/")]


@both
def test_an_expired_token_is_renewed_once_and_the_call_repeated_once(kind: str, tmp_path: Path) -> None:
    with portal("canary-new", lambda: NEW_PAIR) as server:
        assert send(kind, opened(server, tmp_path), [call()]) == [DONE]
    assert [request.body for request in renewals(server)] == [
        "grant_type=refresh_token&client_id=app.1&client_secret=canary-secret&refresh_token=canary-refresh"
    ]
    assert len(server.requests) == 3
    fields = [stored(tmp_path, name) for name in ("access_token", "refresh_token", "member")]
    assert fields == ["canary-new", "canary-refresh-2", "kept"]
    assert int(stored(tmp_path, "expires_at")) > 1_700_000_000
    assert (tmp_path / "auth.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["auth.json"]


def test_calls_that_are_open_together_share_one_renewal(tmp_path: Path) -> None:
    async def together(transport: AsyncHttpTransport) -> list[Reply]:
        return list(await asyncio.gather(*(transport.send(call()) for _ in range(8))))

    with portal("canary-new", lambda: NEW_PAIR) as server:
        assert with_async(opened(server, tmp_path), together) == [DONE] * 8
        assert len(renewals(server)) == 1


def test_calls_of_several_threads_share_one_renewal(tmp_path: Path) -> None:
    replies: list[Reply] = []
    with portal("canary-new", lambda: NEW_PAIR) as server:
        transport = HttpTransport(opened(server, tmp_path))
        work = [threading.Thread(target=lambda: replies.append(transport.send(call()))) for _ in range(8)]
        for thread in work:
            thread.start()
        for thread in work:
            thread.join(30)
        transport.close()
        assert replies == [DONE] * 8
        assert len(renewals(server)) == 1


@both
def test_a_token_that_stays_expired_is_given_to_the_machine(kind: str, tmp_path: Path) -> None:
    with portal("another", lambda: NEW_PAIR) as server:
        reply = send(kind, opened(server, tmp_path), [call()])[0]
        assert reply.is_ANSWER() and reply.status == 401
        assert len(renewals(server)) == 1, "one renewal, one repeat"


@both
def test_a_refused_renewal_asks_for_a_person_and_keeps_the_file(kind: str, tmp_path: Path) -> None:
    refusal = '{"error":"invalid_grant","error_description":"canary-refresh is\\nrevoked"}'
    with portal("canary-new", lambda: as_json("400 Bad Request", refusal)) as server:
        auth = opened(server, tmp_path)
        before = (tmp_path / "auth.json").read_bytes()
        reply = send(kind, auth, [call()])[0]
    assert reply.is_NOT_SENT() and reply[0].is_SIGN_IN_AGAIN()
    assert "invalid_grant … is revoked" in reply[0].why
    assert (tmp_path / "auth.json").read_bytes() == before


CUT = b'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"access_token":'


@both
@pytest.mark.parametrize(
    "failure",
    [
        Answer(),
        Answer(CUT),
        as_json("200 OK", "<html>maintenance</html>"),
        as_json("200 OK", "{}"),
        as_json("200 OK", "[]"),
        as_json("200 OK", '{"access_token":"canary\\ud800"}'),
        as_json("302 Found", "{}"),
        as_json("503 Service Unavailable", '{"error":"overloaded"}'),
        as_json("429 Too Many Requests", '{"error":"slow_down"}'),
    ],
    ids=["closed", "cut", "html", "empty", "list", "no-text", "redirect", "503", "429"],
)
def test_a_renewal_that_fails_on_the_way_is_never_a_refusal(
    kind: str, failure: Answer, tmp_path: Path
) -> None:
    with portal("canary-new", lambda: failure) as server:
        why = network(send(kind, opened(server, tmp_path), [call()])[0])
    assert why.startswith("the token could not be renewed (") and "canary" not in why
    assert stored(tmp_path, "refresh_token") == "canary-refresh"


@both
def test_a_pair_that_another_process_renewed_is_taken_over(kind: str, tmp_path: Path) -> None:
    with portal("canary-other", Answer) as server:
        auth = opened(server, tmp_path)
        write(tmp_path / "auth.json", "canary-other", "canary-refresh-9", stored(tmp_path, "oauth_url"))
        assert send(kind, auth, [call()]) == [DONE]
        assert not renewals(server)


@both
def test_a_pair_that_can_not_be_stored_is_kept_until_it_can(kind: str, tmp_path: Path) -> None:
    folder, aside = tmp_path / "home", tmp_path / "aside"
    folder.mkdir()
    with portal("canary-new", lambda: NEW_PAIR) as server:
        auth = opened(server, folder)
        folder.rename(aside)
        why = network(send(kind, auth, [call()])[0])
        assert "can't be stored" in why and "make room" in why and "canary" not in why
        aside.rename(folder)
        assert send(kind, auth, [call()]) == [DONE]
        assert len(renewals(server)) == 1
    assert stored(folder, "refresh_token") == "canary-refresh-2"


def test_a_caller_that_gives_up_does_not_lose_the_new_pair(tmp_path: Path) -> None:
    asked, go = threading.Event(), threading.Event()

    def slow() -> Answer:
        asked.set()
        return Answer(NEW_PAIR.bytes, after=go)

    async def gives_up(transport: AsyncHttpTransport) -> list[Reply]:
        first = asyncio.ensure_future(transport.send(call()))
        await asyncio.to_thread(asked.wait, 30)
        first.cancel()
        await asyncio.wait({first})
        go.set()
        return [await transport.send(call())]

    with portal("canary-new", slow) as server:
        assert with_async(opened(server, tmp_path), gives_up) == [DONE]
        assert len(renewals(server)) == 1
    assert stored(tmp_path, "refresh_token") == "canary-refresh-2"


def test_a_source_is_never_asked_for_two_renewals_at_once() -> None:
    open_now, most, go = 0, 0, threading.Event()

    class Source:
        base_url = ""

        def token(self) -> str:
            return "canary-new" if go.is_set() and not open_now else "canary-old"

        def refresh(self) -> None:
            nonlocal open_now, most
            open_now += 1
            most = max(most, open_now)
            asked.release()
            assert go.wait(30)
            open_now -= 1

    source, asked = Source(), threading.Semaphore(0)

    async def impatient(transport: AsyncHttpTransport) -> list[Reply]:
        # its time is over while the renewal goes on
        first = await transport.send(call(300))
        assert network(first) == "the renewal of the token took too long"
        second = asyncio.ensure_future(transport.send(call()))
        # would be there at once if it were asked for again
        await asyncio.to_thread(asked.acquire, True, 30)
        await asyncio.to_thread(asked.acquire, True, 0.5)
        go.set()
        return [await second]

    with portal("canary-new", lambda: NEW_PAIR) as server:
        source.base_url = server.base
        assert with_async(source, impatient) == [DONE]
    assert most == 1


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with portal("canary-new", lambda: NEW_PAIR) as server:
        opened(server, home)
        link = tmp_path / "auth.json"
        link.symlink_to(home / "auth.json")
        assert send("threads", opened(server, tmp_path), [call()]) == [DONE]
    assert link.is_symlink()
    assert stored(home, "access_token") == "canary-new"


def test_a_token_endpoint_that_would_leak_is_refused(tmp_path: Path) -> None:
    endpoint = Endpoint("https://portal.example/rest/")
    cases = [
        ("http://127.0.0.1/oauth/token/", "--allow-http"),
        ("https://u:canary-pw@oauth.example/", "password"),
        ("oauth.example", "oauth_url"),
    ]
    for oauth_url, word in cases:
        write(tmp_path / "auth.json", "canary-old", "canary-refresh", oauth_url)
        with pytest.raises(AuthFileError, match=word) as raised:
            OAuthFile(tmp_path / "auth.json", endpoint)
        assert "canary" not in repr(raised.value)


def test_what_a_portal_repeats_is_redacted(tmp_path: Path) -> None:
    with portal("canary-new", lambda: NEW_PAIR) as server:
        auth = opened(server, tmp_path)
        shown = auth.redact("token canary-old, secret canary-secret, refresh canary-refresh")
        assert shown == "token …, secret …, refresh …"
        auth.refresh()
        # a call with the former token may still be answered
        assert "canary" not in auth.redact("canary-old canary-refresh canary-new canary-refresh-2")
        assert auth.token() == "canary-new"
        assert "canary" not in repr(auth)
