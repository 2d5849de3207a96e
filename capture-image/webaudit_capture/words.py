"""What dismissing controls say in the languages shops speak, and what overlays speak of. Data only.

Phrases are lower case, without punctuation. Each is one a reader would press to be rid of the overlay: nothing
here buys, subscribes, sends or opens settings.
"""

from __future__ import annotations


def _phrases(*lines: str) -> list[str]:
    return sorted({phrase for line in lines for phrase in line.split("|")})


CLOSE = _phrases(
    "close|close dialog|close popup|close modal|close window|close banner|dismiss|hide|skip|x|×|✕|✖|✗|╳|⨯",
    "schließen|schliessen|fenster schließen|ausblenden|überspringen",  # German
    "fermer|fermer la fenêtre|masquer|ignorer|passer",  # French
    "cerrar|cerrar ventana|omitir|ocultar",  # Spanish
    "chiudi|chiudere|salta|nascondi",  # Italian
    "sluiten|sluit|overslaan|verbergen",  # Dutch
    "fechar|ignorar|pular",  # Portuguese
    "zamknij|pomiń|ukryj",  # Polish
    "stäng|dölj|hoppa över|luk|skjul|lukk|sulje|ohita",  # Swedish, Danish, Norwegian, Finnish
    "zavřít|zatvoriť|bezárás|închide|kapat|κλείσιμο|закрыть|закрити",  # Czech to Ukrainian
    "閉じる|关闭|關閉|닫기|إغلاق|סגור",
)

REJECT = _phrases(
    "reject|reject all|reject all cookies|decline|decline all|deny|deny all|refuse|refuse all|only necessary",
    "necessary only|only necessary cookies|necessary cookies only|only essential|essential only",
    "essential cookies only|accept only necessary|accept only essential|accept necessary|use necessary cookies only",
    "continue without accepting|disagree|i do not accept|i decline",
    "ablehnen|alle ablehnen|alles ablehnen|nur notwendige|nur notwendige cookies|nur erforderliche",
    "nur essenzielle|nur essenzielle cookies akzeptieren|nur technisch notwendige|nur notwendige akzeptieren",
    "nur erforderliche cookies|weiter ohne zustimmung|ohne zustimmung fortfahren",
    "refuser|tout refuser|je refuse|continuer sans accepter|uniquement les nécessaires",
    "rechazar|rechazar todo|rechazar todas|solo necesarias|solo las necesarias|continuar sin aceptar",
    "rifiuta|rifiuta tutto|rifiuta tutti|solo necessari|continua senza accettare",
    "weigeren|alles weigeren|alleen noodzakelijk|alleen noodzakelijke cookies|afwijzen",
    "rejeitar|rejeitar todos|recusar|recusar todos|apenas necessários",
    "odrzuć|odrzuć wszystkie|tylko niezbędne",
    "avvisa|avvisa alla|neka|neka alla|endast nödvändiga|bara nödvändiga",
    "afvis|afvis alle|kun nødvendige|avslå|avvis alle|hylkää|hylkää kaikki|vain välttämättömät",
    "odmítnout|odmítnout vše|pouze nezbytné|odmietnuť|elutasítom|elutasítás|respinge|reddet|tümünü reddet",
    "απόρριψη|отклонить|отклонить все|відхилити|拒否|すべて拒否|拒绝|全部拒绝|拒絕|거부|رفض",
)

ACCEPT = _phrases(
    "accept|accept all|accept all cookies|accept cookies|accept and close|accept and continue|i accept|agree",
    "agree and close|agree and continue|agree to all|i agree|allow|allow all|allow all cookies|allow cookies",
    "got it|ok|okay|understood|i understand|that is fine|thats fine|continue|yes i agree|yes i accept",
    "akzeptieren|alle akzeptieren|alles akzeptieren|alle cookies akzeptieren|cookies akzeptieren",
    "akzeptieren und schließen|akzeptieren und weiter|zustimmen|alle zulassen|alle erlauben|einverstanden",
    "ich stimme zu|verstanden|ich bin einverstanden|alles klar|in ordnung",
    "accepter|tout accepter|jaccepte|accepter et fermer|accepter et continuer|accepter les cookies|daccord",
    "jai compris|compris|autoriser|tout autoriser",
    "aceptar|aceptar todo|aceptar todas|aceptar cookies|aceptar y continuar|aceptar y cerrar|acepto|de acuerdo",
    "entendido|permitir todas",
    "accetta|accetta tutto|accetta tutti|accetta i cookie|accetto|accetta e continua|accetta e chiudi|ho capito",
    "accepteren|alles accepteren|alle cookies accepteren|accepteer|accepteer alles|akkoord|begrepen|ik ga akkoord",
    "aceitar|aceitar todos|aceitar tudo|aceitar cookies|aceito|concordo|entendi",
    "akceptuj|akceptuję|akceptuj wszystkie|zaakceptuj|zaakceptuj wszystkie|zgadzam się|rozumiem",
    "acceptera|acceptera alla|godkänn|godkänn alla|jag förstår|accepter|accepter alle|tillad alle",
    "godta|godta alle|aksepter|hyväksy|hyväksy kaikki",
    "přijmout|přijmout vše|souhlasím|prijať|súhlasím|elfogadom|elfogadás|accept toate|acceptă|de acord",
    "kabul et|tümünü kabul et|αποδοχή|αποδοχή όλων|συμφωνώ|принять|принять все|согласен|прийняти|погоджуюсь",
    "同意する|すべて許可|同意|接受|全部接受|接受所有|동의|모두 동의|수락|موافق|قبول",
)

