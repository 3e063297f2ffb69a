"""Paths as a person types them, and homes that are not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop_llm.errors import UserError
from desktop_llm.paths import check_home, expanded


def test_a_home_folder_is_put_in_where_it_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    assert expanded("~/models") == expanded(Path("~/models")) == tmp_path / "models"
    assert expanded("~") == tmp_path


@pytest.mark.parametrize("typed", ["", "models", "a/~/b", "~nobody-here/models", "~a\0b/models", "~\ud800/models"])
def test_what_is_no_home_stays_as_it_is_typed(typed: str) -> None:
    assert expanded(typed) == Path(typed)


@pytest.mark.parametrize("typed", ["~nobody-here", "~nobody-here/a/b", "~"])
def test_no_folder_is_to_be_made_for_an_unknown_home(typed: str) -> None:
    with pytest.raises(UserError, match="is no home folder on this computer; type the whole path"):
        check_home(Path(typed))


def test_what_is_there_or_no_home_at_all_may_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("~nobody-here").mkdir()
    for typed in ("~nobody-here/a", "a", "a/~b", "", str(tmp_path / "~c")):
        check_home(Path(typed))
