"""What the command line refuses before anything starts; and an index over nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from webaudit_capture import report
from webaudit_capture.__main__ import app
from webaudit_capture.contract import ExitCode
from webaudit_capture.policy import CrawlPolicy

WRONG_USE = 2


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


@pytest.mark.parametrize("pair", ["localhost", "localhost:", ":80", "shop.test:http", "shop.test:99999", "shop.test:²"])
def test_an_allowed_pair_that_is_none_is_wrong_use(tmp_path: Path, pair: str) -> None:
    arguments = ["https://shop.example/", "--allow", pair, "--out", str(tmp_path / "out")]
    ended = CliRunner().invoke(app, arguments)
    assert ended.exit_code == WRONG_USE
    assert "is not host:port" in ended.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("place", ["taken", "taken/below"])
def test_a_file_where_the_folder_is_to_be_is_wrong_use(tmp_path: Path, place: str) -> None:
    (tmp_path / "taken").write_text("mine")
    ended = CliRunner().invoke(app, ["https://shop.example/", "--out", str(tmp_path / place)])
    assert ended.exit_code == WRONG_USE
    assert "--out" in ended.output
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_phone_that_nobody_knows_is_wrong_use(tmp_path: Path) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text('{"browser": {"mobile_device": "Pixel 77"}}')
    arguments = ["https://shop.example/", "--policy", str(policy), "--out", str(tmp_path / "out")]
    ended = CliRunner().invoke(app, arguments)
    assert ended.exit_code == WRONG_USE
    assert "Pixel 77" in ended.output
    assert list((tmp_path / "out").iterdir()) == []


def test_a_policy_file_may_change_every_value_that_is_printed(tmp_path: Path) -> None:
    printed = CliRunner().invoke(app, ["policy"])
    assert printed.exit_code == 0
    assert CrawlPolicy.model_validate_json(printed.output) == CrawlPolicy()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"ready": {"timeout": "soon"}}', "ready.timeout: Input should be a valid number"),
        ('{"redy": {}}', "redy: Extra inputs are not permitted"),
        ("ready: {timeout: 30}", "Invalid JSON"),
    ],
)
def test_a_wrong_policy_file_is_told_with_the_values_name(tmp_path: Path, text: str, sentence: str) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text(text)
    arguments = ["https://shop.example/", "--policy", str(policy), "--out", str(tmp_path / "out")]
    ended = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert ended.exit_code == ExitCode.BAD_REQUEST
    assert sentence in ended.output


def test_an_index_over_nothing_says_so(tmp_path: Path) -> None:
    assert "no captures" in report.write_index(tmp_path, title="shop.example").read_text()
