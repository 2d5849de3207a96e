"""Every encoding arrives as text, and every script is drawn with letters of its own."""

from __future__ import annotations

import gzip
import json

import pytest
from PIL import Image, ImageChops

from capture.conftest import TEXT, Take
from testkit.captured import artifact, doubts, picture, text
from testkit.pages import PageServer
from webaudit_capture.contract import ArtifactType, Verdict

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

WORDS = {
    "windows-1252": "Größe, déjà vu, ½ Preis – 12 €",
    "iso-8859-2": "Żółte łóżko, příliš žluťoučký kůň",
    "iso-8859-15": "Œuvre à 12 €",
    "koi8-r": "Купить стул из бука",
    "windows-1251": "Купить стул, цена 1 290",
    "windows-1253": "Καρέκλα από ξύλο",
    "windows-1255": "כיסא עץ אשור",
    "windows-1256": "كرسي من خشب الزان",
    "shift_jis": "ブナ材のスツール 税込",
    "euc-jp": "ブナ材のスツール 税込",
    "iso-2022-jp": "ブナ材のスツール",
    "gbk": "山毛榉木凳 免运费",
    "gb18030": "山毛榉木凳 免运费",
    "big5": "山毛櫸木凳 免運費",
    "euc-kr": "너도밤나무 의자 무료배송",
    "utf-16le": "Stool – табурет – 凳",
    "utf-8": "Stool – табурет – 凳 – 🪑",
}


def document(words: str, meta: str = "") -> str:
    return (
        f"<!doctype html><html><head>{meta}<title>{words}</title></head><body><h1>{words}</h1><p>{TEXT}</p>"
        "<a href='/sale'>Shop now</a></body></html>"
    )


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        *((encoding, "header") for encoding in WORDS),
        *((encoding, "document") for encoding in ("windows-1252", "shift_jis", "gbk", "koi8-r", "utf-8", "utf-16le")),
    ],
)
async def test_an_encoding_is_read_as_declared(server: PageServer, take: Take, encoding: str, declared: str) -> None:
    words = WORDS[encoding]
    mark = b"\xff\xfe" if encoding == "utf-16le" else b""
    meta = f'<meta charset="{encoding}">' if declared == "document" and not mark else ""
    data = mark + document(words, meta).encode(encoding)
    header = {"Content-Type": f"text/html; charset={encoding}" if declared == "header" else "text/html"}
    captured = await take(server.raw_document("/", data, header))
    assert captured.result.verdict is Verdict.OK
    assert text(captured).startswith(f"{words}\n")
    features = json.loads(artifact(captured, ArtifactType.FEATURES_JSON))
    assert (features["meta"]["title"], features["headings"]["h1"]) == (words, [words])


async def test_an_encoding_that_nobody_declares_is_what_browsers_guess(server: PageServer, take: Take) -> None:
    data = document("Größe und Menge").encode("windows-1252")
    captured = await take(server.raw_document("/", data, {"Content-Type": "text/html"}))
    assert text(captured).startswith("Größe und Menge\n")


async def test_the_stored_page_reads_as_the_shops_own_whatever_that_was_written_in(
    server: PageServer, take: Take
) -> None:
    data = document("ブナ材のスツール", '<meta charset="shift_jis">').encode("shift_jis")
    captured = await take(server.raw_document("/", data, {"Content-Type": "text/html"}))
    stored = gzip.decompress(artifact(captured, ArtifactType.HTML_GZ))
    again = await take(server.raw_document("/stored", stored, {"Content-Type": "text/html"}))
    assert text(again) == text(captured)
    assert text(again).startswith("ブナ材のスツール\n")


LETTERS = {
    "latin": "ĝħ",
    "greek": "ξψ",
    "cyrillic": "жщ",
    "armenian": "ճպ",
    "georgian": "ღწ",
    "hebrew": "שצ",
    "arabic": "قش",
    "devanagari": "कज",
    "bengali": "কজ",
    "gurmukhi": "ਕਜ",
    "gujarati": "કજ",
    "tamil": "கஜ",
    "telugu": "కజ",
    "kannada": "ಕಜ",
    "malayalam": "കജ",
    "sinhala": "කජ",
    "thai": "กช",
    "lao": "ກຊ",
    "khmer": "កជ",
    "burmese": "ကဇ",
    "ethiopic": "ሀለ",
    "han": "凳鬱",
    "kana": "ぬヱ",
    "hangul": "한퓨",
    "emoji": "🪑🛒",
    "currency": "₹₺",
    "symbols": "✓★",
}


async def test_every_script_is_drawn_with_letters_and_not_with_boxes(server: PageServer, take: Take) -> None:
    """Two letters of a script look different, and neither looks like a code point that nobody has a letter for."""
    rows = "".join(
        f'<div class="row"><b>{pair[0]}</b><b>{pair[1]}</b></div>'
        for pair in ("\U000e0fff\U000e0ffe", *LETTERS.values())
    )
    head = (
        "<style>*{margin:0}.row{height:60px}b{position:absolute;width:60px;font:40px/60px serif;overflow:hidden}"
        "b+b{left:60px}</style>"
    )
    captured = await take(server.page("/", f"{rows}<h1>Scripts</h1><p>{TEXT}</p>", head=head))
    shot = picture(captured)

    def cell(row: int, column: int) -> Image.Image:
        return shot.crop((column * 60, row * 60, column * 60 + 60, row * 60 + 60))

    def same(one: Image.Image, other: Image.Image) -> bool:
        return ImageChops.difference(one, other).getbbox() is None

    nobody = cell(0, 0)
    boxes = [
        script
        for row, script in enumerate(LETTERS, start=1)
        if same(cell(row, 0), cell(row, 1)) or same(cell(row, 0), nobody) or same(cell(row, 1), nobody)
    ]
    assert boxes == []


@pytest.mark.parametrize(
    ("lang", "words", "call"),
    [("ar", "كل شيء للبيت مع توصيل مجاني", "تسوق الآن"), ("he", "הכול לבית עם משלוח חינם", "קנו עכשיו")],
    ids=["arabic", "hebrew"],
)
async def test_a_page_that_reads_from_right_to_left_is_captured_whole(
    server: PageServer, take: Take, lang: str, words: str, call: str
) -> None:
    style = "<style>body{margin:0}h1{margin:0;background:#0f0;width:300px}</style>"
    html = (
        f'<!doctype html><html lang="{lang}" dir="rtl"><meta charset="utf-8"><title>{words}</title>{style}'
        f'<h1>{words}</h1><p>{words * 12}</p><a href="/sale">{call}</a>'
        '<div style="position:absolute;left:-3000px">far away</div></html>'
    )
    captured = await take(server.document("/", html))
    assert text(captured).startswith(f"{words}\n")
    assert doubts(captured) == set()
    shot = picture(captured)
    assert shot.width == 1440
    assert shot.getpixel((1438, 2)) == (0, 255, 0), "the headline stands at the right edge"
