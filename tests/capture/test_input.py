"""What the command line refuses before anything starts; and an index over nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from webaudit_capture import report
from webaudit_capture.__main__ import app
from webaudit_capture.contract import ExitCode


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("shop.example",), 'has no scheme; write "https://shop.example"'),
        (("ftp://shop.example/",), "is not http or https"),
        (("https://shop.example/", "--policy", "/nonexistent"), "No such file"),
    ],
)
def test_bad_input_is_said_in_one_line(tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    ended = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "out")])
    assert ended.exit_code == ExitCode.BAD_REQUEST
    assert sentence in ended.output
    assert not (tmp_path / "out").exists()


def test_an_index_over_nothing_says_so(tmp_path: Path) -> None:
    assert "no captures" in report.write_index(tmp_path, title="shop.example").read_text()
