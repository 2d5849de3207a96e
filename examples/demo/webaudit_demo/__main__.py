"""`python -m webaudit_demo up` and `down`: the seven steps of the demo in order, and nothing else."""

from __future__ import annotations

import contextlib
import enum
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from webaudit_capture.report import write_index
from webaudit_cluster import binaries
from webaudit_cluster.errors import ClusterError
from webaudit_cluster.progress import Progress, Talking
from webaudit_demo import catalog, evershop, evidence, install, platform, progress, record, session
from webaudit_demo.errors import DemoError
from webaudit_demo.install import NAMESPACE
from webaudit_demo.kube import Kube, Resource
from webaudit_demo.platform import Platform

EVIDENCE = Path("demo-evidence")
ARTIFACTS_PER_CAPTURE = 4
INTERRUPTED = 130

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


class ShopName(enum.StrEnum):
    NORDLICHT = "nordlicht"
    EVERSHOP = "evershop"


Context = Annotated[str, typer.Option(envvar="CONTEXT", help="A kubeconfig context; empty: a local cluster.")]


@app.command()
def up(
    url: Annotated[str, typer.Option(envvar="URL", help="Audit this address instead of the shop.")] = "",
    context: Context = "",
    shop: Annotated[ShopName, typer.Option(envvar="SHOP", help="Which shop to serve and audit.")] = ShopName.NORDLICHT,
    image_repository: Annotated[str, typer.Option(envvar="IMAGE_REPOSITORY", help="With a context.")] = "",
    image_tag: Annotated[str, typer.Option(envvar="IMAGE_TAG", help="With a context.")] = "",
) -> None:
    """Run the demo from nothing to evidence. Repeating it reuses everything that is there."""
    console = terminal()
    with in_one_sentence(console):
        began = time.monotonic()
        talking = Talking(console)
        wanted = session.manifest(url or None)
        if shop is ShopName.EVERSHOP:
            check_request(url, context)
        with contextlib.ExitStack() as held:
            installed = None
            if context:
                place = platform.existing(context, image_repository, image_tag)
            else:
                held.enter_context(platform.alone())
                if shop is ShopName.EVERSHOP:
                    installed = install_evershop(talking)
                place = held.enter_context(platform.of_the_demo(talking))
            prepare(place, talking)
            if installed is not None:
                wanted = session.manifest(serve_evershop(installed, place, talking), "evershop")
            ended = audit(place.kube, wanted, console)
            complaints = look(place.kube, ended, console)
            if installed is not None:
                complaints += catalog.complaints(place.kube, ended, folder_of(ended), console)
        conclude(complaints, time.monotonic() - began, place.shell, console)


@app.command()
def down(context: Context = "") -> None:
    """Remove what the demo started, and nothing else. The evidence that was copied out stays."""
    console = terminal()
    with in_one_sentence(console):
        if context:
            gone = install.uninstall(platform.existing_kube(context))
        else:
            with platform.alone():
                stopped = evershop.down()
                gone = platform.local_down() or stopped
        console.print("The demo is gone." if gone else "There is no demo to remove.")


def prepare(place: Platform, talking: Progress) -> None:
    with talking.step("starting PostgreSQL, the bucket and the shop"):
        install.surroundings(place.kube, place.images)
    with talking.step("installing the operator"):
        install.operator(place.kube, place.images)


def check_request(url: str, context: str) -> None:
    """What cannot go together with SHOP=evershop. Raises DemoError."""
    if context:
        raise DemoError("SHOP=evershop is served on this machine, which pods of another cluster do not reach")
    if url:
        raise DemoError("URL= and SHOP=evershop name two different shops to audit; leave one of them out")


def install_evershop(talking: Progress) -> evershop.Shop:
    """Before the cluster is built: who lacks something learns it in a minute, not in ten."""
    binaries.check_buildable()
    return evershop.prepare(talking)


def serve_evershop(shop: evershop.Shop, place: Platform, talking: Progress) -> str:
    assert place.machine is not None, "only a local cluster comes here"
    return evershop.up(shop, place.kube, place.machine, talking)


def audit(kube: Kube, wanted: Resource, console: Console) -> Resource:
    """Apply the session and show it until it has finished."""
    created = session.start(kube, wanted)
    name = created["metadata"]["name"]
    console.print(f"\n[bold]{name}[/bold]: auditing {escape(created['spec']['url'])}", soft_wrap=True)
    return progress.follow(kube, name, NAMESPACE, console)


def look(kube: Kube, ended: Resource, console: Console) -> list[str]:
    """Show what came of it, copy the evidence out, and return what is wrong with it."""
    name, uid, status = ended["metadata"]["name"], ended["metadata"]["uid"], ended["status"]
    console.print("\n[dim]$ kubectl get auditsessions[/dim]")
    console.print(kube.run("get", "auditsessions", "--namespace", NAMESPACE), soft_wrap=True, markup=False)
    rows = record.read(kube, NAMESPACE, uid)
    record.show(rows, console)
    complaints = [status.get("errorSummary") or f"the session ended as {status['phase']}"]
    if status["phase"] == "Completed":
        complaints = []
    prefix = status.get("evidence", {}).get("uri", "").removeprefix(f"gs://{install.BUCKET}/")
    if not prefix:
        return complaints or ["the session names no evidence"]
    folder = folder_of(ended)
    objects = evidence.copy_out(kube, NAMESPACE, prefix, folder)
    evidence.show(objects, prefix, console)
    write_index(folder, title=f"{name}: {ended['spec']['url']}")
    console.print(f"Evidence: {folder / 'index.html'}", soft_wrap=True)
    complaints += evidence.faults(rows.artifacts, objects)
    captures = len(progress.lines(ended))
    good = sum(page["status"] == "ok" for page in rows.pages)
    if good != captures:
        complaints.append(f"{good} of {captures} pages are recorded as ok")
    if len(rows.artifacts) != captures * ARTIFACTS_PER_CAPTURE:
        complaints.append(f"{len(rows.artifacts)} artifacts are recorded, {captures * ARTIFACTS_PER_CAPTURE} expected")
    if not complaints:
        console.print(
            f"Verified: {good} pages ok; all {len(rows.artifacts)} artifact rows have their object in the bucket, "
            "with the recorded size, sha256 and generation.",
            soft_wrap=True,
        )
    return complaints


def folder_of(session: Resource) -> Path:
    """Where its evidence is copied to."""
    return EVIDENCE / str(session["metadata"]["name"])


def conclude(complaints: list[str], seconds: float, shell: str, console: Console) -> None:
    """The last lines; `shell` is one to paste. Raises DemoError when there are complaints."""
    if shell:
        console.print(f"{shell}  # kubectl for this cluster", style="dim", soft_wrap=True, markup=False)
    console.print(f"[dim]{seconds:.0f} s; again: make demo; away with it: make demo-down[/dim]")
    if complaints:
        raise DemoError("; ".join(complaints))


def terminal() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=160)


@contextlib.contextmanager
def in_one_sentence(console: Console) -> Iterator[None]:
    """Everything a user can cause ends in a sentence and an exit code, never in a traceback."""
    try:
        yield
    except (DemoError, ClusterError) as error:
        console.print(f"demo: {error}", style="red", soft_wrap=True, markup=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        console.print("\ndemo: interrupted; run it again to go on where it stopped, or `make demo-down` to remove it.")
        raise typer.Exit(INTERRUPTED) from None


if __name__ == "__main__":
    app()
