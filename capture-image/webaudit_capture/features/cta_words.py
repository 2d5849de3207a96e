"""What buttons say in the languages of the big shop markets, by what they do. Tables only."""

from __future__ import annotations

import re
from enum import StrEnum


class CtaKind(StrEnum):
    ADD_TO_CART = "add_to_cart"
    BUY_NOW = "buy_now"
    PRE_ORDER = "pre_order"
    NOTIFY_ME = "notify_me"
    SOLD_OUT = "sold_out"
    CHOOSE_OPTIONS = "choose_options"
    ENQUIRE = "enquire"
    CHECKOUT = "checkout"
    SHOP = "shop"
    SIGN_UP = "sign_up"
    ACCOUNT = "account"
    CART = "cart"
    OTHER = "other"
    """Drawn as a button, but saying nothing these tables know."""


class Fit(StrEnum):
    """How much of a label a phrase must be."""

    ANYWHERE = "anywhere"
    START = "start"
    WHOLE = "whole"


def words(table: str) -> re.Pattern[str]:
    """One pattern for phrases separated by commas; lines may break after a comma, a space or a bar.

    Where a script has no spaces, a phrase may stand anywhere. Case is folded, so classes written in capitals
    cannot be used.
    """
    table = re.sub(r"\|\s+", "|", table).casefold()
    phrases = sorted((" ".join(phrase.split()) for phrase in table.split(",")), key=len, reverse=True)
    spaced = "|".join(phrase for phrase in phrases if not _UNSPACED.search(phrase))
    joined = "|".join(phrase for phrase in phrases if _UNSPACED.search(phrase))
    return re.compile(rf"(?<!\w)(?:{spaced})(?!\w)" + (f"|{joined}" if joined else ""))


_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")

