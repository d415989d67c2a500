"""Auth files that are not used, and how one is written."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from b24_offline import AuthFileError, Endpoint, OAuthFile

WHOLE = {
    "access_token": "canary-a", "refresh_token": "canary-r", "client_id": "i", "client_secret": "canary-s",
    "oauth_url": "https://oauth.example/oauth/token/",
}


def file(folder: Path, content: str | bytes, mode: int = 0o600) -> Path:
    path = folder / "auth.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


def refused(path: Path) -> str:
    with pytest.raises(AuthFileError) as raised:
        OAuthFile(path, Endpoint("https://portal.example/rest/"))
    assert raised.value.exit_code == 2
    shown = f"{raised.value} {raised.value!r}"
    assert "canary" not in shown
    return str(raised.value)


@pytest.mark.parametrize("field", list(WHOLE))
def test_each_missing_field_is_named(tmp_path: Path, field: str) -> None:
    for value in (None, "", 5, ["canary"]):
        document: dict[str, Any] = {**WHOLE, field: value}
        assert f"lacks the field '{field}', which must be a text; add it" in refused(
            file(tmp_path, json.dumps(document))
        )


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o601, 0o644, 0o666])
def test_a_file_open_to_all_is_refused_with_the_command_that_closes_it(tmp_path: Path, mode: int) -> None:
    path = file(tmp_path, json.dumps(WHOLE), mode)
    assert refused(path).endswith(f"is open to every user of this machine; close it with: chmod 600 '{path}'")


def test_a_group_may_read_it(tmp_path: Path) -> None:
    auth = OAuthFile(file(tmp_path, json.dumps(WHOLE), 0o640), Endpoint("https://portal.example/rest/"))
    assert (auth.base_url, auth.token()) == ("https://portal.example/rest/", "canary-a")


@pytest.mark.parametrize(
    "content",
    ['"canary-1"', "canary-1", '{"access_token": canary-1}', '["canary-1"]', "", b"\xffcanary", b"\xef\xbb\xbf{}",
     json.dumps({**WHOLE, "note": "\ud800"})],
)
def test_what_is_no_json_object_is_not_repeated(tmp_path: Path, content: str | bytes) -> None:
    sentence = refused(file(tmp_path, content))
    assert "is not a JSON object (see line 1, column " in sentence
    assert sentence.endswith("it needs access_token, refresh_token, client_id, client_secret, oauth_url")


def test_deep_nesting_is_no_crash(tmp_path: Path) -> None:
    assert "is not a JSON object" in refused(file(tmp_path, "[" * 100_000))


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    missing = "can't be read (No such file or directory); name the JSON file with the tokens"
    assert refused(tmp_path / "missing.json").endswith(missing)
    assert refused(tmp_path).endswith("is no file; name the JSON file with the tokens")
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    assert "can't be read" in refused(circle)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert refused(pipe).endswith("is no file; name the JSON file with the tokens")


def test_numbers_of_thousands_of_digits_are_no_crash(tmp_path: Path) -> None:
    assert "is not a JSON object" in refused(file(tmp_path, '{"access_token": ' + "9" * 5_000 + "}"))
