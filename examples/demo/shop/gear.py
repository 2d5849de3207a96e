"""Drawings of the shop's goods as SVG fragments on an 800 x 800 canvas.

Only shapes live here; what stands behind them is scenery.py's business, which picture has which address pictures.py's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Palette:
    """A colourway: cloth, its shaded side, trim, and the shop's wording for it."""

    name: str
    main: str
    dark: str
    accent: str


FOREST = Palette("Forest", "#3f7d5c", "#24513a", "#f0b04a")
FJORD = Palette("Fjord", "#2f6f93", "#1b4763", "#f2a65a")
EMBER = Palette("Ember", "#d9663a", "#9c3f1d", "#ffe0b0")
NIGHT = Palette("Night", "#33455f", "#1c2839", "#5fd3a5")
SAND = Palette("Sand", "#d8b27e", "#a67f4c", "#3f5b55")
BERRY = Palette("Berry", "#a83f5b", "#702439", "#ffd27d")
SNOW = Palette("Snow", "#eef1ee", "#b9c6c2", "#2f6f93")

Drawing = Callable[[Palette], str]


def path(d: str, fill: str, more: str = "") -> str:
    return f'<path d="{d}" fill="{fill}" {more}/>'


def line(d: str, stroke: str, width: float = 4, more: str = "") -> str:
    return (
        f'<path d="{d}" fill="none" stroke="{stroke}" stroke-width="{width}" stroke-linecap="round" '
        f'stroke-linejoin="round" {more}/>'
    )


def rect(x: float, y: float, width: float, height: float, radius: float, fill: str, more: str = "") -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}" fill="{fill}" {more}/>'


def circle(x: float, y: float, radius: float, fill: str, more: str = "") -> str:
    return f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{fill}" {more}/>'


def mirrored(fragment: str) -> str:
    """The fragment and its mirror image about the vertical axis x = 400."""
    return f'{fragment}<g transform="translate(800 0) scale(-1 1)">{fragment}</g>'


def on_the_ground(fragment: str) -> str:
    """Tents are drawn with their hem at y = 604; the floor of every backdrop is lower."""
    return f'<g transform="translate(0 52)">{fragment}</g>'


def shaded(outline: str, ident: str, inside: str = "") -> str:
    """`inside` and a shade from the left light to the right edge, both cut to the outline."""
    return (
        f'<clipPath id="{ident}"><path d="{outline}"/></clipPath><g clip-path="url(#{ident})">{inside}'
        '<rect width="800" height="800" fill="url(#shade)"/></g>'
    )


_SLEEVE = (
    "M270 234 C214 258 182 330 166 432 L140 586 C138 604 148 614 164 616 L212 621 C227 622 236 614 239 599 L282 430 Z"
)
_TORSO = (
    "M268 236 C308 214 338 204 358 200 L442 200 C462 204 492 214 532 236 L546 430 L556 640 C556 654 546 662 530 662 "
    "L270 662 C254 662 244 654 244 640 L254 430 Z"
)
_YOKE = "M268 236 C308 214 338 204 358 200 L442 200 C462 204 492 214 532 236 L540 344 C480 368 320 368 260 344 Z"


def _hood(cloth: Palette) -> str:
    return path(
        "M340 222 C318 150 350 104 400 104 C450 104 482 150 460 222 C440 250 360 250 340 222 Z", cloth.main
    ) + path("M362 220 C348 168 368 138 400 138 C432 138 452 168 438 220 C424 240 376 240 362 220 Z", cloth.dark)


def shell_jacket(cloth: Palette) -> str:
    cuffs = path("M143 572 L244 580 L239 599 C236 614 227 622 212 621 L164 616 C148 614 138 604 140 586 Z", cloth.dark)
    pockets = line("M292 470 L322 580", cloth.dark, 9)
    seams = line("M318 352 L306 662", cloth.dark, 2, 'opacity=".4"')
    return (
        mirrored(path(_SLEEVE, cloth.main) + cuffs)
        + _hood(cloth)
        + path(_TORSO, cloth.main)
        + path(_YOKE, cloth.dark)
        + shaded(_TORSO, "torso")
        + mirrored(pockets + seams)
        + line("M400 226 V662", cloth.accent, 8)
        + line("M400 226 V662", cloth.dark, 2, 'stroke-dasharray="3 7"')
        + rect(440, 286, 62, 6, 3, cloth.accent)
        + line("M448 276 l16 -26 l10 14 l8 -10 l14 22 Z", cloth.accent, 4)
        + line("M384 234 l-8 56 M416 234 l8 56", cloth.accent, 4)
    )


