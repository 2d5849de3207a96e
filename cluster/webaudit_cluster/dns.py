"""Names inside the cluster: CoreDNS with the demo's zone `test.`, and what becomes of all other names."""

from __future__ import annotations

import hashlib
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from webaudit_cluster import network, paths

DEMO_NAMESPACE = "webaudit-demo"
HASH = "webaudit.dev/manifest"
PROBE_NAME = "example.com"
PROBE_SECONDS = 1.0

# Names below `test.`, first match wins: pattern -> the Service of the demo's namespace that answers under it. A Service
# that is not there makes a name that does not exist.
TEST_NAMES = (
    (r"^(.*\.)?nxdomain[^.]*\.test\.$", "no-such-host"),
    (r"^(.*\.)?evershop\.test\.$", "evershop"),
    (r"^(.*\.)?refused\.test\.$", "refused"),
    (r"^(.*\.)?silent\.test\.$", "silent"),
    (r"^.+\.test\.$", "shop"),
)


def host_upstreams() -> tuple[str, ...]:
    """The machine's name servers when they resolve public names within a second, else none.

    Asked once per `up`: a dead upstream would make every unknown name hang for ten seconds.
    """
    try:
        done = subprocess.run(["getent", "ahostsv4", PROBE_NAME], capture_output=True, timeout=PROBE_SECONDS)
    except subprocess.TimeoutExpired:
        return ()
    if done.returncode != 0:
        return ()
    # systemd-resolved listens on loopback, where pods can't reach it, and tells its own upstreams here.
    for file in (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf")):
        if file.exists() and (servers := name_servers(file.read_text())):
            return servers
    return ()


def listens(address: str) -> bool:
    """Whether a DNS server accepts connections there within a fifth of a second."""
    try:
        socket.create_connection((address, 53), timeout=0.2).close()
    except OSError:
        return False
    return True


def name_servers(resolv_conf: str) -> tuple[str, ...]:
    """Those that are not on loopback."""
    lines = (line.split() for line in resolv_conf.splitlines())
    found = (words[1] for words in lines if len(words) > 1 and words[0] == "nameserver")
    return tuple(address for address in found if not address.startswith("127.") and address != "::1")


def corefile(upstreams: Sequence[str]) -> str:
    """Without upstreams every name that is neither the cluster's nor the demo's does not exist, at once."""
    rewrites = [
        f"rewrite stop name regex {pattern} {service}.{DEMO_NAMESPACE}.svc.cluster.local answer auto"
        for pattern, service in TEST_NAMES
    ]
    elsewhere = [f"forward . {' '.join(upstreams)}", "cache 30"] if upstreams else [_no_such_name()]
    return "\n".join(
        (
            _server("cluster.local in-addr.arpa ip6.arpa", "kubernetes cluster.local in-addr.arpa ip6.arpa", _cache()),
            _server("test", *rewrites, "kubernetes cluster.local", _no_such_name()),
            _server(".", "health :8080", "ready :8181", *elsewhere),
        )
    )


def manifest(image: str, upstreams: Sequence[str]) -> list[dict[str, Any]]:
    """Everything to apply. The Deployment carries a hash of it all, by which `is_applied` knows it again."""
    documents: list[dict[str, Any]] = list(yaml.safe_load_all((paths.KIT / "manifests/coredns.yaml").read_text()))
    by_kind = {document["kind"]: document for document in documents}
    by_kind["ConfigMap"]["data"]["Corefile"] = corefile(upstreams)
    by_kind["Service"]["spec"]["clusterIP"] = network.DNS_SERVICE
    template = by_kind["Deployment"]["spec"]["template"]
    template["spec"]["containers"][0]["image"] = image
    digest = hashlib.sha256(yaml.safe_dump(documents).encode()).hexdigest()
    template["metadata"]["annotations"] = {HASH: digest}
    return documents


def manifest_hash(documents: Sequence[dict[str, Any]]) -> str:
    deployment = next(document for document in documents if document["kind"] == "Deployment")
    digest: str = deployment["spec"]["template"]["metadata"]["annotations"][HASH]
    return digest


def _server(zones: str, *lines: str) -> str:
    listening = " ".join(f"{zone}:1053" for zone in zones.split())
    return f"{listening} {{\n" + "".join(f"    {line}\n" for line in ("errors", *lines)) + "}\n"


def _cache() -> str:
    # A name that is missing now may be a Service in a moment.
    return "cache 5 {\n        denial 1000 1\n    }"


def _no_such_name() -> str:
    soa = "{{ .Zone }} 60 IN SOA ns.invalid. root.invalid. 1 7200 900 1209600 60"
    return f'template ANY ANY {{\n        rcode NXDOMAIN\n        authority "{soa}"\n    }}'