# Looked for in this order; the first match names the control.
KINDS: tuple[tuple[CtaKind, Fit, re.Pattern[str]], ...] = (
    (
        CtaKind.SOLD_OUT,
        Fit.ANYWHERE,
        words(
            r"""
            sold out, out of stock, currently unavailable, ausverkauft, nicht verfügbar, épuisé,
            rupture de stock, agotado, esaurito, esgotado, uitverkocht, wyprzedane, slutsåld, udsolgt, utsolgt,
            loppuunmyyty, vyprodáno, vypredané, elfogyott, stoc epuizat, изчерпан, нет в наличии, распродано,
            tükendi, εξαντλήθηκε, نفدت الكمية, אזל מהמלאי, 売り切れ, 在庫切れ, 售罄, 已售完, 缺货, 품절,
            สินค้าหมด, hết hàng,
            stok habis
            """
        ),
    ),
    (
        CtaKind.NOTIFY_ME,
        Fit.ANYWHERE,
        words(
            r"""
            notify me(?: when .*)?, email me when .*, back in stock .*, join the waitlist,
            benachrichtigen(?: sie mich)?, benachrichtige mich, me prévenir, prévenez-moi, m'avertir, avísame,
            notificarme, avvisami, avise-me, houd me op de hoogte, powiadom (?:mnie|o dostępności), bevaka,
            giv mig besked, varsle meg, ilmoita minulle, hlídat dostupnost, сообщить о поступлении,
            gelince haber ver, أعلمني, 再入荷通知, 到货通知, 到貨通知, 재입고 알림
            """
        ),
    ),
    (
        CtaKind.PRE_ORDER,
        Fit.ANYWHERE,
        words(
            r"""
            pre-?order(?: now)?, pre order, vorbestellen, précommander, reservar ahora, preordina, preordinare,
            pré-encomendar, comprar em pré-venda, pre-orderen, zamów w przedsprzedaży, förbeställ, forudbestil,
            forhåndsbestill, ennakkotilaa, předobjednat, предзаказ, оформить предзаказ, ön sipariş(?: ver)?,
            予約する, 予約注文, 预订, 預購, 예약구매
            """
        ),
    ),
    (
        CtaKind.BUY_NOW,
        Fit.WHOLE,
        words(
            r"""
            buy(?: it)? now, buy, order(?: now)?, purchase, buy with .*, jetzt kaufen, sofort(?: |-)?kaufen, kaufen,
            jetzt bestellen, bestellen, acheter(?: maintenant)?, j'achète, commander,
            comprar(?: ahora| agora| ya)?, compra (?:ora|subito|ahora), acquista(?: ora)?, nu kopen, koop nu,
            direct kopen, kup teraz, kupuję, köp(?: nu)?, køb(?: nu)?, kjøp(?: nå)?, osta(?: nyt)?, koupit,
            kúpiť, do nákupu, vásárlás, megveszem, megrendelem, cumpără(?: acum)?, купи(?: сега)?,
            купить(?: сейчас| в один клик)?, купити, hemen al, satın al, αγορά(?: τώρα)?, αγόρασε, اشتر الآن,
            اشتري الآن, شراء, קנה עכשיו, קנו עכשיו, kupi(?: odmah)?, osta kohe, pirkt, pirkti, 今すぐ購入, 今すぐ買う,
            購入する, 购买, 立即购买, 立即購買, 直接購買, 구매하기, 바로구매, 바로 구매, ซื้อเลย, ซื้อทันที,
            mua ngay, beli sekarang
            """
        ),
    ),
    (
        CtaKind.CHECKOUT,
        Fit.WHOLE,
        words(
            r"""
            check ?out, proceed to checkout, zur kasse(?: gehen)?, passer (?:la )?commande,
            valider (?:mon|le) panier, finalizar compra, tramitar pedido, vai alla cassa, procedi all'ordine,
            finalizar pedido, afrekenen, do kasy, till kassan, til kassen, kassalle, k pokladně, оформить заказ,
            ödeme yap, إتمام الشراء, レジに進む, 结算, 結帳, 결제하기
            """
        ),
    ),
    (
        CtaKind.ADD_TO_CART,
        Fit.ANYWHERE,
        words(
            r"""
            (?:quick )?add(?: item| all| both)? to (?:my |your |the |shopping )?(?:cart|bag|basket|trolley|tote|
            order|shopping (?:cart|bag|basket)),
            add(?: to)? bag, quick add, in den (?:warenkorb|einkaufswagen|einkaufskorb|korb)(?: legen)?,
            zum warenkorb hinzufügen, in die einkaufstasche, in den einkaufs-?wagen,
            ajouter au (?:panier|sac|caddie), ajouter à (?:mon|votre) panier,
            (?:añadir|agregar|sumar) (?:a la|al|a mi) (?:cesta|carrito|carro|bolsa)(?: de (?:la )?compras?)?,
            aggiungi al (?:carrello|cestino)(?: della spesa)?, aggiungi alla (?:borsa|shopping bag),
            metti nel carrello,
            (?:adicionar|colocar|pôr|juntar) (?:ao|no|à) (?:carrinho|cesto|sacola|saco)(?: de compras)?,
            (?:in|toevoegen aan)(?: de| het| mijn)? (?:winkelwagen|winkelmand|winkelmandje|winkelwagentje|tas),
            voeg toe aan (?:winkelwagen|winkelmand), (?:dodaj |wrzuć )?do koszyka,
            lägg (?:i|till i) (?:varukorgen|varukorg|kundvagnen|korgen|shoppingbagen), lägg i kundvagn,
            (?:læg|tilføj|føj) (?:i|til) (?:kurv(?:en)?|indkøbskurv(?:en)?),
            (?:legg|legge) (?:i|til i) (?:handlekurv(?:en)?|handlevogn|kurv), lisää (?:ostoskoriin|koriin),
            (?:přidat |vložit )?do (?:košíku|nákupního košíku),
            (?:pridať |vložiť )?do (?:košíka|nákupného košíka), kosárba(?: teszem| rakom)?,
            adaug[ăa] (?:în|in) (?:coș|cos), (?:добави|сложи) в (?:количката|кошницата|количка),
            (?:добавить )?в (?:корзину|кошик), (?:додати )?(?:в|до|у) кошика?, sepete ekle, προσθήκη στο καλάθι,
            στο καλάθι, (?:أضف|اضف|إضافة|أضيفي) (?:إلى|الى) (?:السلة|عربة التسوق|سلة التسوق|الحقيبة), הוסף לסל,
            הוספה לסל, הוסיפו לסל, dodaj (?:u|v) (?:košaricu|košarico|korpu), lisa (?:ostu)?korvi,
            pievienot grozam, (?:dėti |įdėti )?į krepšelį, dodaj u korpu, カートに入れる, カートに追加,
            カゴに入れる, かごに入れる,
            買い物かごに入れる, バッグに入れる, 加入购物车, 加入購物車, 放入购物车, 加入购物袋, 加到购物车,
            장바구니 담기, 장바구니에 담기, 장바구니에 추가, 쇼핑백에 추가, 쇼핑백 담기,
            หยิบใส่ตะกร้า, เพิ่มลงตะกร้า, ใส่ตะกร้า, เพิ่มไปยังรถเข็น, thêm vào giỏ(?: hàng)?, cho vào giỏ,
            (?:tambah(?:kan)?|masuk(?:kan)?) ke (?:keranjang|troli|beg), \+ keranjang
            """
        ),
    ),
    (
        CtaKind.CHOOSE_OPTIONS,
        Fit.ANYWHERE,
        words(
            r"""
            choose options?, select options?, select (?:a )?size, choose (?:a |your )?(?:size|colou?r),
            customi[sz]e(?: it| now)?, configure(?: now)?, personali[sz]e, optionen wählen, ausführung wählen,
            größe (?:aus)?wählen, konfigurieren, jetzt gestalten, choix des options,
            choisir (?:une taille|les options), personnaliser, seleccionar opciones, elegir opciones,
            elige tu talla, scegli(?: le opzioni| la taglia)?, ver opções, opties selecteren, kies (?:je )?maat,
            wybierz opcje, wybierz rozmiar, välj (?:alternativ|storlek), vælg (?:muligheder|størrelse),
            velg (?:alternativ|størrelse), valitse koko, vybrat variantu, выбрать (?:размер|опции),
            выберите параметры, seçenekler, beden seç, اختر المقاس, オプションを選択, サイズを選択, 选择选项, 選擇規格
            """
        ),
    ),
    (
        CtaKind.ENQUIRE,
        Fit.WHOLE,
        words(
            r"""
            contact us, (?:request|get) (?:a |your )?(?:quote|sample|price), enquire(?: now)?, make an? enquiry,
            ask for (?:a )?price, book (?:now|a .*), reserve(?: now)?, call (?:us|now), find (?:in|a) store,
            (?:anfrage|angebot) (?:stellen|anfordern|senden), anfragen, kontakt(?:ieren sie uns)?, jetzt buchen,
            demander un devis, nous contacter, réserver, solicitar (?:presupuesto|cotización|orçamento),
            contáctanos, reservar, richiedi (?:un )?preventivo, contattaci, prenota, offerte aanvragen,
            zapytaj o (?:cenę|produkt), begär offert, teklif al, узнать цену, お問い合わせ, 联系我们, 문의하기
            """
        ),
    ),
    (
        CtaKind.SIGN_UP,
        Fit.START,
        words(
            r"""
            sign up(?: now)?, subscribe(?: now)?, join(?: us| now| free| the .*)?, get (?:my|your) .* off,
            newsletter, anmelden, abonnieren, jetzt anmelden, s'inscrire, je m'inscris, s'abonner, suscríbete,
            suscribirse, regístrate, iscriviti, inscreva-se, inscrever-se, assinar, inschrijven, aanmelden,
            zapisz się, prenumerera, tilmeld(?: dig)?, meld (?:deg|deg på|på), tilaa uutiskirje,
            přihlásit (?:se k )?odběru?, odebírat, feliratkoz(?:ás|om), abonează-te, подписаться, абонирай се,
            kaydol, abone ol, εγγραφή, اشترك, הירשמו, הרשמה, 登録する, 订阅, 訂閱, 구독하기, đăng ký, berlangganan
            """
        ),
    ),
    (
        CtaKind.ACCOUNT,
        Fit.WHOLE,
        words(
            r"""
            sign ?in, log ?in, (?:my|your) account, account, create (?:an )?account, register, einloggen,
            (?:mein|ihr) konto, konto, kundenkonto, (?:ein )?konto (?:anlegen|erstellen), créer (?:un|mon) compte,
            crear (?:una )?cuenta, login,
            se connecter, connexion, mon compte, iniciar sesión, mi cuenta, accedi, il mio account, entrar,
            minha conta, inloggen, mijn account, zaloguj(?: się)?, moje konto, logga in, mina sidor, mitt konto,
            log ind, min konto, logg inn, min side, kirjaudu(?: sisään)?, přihlásit(?: se)?, prihlásiť(?: sa)?,
            bejelentkezés, autentificare, войти, вход, увійти, giriş(?: yap)?, hesabım, σύνδεση, تسجيل الدخول,
            התחברות, ログイン, マイページ, 登录, 登入, 로그인, เข้าสู่ระบบ, đăng nhập, masuk
            """
        ),
    ),
    (
        CtaKind.CART,
        Fit.START,
        words(
            r"""
            (?:view |shopping |my |your |open |go to |the )*(?:cart|bag|basket|trolley),
            (?:zum |ihr |mein )?(?:warenkorb|einkaufswagen), (?:mon |voir le )?panier,
            (?:mi |ver )?(?:carrito|cesta|carro), carrello, carrinho, winkelwagen, winkelmand(?:je)?, koszyk,
            varukorg(?:en)?, kundvagn, kurv, handlekurv, ostoskori, košík, kosár, coș(?:ul)?, корзина, кошик,
            sepet(?:im)?, καλάθι, السلة, סל הקניות, カート, 购物车, 購物車, 쇼핑백, ตะกร้า, giỏ hàng, keranjang
            """
        ),
    ),
    (
        CtaKind.SHOP,
        Fit.START,
        words(
            r"""
            (?:shop|buy|browse|explore|discover|view|see|check|find), shop now, (?:go )?to (?:the|our) (?:shop|store),
            get (?:yours|started|it)(?: now)?, learn more, start shopping, continue shopping,
            new (?:in|arrivals), sale,
            (?:jetzt |zum |zu den |zur )?(?:shoppen|shop|entdecken|stöbern|einkaufen|ansehen|sortiment|
            angebote?|kollektion|mehr erfahren),
            (?:mehr|alle|kollektion|produkte) (?:erfahren|ansehen|anzeigen|entdecken), découvrir, découvrez,
            voir (?:la|le|les|tout|plus), j'en profite, en savoir plus, acheter, descubrir, descubre,
            ver (?:todo|más|colección|productos), compra, scopri, acquista, vedi,
            vai (?:al|allo) (?:shop|negozio), descubra, ver (?:tudo|mais|coleção|produtos), compre, aproveite,
            bekijk, ontdek, shop(?: nu)?, sprawdź, zobacz, odkryj, kup, handla(?: nu)?, upptäck,
            se (?:alla?|mer|mere|alle|utbudet|udvalget|utvalget), opdag, oppdag, utforsk, tutustu, katso,
            prohlédnout, zobrazit, objevte, nakupovat, nakupujte, pozrieť, felfedezem, megnézem, descoperă, vezi,
            разгледай, смотреть, подробнее, перейти, выбрать, дивитись, детальніше, keşfet, alışverişe başla,
            incele, δες, ανακάλυψε, تسوق, اكتشف, לקנייה, לצפייה, 詳しく見る, もっと見る, 商品を見る, ショップ,
            今すぐ見る, 了解更多, 立即选购,
            查看更多, 選購, 立即選購, 자세히 보기, 쇼핑하기, 더보기, ช้อปเลย, ดูเพิ่มเติม, mua sắm, xem (?:thêm|tất cả),
            belanja(?: sekarang)?, lihat (?:semua|selengkapnya)
            """
        ),
    ),
)