def down_jacket(cloth: Palette) -> str:
    ribs = "".join(line(f"M236 {y} Q400 {y + 22} 564 {y}", cloth.dark, 6, 'opacity=".65"') for y in range(262, 660, 52))
    gloss = "".join(line(f"M264 {y} Q400 {y + 22} 536 {y}", "#fff", 8, 'opacity=".16"') for y in range(284, 660, 52))
    sleeve_ribs = "".join(
        line(f"M{240 - (y - 262) * 0.34:.0f} {y} q50 26 104 4", cloth.dark, 5, 'opacity=".55"')
        for y in range(290, 610, 48)
    )
    sleeve = path(_SLEEVE, cloth.main) + shaded(_SLEEVE, "sleeve", sleeve_ribs)
    return (
        mirrored(sleeve)
        + _hood(cloth)
        + path(_TORSO, cloth.main)
        + shaded(_TORSO, "torso", ribs + gloss)
        + line("M400 232 V662", cloth.dark, 10)
        + line("M400 232 V662", cloth.accent, 4)
        + rect(436, 300, 52, 30, 6, cloth.accent)
        + mirrored(line("M286 548 l20 66", cloth.dark, 8))
    )


def sweater(cloth: Palette) -> str:
    zigzag = "".join(
        line(f"M230 {y} " + " ".join(f"l17 {dy} l17 {-dy}" for _ in range(10)), colour, 7)
        for y, dy, colour in ((300, -20, cloth.accent), (330, -20, cloth.dark), (372, 16, cloth.accent))
    )
    dots = "".join(circle(x, 404, 5, cloth.accent) for x in range(248, 560, 24))
    knit = "".join(
        line(f"M{x} 200 V662", cloth.dark, 2, 'opacity=".28" stroke-dasharray="9 5"') for x in range(250, 560, 13)
    )
    cuff = path("M146 556 L248 566 L239 599 C236 614 227 622 212 621 L164 616 C148 614 138 604 140 586 Z", cloth.dark)
    return (
        mirrored(path(_SLEEVE, cloth.main) + shaded(_SLEEVE, "sleeve") + cuff)
        + path(_TORSO, cloth.main)
        + shaded(_TORSO, "torso", knit + zigzag + dots)
        + path("M245 612 H555 L556 640 C556 654 546 662 530 662 H270 C254 662 244 654 244 640 Z", cloth.dark)
        + path("M340 208 C350 180 450 180 460 208 C452 252 348 252 340 208 Z", cloth.dark)
        + path("M358 206 C368 190 432 190 442 206 C434 234 366 234 358 206 Z", "#1d1a18", 'opacity=".45"')
    )


_DOME = "M112 604 C168 372 284 236 400 236 C516 236 632 372 688 604 Z"


def dome_tent(cloth: Palette) -> str:
    door = path("M318 604 C326 452 362 340 400 300 C438 340 474 452 482 604 Z", "#2a1d16")
    glow = path("M318 604 C326 452 362 340 400 300 C438 340 474 452 482 604 Z", "url(#glow)")
    flap = path("M318 604 C326 452 362 340 400 300 C372 380 352 480 356 604 Z", cloth.accent)
    poles = line("M152 604 C210 380 320 244 470 244", cloth.dark, 7) + line(
        "M648 604 C590 380 480 244 330 244", cloth.dark, 7
    )
    ropes = mirrored(line("M196 420 L84 612", "#6b5a48", 3) + line("M76 600 l14 22", "#6b5a48", 6))
    return on_the_ground(
        ropes
        + path(_DOME, cloth.main)
        + path("M112 604 C168 372 284 236 400 236 C330 300 280 440 268 604 Z", cloth.dark, 'opacity=".35"')
        + shaded(_DOME, "dome")
        + poles
        + door
        + glow
        + flap
        + path("M366 250 h68 l-12 26 h-44 Z", cloth.dark)
        + line("M118 604 H682", cloth.dark, 9)
    )


