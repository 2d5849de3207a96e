"""The one exception of the demo. Its message is a sentence for the person at the terminal."""

from __future__ import annotations


class DemoError(Exception):
    """Something the user can act on; printed without a traceback."""
