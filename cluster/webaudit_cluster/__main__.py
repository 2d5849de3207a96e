"""The command line: `python -m webaudit_cluster COMMAND`. Wiring only."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from webaudit_cluster import binaries, images, packages
from webaudit_cluster.cluster import Cluster
from webaudit_cluster.errors import ClusterError
from webaudit_cluster.locking import lock
from webaudit_cluster.progress import Talking

app = typer.Typer(no_args_is_help=True, add_completion=False, help="A real Kubernetes on this machine.")
image = typer.Typer(no_args_is_help=True, help="Images without a registry.")
app.add_typer(image, name="image")

out = Console(highlight=False, soft_wrap=True)
Wait = Annotated[float, typer.Option(help="Seconds to wait for another user of the cluster to end.")]
Names = Annotated[list[str] | None, typer.Argument(help="Images by name; all when none is given.")]


@app.command(name="packages")
def install_packages(
    tests: Annotated[bool, typer.Option("--tests", help="Also what the test suite needs.")] = False,
) -> None:
    """Install the Debian packages that are missing."""
    packages.ensure(["cluster", "tests"] if tests else ["cluster"], Talking())


@app.command(name="binaries")
def build_binaries() -> None:
    """Build Kubernetes, etcd, helm, CoreDNS, fake-gcs-server and the tests' programs, unless they are there."""
    out.print(str(binaries.ensure(Talking())))
    out.print(str(binaries.test_programs().ensure(Talking())))


@app.command()
def up(
    dns_upstream: Annotated[
        list[str] | None,
        typer.Option(help="Name server for names from outside; by default the machine's own, if they answer."),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="No name from outside exists.")] = False,
    wait: Wait = 0,
) -> None:
    """Bring the cluster up, or heal it, or find that it is up."""
    cluster = Cluster()
    chosen = [] if offline else (dns_upstream or None)
    with lock(wait=wait):
        upstreams = cluster.up(upstreams=chosen, progress=Talking())
    names = f"asked of {', '.join(upstreams)}" if upstreams else "answered with NXDOMAIN"
    out.print(f"Kubernetes is up; names from outside are {names}.")
    out.print(f"export KUBECONFIG={cluster.kubeconfig}")


@app.command()
def down(
    purge: Annotated[bool, typer.Option("--purge", help="Also delete its data and its copies of images.")] = False,
    wait: Wait = 0,
) -> None:
    """Take the cluster down and leave the machine as it was before."""
    with lock(wait=wait):
        Cluster().down(purge=purge)


@app.command()
def status() -> None:
    """Which components run. Exit code 1 when one that was started does not, or none was."""
    components = Cluster().components()
    for name, running in components.items():
        out.print(f"{name:24} {'runs' if running else 'has ended'}")
    if not components:
        out.print("The cluster is down.")
    if not (components and all(components.values())):
        raise typer.Exit(1)


@image.command(name="build")
def build_images(names: Names = None) -> None:
    """Build images whose files changed; print their references."""
    for reference in images.build(names or list(images.catalogue()), Talking()).values():
        out.print(reference)


@image.command(name="load")
def load_images(names: Names = None, wait: Wait = 0) -> None:
    """Build images whose files changed and give them to the running cluster; print their references."""
    with lock(wait=wait):
        for reference in Cluster().load(names or list(images.catalogue()), progress=Talking()).values():
            out.print(reference)


@image.command(name="ref")
def image_reference(name: Annotated[str, typer.Argument()]) -> None:
    """Print an image's reference by the present content of its files, built or not."""
    out.print(images.image_ref(name))


def main() -> None:
    """Errors for the user end as one message without a traceback."""
    try:
        app()
    except ClusterError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(str(error), markup=False)
        raise SystemExit(error.exit_code) from None


if __name__ == "__main__":
    main()
