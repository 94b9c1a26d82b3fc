from pathlib import Path

import pytest

from whiteroom import app
from whiteroom.settings import Settings, SettingsError


def test_a_server_that_seals_nothing_is_one_for_development(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="development mode alone"):
        app.Whiteroom(Settings(data=tmp_path, keys="echo"))
    app.Whiteroom(Settings(data=tmp_path, keys="echo", dev=True))._store.close()
