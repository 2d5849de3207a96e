"""EverShop's installation and its database, without EverShop: npm is a script, PostgreSQL is real."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import psycopg
import pytest

from testkit.demo_kubectl import kubectl_with_database
from testkit.postgres import PostgresServer
from webaudit_cluster.errors import ClusterError
from webaudit_cluster.progress import Quiet
from webaudit_demo import evershop
from webaudit_demo.errors import DemoError
from webaudit_demo.evershop import Shop
from webaudit_demo.kube import Kube
from webaudit_demo.nodejs import NodeJs

# npm's own words on a machine without network.
NO_NETWORK = """npm error code EAI_AGAIN
npm error syscall getaddrinfo
npm error errno EAI_AGAIN
npm error request to https://registry.npmjs.org/@evershop%2fevershop failed, reason: getaddrinfo EAI_AGAIN
npm error A complete log of this run can be found in: /tmp/npm/_logs/debug-0.log"""
NO_SPACE = "npm error code ENOSPC\nnpm error nospc There appears to be insufficient space on your system to finish."


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBAUDIT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Not installed yet; its npm is what a test writes with `npm_that`."""
    return Shop(evershop.home() / "shop", NodeJs(tmp_path / "node"))


def npm_that(shop: Shop, script: str) -> None:
    assert shop.node.folder is not None
    shop.node.folder.mkdir(exist_ok=True)
    npm = shop.node.folder / "npm"
    npm.write_text(f"#!/bin/sh\n{script}\n")
    npm.chmod(0o755)


def test_without_network_one_sentence_says_so(shop: Shop) -> None:
    npm_that(shop, f"cat >&2 <<'END'\n{NO_NETWORK}\nEND\nexit 1")
    with pytest.raises(
        DemoError, match=r"npm does not reach its registry .*\(EAI_AGAIN\); check the network"
    ) as caught:
        evershop.install(shop, Quiet())
    assert "\n" not in str(caught.value)


def test_what_else_npm_complains_of_is_told_in_its_words(shop: Shop) -> None:
    npm_that(shop, f"cat >&2 <<'END'\n{NO_SPACE}\nEND\nexit 1")
    with pytest.raises(DemoError, match="insufficient space"):
        evershop.install(shop, Quiet())


def test_an_installation_is_made_once_and_an_interrupted_one_from_the_start(shop: Shop) -> None:
    npm_that(shop, "mkdir -p node_modules; touch node_modules/half; exit 1")
    with pytest.raises(DemoError):
        evershop.install(shop, Quiet())
    npm_that(shop, "mkdir node_modules; echo once >> ../calls")
    for _ in range(2):
        evershop.install(shop, Quiet())
    assert (evershop.home() / "calls").read_text() == "once\n"
    assert not (shop.folder / "node_modules" / "half").exists()


def test_a_new_installation_is_built_anew(shop: Shop) -> None:
    npm_that(shop, "mkdir -p node_modules")
    shop.folder.mkdir(parents=True)
    shop.built.touch()
    evershop.install(shop, Quiet())
    assert not shop.built.exists()


def test_npm_keeps_its_cache_below_ours(shop: Shop, tmp_path: Path) -> None:
    npm_that(shop, 'mkdir node_modules; echo "$@" > ../arguments')
    evershop.install(shop, Quiet())
    assert f"--cache={tmp_path}/cache/evershop/npm" in (evershop.home() / "arguments").read_text().split()


def test_its_programs_find_the_node_that_was_installed_for_them(shop: Shop) -> None:
    assert f"PATH={shop.node.folder}{os.pathsep}{os.environ['PATH']}" in shop.command("start")
    assert not any(word.startswith("PATH=") for word in Shop(shop.folder, NodeJs(None)).command("start"))


def test_a_stranger_on_its_port_is_not_taken_for_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        monkeypatch.setattr(evershop, "PORT", port)
        monkeypatch.setattr(evershop, "PORT_SECONDS", 0)
        with pytest.raises(ClusterError, match=f"port {port} is taken, .*`make demo-down` there first"):
            evershop.start(shop)


def test_stopping_it_where_it_never_ran_is_no_error() -> None:
    assert evershop.down() is False


@pytest.fixture
def kube(tmp_path: Path, own_postgres: PostgresServer) -> Kube:
    return kubectl_with_database(tmp_path, own_postgres)


@pytest.mark.postgres
def test_a_database_is_whole_only_when_its_filling_was_finished(kube: Kube) -> None:
    assert not evershop.is_whole(kube), "there is none"
    evershop.make_database(kube)
    evershop.psql(kube, evershop.DATABASE, "CREATE TABLE product AS SELECT 1")
    assert evershop.has_products(kube)
    assert not evershop.is_whole(kube), "an interrupted seed leaves products"
    evershop.mark_whole(kube)
    assert evershop.is_whole(kube)


@pytest.mark.postgres
def test_a_half_made_database_gives_way_to_an_empty_one_though_somebody_uses_it(
    kube: Kube, own_postgres: PostgresServer
) -> None:
    evershop.make_database(kube)
    evershop.psql(kube, evershop.DATABASE, "CREATE TABLE product AS SELECT 1")
    with psycopg.connect(own_postgres.url(evershop.DATABASE)) as user:
        evershop.make_database(kube)
        with pytest.raises(psycopg.OperationalError):
            user.execute("SELECT 1")
    assert evershop.psql(kube, evershop.DATABASE, "SELECT to_regclass('product')") == ""
