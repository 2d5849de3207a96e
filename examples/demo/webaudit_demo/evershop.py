"""EverShop, a shop nobody here wrote: installed from npm below the cache folder, served on this machine, named
`evershop.test` inside the local cluster. Its database is one of the demo's PostgreSQL.
"""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from webaudit_cluster import paths, shell, waiting
from webaudit_cluster.daemons import Daemon, Daemons
from webaudit_cluster.errors import ClusterError
from webaudit_cluster.progress import Progress
from webaudit_demo import goods, nodejs, secrets
from webaudit_demo.errors import DemoError
from webaudit_demo.install import DEMO, NAMESPACE
from webaudit_demo.kube import Kube
from webaudit_demo.nodejs import NodeJs

VERSION = "2.2.1"
URL = "http://evershop.test/"
PORT = 26380
DATABASE = "evershop"
# What the database says of itself once it is whole; another version fills it anew.
FILLED = f"EverShop {VERSION} with its sample data"
START_SECONDS = 120
PORT_SECONDS = 3
_NO_NETWORK = re.compile(
    r"\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT)\b"
)
_PICTURES = re.compile(r"https?://(raw\.githubusercontent\.com|picsum\.photos|127\.0\.0\.1:\d+)/")


@dataclass(frozen=True, slots=True)
class Shop:
    """An installation below `folder`, run by `node`."""

    folder: Path
    node: NodeJs

    @property
    def package(self) -> Path:
        return self.folder / "node_modules/@evershop/evershop"

    @property
    def settings(self) -> Path:
        """Read by each of its commands. A file, because a process list would show the password to everybody."""
        return self.folder / ".env"

    @property
    def built(self) -> Path:
        """The stamp of its build."""
        return self.folder / ".built"

    def command(self, name: str, *arguments: str) -> list[str]:
        script = str(self.package / f"dist/bin/{name}/index.js")
        variables = [f"{key}={value}" for key, value in self.node.variables.items()]
        return ["env", f"--chdir={self.folder}", *variables, "node", script, *arguments]


def prepare(progress: Progress) -> Shop:
    """Have all that comes from outside: Node.js, and EverShop with what it needs from npm. No cluster is touched.

    Hold the cluster's lock. Raises DemoError naming what is missing or went wrong.
    """
    shop = Shop(home() / "shop", nodejs.ensure(progress))
    install(shop, progress)
    return shop


def up(shop: Shop, kube: Kube, machine: str, progress: Progress) -> str:
    """Have it built, filled, running and reachable from pods; the address to audit. Every step is done once.

    Raises DemoError naming what went wrong.
    """
    configure(shop, environment(kube))
    build(shop, progress)
    whole = is_whole(kube)
    if not whole:
        down()  # it makes its tables only when it starts
        make_database(kube)
    with progress.step("starting EverShop"):
        start(shop)
    if not whole:
        with progress.step("filling EverShop with its sample data"):
            seed(shop)
        if not has_products(kube):
            raise DemoError(f"EverShop's seed left no products; its log is {home() / 'log' / 'evershop.log'}")
        mark_whole(kube)
    kube.apply(*network(machine))
    return URL


def down() -> bool:
    """Stop it; what is installed stays in the cache folder. False when it did not run."""
    daemons = Daemons(home())
    ran = daemons.is_running("evershop")
    daemons.stop(["evershop"], grace=0)
    return ran


def home() -> Path:
    return paths.cache() / "evershop"


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
    """EverShop and what it needs, from npm. The stamp goes with the folder that npm fills."""
    recipe = (DEMO / "evershop" / "package.json").read_text()
    modules = shop.folder / "node_modules"
    stamp = modules / ".complete"
    if stamp.exists() and stamp.read_text() == recipe:
        return
    down()
    shop.built.unlink(missing_ok=True)
    # npm takes a package that is there for finished, though it may have been stopped before the package's own script.
    shutil.rmtree(modules, ignore_errors=True)
    shop.folder.mkdir(parents=True, exist_ok=True)
    (shop.folder / "package.json").write_text(recipe)
    options = ("--no-audit", "--no-fund", "--no-package-lock", "--no-update-notifier", f"--cache={home() / 'npm'}")
    with progress.step(f"installing EverShop {VERSION} from npm") as line:
        try:
            shell.run(["npm", "install", *options], cwd=shop.folder, line=line, env=shop.node.variables)
        except ClusterError as error:
            raise DemoError(npm_complaint(str(error))) from None
    stamp.write_text(recipe)