def tunnel_tent(cloth: Palette) -> str:
    hull = "M92 604 C96 404 176 286 296 282 C400 286 470 318 560 352 C646 384 700 470 708 604 Z"
    stripes = line("M296 282 C380 350 404 470 408 604", cloth.dark, 8) + line(
        "M560 352 C608 420 624 510 628 604", cloth.dark, 8
    )
    return on_the_ground(
        line("M120 430 L44 612 M690 470 L760 612", "#6b5a48", 3)
        + line("M38 600 l12 22 M766 600 l-12 22", "#6b5a48", 6)
        + path(hull, cloth.main)
        + shaded(hull, "hull")
        + stripes
        + path("M156 604 C162 470 200 376 268 344 C330 400 350 500 352 604 Z", "#2a1d16")
        + path("M156 604 C162 470 200 376 268 344 C330 400 350 500 352 604 Z", "url(#glow)")
        + path("M156 604 C162 470 200 376 268 344 C232 420 216 510 218 604 Z", cloth.accent)
        + path("M470 470 C510 452 556 462 574 486 L580 536 H462 Z", cloth.dark, 'opacity=".45"')
        + line("M92 604 H708", cloth.dark, 9)
    )


_BAG = (
    "M400 96 C484 96 526 148 524 214 C566 246 576 300 566 360 L506 662 C498 694 452 704 400 704 C348 704 302 694 294 662 "
    "L234 360 C224 300 234 246 276 214 C274 148 316 96 400 96 Z"
)


def sleeping_bag(cloth: Palette) -> str:
    baffles = "".join(
        line(f"M210 {y} Q400 {y + 30} 590 {y}", cloth.dark, 6, 'opacity=".6"') for y in range(310, 700, 56)
    )
    gloss = "".join(line(f"M262 {y} Q400 {y + 28} 538 {y}", "#fff", 9, 'opacity=".14"') for y in range(334, 690, 56))
    return (
        '<g transform="rotate(-9 400 400)">'
        + path(_BAG, cloth.main)
        + shaded(_BAG, "bag", baffles + gloss)
        + path("M400 134 C460 134 486 172 484 214 C482 262 446 286 400 286 C354 286 318 262 316 214 Z", cloth.dark)
        + path("M400 160 C446 160 464 186 462 214 C460 248 434 264 400 264 C366 264 340 248 338 214 Z", cloth.accent)
        + line("M500 268 L444 700", cloth.accent, 6)
        + line("M500 268 L444 700", cloth.dark, 2, 'stroke-dasharray="4 7"')
        + rect(300, 610, 84, 44, 8, cloth.dark)
        + line("M314 642 l16 -24 l10 12 l8 -10 l18 22 Z", cloth.accent, 4)
        + "</g>"
    )


_PACK = (
    "M250 262 C250 212 288 176 340 174 H460 C512 176 550 212 550 262 L574 604 C576 646 548 668 510 668 H290 "
    "C252 668 224 646 226 604 Z"
)


def backpack(cloth: Palette) -> str:
    straps = mirrored(line("M262 224 C206 300 196 430 214 560", cloth.dark, 26))
    side = mirrored(path("M232 470 C206 470 196 486 198 520 L206 610 C210 632 222 640 244 640 Z", cloth.dark))
    lid = "M232 262 C236 158 288 128 340 126 H460 C512 128 564 158 568 262 C570 288 544 300 512 300 H288 C256 300 230 288 232 262 Z"
    buckles = mirrored(
        line("M318 292 V470", cloth.accent, 12)
        + rect(304, 372, 28, 34, 6, "#22262b")
        + rect(310, 380, 16, 18, 3, "#555")
    )
    return (
        straps
        + side
        + path(_PACK, cloth.main)
        + shaded(_PACK, "pack")
        + path(
            "M262 462 H538 L552 604 C552 632 534 644 508 644 H292 C266 644 248 632 248 604 Z",
            cloth.dark,
            'opacity=".8"',
        )
        + line("M270 520 H530", cloth.accent, 5, 'stroke-dasharray="10 6"')
        + buckles
        + path(lid, cloth.main)
        + shaded(lid, "lid")
        + line("M246 262 C300 280 500 280 554 262", cloth.dark, 6)
        + line("M362 126 C362 96 438 96 438 126", cloth.dark, 14)
        + rect(352, 196, 96, 40, 8, cloth.dark)
        + line("M372 228 l18 -24 l10 12 l8 -10 l20 22 Z", cloth.accent, 4)
        + line("M560 560 C616 540 620 400 566 380", cloth.accent, 11)
    )


