"""What the files of this package share."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def sync_folder(path: Path) -> None:
    """Makes a rename in the folder of `path` durable; only Unix needs and allows it."""
    if sys.platform == "win32":
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def words(error: OSError) -> str:
    """The system's words, without the path."""
    return error.strerror or str(error)
