"""The words around a price that say what it is: the old one, per kilo, per month, saved, shipping.

Patterns for lower-case text, in the languages of the big shop markets. No logic.
"""

from __future__ import annotations

import re
from enum import StrEnum


class PriceRole(StrEnum):
    PLAIN = "plain"
    CURRENT = "current"
    FROM = "from"
    REGULAR = "regular"
    """What is paid unless another price stands beside it."""
    NET = "net"
    """Before tax: what is paid only where no price with tax stands beside it."""
    OLD = "old"
    UNIT = "unit"
    INSTALMENT = "instalment"
    SAVING = "saving"
    CONDITION = "condition"
    """A threshold, a fee or a gift: free shipping over 50, deposit 0.25, two for 20, get 10 back."""


def _words(table: str) -> re.Pattern[str]:
    """One pattern for phrases separated by commas, the longest tried first."""
    phrases = [" ".join(phrase.split()) for phrase in table.casefold().split(",")]
    alternatives = "|".join(sorted(phrases, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)")


# Words before an amount; the nearest one decides.
BEFORE: tuple[tuple[PriceRole, re.Pattern[str]], ...] = (
    (
        PriceRole.OLD,
        _words(
            r"""
            was, were, rrp, r\.r\.p\.?, msrp, srp, original(?:ly| price)?, old(?: price)?, before, compare(?:d)?
            at, previous(?:ly| price)?, uvp, statt, bisher(?:iger preis)?, vorher, alter preis,
            ursprünglich(?:er preis)?, ehemaliger preis, streichpreis, niedrigster preis, \d+-tage-bestpreis,
            lowest (?:recent )?price, valued at, comp\.(?: value)?, comp value, prix le plus bas, prezzo più basso,
            precio (?:mínimo|más bajo), preço mais baixo, laagste prijs, lägsta pris(?:et)?, laveste pris, alin hinta,
            nejnižší cena, najnižšia cena, legalacsonyabb ár, cel mai mic preț, au lieu de, ancien prix,
            prix (?:d'origine|conseillé), avant, antes, precio (?:original|anterior), pvpr, pvp recomendado, prezzo
            (?:originale|precedente|consigliato), prima, anziché, preço (?:original|anterior), de(?=\s*$),
            van(?=\s*$), adviesprijs, oude prijs, oorspronkelijke prijs, najniższa cena, cena poprzednia,
            poprzednio, stara cena, tidigare(?: pris)?, rek\.? ?pris, før(?:pris)?, vejl\.? ?pris, ovh, původní
            cena, pôvodná cena, eredeti ár, preț vechi, стара цена, старая цена, стара ціна, раньше, eski fiyat,
            السعر السابق, قبل, 原価, 定価, 参考価格, 原价, 原價, 정가, harga asal
            """
        ),
    ),
    (
        PriceRole.REGULAR,
        _words(
            r"""
            list(?: price)?, regular(?: price)?, reg\.?, retail(?: price)?, prix (?:habituel|normal|régulier),
            precio (?:habitual|normal|regular), prezzo (?:di listino|normale), listino, preço normal, normale
            prijs, normaler preis, regulärer preis, normalpreis, cena (?:regularna|katalogowa),
            ord(?:inarie|\.)?(?: pris)?, normalpris, norm\.?, běžná cena, 通常価格, ราคาปกติ
            """
        ),
    ),
    (
        PriceRole.CURRENT,
        _words(
            r"""
            now, sale(?: price)?, special(?: price)?, today, our price, your price, you pay, deal(?: price)?,
            current price, jetzt(?: nur)?, nur, aktionspreis, angebotspreis, sonderpreis, neuer preis, aktueller
            preis, maintenant, prix (?:soldé|promo(?:tionnel)?|actuel|réduit|de vente), désormais, ahora, precio
            (?:de oferta|actual|rebajado|especial), oferta, ora, adesso, prezzo (?:scontato|attuale|speciale),
            agora, por, preço (?:promocional|atual), nu, actieprijs, teraz, cena (?:promocyjna|aktualna), nå,
            nyt, kampanjpris, tilbudspris, tarjous(?:hinta)?, akční cena, akciós ár, сейчас, теперь, цена со
            скидкой, indirimli fiyat, الآن, 特価, セール価格, 现价, 促销价, 특가, 할인가
            """
        ),
    ),
    (
        PriceRole.FROM,
        _words(
            r"""
            from, starting (?:at|from), as low as, ab, à partir de, dès, desde, a partir de, a partire da, da,
            vanaf, od, från, fra, alkaen, dan, от, від, başlayan
            """
        ),
    ),
    (
        PriceRole.SAVING,
        _words(
            r"""
            save, you save, savings?, discount, off, rabatt, sie sparen, du sparst, sparen?, ersparnis,
            économisez, remise, ahorra(?:s|r)?, ahorro, descuento, risparmi(?:a|o)?, sconto, economize,
            desconto, bespaar, korting, oszczędzasz, oszczędź, rabat, spar, spara, säästä, ušetříte, sleva,
            экономия, скидка, kazancınız, وفر
            """
        ),
    ),
    (
        PriceRole.CONDITION,
        _words(
            r"""
            over, above, orders? of, spend, minimum, shipping(?: (?:from|cost|fee)s?)?, delivery, postage,
            deposit, plus, versand(?:kosten)?, lieferung, ab einem (?:bestell|einkaufs)wert von,
            mindestbestellwert, zzgl\.?, pfand, über, livraison(?: (?:offerte|gratuite))?(?: dès)?, dès, frais
            de port, envío(?: gratis)?(?: desde)?, spedizione(?: gratuita)?(?: da)?, frete, verzending,
            verzendkosten, dostawa, wysyłka, frakt, fragt, toimitus, doprava, доставка, kargo, gift card,
            voucher, coupon, cashback, earn, gutschein, trade-in(?: value)?, [2-9] (?:for|für|pour|por|per|voor|för|za),
            [ée]co-?(?:participation|taxe?), recycling fee, up to
            """
        ),
    ),
    (
        PriceRole.NET,
        _words(
            r"""
            netto(?=\W*$), nettopreis, net price, cena netto, nettó(?: ár)?, prix ht, excl\.?(?: vat| btw| tax| gst)?,
            ex\.? ?(?:vat|gst|tax), ohne mwst\.?, bez dph, zonder btw, 税抜, 税抜価格, 本体価格, 税別
            """
        ),
    ),
    (
        PriceRole.INSTALMENT,
        _words(
            r"""
            \d+ ?[x×], \d+ mal, \d+ (?:interest-free )?(?:payments|instal?lments)(?: of)?, \d+ raten(?: (?:à|von|zu))?,
            en \d+ fois, \d+ cuotas(?: de)?, \d+ rate da, \d+ parcelas de, em até \d+x(?: de)?, monthly, pay
            monthly, klarna, afterpay, taksit
            """
        ),
    ),
)

_UNIT = (
    "kg|g|gr|mg|l|ltr|lt|liter|litre|litro|ml|cl|dl|m|m2|m²|m³|cm|mm|ft|yd|yard|lb|lbs|oz|fl oz|pound|ounce"
    "|meter|metre|metro|kilo(?:gramm?)?|gramm?|ks|stk|stück|st|pc|pcs|piece|item|unit|unidad|unité|each|ea|tablet|capsule|wash|load|100|1000|szt|db"
)
_PER = "per|pro|je|par|por|al|a|za|na|/|le|la|der|das"
_MONTH = (
    "mo(?:nth)?|mth|mon(?:at)?|mois|mes|mese|mês|maand|miesiąc|månad|måned|kk|měsíc|ay"
    "|week|wk|woche|semaine|year|yr|jahr|day"
)

_TAX = r"(?:\d+ ?% ?)?(?:vat|gst|tax(?:es)?|btw|tva|mwst|ust|iva|dph|moms|mva|áfa|afa|ндс|пдв)"
_NET = (
    rf"(?:excl?|exclu(?:ding|sive)|exkl|ekskl|eks|ex)\.?(?: of)? ?{_TAX}"
    rf"|(?:\+|zzgl\.?|ohne|bez|zonder|uten|sin|sem|fără|без) ?{_TAX}"
    r"|bez vat|s/ ?iva|iva (?:escl|excl)\w*|excl\.?|h\.?t\.?|hors taxes?|netto"
)

# Words right after an amount.
AFTER: tuple[tuple[PriceRole, re.Pattern[str]], ...] = (
    (PriceRole.NET, re.compile(rf"\s*\*?[\s(]*(?:(?:{_NET})(?!\w)|(?:（|\()?(?:税抜|税別|未税|稅前))")),
    (PriceRole.OLD, re.compile(r"\s*value(?!\w)")),
    (
        PriceRole.INSTALMENT,
        re.compile(rf"\s*\*?\s*(?:{_PER})\s*\.?\s*(?:{_MONTH})(?!\w)|\s*(?:monthly|mtl\.?|monatlich)(?!\w)"),
    ),
    (PriceRole.INSTALMENT, re.compile(r"\s*[x×] ?\d+(?!\w)")),
    (PriceRole.UNIT, re.compile(rf"\s*\)?\s*/\s*(?:\d+[.,]?\d*\s*)?(?:{_UNIT})(?!\w)")),
    (PriceRole.UNIT, re.compile(rf"\s*\)?\s*(?:{_PER})\s+(?:\d+[.,]?\d*\s*)?(?:{_UNIT})(?!\w)")),
    (
        PriceRole.SAVING,
        re.compile(r"\s*(?:off|saved|rabatt|discount|sparen|gespart|de remise|de descuento|di sconto|korting)(?!\w)"),
    ),
    (
        PriceRole.CONDITION,
        re.compile(
            r"\s*(?:gift card|voucher|gutschein|shipping|delivery|versand|minimum|or more|(?:crv )?deposit|pfand"
            r"|d'[ée]co-?(?:participation|taxe?))(?!\w)"
        ),
    ),
)

BETWEEN_RANGE = re.compile(r"\s*(?:[-–—~〜～]|to|bis|à|a|do|до|hasta|tot|til|till)\s*")
