"""A pair of OAuth tokens kept in a file."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import threading
import time
from pathlib import Path
from urllib.parse import urlencode

from . import auth_store as store
from .auth_store import Document, text
from .boundary import without_secrets
from .endpoint import Endpoint
from .errors import AuthFileError, AuthNetwork, EndpointError, SignInAgain
from .disk import words
from .http import HttpSettings, LostAnswer, NotConnected, post

_HIDDEN = ("access_token", "refresh_token", "client_secret")
_TIMEOUT = 60.0


class OAuthFile:
    """The authorisation of an application in a JSON file: `access_token`, `refresh_token`, `client_id`,
    `client_secret`, `oauth_url` (the address of the token endpoint), optionally `expires_at` (Unix seconds);
    other fields are kept as they are.

    A renewed pair is written back atomically with mode 0600, and the old one stays in the file until then. A
    file that another process has renewed is taken over instead of renewing twice. Its methods may be called by
    several threads.
    """

    def __init__(
        self, path: str | os.PathLike[str], endpoint: Endpoint, http: HttpSettings | None = None
    ) -> None:
        """Reads the file for the application's portal at `endpoint`. Raises `AuthFileError` when it is missing,
        no file, unreadable, open to all users, without one of its fields, or names a token endpoint that would
        leak the secrets; `HttpError` when the certificate authorities can't be used."""
        try:
            # a link stays a link: the file that it names is the one replaced
            self._path = Path(path).resolve(strict=True)
        except (OSError, RuntimeError) as error:
            trouble = error if isinstance(error, OSError) else OSError("it is a link in a circle")
            raise store.unreadable(Path(path), trouble) from None
        self._document = store.read(self._path)
        try:
            self._oauth_url = endpoint.sibling(text(self._document, "oauth_url"), "oauth_url")
        except EndpointError as error:
            raise AuthFileError(f"the auth file {self._path}: {error}") from None
        self._endpoint = endpoint
        self._http = http or HttpSettings()
        self._tls = self._http.tls()
        # raises for proxies that can't be used
        self._http.client(self._oauth_url, self._tls)
        self._stored = True
        # the tokens of the pair before this one: calls with them may still be under way
        self._previous: list[str] = []
        # guards the three above; never held while something is awaited but the disk
        self._guard = threading.RLock()
        # held while the token endpoint is asked
        self._renewing = threading.Lock()

    @property
    def base_url(self) -> str:
        """The portal's REST base."""
        return self._endpoint.url

    def token(self) -> str:
        """The present token. A pair that could not be stored is stored first. Raises `AuthNetwork`."""
        with self._guard:
            if not self._stored:
                self._store()
            return text(self._document, "access_token")

    def refresh(self) -> None:
        """Renews the pair, unless another thread or process has. Raises `AuthNetwork` or `SignInAgain`."""
        with self._guard:
            stale = text(self._document, "access_token")
        with self._renewing:
            with self._guard:
                renewed = text(self._document, "access_token") != stale
            if renewed or self._taken_over():
                return
            try:
                answer = self._ask()
            except SignInAgain:
                # two processes may have used the same refresh token: the other one has the new pair
                if self._taken_over():
                    return
                raise
            with self._guard:
                self._take(answer)
                self._store()

    def redact(self, shown: str) -> str:
        """Replaces the tokens, those before the last renewal too, and the client secret in a text that is to be
        shown, should a portal have repeated them."""
        with self._guard:
            secrets = self._previous + [text(self._document, name) for name in _HIDDEN]
        # half of a surrogate pair, as in the name of a file, is no text and crosses no boundary
        return without_secrets(shown.encode("utf-8", "replace").decode("utf-8"), secrets)

    def __repr__(self) -> str:
        return f"OAuthFile({str(self._path)!r})"

    def _taken_over(self) -> bool:
        """Takes the file's pair if it is another one than ours."""
        try:
            document = store.read(self._path)
        except AuthFileError:
            return False
        with self._guard:
            other = self._stored and text(document, "access_token") != text(self._document, "access_token")
            if other:
                self._remember()
                self._document = document
            return other

    def _remember(self) -> None:
        """Makes the document's pair the previous one."""
        self._previous = [text(self._document, name) for name in ("access_token", "refresh_token")]

    def _ask(self) -> Document:
        """What the token endpoint answers, if it is a pair."""
        try:
            status, body = _posted(self._http, self._tls, self._oauth_url, self._form())
        except NotConnected as error:
            raise _not_renewed(str(error)) from None
        except LostAnswer:
            raise _not_renewed("the answer was late, cut or too large") from None
        try:
            answer = json.loads(body.decode("utf-8"))
            # half of a surrogate pair is no text
            json.dumps(answer, ensure_ascii=False).encode("utf-8")
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise _not_renewed(f"HTTP {status} without JSON")
        if text(answer, "access_token"):
            return answer
        code = text(answer, "error")
        why = self.redact(f"{code} {text(answer, 'error_description')}")
        why = "".join(" " if ord(letter) < 32 or 127 <= ord(letter) < 160 else letter for letter in why)
        why = why.strip()[:300]
        if status >= 500 or status in (408, 429) or not code:
            raise _not_renewed(f"HTTP {status} {why}".strip())
        raise SignInAgain(f"the renewal of the token was refused: {why}")

    def _form(self) -> str:
        with self._guard:
            names = ("client_id", "client_secret", "refresh_token")
            fields = {name: text(self._document, name) for name in names}
        return urlencode({"grant_type": "refresh_token", **fields})

    def _take(self, answer: Document) -> None:
        self._remember()
        for name in ("access_token", "refresh_token"):
            if text(answer, name):
                self._document[name] = text(answer, name)
        lives = answer.get("expires_in")
        try:
            # no time at all where it is longer than any
            self._document["expires_at"] = int(time.time()) + int(float(lives))  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            self._document.pop("expires_at", None)
        self._stored = False

    def _store(self) -> None:
        try:
            store.write(self._path, self._document)
        except OSError as error:
            raise AuthNetwork(
                f"the renewed token can't be stored in {self._path} ({words(error)}); make room or make its "
                "folder writable"
            ) from None
        self._stored = True


def _not_renewed(why: str) -> AuthNetwork:
    return AuthNetwork(f"the token could not be renewed ({why})")


def _posted(http: HttpSettings, tls: ssl.SSLContext, url: str, form: str) -> tuple[int, bytes]:
    """One POST without redirects, on an asyncio loop of its own: the caller's thread may have a running one."""
    outcome: list[tuple[int, bytes] | Exception] = []

    async def exchange() -> tuple[int, bytes]:
        async with http.client(url, tls) as client:
            until = time.monotonic() + _TIMEOUT
            return await post(client, url, "application/x-www-form-urlencoded", form, until, http.max_answer)

    def run() -> None:
        try:
            outcome.append(asyncio.run(exchange()))
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=run, name="b24-offline sign-in", daemon=True)
    thread.start()
    thread.join()
    answer = outcome[0]
    if isinstance(answer, Exception):
        raise answer
    return answer
