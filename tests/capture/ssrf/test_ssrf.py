"""No page makes a capture reach what is not public: every way there is, tried against listeners that hear everything.

All of it runs in a network of its own, in which every address on earth is this machine; nothing is allowed in. Each
vector is tried twice: by a bare browser, which shows that it is alive, and by a capture, which must not let it through.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from capture.ssrf.inside import STRAIGHT
from capture.ssrf.shop import ADDRESS, ADDRESS_V6, AT_ONCE, LEAVING, NAMES, PRIVATE, REBINDING
from capture.ssrf.vectors import DORMANT, SHOP, SILENT, VECTORS, Vector
from testkit import netns
from testkit.canaries import WEB_PORTS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

Report = dict[str, Any]
MAIN = (*(f"http://{SHOP}{path}" for path in LEAVING), *STRAIGHT)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = tmp_path_factory.mktemp("ssrf")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    told: Report = json.loads(netns.run("capture.ssrf.inside", str(folder), folder=folder, env=env, timeout=150))
    return told


def name(vector: Vector) -> str:
    return f"{vector.page}-{vector.name}"


def test_nothing_at_all_was_reached(report: Report) -> None:
    assert report["guarded"] == []


def test_nothing_was_sent_but_to_the_proxies_the_shop_and_the_name_server(report: Report) -> None:
    web = {f"tcp:{port}:{address}" for port in WEB_PORTS for address in (ADDRESS, ADDRESS_V6)}
    assert set(report["sent"]) - web == {f"udp:53:{netns.NAME_SERVER}"}


def test_the_browser_asks_for_no_name_itself(report: Report) -> None:
    assert report["named"].keys() & NAMES.keys() >= {SHOP, "private.test", "slow.test"}
    assert "stun.test" not in report["named"]


def test_enough_vectors_are_alive_to_show_something(report: Report) -> None:
    alive = [vector for vector in VECTORS if vector.reaches in report["unguarded"]]
    assert len(alive) >= 150
    assert {vector.name for vector in VECTORS} - {vector.name for vector in alive} <= DORMANT


@pytest.mark.parametrize("vector", VECTORS, ids=name)
def test_a_vector_that_reaches_a_bare_browsers_target_is_refused_and_told(vector: Vector, report: Report) -> None:
    assert vector.reaches not in report["guarded"]
    if vector.page == "udp":
        assert f"/tried/{vector.name}" in report["asked"]  # nobody is asked for a connection, so nothing is refused
        return
    if vector.name in DORMANT:
        return
    told = {
        (int(pair.rpartition(":")[2]), reason)
        for capture in report["captures"].values()
        for pair, reason in capture["refused"].items()
        if pair.rpartition(":")[0] == vector.host
    }
    assert told or vector.name in SILENT
    for port, reason in told:
        if port not in WEB_PORTS:
            assert reason == "port_not_allowed"
        else:
            # Chromium takes any name below localhost for this machine; no name server knows it.
            assert reason == ("name_not_resolved" if vector.name == "localhost-sub" else "blocked_address")


@pytest.mark.parametrize("url", MAIN, ids=lambda url: url.rpartition("/")[2])
def test_a_page_that_is_or_leads_to_what_is_not_public_fails_with_that_reason(url: str, report: Report) -> None:
    capture = report["captures"][url]
    assert capture["verdict"] == "failed"
    if "file:" in url:
        assert capture["reason"] == "net_err"
    elif ":8080" in url:
        assert capture["reason"] == "port_not_allowed"
    else:
        assert capture["reason"] == "blocked_address"
        assert "is not public" in capture["message"]


def test_pages_full_of_refused_requests_are_captured_all_the_same(report: Report) -> None:
    tried = [capture for url, capture in report["captures"].items() if url not in MAIN]
    assert len(tried) == 9
    assert {capture["message"] or capture["verdict"] for capture in tried} == {"ok"}


def test_a_name_that_has_changed_its_mind_is_still_reached_where_it_was_checked(report: Report) -> None:
    assert report["rebound_to"] == PRIVATE, "the name server rebinds"
    assert report["captures"][f"http://{REBINDING}/rebinding"]["refused"] == {}
    assert len([path for path in report["asked"] if path.startswith("/c/rebound?")]) == 8


def test_of_many_who_want_a_name_at_once_all_get_its_first_answer(report: Report) -> None:
    assert report["captures"][f"http://{SHOP}/at-once"]["refused"] == {}
    assert len([path for path in report["asked"] if path.startswith("/c/at-once?")]) == 6
    assert report["named"][AT_ONCE] == 1


def test_a_shop_with_an_ipv6_address_alone_is_reached(report: Report) -> None:
    assert report["captures"]["http://six.test/frames"]["verdict"] == "ok"


def test_a_sitemap_that_redirects_to_a_private_address_is_not_fetched(report: Report) -> None:
    assert "/to?http://10.9.7.9/c/sitemap" in report["asked"]
    assert "10.9.7.9:80" in report["captures"][f"http://{SHOP}/elements"]["refused"]


def test_a_program_that_is_given_up_on_leaves_nothing_behind(tmp_path: Path) -> None:
    marked = f"import time; time.sleep(600) # {tmp_path}"
    start_one_more = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {marked!r}])"
    with pytest.raises(subprocess.TimeoutExpired):
        netns.run("timeit", "-n1", "-r1", "-s", start_one_more, marked, folder=tmp_path, env=os.environ, timeout=3)
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    assert netns.INTERFACE not in {interface for _, interface in socket.if_nameindex()}
    left = [process for process in psutil.process_iter(["cmdline"]) if marked in (process.info["cmdline"] or [])]
    assert psutil.wait_procs(left, timeout=10)[1] == []


def test_where_no_namespace_can_be_made_one_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "unshare").write_text("#!/bin/sh\necho 'unshare failed: Operation not permitted' >&2\nexit 1\n")
    (tmp_path / "unshare").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(netns.NoNamespace, match=r"can't be made here .*Operation not permitted"):
        netns.run("capture.ssrf.inside", folder=tmp_path, env=os.environ, timeout=5)
