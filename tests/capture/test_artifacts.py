"""Artifacts as bytes: equal input gives equal bytes, and what is vendored is what it says."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from webaudit_capture.artifacts import Artifact, as_json, crc32c, cut_text, gzipped
from webaudit_capture.contract import ArtifactType
from webaudit_capture.policy import Evidence
from webaudit_capture.screenshot import BadScreenshot, look, why_blank


def test_checksums_are_those_of_the_known_vector() -> None:
    # RFC 3720 B.4: 32 bytes of zeros have CRC-32C 8a9136aa.
    assert crc32c(bytes(32)) == "ipE2qg=="
    artifact = Artifact(ArtifactType.VISIBLE_TEXT, b"abc")
    assert artifact.sha256 == hashlib.sha256(b"abc").hexdigest()
    assert (artifact.file, artifact.content_type) == ("visible_text.txt", "text/plain; charset=utf-8")


def test_gzip_carries_no_time() -> None:
    data = gzipped(b"<html>")
    assert data[4:8] == bytes(4)
    assert gzip.decompress(data) == b"<html>"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.integers(0, 50))
def test_text_is_cut_between_characters(text: str, bound: int) -> None:
    data, cut = cut_text(text, bound)
    assert len(data) <= bound
    assert text.startswith(data.decode())
    assert cut == (data.decode() != text)


def test_half_a_character_from_a_page_does_not_stop_the_evidence() -> None:
    assert cut_text("a\ud800b", 10) == (b"a?b", False)
    assert json.loads(as_json({"title": "a\ud800"})) == {"title": "a?"}


def test_the_vendored_rules_are_the_published_file() -> None:
    folder = resources.files("webaudit_capture") / "vendor" / "autoconsent"
    manifest = json.loads((folder / "manifest.json").read_bytes())
    data = (folder / "autoconsent.standalone.js").read_bytes()
    assert hashlib.sha256(data).hexdigest() == manifest["sha256"]
    assert (folder / "LICENSE").read_text(encoding="utf-8").startswith("Mozilla Public License Version 2.0")


def png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


async def blank(picture: Image.Image, *, little_text: bool) -> bool:
    policy = Evidence()
    seen = await look(png(picture), policy)
    return why_blank(seen, little_text=little_text, pictures=False, policy=policy) is not None


async def test_an_empty_picture_is_blank_however_much_text_there_is() -> None:
    for colour in ("white", "#202020"):
        assert await blank(Image.new("RGB", (1440, 9000), colour), little_text=False)


async def test_a_spinner_alone_is_blank_and_a_line_of_text_is_not() -> None:
    spinner = Image.new("RGB", (1440, 900), "white")
    ImageDraw.Draw(spinner).ellipse((710, 440, 730, 460), fill="#888")
    assert await blank(spinner, little_text=True)
    line = Image.new("RGB", (1440, 900), "white")
    ImageDraw.Draw(line).rectangle((40, 40, 900, 120), fill="black")
    assert not await blank(line, little_text=True)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [(0, 1440, False), (20, 1420, True), (0, 400, True), (1040, 1440, True)],
    ids=["a band", "a box", "a box at the left edge", "a box at the right edge"],
)
async def test_what_goes_from_edge_to_edge_is_a_background_and_no_box(left: int, right: int, expected: bool) -> None:
    picture = Image.new("RGB", (1440, 900), "white")
    brush = ImageDraw.Draw(picture)
    brush.rectangle((left, 400, right, 800), fill="#eee")
    brush.rectangle((40, 40, 120, 80), fill="black")  # a logo
    assert await blank(picture, little_text=True) is expected


async def test_what_is_no_picture_is_told_apart_from_a_blank_one() -> None:
    for broken in (b"", b"GIF89a", png(Image.new("RGB", (9, 9)))[:40]):
        with pytest.raises(BadScreenshot):
            await look(broken, Evidence())
