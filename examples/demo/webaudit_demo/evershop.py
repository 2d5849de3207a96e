"""EverShop, a shop nobody here wrote: installed from npm below the cache folder, served on this machine, named
`evershop.test` inside the local cluster. Its database is one of the demo's PostgreSQL.
"""

from __future__ import annotations

import base64
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from webaudit_cluster import paths, shell
from webaudit_cluster.daemons import Daemon, Daemons
from webaudit_cluster.progress import Progress
from webaudit_demo import goods, secrets
from webaudit_demo.errors import DemoError
from webaudit_demo.install import DEMO, NAMESPACE
from webaudit_demo.kube import Kube

VERSION = "2.2.1"
URL = "http://evershop.test/"
PORT = 26380
DATABASE = "evershop"
OLDEST_NODE = 20
START_SECONDS = 120
_PICTURES = re.compile(r"https?://(raw\.githubusercontent\.com|picsum\.photos|127\.0\.0\.1:\d+)/")


@dataclass(frozen=True, slots=True)
class Shop:
    """An installation below `folder`."""

    folder: Path

    @property
    def package(self) -> Path:
        return self.folder / "node_modules/@evershop/evershop"

    @property
    def settings(self) -> Path:
        """Read by each of its commands. A file, because a process list would show the password to everybody."""
        return self.folder / ".env"

    def command(self, name: str, *arguments: str) -> list[str]:
        script = str(self.package / f"dist/bin/{name}/index.js")
        return ["env", f"--chdir={self.folder}", "node", script, *arguments]


def up(kube: Kube, machine: str, progress: Progress) -> str:
    """Have it installed, seeded, running and reachable from pods; the address to audit. Every step is done once.

    Raises DemoError naming what is missing or went wrong.
    """
    check_node()
    shop = Shop(home() / "shop")
    configure(shop, environment(kube))
    install(shop, progress)
    if ensure_database(kube):
        down()  # it brings the database up to date only when it starts
    with progress.step("starting EverShop"):
        start(shop)
    if not has_products(kube):
        with progress.step("filling EverShop with its sample data"):
            seed(shop)
        if not has_products(kube):
            raise DemoError(f"EverShop's seed left no products; its log is {home() / 'log' / 'evershop.log'}")
    kube.apply(*network(machine))
    return URL


def down() -> None:
    """Stop it; what is installed stays in the cache folder."""
    if home().exists():
        Daemons(home()).stop(["evershop"], grace=0)


def home() -> Path:
    return paths.cache() / "evershop"


def check_node() -> None:
    """Raises DemoError unless there are npm and a Node.js that EverShop runs on."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise DemoError(
            f"SHOP=evershop needs Node.js {OLDEST_NODE} or newer and npm on PATH; install them and run it again"
        )
    version = shell.output(["node", "--version"]).strip()
    if int(version.removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        raise DemoError(f"SHOP=evershop needs Node.js {OLDEST_NODE} or newer; {shutil.which('node')} is {version}")


def environment(kube: Kube) -> dict[str, str]:
    """What EverShop is configured by. The database is reached through its Service's address, as pods reach it."""
    service, secret = kube.get("service", "postgres", NAMESPACE), kube.get("secret", secrets.DATABASE_SECRET, NAMESPACE)
    if service is None or secret is None:
        raise DemoError("the demo's database is not there")
    values = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    return {
        "DB_HOST": service["spec"]["clusterIP"],
        "DB_PORT": "5432",
        "DB_NAME": DATABASE,
        "DB_USER": values["POSTGRES_USER"],
        "DB_PASSWORD": values["POSTGRES_PASSWORD"],
        "DB_SSLMODE": "disable",
        "PORT": str(PORT),
        "EVERSHOP_HOME_URL": URL,
        "SUPPRESS_NO_CONFIG_WARNING": "1",
        "CI": "1",
    }


def configure(shop: Shop, variables: Mapping[str, str]) -> None:
    shop.folder.mkdir(parents=True, exist_ok=True)
    shop.settings.touch(mode=0o600)
    shop.settings.write_text("".join(f"{key}={value}\n" for key, value in variables.items()))


def install(shop: Shop, progress: Progress) -> None:
    """EverShop and what it needs from npm, then its own build. A stamp tells that both were finished."""
    recipe = (DEMO / "evershop" / "package.json").read_text()
    stamp = shop.folder / ".built"
    if stamp.exists() and stamp.read_text() == recipe:
        return
    stamp.unlink(missing_ok=True)
    (shop.folder / "package.json").write_text(recipe)
    with progress.step(f"installing EverShop {VERSION} from npm") as line:
        shell.run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"], cwd=shop.folder, line=line)
    with progress.step("building EverShop") as line:
        shell.run(shop.command("build"), line=line)
    stamp.write_text(recipe)


def ensure_database(kube: Kube) -> bool:
    """True when it had to be made: the demo's PostgreSQL forgets with its pod."""
    if psql(kube, "postgres", f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"):
        return False
    psql(kube, "postgres", f'CREATE DATABASE "{DATABASE}"')
    return True


def has_products(kube: Kube) -> bool:
    return psql(kube, DATABASE, "SELECT count(*) FROM product") != "0"


def psql(kube: Kube, database: str, statement: str) -> str:
    command = ("psql", "--username", secrets.USER, "--dbname", database, "--tuples-only", "--no-align")
    arguments = ("exec", "--namespace", NAMESPACE, "deployment/postgres", "--", *command, "--command", statement)
    return kube.run(*arguments).strip()


def start(shop: Shop) -> None:
    """Have the server running and answering; it brings its own database up to date first."""
    daemons = Daemons(home())
    # It starts two more processes and would leave them behind: in a PID namespace they end with the first.
    family = ("unshare", "--fork", "--pid", "--kill-child")
    daemons.ensure(Daemon("evershop", (*family, *shop.command("start")), (shop.settings,)))
    end = time.monotonic() + START_SECONDS
    while not answers():
        if not daemons.is_running("evershop") or time.monotonic() > end:
            raise DemoError(f"EverShop does not answer on port {PORT}:\n{daemons.last_words('evershop')}")
        time.sleep(0.3)


def answers() -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{PORT}/robots.txt", timeout=30).status_code == 200
    except httpx.TransportError:
        return False


def seed(shop: Shop) -> None:
    """Its own sample data, with the pictures made here: the addresses in the data may be out of reach."""
    with goods.gallery() as address:
        for file in (shop.package / "dist/bin/seed/data").glob("*.json"):
            file.write_text(_PICTURES.sub(f"{address}/", file.read_text()))
        shell.run(shop.command("seed", "--all"))


def network(machine: str) -> Sequence[dict[str, Any]]:
    """A Service without selector, and by hand the one endpoint behind it: this machine."""
    metadata = {"name": "evershop", "namespace": NAMESPACE}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"ports": [{"name": "http", "port": 80, "targetPort": PORT, "protocol": "TCP"}]},
    }
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**metadata, "labels": {"kubernetes.io/service-name": "evershop"}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": PORT, "protocol": "TCP"}],
        "endpoints": [{"addresses": [machine], "conditions": {"ready": True}}],
    }
    return service, endpoints
