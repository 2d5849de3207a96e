"""The one exception of the kit. Its message is a sentence for the person at the terminal, not for a log."""

from __future__ import annotations


class ClusterError(Exception):
    """Something the user can act on. The command line prints the message alone and exits with `exit_code`."""

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