LATER = _phrases(
    "no thanks|no thank you|no thx|not now|maybe later|later|remind me later|not interested|no im not interested",
    "continue shopping|continue to site|continue to website|no i prefer full price|ill pay full price|stay here",
    "stay on this site|no continue",
    "nein danke|jetzt nicht|später|vielleicht später|kein interesse|weiter einkaufen|zum shop|weiter zum shop",
    "non merci|plus tard|pas maintenant|continuer mes achats",
    "no gracias|más tarde|ahora no|seguir comprando",
    "no grazie|più tardi|non ora|continua gli acquisti",
    "nee bedankt|nee dank je|later|niet nu|verder winkelen",
    "não obrigado|não obrigada|agora não|mais tarde|continuar a comprar",
    "nie dziękuję|nie teraz|później",
    "nej tack|inte nu|senare|nej tak|ikke nu|senere|nei takk|ikke nå|ei kiitos|myöhemmin",
    "ne děkuji|teď ne|później|nie ďakujem|nem köszönöm|nu mulțumesc|hayır teşekkürler|όχι ευχαριστώ",
    "нет спасибо|не сейчас|позже|ні дякую|いいえ|後で|不用了|以后再说|稍後|아니요|나중에|لا شكرا",
)

GATE = _phrases(
    "yes|enter|enter site|i am over 18|im over 18|yes i am over 18|yes im over 18|i am 18 or older",
    "yes i am 18 or older|i am of legal age|yes i am of legal drinking age|i am over 21|yes i am over 21|confirm",
    "ja|ja ich bin über 18|ich bin über 18|ich bin 18 oder älter|eintreten|bestätigen",
    "oui|jai plus de 18 ans|entrer|sí|si|soy mayor de edad|tengo más de 18 años|entrar|sì|ho più di 18 anni|entra",
    "ja ik ben 18 jaar of ouder|sim|sou maior de 18|tak|mam ukończone 18 lat|はい|是|예",
)

CONSENT_TOPIC = _phrases(
    "cookie|consent|gdpr|rgpd|dsgvo|datenschutz|einwilligung|zustimmung|privacy|vie privée|confidentialité",
    "traceurs|privacidad|privacidade|informativa|privacybeleid|prywatności|ciastecz|integritet|kakor|evästeet",
    "tietosuoja|informasjonskapsler|soukromí|osobních údajů|sütik|çerez|gizlilik|απόρρητο|файлы cookie|クッキー",
    "プライバシー|隐私|隱私|쿠키|개인정보",
)

NEWSLETTER_TOPIC = _phrases(
    "newsletter|subscribe|sign up|signup|join our|mailing list|your email|% off|first order|exclusive offers",
    "anmelden und|rabatt|gutschein|inscrivez|abonnez|de réduction|suscríb|descuento|iscriviti|di sconto",
    "schrijf je in|nieuwsbrief|korting|inscreva|desconto|zapisz się|rabatu|nyhetsbrev|nyhedsbrev|uutiskirje",
    "odběr|hírlevél|bülten|рассылк|ニュースレター|订阅|뉴스레터",
)

GATE_TOPIC = _phrases(
    "over 18|18 or older|18+|21+|over 21|legal age|drinking age|age verification|verify your age|how old are you",
    "volljährig|über 18|altersprüfung|mayor de edad|maggiorenne|majeur|plus de 18 ans|18 jaar|maior de idade",
    "pełnoletni|select your country|choose your country|choose your location|select your region",
    "shipping country|ship to|deliver to|wähle dein land|land auswählen|choisissez votre pays",
    "selecciona tu país|scegli il paese|kies je land",
)


def for_page() -> dict[str, list[str]]:
    """As the in-page script takes them."""
    return {
        "close": CLOSE,
        "reject": REJECT,
        "accept": ACCEPT,
        "later": LATER,
        "gate": GATE,
        "consentTopic": CONSENT_TOPIC,
        "newsletterTopic": NEWSLETTER_TOPIC,
        "gateTopic": GATE_TOPIC,
    }
