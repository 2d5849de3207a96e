"""What stands behind the goods, and the landscapes: SVG with gradients, the same bytes every time.

No file is read and nothing is random: stars and trees come from a small counter with a fixed seed.
"""

from __future__ import annotations

from collections.abc import Iterator

DEFS = (
    '<linearGradient id="shade" x1="0" x2="1"><stop offset=".25" stop-color="#fff" stop-opacity=".10"/>'
    '<stop offset=".5" stop-color="#000" stop-opacity="0"/><stop offset=".78" stop-color="#000" stop-opacity=".26"/>'
    '</linearGradient><radialGradient id="glow"><stop offset="0" stop-color="#ffd98a" stop-opacity=".95"/>'
    '<stop offset=".45" stop-color="#ffb347" stop-opacity=".45"/>'
    '<stop offset="1" stop-color="#ffb347" stop-opacity="0"/></radialGradient>'
)


def document(width: int, height: int, body: str, label: str) -> bytes:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="{label}">{body}</svg>'
    ).encode()


def numbers(seed: int) -> Iterator[int]:
    """Numbers from 0 to 999 that look thrown: a linear congruential generator."""
    state = seed
    while True:
        state = (state * 1103515245 + 12345) % 2**31
        yield (state >> 8) % 1000


def vertical(ident: str, *stops: tuple[float, str]) -> str:
    inner = "".join(f'<stop offset="{at}" stop-color="{colour}"/>' for at, colour in stops)
    return f'<linearGradient id="{ident}" x2="0" y2="1">{inner}</linearGradient>'


def studio(tint: str, floor: str) -> str:
    """A plain photographer's backdrop with a soft shadow on the floor."""
    return (
        f'<defs>{DEFS}<radialGradient id="wall" cx=".5" cy=".4" r=".8"><stop offset="0" stop-color="#fff"/>'
        f'<stop offset="1" stop-color="{tint}"/></radialGradient>{vertical("floor", (0, floor), (1, tint))}'
        '<radialGradient id="drop"><stop offset="0" stop-color="#1d2a33" stop-opacity=".34"/>'
        '<stop offset="1" stop-color="#1d2a33" stop-opacity="0"/></radialGradient></defs>'
        '<rect width="800" height="800" fill="url(#wall)"/><rect y="640" width="800" height="160" fill="url(#floor)" '
        'opacity=".55"/><ellipse cx="400" cy="664" rx="330" ry="46" fill="url(#drop)"/>'
    )


def outdoors(sky: tuple[str, str], far: str, near: str, ground: str) -> str:
    """Two ridges, a low sun and a meadow, 800 x 800."""
    return (
        f"<defs>{DEFS}{vertical('sky', (0, sky[0]), (1, sky[1]))}"
        '<radialGradient id="drop"><stop offset="0" stop-color="#0b141a" stop-opacity=".5"/>'
        '<stop offset="1" stop-color="#0b141a" stop-opacity="0"/></radialGradient></defs>'
        '<rect width="800" height="800" fill="url(#sky)"/><circle cx="600" cy="250" r="74" fill="#fff" opacity=".55"/>'
        f'<path d="M0 520 L120 380 L210 450 L340 300 L450 430 L560 350 L700 470 L800 400 V800 H0 Z" fill="{far}"/>'
        f'<path d="M0 610 L140 520 L260 570 L420 490 L580 580 L690 530 L800 590 V800 H0 Z" fill="{near}"/>'
        f'<path d="M0 650 C200 616 560 620 800 656 V800 H0 Z" fill="{ground}"/>'
        '<ellipse cx="400" cy="668" rx="330" ry="42" fill="url(#drop)"/>'
    )