def daypack(cloth: Palette) -> str:
    body = "M262 214 H538 L566 604 C568 646 544 668 508 668 H292 C256 668 232 646 234 604 Z"
    return (
        mirrored(line("M276 250 C226 330 220 440 236 560", cloth.dark, 24))
        + path(body, cloth.main)
        + shaded(body, "pack")
        + rect(250, 138, 300, 46, 22, cloth.dark)
        + rect(256, 172, 288, 48, 20, cloth.main)
        + line("M268 196 H532", cloth.dark, 4)
        + line("M262 220 H538", cloth.dark, 5)
        + line("M400 150 V400", cloth.accent, 16)
        + rect(378, 300, 44, 54, 8, "#22262b")
        + rect(388, 312, 24, 30, 4, "#565b61")
        + path(
            "M282 424 H518 L534 604 C534 626 520 636 498 636 H302 C280 636 266 626 266 604 Z",
            cloth.dark,
            'opacity=".75"',
        )
        + line("M296 452 H504", cloth.accent, 6)
        + circle(504, 452, 8, cloth.accent)
        + line("M360 566 l26 -38 l16 20 l12 -16 l30 34 Z", cloth.accent, 5)
    )


def boots(cloth: Palette) -> str:
    upper = (
        "M246 196 C290 180 366 180 408 196 C414 292 430 352 484 392 C554 424 634 436 654 512 L656 566 H214 L218 484 "
        "C228 400 250 300 246 196 Z"
    )
    eyelets = "".join(
        line(f"M{388 + i * 15} {240 + i * 33} l-58 14", cloth.accent, 8)
        + circle(330 + i * 15, 254 + i * 33, 7, "#d8d2c4")
        for i in range(5)
    )
    lugs = "".join(rect(x, 604, 34, 26, 6, "#1f2123") for x in range(216, 640, 50))
    one = (
        path(upper, cloth.main)
        + shaded(upper, "boot")
        + path("M236 330 C222 420 218 470 214 566 H326 C330 480 300 400 236 330 Z", cloth.dark)
        + path("M548 432 C600 446 642 460 654 512 L656 566 H520 C506 510 520 460 548 432 Z", cloth.dark)
        + path("M246 196 C290 180 366 180 408 196 L411 232 C366 216 292 216 247 234 Z", cloth.dark)
        + eyelets
        + path("M204 560 H662 C670 590 664 612 644 616 H226 C206 612 198 590 204 560 Z", "#2b2d30")
        + line("M206 566 H662", cloth.accent, 6)
        + lugs
    )
    return f'<g transform="translate(-44 -34)" opacity=".72">{one}</g><g transform="translate(26 20)">{one}</g>'


def poles(cloth: Palette) -> str:
    one = (
        line("M400 330 V706", "#c3c9cc", 12)
        + line("M400 330 V520", cloth.main, 16)
        + line("M400 520 V560", cloth.dark, 20)
        + path("M384 128 C384 112 416 112 416 128 L420 322 C420 332 380 332 380 322 Z", "#2a2522")
        + "".join(line(f"M384 {y} h32", "#4d443d", 4) for y in range(168, 320, 18))
        + line("M392 128 C340 150 342 226 392 232", cloth.accent, 12)
        + '<ellipse cx="400" cy="650" rx="38" ry="12" fill="#2b2d30"/>'
        + path("M394 704 h12 l-6 34 Z", "#8d9396")
    )
    return f'<g transform="rotate(17 400 420)">{one}</g><g transform="rotate(-17 400 420)">{one}</g>'


