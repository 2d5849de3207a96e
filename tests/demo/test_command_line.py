"""The driver's command line where no cluster gets changed: what goes wrong is said in one sentence."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from rich.console import Console

from webaudit_cluster import ApiServer, paths
from webaudit_cluster.progress import Quiet
from webaudit_demo import platform
from webaudit_demo.__main__ import INTERRUPTED, in_one_sentence
from webaudit_demo.errors import DemoError

CONTEXT = "webaudit-local"


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with ApiServer.start(tmp_path_factory.mktemp("api")) as api:
        yield api.kubeconfig


def demo(*arguments: str, kubeconfig: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(paths.REPOSITORY / part) for part in ("cluster", "examples/demo")),
        "PATH": f"{paths.binaries()}{os.pathsep}{os.environ['PATH']}",
        "KUBECONFIG": str(kubeconfig),
        "HOME": str(kubeconfig.parent),  # kubectl's cache
        **variables,
    }
    command = [sys.executable, "-m", "webaudit_demo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)


@pytest.mark.apiserver
@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"CONTEXT": "elsewhere"}, f'demo: there is no context "elsewhere"; your kubeconfig has {CONTEXT}'),
        ({"CONTEXT": CONTEXT}, f"demo: CONTEXT={CONTEXT} also needs to know where the images are: {platform.USAGE}"),
        (
            {"CONTEXT": CONTEXT, "SHOP": "evershop"},
            "demo: SHOP=evershop is served on this machine, which pods of another cluster do not reach",
        ),
        (
            {"CONTEXT": "", "SHOP": "evershop", "URL": "https://acme.com/"},
            "demo: URL= and SHOP=evershop name two different shops to audit; leave one of them out",
        ),
        ({"CONTEXT": CONTEXT, "URL": "acme.com"}, 'demo: URL: "acme.com" has no scheme; write "https://acme.com"'),
    ],
)
def test_a_wrong_request_ends_in_one_sentence(kubeconfig: Path, variables: dict[str, str], sentence: str) -> None:
    images = {"IMAGE_REPOSITORY": "registry.test", "IMAGE_TAG": "v1"} if variables["CONTEXT"] == "elsewhere" else {}
    done = demo("up", kubeconfig=kubeconfig, **variables, **images)
    assert (done.returncode, done.stdout.splitlines(), done.stderr) == (1, [sentence], "")


@pytest.mark.apiserver
def test_removing_a_demo_that_is_not_there_is_no_error(kubeconfig: Path) -> None:
    done = demo("down", kubeconfig=kubeconfig, CONTEXT=CONTEXT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "There is no demo to remove.\n", "")


@pytest.mark.apiserver
def test_empty_variables_count_as_absent(kubeconfig: Path) -> None:
    """As make passes them."""
    done = demo("up", kubeconfig=kubeconfig, CONTEXT=CONTEXT, URL="", SHOP="", IMAGE_REPOSITORY="", IMAGE_TAG="")
    assert "also needs to know where the images are" in done.stdout


def test_without_root_and_without_a_context_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(DemoError, match="run it as root") as caught, platform.local(Quiet()):
        pytest.fail("it went on")
    assert platform.USAGE in str(caught.value)


def test_an_interruption_is_one_sentence_and_its_own_exit_code() -> None:
    said = io.StringIO()
    with pytest.raises(typer.Exit) as caught, in_one_sentence(Console(file=said, width=160)):
        raise KeyboardInterrupt
    assert caught.value.exit_code == INTERRUPTED
    assert said.getvalue().strip().count("\n") == 0
    assert "run it again" in said.getvalue()