def _ridge(width: int, base: int, height: int, step: int, seed: int, fill: str) -> str:
    throw = numbers(seed)
    points = [f"M0 {base + 400} L0 {base}"]
    peak = False
    for x in range(0, width + step, step):
        rise = (height if peak else height // 3) * (500 + next(throw) // 2) // 1000
        points.append(f"L{x} {base - rise}")
        peak = not peak
    return f'<path d="{" ".join(points)} L{width} {base + 400} Z" fill="{fill}"/>'


def _pines(width: int, base: int, seed: int, fill: str, tall: int) -> str:
    throw = numbers(seed)
    trees, x = [], -10
    while x < width:
        height = tall * (600 + next(throw) * 4 // 10) // 1000
        half = height // 5
        trees.append(
            f"M{x} {base} l{half} {-height} l{half} {height} Z M{x + half // 3} {base - height // 3} "
            f"l{half - half // 3} {-height * 5 // 6} l{half - half // 3} {height * 5 // 6} Z"
        )
        x += half + next(throw) * half // 500
    return f'<path d="{" ".join(trees)}" fill="{fill}"/>'


def aurora(width: int, height: int) -> bytes:
    """The hero: northern lights over a lake, a lit tent on the shore."""
    throw = numbers(7)
    stars = "".join(
        f'<circle cx="{next(throw) * width // 1000}" cy="{next(throw) * height // 1700}" '
        f'r="{1 + next(throw) % 3 * 0.5}" fill="#fff" opacity="{0.3 + next(throw) % 6 / 10:.1f}"/>'
        for _ in range(150)
    )
    ribbons = "".join(
        f'<path d="M{x} {low} C{x + span // 4} {low - 300} {x + span // 3} {low + 60} {x + span // 2} {low - 190} '
        f"S{x + span * 4 // 5} {low - 330} {x + span} {low - 60} C{x + span * 4 // 5} {low - 40} {x + span * 2 // 3} "
        f'{low + 130} {x + span // 2} {low + drop - 190} S{x + span // 5} {low + drop - 90} {x} {low} Z" '
        f'fill="url(#{colour})" opacity="{opacity}" filter="url(#soft)"/>'
        for x, low, span, drop, colour, opacity in (
            (-260, 430, 1700, 330, "green", 0.85),
            (520, 420, 1800, 360, "teal", 0.75),
            (180, 330, 1500, 260, "violet", 0.7),
            (-100, 500, 2300, 240, "green", 0.5),
        )
    )
    shore = height - 150
    body = (
        f"<defs>{DEFS}{vertical('sky', (0, '#071522'), (0.55, '#10344a'), (1, '#2a6a72'))}"
        '<linearGradient id="green" x2="0" y2="1"><stop offset="0" stop-color="#3df0a6" stop-opacity="0"/><stop '
        'offset=".35" stop-color="#48f2ac" stop-opacity=".9"/><stop offset="1" stop-color="#2bd1a0" stop-opacity="0"/>'
        '</linearGradient><linearGradient id="teal" x2="0" y2="1"><stop offset="0" stop-color="#5ad7ff" '
        'stop-opacity="0"/><stop offset=".4" stop-color="#41d6c9" stop-opacity=".8"/><stop offset="1" '
        'stop-color="#41d6c9" stop-opacity="0"/></linearGradient><linearGradient id="violet" x2="0" y2="1"><stop '
        'offset="0" stop-color="#9b7bff" stop-opacity="0"/><stop offset=".5" stop-color="#a07bff" stop-opacity=".7"/>'
        '<stop offset="1" stop-color="#48f2ac" stop-opacity="0"/></linearGradient>'
        '<filter id="soft" x="-10%" y="-30%" width="120%" height="160%"><feGaussianBlur stdDeviation="22"/></filter>'
        f"{vertical('lake', (0, '#2b7a78'), (1, '#0b2233'))}</defs>"
        f'<rect width="{width}" height="{height}" fill="url(#sky)"/>{stars}{ribbons}'
        + _ridge(width, height - 300, 260, 150, 3, "#123a4a")
        + _ridge(width, height - 230, 190, 110, 11, "#0d2b3a")
        + f'<rect y="{shore - 70}" width="{width}" height="240" fill="url(#lake)"/>'
        + "".join(
            f'<rect x="{next(throw) * width // 1000}" y="{shore - 60 + i * 6}" width="{60 + next(throw) // 5}" '
            f'height="2" rx="1" fill="#7df5cb" opacity="{0.35 - i * 0.012:.2f}"/>'
            for i in range(22)
        )
        + f'<path d="M0 {shore + 30} C{width * 3 // 10} {shore - 34} {width * 6 // 10} {shore + 60} {width} {shore - 10} '
        f'V{height} H0 Z" fill="#081a24"/>'
        + _pines(width // 3, shore + 26, 5, "#07161f", 210)
        + f'<g transform="translate({width - 330} {shore - 120}) scale(.32)">'
        '<circle cx="400" cy="470" r="520" fill="url(#glow)" opacity=".5"/>'
        '<path d="M80 604 L400 180 L720 604 Z" fill="#e98a3c"/><path d="M400 180 L720 604 H520 Z" fill="#b85c22"/>'
        '<path d="M330 604 L400 330 L470 604 Z" fill="#ffe2a0"/></g>'
    )
    return document(width, height, body, "Northern lights over a lake")


def ridge_walk(width: int, height: int) -> bytes:
    """Morning in the hills: the banner in the middle of the home page."""
    body = (
        f"<defs>{vertical('sky', (0, '#f6c88f'), (0.5, '#f5dfc0'), (1, '#e7efe6'))}</defs>"
        f'<rect width="{width}" height="{height}" fill="url(#sky)"/>'
        f'<circle cx="{width * 7 // 10}" cy="{height * 4 // 10}" r="{height // 7}" fill="#fff6df"/>'
        + _ridge(width, height * 55 // 100, height // 4, 170, 21, "#c9b6a0")
        + _ridge(width, height * 68 // 100, height // 4, 140, 23, "#8fa08d")
        + _ridge(width, height * 80 // 100, height // 5, 120, 29, "#567a66")
        + _pines(width * 2 // 5, height * 88 // 100, 31, "#1f3a31", height // 4)
        + f'<path d="M0 {height * 86 // 100} C{width // 3} {height * 78 // 100} {width * 2 // 3} {height * 94 // 100} '
        f'{width} {height * 84 // 100} V{height} H0 Z" fill="#2c4f42"/>'
    )
    return document(width, height, body, "Morning light on a chain of hills")
