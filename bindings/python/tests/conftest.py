"""What the tests share."""

from __future__ import annotations

import os

# a panic on purpose needs no trace
os.environ["RUST_BACKTRACE"] = "0"
