"""Every reason a candidate is rejected for is in the crawl policy's table, and none that is not."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

from webaudit_capture import bounds, navigation
from webaudit_capture.discovery.validity import Reason
from webaudit_capture.proxy import RefusalReason

POLICY = Path(__file__).parents[3] / "docs" / "crawl-policy.md"


def written() -> list[str]:
    table = POLICY.read_text().partition("| `reason` |")[2].partition("\n\n")[0]
    return [name for row in table.splitlines()[2:] for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


def reasons_of(function: object) -> set[str]:
    """What a function makes a Fail or a PageFailed with: texts as they stand, `<name>` for what is put into them."""
    tree = ast.parse(inspect.getsource(function))  # type: ignore[arg-type]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    named = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    first = [
        call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id in ("Fail", "PageFailed")
    ]
    return {_text(named.get(each.id, each) if isinstance(each, ast.Name) else each) for each in first}


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    return f"<{ast.unparse(node.value if isinstance(node, ast.FormattedValue) else node)}>"


def test_the_table_of_reasons_is_whole() -> None:
    known = {reason.value for reason in Reason}
    known |= reasons_of(navigation.judge) | reasons_of(navigation._judge_error) | reasons_of(bounds.ended_by_crash)
    known.remove("<refusal.reason>")
    known |= {reason.value for reason in RefusalReason if reason is not RefusalReason.NAME_NOT_RESOLVED}
    assert sorted(written()) == sorted(known)
