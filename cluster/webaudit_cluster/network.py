"""The pods' network: address ranges, the bridge, the machine's address, masquerading. Own names, own tables.

kube-proxy's tables are its own doing and are only removed here.
"""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

from webaudit_cluster import shell
from webaudit_cluster.errors import ClusterError

NAME = "webaudit-local"
BRIDGE = "webaudit0"
POD_CIDR = "10.201.0.0/16"
NODE_POD_CIDR = "10.201.0.0/24"
SERVICE_CIDR = "10.202.0.0/16"
API_SERVICE = "10.202.0.1"
DNS_SERVICE = "10.202.0.10"

_PROXY_TABLES = (("ip", "kube-proxy"), ("ip6", "kube-proxy"))
_FORWARD_RULES = (("-i", BRIDGE), ("-o", BRIDGE))


def machine_address() -> str:
    """The IPv4 address pods reach this machine by: the one it would use to leave. Nothing is sent.

    Raises ClusterError when the machine has no network but loopback.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            raise ClusterError("this machine has no route; bring up a network interface with an IPv4 address") from None
        address: str = probe.getsockname()[0]
    return address


def cni_configuration(data: Path) -> dict[str, object]:
    """One bridge; addresses are kept below `data`. Masquerading is ours, so that no iptables chains are needed."""
    ipam = {
        "type": "host-local",
        "dataDir": str(data),
        "ranges": [[{"subnet": NODE_POD_CIDR}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": BRIDGE, "isGateway": True, "hairpinMode": True, "ipam": ipam}
    return {"cniVersion": "0.4.0", "name": NAME, "plugins": [bridge]}


def set_up() -> None:
    """Let pods out and back in. Repeating it changes nothing."""
    # Answers of a Service's pod to a pod on the same bridge must pass the rules that renamed the question.
    setting = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
    if not setting.exists():
        shell.run(["modprobe", "br_netfilter"])
    for each in (setting, Path("/proc/sys/net/ipv4/ip_forward")):
        if each.read_text().strip() != "1":
            each.write_text("1")
    shell.output(["nft", "--file", "-"], stdin=_masquerade())
    if _forwarding_is_refused():
        for rule in _FORWARD_RULES:
            if not shell.succeeds(["iptables", "--check", "FORWARD", *rule, "-j", "ACCEPT"]):
                shell.run(["iptables", "--insert", "FORWARD", *rule, "-j", "ACCEPT"])


def remove() -> None:
    """Take away the bridge, what hangs on it, the tables and rules. What is not there is no error."""
    for interface in links_to_remove(json.loads(shell.output(["ip", "-json", "link", "show"]))):
        # A pod's end may have gone together with its namespace since the listing.
        shell.succeeds(["ip", "link", "delete", interface])
    present = {
        (entry["table"]["family"], entry["table"]["name"])
        for entry in json.loads(shell.output(["nft", "--json", "list", "tables"]))["nftables"]
        if "table" in entry
    }
    for family, name in (("ip", NAME), *_PROXY_TABLES):
        if (family, name) in present:
            shell.run(["nft", "delete", "table", family, name])
    if shutil.which("iptables"):
        for rule in _FORWARD_RULES:
            if shell.succeeds(["iptables", "--check", "FORWARD", *rule, "-j", "ACCEPT"]):
                shell.run(["iptables", "--delete", "FORWARD", *rule, "-j", "ACCEPT"])


def links_to_remove(links: list[dict[str, object]]) -> list[str]:
    """Of `ip -json link`, the bridge's ports and then the bridge."""
    names = [str(link["ifname"]) for link in links if link.get("master") == BRIDGE]
    return names + [BRIDGE for link in links if link["ifname"] == BRIDGE]


def _masquerade() -> str:
    table = f"table ip {NAME}"
    # Declared, deleted, made again: one transaction, whether or not it was there.
    return f"""\
{table} {{}}
delete {table}
{table} {{
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr {POD_CIDR} ip daddr != {POD_CIDR} masquerade
  }}
}}
"""


def _forwarding_is_refused() -> bool:
    """Docker, for one, sets the policy of FORWARD to DROP; an nftables rule can't lift that."""
    return bool(shutil.which("iptables")) and "-P FORWARD DROP" in shell.output(["iptables", "--list-rules", "FORWARD"])
