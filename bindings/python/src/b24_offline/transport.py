"""Sends the machine's calls and says what became of them."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Protocol

from ._native import Call, Lost, NotSent, Reply
from .aside import called
from .auth import AuthSource
from .boundary import is_expired, request_body, without_token
from .errors import AuthError, AuthNetwork, InvalidValue, SignInAgain
from .http import HttpSettings, LostAnswer, NotConnected, post


class Transport(Protocol):
    """Sends a call and tells the machine what became of it; for `Queue`.

    Whoever implements it repeats nothing by itself, follows no redirect, and answers `Reply.NOT_SENT` only when
    the portal surely did not execute the call: in doubt it is `Reply.UNKNOWN`.
    """

    def send(self, call: Call) -> Reply:
        """Sends it; several calls are open at once, each on a thread of its own."""


class AsyncTransport(Protocol):
    """The same for `AsyncQueue`."""

    async def send(self, call: Call) -> Reply:
        """Sends it; several calls are open at once. A cancelled call is abandoned."""


class AsyncHttpTransport:
    """HTTP with the token of an `AuthSource`: JSON posted to the portal's REST base.

    An `expired_token` is met by one renewal, shared by all open calls, and one repeat.
    """

    def __init__(self, auth: AuthSource, http: HttpSettings | None = None) -> None:
        """Raises `HttpError` when the certificate authorities can't be used."""
        settings = http or HttpSettings()
        self._auth = auth
        self._client = settings.client(auth.base_url, settings.tls())
        self._most = settings.max_answer
        self._renewing = asyncio.Lock()
        self._renewals: set[asyncio.Task[str]] = set()
        # the token whose renewal was refused, and the words
        self._refused: tuple[str, str] | None = None

    async def send(self, call: Call) -> Reply:
        """Sends it; the call's `timeout` bounds all of it."""
        until = time.monotonic() + call.timeout / 1000
        try:
            token = await self._token()
            first = await self._post(call, token, until)
            if not first.is_ANSWER() or not is_expired(first.status, first.body):
                return first
            # refused for its token, the call was not executed
            # goes on when this call's time is over: nobody may ask the source for another one meanwhile
            renewal = asyncio.ensure_future(self._renewed(token))
            self._renewals.add(renewal)
            renewal.add_done_callback(self._renewals.discard)
            token = await asyncio.wait_for(asyncio.shield(renewal), max(0.0, until - time.monotonic()))
        except SignInAgain as error:
            return Reply.NOT_SENT(NotSent.SIGN_IN_AGAIN(why=_text(error)))
        except AuthError as error:
            return _no_network(_text(error))
        except asyncio.TimeoutError:
            return _no_network("the renewal of the token took too long")
        return await self._post(call, token, until)

    async def aclose(self) -> None:
        """Closes its connections."""
        for renewal in self._renewals:
            renewal.cancel()
        await asyncio.gather(*self._renewals, return_exceptions=True)
        await self._client.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._auth.base_url!r})"

    async def _post(self, call: Call, token: str, until: float) -> Reply:
        try:
            body = request_body(call, token)
        except InvalidValue as error:
            return Reply.NOT_SENT(NotSent.REFUSED(why=str(error)))
        url = self._auth.base_url + call.method
        try:
            status, answer = await post(self._client, url, "application/json", body, until, self._most)
        except NotConnected as error:
            return _no_network(f"the portal can't be reached ({error})")
        except LostAnswer as error:
            return Reply.UNKNOWN(why=error.lost)
        try:
            text = answer.decode("utf-8")
        except UnicodeDecodeError:
            if 200 <= status < 300:
                return Reply.UNKNOWN(why=Lost.BROKEN)
            # an error page in another encoding says as much as one in UTF-8
            text = answer.decode("utf-8", "replace")
        return Reply.ANSWER(status=status, body=without_token(status, text, token))

    async def _renewed(self, stale: str) -> str:
        """A token in place of a stale one; one renewal serves all calls that wait here."""
        async with self._renewing:
            current = await self._token()
            if current != stale:
                return current
            if self._refused is not None and self._refused[0] == stale:
                raise SignInAgain(self._refused[1])
            try:
                await called(self._auth.refresh)
            except SignInAgain as error:
                self._refused = (stale, str(error))
                raise
            except AuthError:
                raise
            except Exception as error:
                raise _strange(error) from None
            return await self._token()

    async def _token(self) -> str:
        try:
            token = await called(self._auth.token)
            # raises for what is no text
            token.encode("utf-8")
            return token
        except AuthError:
            raise
        except Exception as error:
            raise _strange(error) from None


class HttpTransport:
    """`AsyncHttpTransport` for threads: the same exchange, on an asyncio loop of its own, so that a call's time
    limit holds for the whole answer."""

    def __init__(self, auth: AuthSource, http: HttpSettings | None = None) -> None:
        """Raises `HttpError` when the certificate authorities can't be used."""
        self._inner = AsyncHttpTransport(auth, http)
        self._closing = threading.RLock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="b24-offline http", daemon=True)
        self._thread.start()

    def send(self, call: Call) -> Reply:
        """Sends it; the call's `timeout` bounds all of it."""
        return asyncio.run_coroutine_threadsafe(self._inner.send(call), self._loop).result()

    def close(self) -> None:
        """Closes its connections; calls that are open are abandoned."""
        with self._closing:
            if self._loop.is_closed():
                return
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
            if self._loop.is_closed():
                # by a signal's handler meanwhile
                return
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _end(self) -> None:
        open_calls = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in open_calls:
            task.cancel()
        await asyncio.gather(*open_calls, return_exceptions=True)
        await self._inner.aclose()

    def __repr__(self) -> str:
        return repr(self._inner).removeprefix("Async")


def _no_network(why: str) -> Reply:
    return Reply.NOT_SENT(NotSent.NETWORK(why=why))


def _text(error: Exception) -> str:
    """Its words; half of a surrogate pair is no text and crosses no boundary."""
    return str(error).encode("utf-8", "replace").decode("utf-8")


def _strange(error: Exception) -> AuthNetwork:
    # its text may hold an address with secrets
    return AuthNetwork(f"the source of tokens failed ({type(error).__name__}); see what it does")
