"""What the shop sells: plain data. How it is drawn is gear.py's business, how it is shown pages.py's."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import gear
from gear import Drawing, Palette

CURRENCY = "EUR"


@dataclass(frozen=True, slots=True)
class Category:
    slug: str
    name: str
    blurb: str
    tint: str
    floor: str
    emblem: tuple[Drawing, Palette]


@dataclass(frozen=True, slots=True)
class Review:
    author: str
    date: str
    stars: int
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Product:
    slug: str
    sku: str
    name: str
    category: str
    price: Decimal
    tagline: str
    description: str
    drawing: Drawing
    colours: tuple[Palette, ...]
    rating: Decimal
    ratings: int
    old_price: Decimal | None = None
    in_stock: bool = True
    badge: str | None = None
    sizes: tuple[str, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)
    reviews: tuple[Review, ...] = ()

    @property
    def discount(self) -> int:
        """Whole per cent off the old price; 0 when there is none."""
        return int((1 - self.price / self.old_price) * 100) if self.old_price else 0


CATEGORIES = (
    Category(
        "jackets",
        "Jackets & layers",
        "Shells, down and wool for weather that changes its mind.",
        "#dfe9ea",
        "#c8d8da",
        (gear.down_jacket, gear.FJORD),
    ),
    Category(
        "tents",
        "Tents & sleep",
        "Small houses and warm beds you can carry up a hill.",
        "#f0e6d6",
        "#dccbb0",
        (gear.dome_tent, gear.EMBER),
    ),
    Category(
        "packs",
        "Packs",
        "From a loaf of bread to five days in the fjell.",
        "#e4ebe0",
        "#cbd8c4",
        (gear.backpack, gear.FOREST),
    ),
    Category("trail", "Boots & trail", "Grip, balance and dry feet.", "#ebe3dd", "#d6c8bd", (gear.boots, gear.SAND)),
    Category(
        "camp",
        "Camp kitchen",
        "Light, fire and a hot drink after dark.",
        "#f2e9dc",
        "#e2d2b8",
        (gear.lantern, gear.NIGHT),
    ),
)

_SIZES = ("XS", "S", "M", "L", "XL")
_SHOES = ("38", "39", "40", "41", "42", "43", "44", "45")

PRODUCTS = (
    Product(
        "polarfjord-shell-jacket",
        "NL-1001",
        "Polarfjord Shell Jacket",
        "jackets",
        Decimal("189.00"),
        "Three layers against sideways rain.",
        "A quiet, soft three-layer shell that keeps out a whole day of rain and lets the climb out again. The hood turns "
        "with your head and fits over a helmet; the two-way front zip opens from below when you sit down to eat. Sewn "
        "from recycled polyamide, finished without fluorine.",
        gear.shell_jacket,
        (gear.FJORD, gear.FOREST, gear.EMBER),
        Decimal("4.7"),
        212,
        Decimal("249.00"),
        sizes=_SIZES,
        facts={
            "Weight": "420 g (size M)",
            "Water column": "20,000 mm",
            "Breathability": "18,000 g/m²/24 h",
            "Fabric": "100 % recycled polyamide",
            "Pockets": "2 hand, 1 chest",
            "Fit": "Regular, room for a layer",
        },
        reviews=(
            Review(
                "Maren T.",
                "2026-09-28",
                5,
                "Dry on Trolltunga",
                "Eleven hours of drizzle, two of hail, and the shirt under it stayed dry. The sleeves are long enough for once.",
            ),
            Review(
                "Jonas",
                "2026-08-15",
                4,
                "Great shell, small chest pocket",
                "Breathes better than my old one that cost twice as much. A phone only just fits into the pocket.",
            ),
            Review(
                "Aino K.",
                "2026-07-02",
                5,
                "The colour!",
                "Fjord is exactly as pictured. Ordered M for 172 cm, fits over a fleece.",
            ),
        ),
    ),
    Product(
        "nordlys-2-tent",
        "NL-2001",
        "Nordlys 2 Dome Tent",
        "tents",
        Decimal("329.00"),
        "Pitches in four minutes, stands in a gale.",
        "A free-standing tent for two with two doors, two porches and poles that cross twice. The inner tent hangs in the "
        "outer one, so it never gets wet while you pitch it.",
        gear.dome_tent,
        (gear.EMBER, gear.FOREST),
        Decimal("4.8"),
        164,
        Decimal("399.00"),
        facts={
            "Sleeps": "2",
            "Weight": "2.3 kg",
            "Packed": "44 × 16 cm",
            "Outer": "30D ripstop, 4,000 mm",
            "Poles": "Aluminium, 8.7 mm",
        },
        reviews=(
            Review(
                "Sigrid",
                "2026-10-03",
                5,
                "A night of 90 km/h",
                "It hummed, it did not bend. Morning coffee in the porch.",
            ),
            Review("Leo M.", "2026-06-21", 5, "Fast", "Four minutes is honest. The second time it took me three."),
        ),
    ),
    Product(
        "fjell-45-backpack",
        "NL-3001",
        "Fjell 45 Backpack",
        "packs",
        Decimal("159.00"),
        "Carries five days as if they were three.",
        "A trekking pack with an adjustable back, a hip belt that really takes the load and a lid that comes off as a bag "
        "for the summit. The rain cover lives in its own pocket.",
        gear.backpack,
        (gear.FOREST, gear.BERRY, gear.NIGHT),
        Decimal("4.6"),
        98,
        badge="New",
        facts={"Volume": "45 + 8 l", "Weight": "1.58 kg", "Back length": "42–54 cm", "Fabric": "210D recycled nylon"},
        reviews=(
            Review("Tomasz", "2026-09-11", 5, "Best belt so far", "14 kg from Abisko to Kvikkjokk, no sore hips."),
        ),
    ),
    Product(
        "tind-hiking-boot",
        "NL-4001",
        "Tind Hiking Boot",
        "trail",
        Decimal("179.00"),
        "Resoled, not replaced.",
        "A mid-high boot of oiled nubuck with a membrane and a welted sole that any cobbler can replace. Stiff enough for "
        "scree, soft enough for the way home.",
        gear.boots,
        (gear.SAND, gear.NIGHT),
        Decimal("4.5"),
        187,
        Decimal("219.00"),
        sizes=_SHOES,
        facts={"Weight": "640 g (42)", "Upper": "Nubuck 2.4 mm", "Sole": "Rubber lugs, welted", "Membrane": "PFC free"},
        reviews=(Review("Hanne", "2026-05-30", 4, "Break them in", "Two weeks of walking to work, then bliss."),),
    ),
    Product(
        "lumen-down-jacket",
        "NL-1002",
        "Lumen Down Jacket",
        "jackets",
        Decimal("229.00"),
        "300 grams of evening.",
        "Light 700-fill down in a windproof shell, for the hour between arriving and the fire. Packs into its own pocket.",
        gear.down_jacket,
        (gear.BERRY, gear.FJORD, gear.SAND),
        Decimal("4.9"),
        341,
        badge="Bestseller",
        sizes=_SIZES,
        facts={"Weight": "310 g (size M)", "Fill": "700 cuin, RDS certified", "Shell": "10D nylon"},
        reviews=(Review("Ida", "2026-10-12", 5, "Lives in my pack", "Forgotten it was there until the wind came up."),),
    ),
    Product(
        "glimt-camp-lantern",
        "NL-5001",
        "Glimt Camp Lantern",
        "camp",
        Decimal("49.90"),
        "Warm light, forty hours.",
        "A dimmable lantern with the colour of candlelight, charged by USB-C or by the sun on its lid.",
        gear.lantern,
        (gear.NIGHT, gear.EMBER),
        Decimal("4.4"),
        76,
        facts={"Light": "10–320 lm, 2,200 K", "Battery": "4,400 mAh", "Weight": "390 g"},
        reviews=(Review("Pekka", "2026-09-01", 5, "No more headlamps at dinner", "Everyone stops squinting."),),
    ),
    Product(
        "aurora-sleeping-bag",
        "NL-2003",
        "Aurora −10 Sleeping Bag",
        "tents",
        Decimal("199.00"),
        "Warm at minus ten, kind at plus five.",
        "A mummy bag of recycled fibre with a draught collar, a foot box with room for a bottle and a zip that does not bite.",
        gear.sleeping_bag,
        (gear.NIGHT, gear.BERRY),
        Decimal("4.6"),
        129,
        Decimal("259.00"),
        facts={"Comfort": "−4 °C", "Limit": "−10 °C", "Weight": "1.24 kg", "Length": "up to 190 cm"},
        reviews=(Review("Nils", "2026-03-19", 5, "Slept through", "Snow cave, −7 °C, no socks."),),
    ),
    Product(
        "emalje-mug",
        "NL-5003",
        "Emalje Mug",
        "camp",
        Decimal("16.50"),
        "Coffee, soup, snow.",
        "An enamelled steel mug with a mountain on it. Survives fire, falls and the dishwasher.",
        gear.mug,
        (gear.SNOW, gear.FOREST, gear.EMBER),
        Decimal("4.8"),
        403,
        facts={"Volume": "0.35 l", "Weight": "140 g"},
        reviews=(Review("Ronja", "2026-08-08", 5, "Dented and loved", "Third year, one dent, no rust."),),
    ),
    Product(
        "halo-3-tunnel-tent",
        "NL-2002",
        "Halo 3 Tunnel Tent",
        "tents",
        Decimal("549.00"),
        "A hall for three and the dog.",
        "Three poles of one length, a porch you can cook in, and room to sit upright from end to end.",
        gear.tunnel_tent,
        (gear.FOREST, gear.SAND),
        Decimal("4.7"),
        58,
        in_stock=False,
        facts={"Sleeps": "3", "Weight": "3.4 kg", "Outer": "40D ripstop, 5,000 mm"},
        reviews=(Review("Eskil", "2026-02-14", 5, "Storm-proof", "Finse in February. Enough said."),),
    ),
    Product(
        "skagen-wool-sweater",
        "NL-1003",
        "Skagen Wool Sweater",
        "jackets",
        Decimal("119.00"),
        "Knitted like the ones that last.",
        "Norwegian wool in a round yoke without a single seam at the shoulder. Smells of nothing after a week.",
        gear.sweater,
        (gear.SNOW, gear.NIGHT, gear.BERRY),
        Decimal("4.6"),
        88,
        Decimal("149.00"),
        sizes=_SIZES,
        facts={"Wool": "100 % Norwegian, 24 µm", "Care": "30 °C wool programme"},
        reviews=(Review("Greta", "2026-01-30", 5, "Grandmother approves", "And she is strict about yokes."),),
    ),
    Product(
        "sti-18-daypack",
        "NL-3002",
        "Sti 18 Roll-Top Daypack",
        "packs",
        Decimal("84.90"),
        "Bread, book, rain jacket.",
        "A roll-top pack with one pocket in front and nothing that dangles. Welded seams, no cover needed.",
        gear.daypack,
        (gear.SAND, gear.FJORD, gear.FOREST),
        Decimal("4.3"),
        67,
        facts={"Volume": "18 l", "Weight": "540 g", "Fabric": "Waterproof 420D"},
        reviews=(Review("Ben", "2026-07-27", 4, "Simple", "Wish it had a second pocket, love that it has not."),),
    ),
    Product(
        "vandr-trekking-poles",
        "NL-4002",
        "Vandr Trekking Poles",
        "trail",
        Decimal("69.90"),
        "Two more legs.",
        "Aluminium poles with cork grips and a lever lock that holds with gloves on. Sold as a pair.",
        gear.poles,
        (gear.EMBER, gear.FJORD),
        Decimal("4.5"),
        113,
        Decimal("89.90"),
        facts={"Length": "64–135 cm", "Weight": "2 × 240 g", "Grip": "Cork"},
        reviews=(Review("Lotte", "2026-09-09", 5, "Knees say thanks", "1,200 metres down and no complaints."),),
    ),
    Product(
        "gnist-gas-stove",
        "NL-5002",
        "Gnist Gas Stove",
        "camp",
        Decimal("59.00"),
        "Half a litre in under three minutes.",
        "A burner that screws onto any standard cartridge, with a flame that goes low enough for milk.",
        gear.stove,
        (gear.FJORD, gear.EMBER),
        Decimal("4.7"),
        141,
        facts={"Power": "2.8 kW", "Weight": "86 g", "Boils 0.5 l": "2 min 40 s"},
        reviews=(Review("Ulf", "2026-06-06", 5, "Tiny dragon", "And it simmers!"),),
    ),
)

BY_SLUG = {product.slug: product for product in PRODUCTS}
CATEGORY = {category.slug: category for category in CATEGORIES}


def in_category(slug: str) -> list[Product]:
    return [product for product in PRODUCTS if product.category == slug]


def related(product: Product, count: int = 4) -> list[Product]:
    """Same shelf first, then the rest in catalogue order."""
    others = [other for other in PRODUCTS if other is not product]
    return sorted(others, key=lambda other: other.category != product.category)[:count]
