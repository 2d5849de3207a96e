"""What can go wrong between the operator and the API server. Light: importing it loads no client."""

from __future__ import annotations


class KubeUnavailable(Exception):
    """The API server can't be reached or can't answer now (network, 429, 5xx)."""


class KubeConflict(Exception):
    """Somebody changed the object meanwhile: look again."""


class AlreadyExists(KubeConflict):
    """An object of this name is there. Not every 409 is: a quota's own conflict is one too."""


class KubeGone(KubeConflict):
    """What was to be written, or its namespace, is gone (404): look again."""


class KubeRefused(Exception):
    """The API server says no (403, 422, ...): quota, admission, a terminating namespace. The message is its own."""
