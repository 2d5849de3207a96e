"""Why a page failed: one exception with the reason, a sentence, the blame, and whether another pod may help."""

from __future__ import annotations

from webaudit_capture.contract import Blame, ExitCode


class PageFailed(Exception):
    """The page cannot be captured. `reason` is a short code, `message` one sentence for people."""

    def __init__(self, reason: str, message: str, *, blame: Blame = Blame.TARGET, transient: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.blame = blame
        self.transient = transient

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode.RETRY if self.transient else ExitCode.PAGE_FAILED
