"""Words for what can be had now, in the languages of the big shop markets, and what they mean in schema.org."""

from __future__ import annotations

import re
from collections.abc import Iterable


def _words(table: str) -> re.Pattern[str]:
    """One pattern for phrases separated by commas."""
    phrases = sorted((" ".join(phrase.split()) for phrase in table.casefold().split(",")), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(phrases)})(?!\w)")


# Looked for in this order, because "not in stock" contains "in stock".
_STATED: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "OutOfStock",
        _words(
            r"""
            out of stock, sold out, not in stock, not available, currently unavailable, temporarily unavailable,
            unavailable, ausverkauft, nicht (?:auf lager|verfügbar|lieferbar|vorrätig), vergriffen, épuisé,
            rupture de stock, en rupture, indisponible, non disponible, agotado, sin (?:stock|existencias),
            no disponible, esaurito, non disponibile, esgotado, indisponível, sem estoque, uitverkocht,
            niet op voorraad, niet leverbaar, wyprzedane, niedostępny, brak w magazynie, slutsåld, slut i lager,
            ej i lager, udsolgt, ikke på lager, utsolgt, loppuunmyyty, ei varastossa, vyprodáno, není skladem,
            vypredané, elfogyott, nincs készleten, stoc epuizat, изчерпан, нет в наличии, распродано,
            немає в наявності, tükendi, stokta yok, εξαντλήθηκε, μη διαθέσιμο, نفدت الكمية, غير متوفر,
            אזל מהמלאי, 在庫切れ, 品切れ, 売り切れ, 缺货, 售罄, 已售完, 缺貨, 품절, สินค้าหมด, hết hàng, stok habis
            """
        ),
    ),
    ("BackOrder", _words("back ?-?order(?:ed)?, available on backorder, sur commande, auf bestellung, nachbestellt")),
    (
        "PreOrder",
        _words(
            r"""
            pre ?-?order, vorbestell(?:ung|bar|en), précommande, preventa, reserva anticipada, preordine,
            pré-venda, przedsprzedaż, förbeställ, forudbestil, предзаказ, ön sipariş, 予約, 预售, 예약
            """
        ),
    ),
    (
        "LimitedAvailability",
        _words(
            r"""
            only \d+ left, \d+ left in stock, low stock, limited stock, few left, nur noch \d+, wenige verfügbar,
            plus que \d+, últimas unidades, solo \d+ disponibles, ultimi pezzi, laatste stuks, ostatnie sztuki
            """
        ),
    ),
    (
        "InStock",
        _words(
            r"""
            in stock, available, available now, ready to ship, ships today, auf lager, verfügbar, lieferbar,
            sofort lieferbar, vorrätig, en stock, disponible, disponibile, disponível, em estoque, op voorraad,
            leverbaar, dostępny, w magazynie, i lager, på lager, varastossa, skladem, na sklade, raktáron,
            în stoc, в наличии, є в наявності, stokta, διαθέσιμο, σε απόθεμα, متوفر, במלאי, 在庫あり, 有货, 现货, 有貨,
            재고 있음, มีสินค้า, còn hàng, tersedia
            """
        ),
    ),
)


def stated_availability(texts: Iterable[str]) -> str | None:
    """The availability the first telling text states, by schema.org's short name."""
    for text in texts:
        words = " ".join(text.casefold().split())
        for name, pattern in _STATED:
            if pattern.search(words):
                return name
    return None
