"""Processes that tests start."""

import signal


def hear_ctrl_c():
    """Let a child hear Ctrl-C, as in a terminal; what runs in the background inherits that it does not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
