"""What botocore knows of AWS's services: megabytes, which each session of a test would read and parse anew."""

from __future__ import annotations

from typing import Any

from botocore import loaders

_FILES: Any = loaders.JSONFileLoader
_READ: dict[str, Any] = {}
_read = _FILES._load_file


def read_once() -> None:
    """Have all sessions of this process share what they read of botocore's own files. They change none of it."""
    _FILES._load_file = _shared


def _shared(loader: Any, full_path: str, open_method: Any) -> Any:
    if not full_path.startswith(loaders.Loader.BUILTIN_DATA_PATH):
        return _read(loader, full_path, open_method)
    if full_path not in _READ:
        _READ[full_path] = _read(loader, full_path, open_method)
    return _READ[full_path]
