"""The auth file on the disk."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

from .disk import sync_folder, words
from .errors import AuthFileError

FIELDS = ("access_token", "refresh_token", "client_id", "client_secret", "oauth_url")
_MOST = 1024 * 1024

Document = dict[str, Any]


def text(document: Document, name: str) -> str:
    """A field's text; empty where it is missing or something else."""
    value = document.get(name)
    return value if isinstance(value, str) else ""


def read(path: Path) -> Document:
    """Reads and checks the file. Raises `AuthFileError`, which repeats nothing of its content."""
    try:
        # a pipe without a writer must not hold us
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            _refuse_open(path, os.fstat(file.fileno()).st_mode)
            content = file.read(_MOST)
    except IsADirectoryError:
        raise _no_file(path) from None
    except OSError as error:
        raise unreadable(path, error) from None
    document = _object(path, content)
    for name in FIELDS:
        if not text(document, name):
            sentence = f"the auth file {path} lacks the field '{name}', which must be a text; add it"
            raise AuthFileError(sentence)
    return document


def unreadable(path: Path, error: OSError) -> AuthFileError:
    """The refusal of a file that can't be read."""
    return AuthFileError(f"the auth file {path} can't be read ({words(error)}); name the JSON file with the tokens")


def _no_file(path: Path) -> AuthFileError:
    return AuthFileError(f"the auth file {path} is no file; name the JSON file with the tokens")


def _refuse_open(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise _no_file(path)
    if sys.platform != "win32" and mode & 0o007:
        raise AuthFileError(
            f"the auth file {path} is open to every user of this machine; close it with: chmod 600 '{path}'"
        )


def _object(path: Path, content: bytes) -> Document:
    line, column = 1, 1
    try:
        document = json.loads(content.decode("utf-8"))
        if isinstance(document, dict):
            # half of a surrogate pair is no text
            json.dumps(document, ensure_ascii=False).encode("utf-8")
            return document
    except json.JSONDecodeError as error:
        line, column = error.lineno, error.colno
    except (ValueError, RecursionError):
        # no UTF-8, a number of thousands of digits, too deep
        pass
    raise AuthFileError(
        f"the auth file {path} is not a JSON object (see line {line}, column {column}); "
        f"it needs {', '.join(FIELDS)}"
    )


def write(path: Path, document: Document) -> None:
    """Puts the document in the file's place: at each moment the file is the old one or the new one. Raises
    `OSError`."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        _write_fresh(fresh, document)
        os.replace(fresh, path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    sync_folder(path)


def _write_fresh(fresh: Path, document: Document) -> None:
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(json.dumps(document, indent=2, ensure_ascii=False).encode("utf-8") + b"\n")
        file.flush()
        os.fsync(file.fileno())
