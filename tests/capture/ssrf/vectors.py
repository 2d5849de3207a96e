"""The ways a page can try to make a browser reach where it must not: a table, and the pages made of it.

Each vector has a private address of its own, so that what reached it, and what was refused, is told apart. In its
markup `{u}` is a URL there, `{a}` the address, `{r}` a public URL that redirects there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import quote

Page = Literal["elements", "frames", "scripts", "secure", "addresses", "udp"]
PAGES: tuple[Page, ...] = get_args(Page)
SHOP = "shop.test"


@dataclass(frozen=True, slots=True)
class Vector:
    """`host` is what the browser would connect to, `reaches` how a canary tells that it did."""

    name: str
    page: Page
    host: str
    reaches: str
    body: str = ""
    script: str = ""
    head: str = ""


def _own(number: int) -> str:
    return f"10.9.{number // 200}.{number % 200 + 1}"


def _filled(text: str, name: str, address: str, port: int) -> str:
    url = f"http://{address}{'' if port == 80 else f':{port}'}/c/{name}"
    redirect = f"http://{SHOP}/to?{quote(url, safe='')}"
    return text.replace("{u}", url).replace("{r}", redirect).replace("{a}", address)


_ELEMENTS = {
    "img": '<img src="{u}">',
    "img-srcset": '<img srcset="{u} 1x">',
    "picture": '<picture><source srcset="{u}"><img alt=""></picture>',
    "input-image": '<input type="image" src="{u}">',
    "body-background": '<table background="{u}"><tr><td>x</table>',
    "style-background": '<p style="background:url({u});height:20px">x</p>',
    "style-list": '<ul style="list-style-image:url({u})"><li>x</ul>',
    "style-border": '<p style="border:9px solid;border-image:url({u}) 3">x</p>',
    "style-content": "<style>#content::before{content:url({u})}</style><p id=content>x</p>",
    "style-cursor": '<p style="cursor:url({u}),auto">x</p>',
    "style-import": "<style>@import url({u});</style>",
    "style-font": '<style>@font-face{font-family:F;src:url({u})}#f{font-family:F}</style><p id="f">letters</p>',
    "style-image-set": '<p style="background:image-set(url({u}) 1x);height:20px">x</p>',
    "style-attribute-leak": '<style>#l[value^="s"]{background:url({u})}</style><input id="l" value="secret">',
    "style-mask": '<p style="mask:url({u}#m);height:20px;width:20px;background:red">x</p>',
    "stylesheet": '<link rel="stylesheet" href="{u}">',
    "preload": '<link rel="preload" as="image" href="{u}">',
    "prefetch": '<link rel="prefetch" href="{u}">',
    "modulepreload": '<link rel="modulepreload" href="{u}">',
    "preconnect": '<link rel="preconnect" href="http://{a}:8086/">',
    "script": '<script src="{u}"></script>',
    "script-module": '<script type="module" src="{u}"></script>',
    "video": '<video src="{u}" autoplay muted></video>',
    "video-poster": '<video poster="{u}" width="30" height="30"></video>',
    "audio": '<audio src="{u}" autoplay muted></audio>',
    "audio-source": '<audio autoplay muted><source src="{u}" type="audio/mpeg"></audio>',
    "track": '<video src="/clip" muted><track default kind="captions" src="{u}"></video>',
    "svg-image": '<svg width="20" height="20"><image href="{u}" width="20" height="20"/></svg>',
    "svg-fe-image": '<svg width="30" height="30"><filter id="e"><feImage href="{u}"/></filter>'
    '<rect width="30" height="30" filter="url(#e)"/></svg>',
    "svg-foreign-object": '<svg width="30" height="30"><foreignObject width="30" height="30"><img src="{u}"/>'
    "</foreignObject></svg>",
    "svg-script": '<svg><script href="{u}"></script></svg>',
    "redirected-img": '<img src="{r}">',
    "redirected-script": '<script src="{r}"></script>',
    "redirected-style": '<link rel="stylesheet" href="{r}">',
    "redirected-font": '<style>@font-face{font-family:R;src:url({r})}#r{font-family:R}</style><p id="r">letters</p>',
    "redirected-object": '<object data="{r}"></object>',
    "redirected-prefetch": '<link rel="prefetch" href="{r}">',
    "redirected-video": '<video src="{r}" autoplay muted></video>',
    "speculation-prefetch": '<script type="speculationrules">{"prefetch":[{"source":"list","urls":["{u}"],'
    '"eagerness":"immediate"}]}</script>',
    "speculation-prerender": '<script type="speculationrules">{"prerender":[{"source":"list","urls":["{u}"],'
    '"eagerness":"immediate"}]}</script>',
    "csp-report": '<p id="reported">x</p>',  # the page's own policy header names it
    "link-header": '<p id="linked">x</p>',  # and so does its Link header
}
_FRAMES = {
    "iframe": '<iframe src="{u}"></iframe>',
    "iframe-srcdoc": "<iframe srcdoc=\"<img src='{u}'>\"></iframe>",
    "iframe-sandboxed": '<iframe sandbox="allow-scripts" src="{u}"></iframe>',
    "iframe-data": "<iframe src=\"data:text/html,<img src='{u}'>\"></iframe>",
    "iframe-frameset": "<iframe srcdoc=\"<frameset><frame src='{u}'></frameset>\"></iframe>",
    "iframe-javascript": "<iframe src=\"javascript:'<img src={u}>'\"></iframe>",
    "iframe-base": "<iframe srcdoc=\"<base href='{u}'><img src='?b'>\"></iframe>",
    "iframe-redirected": '<iframe src="{r}"></iframe>',
    "iframe-refresh": "<iframe srcdoc=\"<meta http-equiv=refresh content='0;url={u}'>\"></iframe>",
    "object": '<object data="{u}" width="30" height="30"></object>',
    "embed": '<embed src="{u}" width="30" height="30">',
    "form-get": '<form id="form-get" action="{u}" target="sink1"></form><iframe name="sink1"></iframe>'
    '<script>document.getElementById("form-get").submit()</script>',
    "form-post": '<form id="form-post" method="post" action="{u}" target="sink2"><input name="a" value="b"></form>'
    '<iframe name="sink2"></iframe><script>document.getElementById("form-post").submit()</script>',
    "form-redirected": '<form id="form-307" method="post" action="{r}&307" target="sink3"></form>'
    '<iframe name="sink3"></iframe><script>document.getElementById("form-307").submit()</script>',
    "window-open": '<script>window.open("{u}")</script>',
    "window-open-noopener": '<script>window.open("{u}", "_blank", "noopener")</script>',
    "link-blank": '<a id="blank" target="_blank" href="{u}">x</a>'
    '<script>document.getElementById("blank").click()</script>',
    "link-download": "<iframe srcdoc=\"<a id='d' download href='{u}'>x</a><script>d.click()</script>\"></iframe>",
    "link-ping": '<iframe name="sink4"></iframe><a id="ping" href="/empty" target="sink4" ping="{u}">x</a>'
    '<script>document.getElementById("ping").click()</script>',
}
_SCRIPTS = {
    "fetch": 'fetch("{u}")',
    "fetch-no-cors": 'fetch("{u}", {mode: "no-cors"})',
    "fetch-keepalive": 'fetch("{u}", {mode: "no-cors", keepalive: true})',
    "fetch-post": 'fetch("{u}", {method: "POST", mode: "no-cors", body: "x"})',
    "fetch-preflight": 'fetch("{u}", {method: "PUT", headers: {"X-A": "b"}})',
    "fetch-redis": 'fetch("http://{a}:6379/", {method: "POST", mode: "no-cors", body: "INFO"})',
    "fetch-kubelet": 'fetch("https://{a}:10250/pods", {mode: "no-cors"})',
    "fetch-redirected": 'fetch("{r}", {mode: "no-cors"})',
    "fetch-redirected-307": 'fetch("{r}&307", {method: "POST", mode: "no-cors", body: "x"})',
    "fetch-redirected-thrice": 'fetch(to(to("{r}")), {mode: "no-cors"})',
    "xhr": 'const x = new XMLHttpRequest(); x.open("GET", "{u}"); x.send()',
    "xhr-waiting": 'const x = new XMLHttpRequest(); x.open("GET", "{u}", false); x.send()',
    "xhr-redirected": 'const x = new XMLHttpRequest(); x.open("GET", "{r}&301"); x.send()',
    "beacon-redirected": 'navigator.sendBeacon("{r}&307", "x")',
    "event-source-redirected": 'new EventSource("{r}&303")',
    "beacon": 'navigator.sendBeacon("{u}", "x")',
    "event-source": 'new EventSource("{u}")',
    "web-socket": 'new WebSocket("{u}".replace("http", "ws"))',
    "image-object": 'new Image().src = "{u}"',
    "audio-object": 'new Audio("{u}").play()',
    "font-face": 'new FontFace("G", "url({u})").load()',
    "dynamic-import": 'import("{u}")',
    "css-sheet": 'const l = document.createElement("link"); l.rel = "stylesheet"; l.href = "{u}"; '
    "document.head.append(l)",
    "worker-fetch": 'new Worker(blob(`fetch("{u}", {mode: "no-cors"})`))',
    "worker-import": 'new Worker(blob(`importScripts("{u}")`))',
    "worker-web-socket": 'new Worker(blob(`new WebSocket("{u}".replace("http", "ws"))`))',
    "worker-xhr": 'new Worker(blob(`const x = new XMLHttpRequest(); x.open("GET", "{u}"); x.send()`))',
    "worker-module": 'new Worker(blob(`import "{u}"`), {type: "module"})',
    "worker-nested": "new Worker(blob(`new Worker(URL.createObjectURL(new Blob(["
    '\'fetch("{u}", {mode: "no-cors"})\'])))`))',
    "worker-redirected": 'const w = new URL("{r}", location); new Worker(blob(`fetch("${w}", {mode: "no-cors"})`))',
    "blob-frame": 'const f = document.createElement("iframe"); '
    'f.src = URL.createObjectURL(new Blob([`<img src="{u}">`], {type: "text/html"})); document.body.append(f)',
    "shared-worker-fetch": 'new SharedWorker(blob(`fetch("{u}", {mode: "no-cors"})`))',
    "late-fetch": 'setTimeout(() => fetch("{u}", {mode: "no-cors"}), 600)',
    "frame-by-script": 'const f = document.createElement("iframe"); f.src = "{u}"; document.body.append(f)',
    "on-error": 'const i = new Image(); i.onerror = () => new Image().src = "{u}"; i.src = "/none"',
    "rtc-turn-tcp": 'rtc("turn:{a}:3478?transport=tcp")',
    "rtc-turns": 'rtc("turns:{a}:5349?transport=tcp")',
}
_SECURE = {
    "service-worker": 'navigator.serviceWorker.register("/worker.js?{a}")',
    "https-fetch": 'fetch("https://{a}/c/x", {mode: "no-cors"})',
    "wss": 'new WebSocket("wss://{a}/c/x")',
    "worklet": 'CSS.paintWorklet.addModule("https://{a}/c/x")',
    "audio-worklet": 'new AudioContext().audioWorklet.addModule("https://{a}/c/x")',
    "fetch-later": 'fetchLater("https://{a}/c/x", {activateAfter: 0})',
}
# Those that a canary knows by their port alone.
_PORTS = {
    "preconnect": 8086,
    "fetch-redis": 6379,
    "fetch-kubelet": 10250,
    "rtc-turn-tcp": 3478,
    "rtc-turns": 5349,
}
# Another way to write an address, a name that leads to one, or a port that is not the web's.
_ADDRESSES: dict[str, tuple[str, str]] = {
    # name: as written in the URL, as the browser asks for it
    "loopback": ("127.0.0.1", "127.0.0.1"),
    "loopback-other": ("127.8.8.8", "127.8.8.8"),
    "loopback-short": ("127.2", "127.0.0.2"),
    "loopback-decimal": ("2130706435", "127.0.0.3"),
    "loopback-hex": ("0x7f000004", "127.0.0.4"),
    "loopback-octal": ("0177.0.0.5", "127.0.0.5"),
    "loopback-fullwidth": ("１２７.0.0.6", "127.0.0.6"),
    "loopback-ideographic-dots": ("127。0。0。7", "127.0.0.7"),
    "loopback-v6": ("[::1]", "::1"),
    "loopback-mapped": ("[::ffff:127.0.0.8]", "::ffff:7f00:8"),
    "localhost": ("localhost", "localhost"),
    "localhost-dot": ("localhost.", "localhost"),
    "localhost-sub": ("admin.localhost", "admin.localhost"),
    "zero": ("0.0.0.0", "0.0.0.0"),
    "zero-v6": ("[::]", "::"),
    "private-10": ("10.1.2.3", "10.1.2.3"),
    "private-172": ("172.16.0.9", "172.16.0.9"),
    "private-192": ("192.168.1.1", "192.168.1.1"),
    "carrier-grade": ("100.64.0.1", "100.64.0.1"),
    "metadata": ("169.254.169.254", "169.254.169.254"),
    "metadata-v6": ("[fd00:ec2::254]", "fd00:ec2::254"),
    "metadata-mapped": ("[::ffff:169.254.169.254]", "::ffff:a9fe:a9fe"),
    "metadata-name": ("metadata.test", "metadata.test"),
    "platform": ("168.63.129.16", "168.63.129.16"),
    "services": ("10.96.0.1", "10.96.0.1"),
    "pods": ("10.244.3.7", "10.244.3.7"),
    "unique-local": ("[fd12:3456::1]", "fd12:3456::1"),
    "nat64": ("[64:ff9b::10.1.2.3]", "64:ff9b::a01:203"),
    "6to4": ("[2002:a01:203::1]", "2002:a01:203::1"),
    "site-local": ("[fec0::1]", "fec0::1"),
    "benchmark": ("198.18.0.1", "198.18.0.1"),
    "documentation": ("203.0.113.9", "203.0.113.9"),
    "ten-decimal": ("167839489", "10.1.7.1"),
    "ten-octal": ("01200203402", "10.1.7.2"),
    "hex-parts": ("0xac.0x10.0x7.0x3", "172.16.7.3"),
    "octal-parts": ("0300.0250.07.04", "192.168.7.4"),
    "mixed-parts": ("0xa9.254.1797", "169.254.7.5"),
    "percent-encoded": ("%31%30.1.7.6", "10.1.7.6"),
    "dot-at-the-end": ("10.1.7.7.", "10.1.7.7"),
    "mapped-in-full": ("[0:0:0:0:0:ffff:10.1.7.9]", "::ffff:a01:709"),
    "compatible": ("[::10.1.7.10]", "::a01:70a"),
    "translated": ("[::ffff:0:10.1.7.11]", "::ffff:0:a01:70b"),
    "nat64-local": ("[64:ff9b:1::10.1.7.12]", "64:ff9b:1::a01:70c"),
    "teredo": ("[2001:0:a01:70d::1]", "2001:0:a01:70d::1"),
    "outside-global-unicast": ("[4000::7]", "4000::7"),
    "mesh": ("[200::7]", "200::7"),
    "discard": ("[100::7]", "100::7"),
    "reserved": ("240.1.7.14", "240.1.7.14"),
    "metadata-elsewhere": ("100.100.100.200", "100.100.100.200"),
    "metadata-of-another": ("192.0.0.192", "192.0.0.192"),
    "capitals": ("CAPITALS.test", "capitals.test"),
    "international": ("bücher。test", "xn--bcher-kva.test"),
    "address-in-name": ("10.1.7.15.nip.test", "10.1.7.15.nip.test"),
    "slow-name": ("slow.test", "slow.test"),
    "name-that-turns-public": ("late.test", "late.test"),
    "private-name": ("private.test", "private.test"),
    "private-name-dot": ("private2.test.", "private2.test"),
    "alias": ("alias.test", "alias.test"),
    "mixed": ("mixed.test", "mixed.test"),
    "mixed-v6": ("mixed6.test", "mixed6.test"),
    "mapped-name": ("mapped.test", "mapped.test"),
    "nat64-name": ("nat64.test", "nat64.test"),
    "own-port-8080": (f"{SHOP}:8080", SHOP),
    "own-port-8443": (f"{SHOP}:8443", SHOP),
    "own-port-9200": (f"{SHOP}:9200", SHOP),
    "own-port-10250": (f"{SHOP}:10250", SHOP),
}
UDP_PORTS = {
    "rtc-stun": 3478,
    "rtc-stun-v6": 3479,
    "rtc-turn": 3480,
    "rtc-stun-name": 3483,
    "rtc-stun-loopback": 3484,
    "rtc-candidate": 3481,
    "web-transport": 3482,
    "quic": 443,
}
_UDP = {
    "rtc-stun": 'rtc("stun:10.9.9.1:3478")',
    "rtc-stun-v6": 'rtc("stun:[fd12::9]:3479")',
    "rtc-turn": 'rtc("turn:10.9.9.2:3480")',
    "rtc-stun-name": 'rtc("stun:stun.test:3483")',
    "rtc-stun-loopback": 'rtc("stun:127.0.0.1:3484")',
    "rtc-candidate": "candidate('10.9.9.3', 3481)",
    "web-transport": 'new WebTransport("https://10.9.9.4:3482/")',
    "quic": 'fetch("https://quic.test/", {mode: "no-cors"})',
}
TCP_PORTS = (80, 443, 3478, 5349, 6379, 8080, 8086, 8443, 9200, 10250)


def _table() -> tuple[Vector, ...]:
    vectors: list[Vector] = []
    for page, parts in (("elements", _ELEMENTS), ("frames", _FRAMES)):
        for name, markup in parts.items():
            address = _own(len(vectors))
            port = _PORTS.get(name)
            reaches = f"tcp:{port}:{address}" if port else name
            vectors.append(Vector(name, page, address, reaches, body=_filled(markup, name, address, 80)))  # type: ignore[arg-type]
    for page, parts in (("scripts", _SCRIPTS), ("secure", _SECURE)):
        for name, script in parts.items():
            address = _own(len(vectors))
            port = 443 if page == "secure" else _PORTS.get(name)
            reaches = f"tcp:{port}:{address}" if port else name
            vectors.append(Vector(name, page, address, reaches, script=_filled(script, name, address, 80)))  # type: ignore[arg-type]
    for name, (written, asked) in _ADDRESSES.items():
        vectors.append(Vector(name, "addresses", asked, name, body=f'<img src="http://{written}/c/{name}">'))
    for name, script in _UDP.items():
        vectors.append(Vector(name, "udp", "", f"udp:{UDP_PORTS[name]}", script=script))
    return tuple(vectors)


VECTORS = _table()
DORMANT = frozenset({"preconnect", "track", "speculation-prefetch", "speculation-prerender"})
"""What this Chromium does not even try where nothing keeps it from it."""
SILENT = frozenset({"window-open", "window-open-noopener", "link-blank", "service-worker"})
"""What asks for no connection, so that nothing is told: a capture opens no windows and has no service workers."""
BY_NAME = {vector.name: vector for vector in VECTORS}
_TOOLS = """
const to = (url) => "/to?" + encodeURIComponent(url);
const blob = (code) => URL.createObjectURL(new Blob([code], {type: "text/javascript"}));
const rtc = async (urls) => {
  const peer = new RTCPeerConnection({iceServers: [{urls, username: "u", credential: "p"}]});
  peer.createDataChannel("d");
  await peer.setLocalDescription();
  while (peer.iceGatheringState !== "complete") await new Promise((done) => peer.onicegatheringstatechange = done);
};
const candidate = async (address, port) => {
  const [one, two] = [new RTCPeerConnection(), new RTCPeerConnection()];
  one.createDataChannel("d");
  await one.setLocalDescription();
  await two.setRemoteDescription(one.localDescription);
  await two.setLocalDescription();
  await one.setRemoteDescription(two.localDescription);
  await one.addIceCandidate({candidate: `candidate:1 1 udp 2122260223 ${address} ${port} typ host`, sdpMid: "0"});
};
"""


def html(page: Page) -> str:
    """A page that tries all of its vectors; each script on its own, so that none keeps another from running."""
    mine = [vector for vector in VECTORS if vector.page == page]
    scripts = "".join(
        f"<script>try {{ {_expression(vector)} }} catch (error) {{}}</script>" for vector in mine if vector.script
    )
    bodies = "".join(vector.body for vector in mine)
    text = "Everything for the garden, and nothing for the curious. " * 8
    return (
        f'<!doctype html><html lang="en"><head><title>{page}</title><script>{_TOOLS}</script></head>'
        f"<body><h1>A shop that tries {page}</h1><p>{text}</p><a href='/sale'>Shop now</a>{bodies}{scripts}"
        "</body></html>"
    )


def _expression(vector: Vector) -> str:
    """The shop is told when it was tried: of UDP nothing else shows it."""
    return f'(async () => {{ {vector.script} }})().catch(() => {{}}).then(() => fetch("/tried/{vector.name}"))'


def headers(page: Page) -> dict[str, str]:
    if page != "elements":
        return {}
    report, linked = BY_NAME["csp-report"], BY_NAME["link-header"]
    return {
        "Content-Security-Policy-Report-Only": f"img-src 'none'; report-uri http://{report.host}/c/{report.name}",
        "Link": f"<http://{linked.host}/c/{linked.name}>; rel=preload; as=image",
    }
