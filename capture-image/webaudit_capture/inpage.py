"""Calling our scripts in a page, in a JavaScript world of their own that the page can neither see nor break.

The scripts lie in js/ and make up one object, `webaudit`. No call has a timeout of its own: a stage must bound it.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import Any, Self

from playwright.async_api import CDPSession, Page
from playwright.async_api import Error as PlaywrightError

_WORLD = "webaudit"
_FILES = (
    "tree.js",
    "quiet.js",
    "vitals.js",
    "wall.js",
    "scroll.js",
    "still.js",
    "drawn.js",
    "text.js",
    "controls.js",
    "popups.js",
    "hiding.js",
)


@lru_cache(maxsize=1)
def _library() -> str:
    folder = resources.files("webaudit_capture") / "js"
    source = "\n".join((folder / name).read_text(encoding="utf-8") for name in _FILES)
    # A document made anew in place (document.open) keeps its world and so its library.
    return f"if (!globalThis.webaudit) {{\n{source}\n}}"


class ScriptError(Exception):
    """A script of ours threw: the message is the page's."""


class FrameWorld:
    """Our world in one frame of the page."""

    def __init__(self, session: CDPSession, frame_id: str) -> None:
        self._session = session
        self._frame_id = frame_id

    async def call(self, name: str, *arguments: Any) -> Any:
        """`webaudit.<name>(...arguments)`, awaited; arguments and result are JSON.

        Raises ScriptError, and playwright's Error when the page navigated, crashed or closed.
        """
        world = await self._session.send("Page.createIsolatedWorld", {"frameId": self._frame_id, "worldName": _WORLD})
        answer = await self._session.send(
            "Runtime.callFunctionOn",
            {
                "executionContextId": world["executionContextId"],
                "functionDeclaration": "(name, ...rest) => webaudit[name](...rest)",
                "arguments": [{"value": value} for value in (name, *arguments)],
                "returnByValue": True,
                "awaitPromise": True,
            },
        )
        if (details := answer.get("exceptionDetails")) is not None:
            thrown = details.get("exception", {}).get("description") or details.get("text", "")
            raise ScriptError(f"{name}: {thrown.splitlines()[0] if thrown else 'threw'}")
        return answer["result"].get("value")


class InPage:
    """Our world in a page's main frame (`call`) and in every frame (`frames`)."""

    def __init__(self, page: Page, session: CDPSession) -> None:
        self.page = page
        self.session = session
        self.documents = 0
        """How many documents the main frame has held: it grows with every navigation but those within a document."""
        self._main: FrameWorld | None = None
        session.on("Page.frameNavigated", self._navigated)

    def _navigated(self, event: dict[str, Any]) -> None:
        self.documents += "parentId" not in event["frame"]

    @classmethod
    async def attach(cls, page: Page) -> Self:
        """Before the first navigation, so that the page is watched from its first byte."""
        session = await page.context.new_cdp_session(page)
        attached = cls(page, session)
        await _install(session)
        return attached

    async def call(self, name: str, *arguments: Any) -> Any:
        """As FrameWorld.call, in the main frame."""
        if self._main is None:
            tree = await self.session.send("Page.getFrameTree")
            self._main = FrameWorld(self.session, tree["frameTree"]["frame"]["id"])
        return await self._main.call(name, *arguments)

    async def frames(self) -> list[FrameWorld]:
        """Every frame but the main one, those in processes of their own included; in document order."""
        if len(self.page.frames) == 1:
            return []
        worlds = _worlds(self.session, await self.session.send("Page.getFrameTree"))[1:]
        for frame in self.page.frames[1:]:
            try:
                session = await self.page.context.new_cdp_session(frame)
                await _install(session)
                worlds.extend(_worlds(session, await session.send("Page.getFrameTree")))
            except PlaywrightError:
                continue  # part of its parent's process, so already among the worlds, or gone
        return worlds

    async def in_page_world(self, expression: str) -> Any:
        """Evaluate in the page's own world, for libraries that need the page's globals."""
        answer = await self.session.send(
            "Runtime.evaluate", {"expression": expression, "returnByValue": True, "awaitPromise": True}
        )
        if "exceptionDetails" in answer:
            raise ScriptError(str(answer["exceptionDetails"].get("text", "threw")))
        return answer["result"].get("value")


async def _install(session: CDPSession) -> None:
    await session.send("Page.enable")
    await session.send(
        "Page.addScriptToEvaluateOnNewDocument",
        {"source": _library(), "worldName": _WORLD, "runImmediately": True},
    )


def _worlds(session: CDPSession, tree: dict[str, Any]) -> list[FrameWorld]:
    def walk(node: dict[str, Any]) -> list[FrameWorld]:
        own = [FrameWorld(session, node["frame"]["id"])]
        return own + [world for child in node.get("childFrames", ()) for world in walk(child)]

    return walk(tree["frameTree"])
