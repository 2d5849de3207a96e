"""Pieces of pages that the page suite is made of."""

from __future__ import annotations

from capture.conftest import TEXT

SHOP = f"<h1>Wool and wood</h1><p>{TEXT}</p><a href='/sale'>Shop now</a>"
"""A page that nothing is doubtful about."""

DOCUMENT = f'<!doctype html><html lang="en"><head><title>A shop</title></head><body>{SHOP}'
"""The same as it goes over the wire, so far without its end."""

HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
"""The head of its answer, still without the empty line."""