# Controls that serve the page rather than the shopper's purpose: never calls to action.
UTILITY = words(
    r"""
    (?:open |close |toggle |main |mobile |site )*(?:menu|navigation|search|sidebar),
    (?:close|dismiss|back|next|previous|prev|play|pause|mute|unmute|share|print|zoom|apply|clear|reset|edit|
    remove|delete|update|submit|send|go|more|less|ok|yes|no)(?: (?:slide|video|filters?|all|image|picture|
    slideshow|window|dialog|popup|to top))*,
    (?:next|previous|go to) (?:slide|page|item)(?: \d+)?, slide \d+, skip to .*, scroll .*,
    (?:add to )?(?:wish ?list|favou?rites?|compare), language, currency, country, filters?(?: .*)?, sort,
    load more, show (?:more|less), accept(?: all)?(?: cookies)?, reject(?: all)?, decline, allow all,
    [-+−–×✕x<>‹›«»←→↑↓]+, \d+, [a-z]{2}(?:[-/][a-z]{2})?, menü, suche(?:n)?, schließen, weiter, zurück,
    (?:auf die )?merkliste?, wunschliste, teilen, recherche(?:r)?, rechercher, fermer, suivant, précédent,
    buscar, cerrar, siguiente, anterior, cerca, chiudi, avanti, indietro, zoeken, sluiten, volgende, vorige,
    szukaj, zamknij, sök, stäng, søg, luk, søk, lukk, haku, sulje, hledat, zavřít, hľadať, keresés, bezárás,
    поиск, закрыть, найти, ara, kapat, بحث, إغلاق, חיפוש, 検索, 閉じる, メニュー, 搜索, 关闭, 菜单, 搜尋, 關閉,
    검색, 닫기, 메뉴
    """
)
