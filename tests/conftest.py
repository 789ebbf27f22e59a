"""Lets test modules import the helpers beside them, starts programs as a shell would, and gives the fixtures of `serving`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

# A job in the background, or behind `nohup`, ignores some signals, and so would all that it starts.
for _number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
    if signal.getsignal(_number) is signal.SIG_IGN:
        _default = signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL
        signal.signal(_number, _default)

from serving import model, plugins  # noqa: E402, F401
