"""What is taken from the machine and what is taken away from it again: pure decisions, by example."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from webaudit_cluster import dns, footprint, hostconfig, mounts, network, packages
from webaudit_cluster.dns import corefile

MOUNTINFO = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
73 22 254:0 /state/kubelet /state/kubelet rw shared:1 - ext4 /dev/vda rw
74 73 0:50 / /state/kubelet/pods/1/volumes/a rw - tmpfs tmpfs rw
75 22 0:51 / /state-of-another/x rw - tmpfs tmpfs rw
76 22 0:52 / /state/with\\040blank rw - tmpfs tmpfs rw
77 74 0:53 / /state/kubelet/pods/1/volumes/a rw - tmpfs tmpfs rw
78 22 0:54 / /statement rw - tmpfs tmpfs rw
79 22 0:55 / /state rw - tmpfs tmpfs rw
"""


def test_only_mounts_below_the_state_folder_go_last_made_first() -> None:
    assert mounts.below(Path("/state"), MOUNTINFO) == [
        Path("/state"),
        Path("/state/kubelet/pods/1/volumes/a"),
        Path("/state/with blank"),
        Path("/state/kubelet/pods/1/volumes/a"),
        Path("/state/kubelet"),
    ]


def test_only_the_bridge_and_its_ports_go() -> None:
    links: list[dict[str, object]] = [
        {"ifname": "lo"},
        {"ifname": "eth0"},
        {"ifname": "cni0"},
        {"ifname": "veth1", "master": "cni0"},
        {"ifname": "webaudit0"},
        {"ifname": "veth2", "master": "webaudit0"},
    ]
    assert network.links_to_remove(links) == ["veth2", "webaudit0"]


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("nameserver 192.0.2.1\nsearch example.com\nnameserver 2001:db8::1\n", ("192.0.2.1", "2001:db8::1")),
        ("# nameserver 192.0.2.1\nnameserver 127.0.0.53\nnameserver ::1\n", ()),
        ("nameserver\n", ()),
    ],
)
def test_name_servers_that_pods_cannot_reach_are_left_out(text: str, servers: tuple[str, ...]) -> None:
    assert dns.name_servers(text) == servers


def test_without_upstreams_other_names_do_not_exist_and_with_them_they_are_asked() -> None:
    assert "forward" not in corefile(())
    assert "forward . 192.0.2.1 192.0.2.2" in corefile(("192.0.2.1", "192.0.2.2"))


def test_another_corefile_or_image_rolls_the_cluster_dns() -> None:
    hashes = {dns.manifest_hash(dns.manifest(*given)) for given in (("a", ()), ("b", ()), ("a", ("192.0.2.1",)))}
    assert len(hashes) == 3
    assert dns.manifest_hash(dns.manifest("a", ())) == dns.manifest_hash(dns.manifest("a", ()))


APT = """\
Acquire "";
Acquire::cdrom::mount "/media/cdrom/";
Acquire::Check-Date "false";
Acquire::Languages:: "none";
Acquire::http::Proxy "http://proxy.example:3142";
Acquire::https "";
Acquire::https::CAInfo "/etc/ssl/own.pem";
"""


def test_a_build_learns_the_way_to_the_mirror_but_no_paths_of_the_machine() -> None:
    inside = 'Acquire::Check-Date "false";\nAcquire::http::Proxy "http://proxy.example:3142";\n'
    assert hostconfig.apt_settings(APT, with_paths=False) == inside
    assert hostconfig.apt_settings(APT, with_paths=True) == inside + 'Acquire::https::CAInfo "/etc/ssl/own.pem";\n'


def test_only_mirrors_of_debian_12_are_used() -> None:
    targets = """\
Debian|http://mirror.example/debian/|bookworm|main
Debian|http://mirror.example/debian/|bookworm|main
Debian|http://mirror.example/security/|bookworm-security|main
Debian|http://mirror.example/debian/|trixie|main
Node Source|http://node.example/|bookworm|main
"""
    assert hostconfig.debian_sources(targets) == (
        "deb http://mirror.example/debian/ bookworm main\ndeb http://mirror.example/security/ bookworm-security main\n"
    )
    assert hostconfig.debian_sources("") == ""


def test_registries_come_from_the_environment_before_pip_conf_and_files_from_neither() -> None:
    pip = {"index-url": "https://from-pip/", "cert": "/etc/own.pem", "find-links": "/opt/wheels"}
    assert hostconfig.build_arguments({}, pip) == {
        "PIP_INDEX_URL": "https://from-pip/",
        "UV_DEFAULT_INDEX": "https://from-pip/",
    }
    given = {
        "PIP_INDEX_URL": "https://from-env/",
        "UV_DEFAULT_INDEX": "https://uv/",
        "PIP_CERT": "/x",
        "https_proxy": "",
    }
    assert hostconfig.build_arguments(given, pip) == {
        "PIP_INDEX_URL": "https://from-env/",
        "UV_DEFAULT_INDEX": "https://uv/",
    }


def test_every_package_of_the_list_is_known_to_dpkg_or_missing() -> None:
    assert packages.missing(["dpkg", "no-such-package"]) == ["no-such-package"]


def test_kernel_settings_are_set_back_and_an_earlier_record_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting, made, used = tmp_path / "net" / "x", tmp_path / "made", tmp_path / "used"
    setting.parent.mkdir()
    setting.write_text("0\n")
    monkeypatch.setattr(footprint, "_SYSCTL", tmp_path)
    monkeypatch.setattr(footprint, "SETTINGS", ("net/x", "net/absent"))
    monkeypatch.setattr(footprint, "PATHS", (str(made), str(used), str(setting.parent)))
    record = tmp_path / "before.json"
    footprint.record(record)
    setting.write_text("1\n")
    made.mkdir()
    used.mkdir()
    (used / "by-somebody-else").touch()
    footprint.record(record)  # a second `up`
    footprint.restore(record)
    assert setting.read_text() == "0"
    assert (made.exists(), used.exists(), record.exists()) == (False, True, False)
    footprint.restore(record)


def test_the_kit_sleeps_in_two_places_only() -> None:
    """Everything else waits through them."""
    kit = Path(network.__file__).parent
    sleeping = {
        module.name
        for module in kit.glob("*.py")
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "sleep"
    }
    assert sleeping == {"waiting.py", "locking.py"}
