"""A lab home is found the same way by every command, and is private."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from storage.errors import HomeError
from storage.home import LabHome, locate_home, prepare_home


def test_the_order_of_places() -> None:
    environment = {"SYNTHLAB_HOME": "/s", "XDG_DATA_HOME": "/x"}
    assert locate_home("/e", environment).root == Path("/e")
    assert locate_home(None, environment).root == Path("/s")
    assert locate_home(None, {"XDG_DATA_HOME": "/x"}).root == Path("/x/synthlab")


def test_a_new_home_is_private(tmp_path: Path) -> None:
    home = prepare_home(LabHome(tmp_path / "a" / "lab"))
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o700


def test_a_home_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    home = LabHome(tmp_path / "lab")
    prepare_home(home)
    home.root.chmod(0o777)
    with pytest.raises(HomeError, match="other users may write"):
        prepare_home(home)


def test_a_file_is_not_a_home(tmp_path: Path) -> None:
    (tmp_path / "lab").write_text("")
    with pytest.raises(HomeError):
        prepare_home(LabHome(tmp_path / "lab"))