def npm_complaint(said: str) -> str:
    """A sentence for a network that is not there; npm's own words for everything else."""
    match = _NO_NETWORK.search(said)
    if match is None:
        return said
    return (
        f"npm does not reach its registry to install EverShop ({match[0]}); "
        "check the network, and npm's settings for registry and proxy, then run it again"
    )


def build(shop: Shop, progress: Progress) -> None:
    """EverShop's own build; no network is needed."""
    if shop.built.exists():
        return
    with progress.step("building EverShop") as line:
        shell.run(shop.command("build"), line=line)
    shop.built.touch()


def is_whole(kube: Kube) -> bool:
    """Whether the database is there and its filling was finished: the demo's PostgreSQL forgets with its pod."""
    comment = f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{DATABASE}'"
    return psql(kube, "postgres", comment) == FILLED


def mark_whole(kube: Kube) -> None:
    psql(kube, "postgres", f"COMMENT ON DATABASE \"{DATABASE}\" IS '{FILLED}'")


def make_database(kube: Kube) -> None:
    """An empty one, in place of what an interrupted run may have left."""
    psql(kube, "postgres", f'DROP DATABASE IF EXISTS "{DATABASE}" WITH (FORCE)')
    psql(kube, "postgres", f'CREATE DATABASE "{DATABASE}"')


def has_products(kube: Kube) -> bool:
    return psql(kube, DATABASE, "SELECT count(*) FROM product") != "0"


def psql(kube: Kube, database: str, statement: str, **variables: str) -> str:
    """Its answer as text. `:'name'` in the statement is the variable of that name, quoted. Raises CommandFailed."""
    command = ("psql", "--username", secrets.USER, "--dbname", database, "--no-psqlrc", "--tuples-only", "--no-align")
    settings = [f"--set={name}={value}" for name, value in {"ON_ERROR_STOP": "1", **variables}.items()]
    arguments = ("exec", "--stdin", "--namespace", NAMESPACE, "deployment/postgres", "--", *command, *settings)
    # Not as --command: psql looks for variables only in what it reads.
    return kube.run(*arguments, stdin=f"{statement};\n").strip()


def start(shop: Shop) -> None:
    """Have the server running and answering; it brings its own database up to date first."""
    daemons = Daemons(home())
    if not daemons.is_running("evershop"):
        # A stranger's answers would pass for its own. One of ours that was killed just now may still let go.
        waiting.until(
            lambda: not waiting.answers(PORT),
            PORT_SECONDS,
            f"port {PORT} is taken, most likely by the EverShop of another checkout; run `make demo-down` there first",
        )
    # It starts two more processes and would leave them behind: in a PID namespace they end with the first.
    family = ("unshare", "--fork", "--pid", "--kill-child")
    daemons.ensure(Daemon("evershop", (*family, *shop.command("start")), (shop.settings,)))

    def complaint() -> str:
        return f"EverShop does not answer on port {PORT}:\n{daemons.last_words('evershop')}"

    def ready() -> bool:
        if not daemons.is_running("evershop"):
            raise DemoError(complaint())
        return answers()

    waiting.until(ready, START_SECONDS, complaint, every=0.3)


def answers() -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{PORT}/robots.txt", timeout=30, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def seed(shop: Shop) -> None:
    """Its own sample data, with the pictures made here: the addresses in the data may be out of reach."""
    with goods.gallery() as address:
        for file in (shop.package / "dist/bin/seed/data").glob("*.json"):
            file.write_text(_PICTURES.sub(f"{address}/", file.read_text()))
        here = "127.0.0.1"  # is not where a proxy for the web leads
        shell.run(shop.command("seed", "--all"), env={"NO_PROXY": here, "no_proxy": here})


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
