"""What the driver makes of a kubectl that warns, fails or talks nonsense: a script stands for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from testkit.demo_kubectl import kubectl_that
from webaudit_demo.kube import CommandFailed, Kube, Resource

DOCUMENT = """cat <<'END'
{
    "metadata": {
        "name": "demo"
    }
}
END"""
DEMO = {"metadata": {"name": "demo"}}
WARNING = "echo 'W1125 memcache.go:287] the credential plugin is old' >&2"
FLOOD = "head -c 300000 /dev/zero | tr '\\0' w >&2"
FAILURE = "echo 'error: You must be logged in to the server' >&2; exit 1"


def watched(kube: Kube, seconds: float = 30) -> list[Resource]:
    return list(kube.watch("auditsession", "demo", "webaudit-demo", seconds))


@pytest.mark.parametrize("noise", [WARNING, FLOOD])
def test_warnings_do_not_get_between_the_documents_of_a_watch(tmp_path: Path, noise: str) -> None:
    kube = kubectl_that(tmp_path, "\n".join((noise, DOCUMENT, noise, DOCUMENT)))
    assert watched(kube) == [DEMO, DEMO]


@pytest.mark.parametrize(
    "script", [f"echo 'Please log in at https://login.test/'\n{DOCUMENT}", "echo 'Please log in'", "echo '{'"]
)
def test_a_watch_that_answers_something_else_than_json_ends_in_a_sentence(tmp_path: Path, script: str) -> None:
    with pytest.raises(CommandFailed, match="not JSON"):
        watched(kubectl_that(tmp_path, script))


def test_a_watch_that_is_refused_says_why(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="You must be logged in"):
        watched(kubectl_that(tmp_path, FAILURE))


def test_a_watch_that_breaks_later_just_ends(tmp_path: Path) -> None:
    assert watched(kubectl_that(tmp_path, f"{DOCUMENT}\n{FAILURE}")) == [DEMO]


def test_a_watch_of_what_is_not_there_yields_nothing(tmp_path: Path) -> None:
    gone = """echo 'Error from server (NotFound): auditsessions "demo" not found' >&2; exit 1"""
    assert watched(kubectl_that(tmp_path, gone)) == []


def test_a_watch_ends_in_time_even_within_a_document(tmp_path: Path) -> None:
    assert watched(kubectl_that(tmp_path, f"{DOCUMENT}\necho '{{'\nexec sleep 60"), seconds=1) == [DEMO]


def test_the_forwarded_port_is_found_after_other_lines(tmp_path: Path) -> None:
    script = f"{WARNING}\necho 'Defaulted target'\necho 'Forwarding from 127.0.0.1:41234 -> 4443'\nexec sleep 60"
    with kubectl_that(tmp_path, script).forwarded("webaudit-demo", "service/gcs", 4443) as port:
        assert port == 41234


def test_a_port_that_cannot_be_forwarded_says_why(tmp_path: Path) -> None:
    kube = kubectl_that(tmp_path, f"{FLOOD}\n{FAILURE}")
    with (
        pytest.raises(CommandFailed, match=r"no way to service/gcs: .*You must be logged in"),
        kube.forwarded("webaudit-demo", "service/gcs", 4443),
    ):
        pytest.fail("it went on")