def lantern(cloth: Palette) -> str:
    return (
        circle(400, 420, 320, "url(#glow)")
        + line("M290 250 C290 96 510 96 510 250", "#3a3f44", 12)
        + path("M316 250 C320 210 350 190 400 190 C450 190 480 210 484 250 Z", cloth.dark)
        + rect(296, 246, 208, 34, 12, cloth.main)
        + rect(312, 280, 176, 270, 18, "#fff3cf")
        + rect(312, 280, 176, 270, 18, "url(#glow)")
        + path("M400 332 C440 400 446 440 400 500 C354 440 360 400 400 332 Z", "#ffb53c")
        + path("M400 398 C420 436 422 462 400 492 C378 462 380 436 400 398 Z", "#fff6d8")
        + mirrored(line("M334 280 V550", "#3a3f44", 7))
        + rect(288, 548, 224, 100, 20, cloth.main)
        + shaded("M288 548 h224 v100 h-224 Z", "base")
        + circle(400, 598, 26, cloth.accent)
        + line("M400 584 v14", cloth.dark, 6)
    )


def stove(cloth: Palette) -> str:
    flames = "".join(
        path(f"M{x} 470 C{x - 20} 446 {x - 6} 426 {x} 404 C{x + 6} 426 {x + 20} 446 {x} 470 Z", "#3fa9f5")
        for x in (340, 370, 400, 430, 460)
    )
    return (
        line("M560 262 C640 262 650 330 566 336", "#3a3f44", 14)
        + path("M250 222 H550 L544 384 C542 402 530 410 512 410 H288 C270 410 258 402 256 384 Z", "#9aa5a8")
        + shaded("M250 222 H550 L544 384 C542 402 530 410 512 410 H288 C270 410 258 402 256 384 Z", "pot")
        + rect(236, 204, 328, 28, 14, "#b8c2c4")
        + rect(376, 180, 48, 28, 10, cloth.dark)
        + line("M360 150 c-16 -24 14 -34 0 -60 M420 146 c-16 -24 14 -34 0 -60", "#fff", 8, 'opacity=".6"')
        + flames
        + line("M290 416 L360 520 M510 416 L440 520", "#3a3f44", 10)
        + rect(352, 470, 96, 22, 8, "#3a3f44")
        + rect(378, 490, 44, 54, 8, "#5a6268")
        + line("M422 514 h66", cloth.accent, 9)
        + circle(496, 514, 14, cloth.accent)
        + path(
            "M276 592 C276 552 330 540 400 540 C470 540 524 552 524 592 V656 C524 682 470 694 400 694 C330 694 276 682 276 656 Z",
            cloth.main,
        )
        + shaded(
            "M276 592 C276 552 330 540 400 540 C470 540 524 552 524 592 V656 C524 682 470 694 400 694 C330 694 276 682 276 656 Z",
            "can",
        )
        + line("M356 650 l26 -36 l16 20 l12 -14 l30 30 Z", cloth.accent, 6)
    )


def mug(cloth: Palette) -> str:
    body = "M232 300 H556 L544 604 C542 640 520 656 484 656 H304 C268 656 246 640 244 604 Z"
    print_ = path("M240 560 L320 450 L366 508 L418 430 L552 590 V656 H240 Z", cloth.dark, 'opacity=".75"') + path(
        "M418 430 l34 42 l-24 -6 l-14 18 l-16 -14 Z", "#fff", 'opacity=".9"'
    )
    return (
        line("M548 360 C668 350 668 548 546 552", cloth.main, 34)
        + line("M548 360 C668 350 668 548 546 552", "#000", 34, 'opacity=".08"')
        + path(body, cloth.main)
        + shaded(body, "mug", print_ + circle(320, 400, 26, cloth.accent))
        + '<ellipse cx="394" cy="300" rx="166" ry="34" fill="#22313c"/>'
        + '<ellipse cx="394" cy="308" rx="146" ry="24" fill="#5a3a22"/>'
        + '<ellipse cx="394" cy="300" rx="166" ry="34" fill="none" stroke="#22313c" stroke-width="10"/>'
        + line(
            "M340 250 c-20 -34 18 -48 0 -86 M400 246 c-20 -34 18 -48 0 -86 M458 250 c-20 -34 18 -48 0 -86",
            "#fff",
            10,
            'opacity=".55"',
        )
    )
