// What only the live page knows: which parts are seen, where they stand, how they look. Judging is left to the caller.
// Evaluates to a function of the shared helpers and the arguments.
(dom, args) => {
  const { all, anchors, firsts, query, attr, parent, clip, collapse, style, shown, box, aboveFold, names, label, text, spoken, region, address } = dom;
  // The box of what is read by people only, e.g. a heading kept for screen readers, is about a pixel.
  const seen = (el) => {
    const { width, height } = el.getBoundingClientRect();
    return shown(el) && width > 1 && height > 1;
  };

  const headings = (tag) =>
    firsts(all(tag), (el) => {
      if (!shown(el) || ["consent", "cart", "dialog"].includes(region(el))) return null;
      const words = spoken(el);
      return words && { text: words, region: region(el), top: box(el).top };
    }, tag);
  const titles = all("h1").filter((el) => shown(el) && !["nav", "footer"].includes(region(el)));

  // A card is a teaser for another page: it links a picture to one, or stands among likes of itself.
  const LEVELS = 8;
  const CARD_TEXT = 400;
  const PICTURE_SIDE = 60;
  const kind = (el) => `${el.tagName}.${attr(el, "class").trim().split(/\s+/)[0]}`;
  const contents = dom.memo((el) => el.textContent ?? "");
  const pictureSized = (picture) => {
    const { width, height } = picture.getBoundingClientRect();
    return width >= PICTURE_SIDE && height >= PICTURE_SIDE;
  };
  const linksPicture = dom.memo((el) =>
    [...(el instanceof HTMLAnchorElement ? [el] : []), ...anchors(el)].some(
      (link) => dom.leadsElsewhere(link) && [...query(link, "img, picture, svg, [style*='background']")].some(pictureSized),
    ),
  );
  const teaser = dom.memo((el) => {
    const content = contents(el);
    return content.length <= CARD_TEXT && dom.money.test(content) && query(el, "img, picture, h2, h3, h4").length > 0;
  });
  const hasPeers = (el) => {
    const above = parent(el);
    return above !== null && teaser(el) && [...above.children].some((peer) => peer !== el && kind(peer) === kind(el) && teaser(peer));
  };
  // A container's word counts for all that stands in it, so each is asked once.
  const cardAround = dom.memo((el) => {
    if (el === dom.root || el.tagName === "BODY" || contents(el).length > CARD_TEXT * 2) return "none";
    if (titles.some((title) => el.contains(title))) return "none";
    return linksPicture(el) || hasPeers(el) ? "card" : "unclear";
  });
  const inCard = (el) => {
    let node = el;
    for (let level = 0; level < LEVELS && node; level++) {
      const found = cardAround(node);
      if (found !== "unclear") return found === "card";
      node = parent(node);
    }
    return false;
  };

  // Prices: the innermost elements whose own text has money in it. Parts set as separate elements (sign, units, raised
  // cents) are read together.
  const TAG_TEXT = 120;
  const SKIP = new Set(["SCRIPT", "STYLE", "NOSCRIPT", "TEMPLATE", "OPTION", "SELECT", "TEXTAREA", "SVG", "svg", "IFRAME"]);
  const PRICE_NAME = /price|preis|prix|precio|prezzo|preco|prijs|cena|pris\b|hinta|fiyat|amount/;
  const chain = (el, levels) => {
    const list = [];
    for (let node = el; node && list.length < levels; node = parent(node)) list.push(node);
    return list;
  };
  const called = (el) => `${names(el)} ${attr(el, "itemprop")} ${attr(el, "data-testid")} ${attr(el, "data-test")}`.toLowerCase();
  const struck = (el) =>
    chain(el, 5).some((node) => /^(DEL|S|STRIKE)$/.test(node.tagName) || style(node).textDecorationLine.includes("line-through"));
  const raised = (el) => el.tagName === "SUP" || style(el).verticalAlign === "super";
  const inline = (el) => /^(inline|contents)/.test(style(el).display);

  const warm = new Set();
  const priced = [];
  const read = (el) => {
    let content = "";
    let long = false;
    for (const node of el.childNodes) {
      if (content.length > TAG_TEXT * 2) {
        long = true;
        content = "";
      }
      if (node.nodeType === Node.TEXT_NODE) content += node.data.replace(/\s+/g, " ");
      if (node.nodeType !== Node.ELEMENT_NODE || SKIP.has(node.tagName)) continue;
      if (!warm.has(node)) {
        const plain = node.textContent ?? "";
        if (plain.length <= TAG_TEXT && shown(node)) content += inline(node) ? plain.replace(/\s+/g, " ") : `\n${collapse(plain)}\n`;
        else if (shown(node)) long = true;
        continue;
      }
      if (!shown(node) && style(node).display !== "contents") continue;
      const inner = read(node);
      if (inner === null) long = true;
      else if (raised(node) && /^\s*\d\d\s*$/.test(inner) && /\d$/.test(content)) content += `.${inner.trim()}`;
      else content += inline(node) ? inner : `\n${inner}\n`;
    }
    if (long || content.length > TAG_TEXT * 2) return null;
    const line = content.replace(/[^\S\n]+/g, " ").replace(/ ?\n[\s]*/g, "\n").trim();
    const signed = dom.money.test(line);
    const above = parent(el);
    const bare =
      !signed &&
      /^\s*\p{Nd}[\p{Nd}\s.,'’]*([-–—]{1,2})?\*?\s*$/u.test(line) &&
      PRICE_NAME.test(called(el)) &&
      !raised(el) &&
      !(above && (above.textContent ?? "").length <= TAG_TEXT && dom.money.test(collapse(above.textContent ?? "")));
    if (line.length > TAG_TEXT || !(signed || bare)) return content;
    priced.push({ el, line });
    return "";
  };
  let met = 0;
  for (const root of dom.roots) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (met < args.numbers && walker.nextNode()) {
      if (!/\p{Nd}/u.test(walker.currentNode.data)) continue;
      met += 1;
      for (let el = parent(walker.currentNode); el && !warm.has(el); el = parent(el)) warm.add(el);
    }
  }
  for (const root of dom.roots) {
    for (const el of root.children) if (warm.has(el) && (el === dom.root || shown(el))) read(el);
  }

  const around = (el, line) =>
    chain(parent(el), 3)
      .filter((node) => contents(node).length <= TAG_TEXT * 2)
      .map((node) => collapse(node.innerText ?? ""))
      .filter((words) => words.length > line.length && words.length <= TAG_TEXT)
      .at(-1) ?? "";
  const prices = firsts(
    priced,
    ({ el, line }) =>
      region(el) !== "consent" && {
        text: line,
        around: around(el, line),
        struck: struck(el),
        names: chain(el, 3).map(called).join(" ").slice(0, args.textChars),
        size: Math.round(parseFloat(style(el).fontSize) || 0),
        region: region(el),
        card: inCard(el),
        ...box(el),
      },
  );

  // Controls: whatever looks or acts like a button, and links short enough to be one.
  const filled = (el) => {
    const look = style(el);
    const alpha = look.backgroundColor.match(/,\s*([\d.]+)\)$/)?.[1] ?? (look.backgroundColor === "transparent" ? "0" : "1");
    const lined = ["Top", "Right", "Bottom", "Left"].every((side) => parseFloat(look[`border${side}Width`]) >= 1 && look[`border${side}Style`] !== "none");
    const padded = parseFloat(look.paddingLeft) >= 6 && parseFloat(look.paddingTop) + parseFloat(look.paddingBottom) + box(el).height > 24;
    return padded && (parseFloat(alpha) > 0.1 || look.backgroundImage !== "none" || lined);
  };
  const button = (el) => el.tagName === "BUTTON" || el.tagName === "INPUT" || attr(el, "role") === "button";
  const form = (el) => {
    const owner = el.closest("form");
    return owner ? `${attr(owner, "action")} ${names(owner)}` : "";
  };
  const pictured = (el) => {
    const pictures = [...query(el, "img, picture, video")].map((inner) => inner.getBoundingClientRect());
    return Math.max(0, ...pictures.map(({ width, height }) => (width * height) / (innerWidth * innerHeight)));
  };
  // A shop's menu may have more links than may be kept: what stands in it comes last, in the same order otherwise.
  const aside = (el) => el.tagName === "A" && ["nav", "breadcrumb", "footer"].includes(region(el));
  const CONTROLS = "a[href], button, [role=button], input[type=submit], input[type=button], input[type=image]";
  const inOrder = all(CONTROLS);
  const place = new Map(inOrder.map((el, index) => [el, index]));
  const controls = firsts(
    [...inOrder.filter((el) => !aside(el)), ...inOrder.filter(aside)],
    (el) => {
      if (el instanceof SVGElement || !seen(el) || region(el) === "consent") return null;
      const area = box(el);
      const control = {
        text: el.tagName === "INPUT" ? clip(el.value || label(el)) : spoken(el),
        label: label(el),
        href: el instanceof HTMLAnchorElement ? address(el.href) || null : null,
        button: button(el),
        filled: filled(el),
        picture: Math.round(pictured(el) * 100) / 100,
        disabled: el.disabled === true || attr(el, "aria-disabled") === "true",
        names: `${names(el)} ${attr(el, "name")} ${attr(el, "data-action")} ${attr(el, "data-testid")} ${form(el)}`
          .toLowerCase()
          .slice(0, args.textChars),
        region: region(el),
        card: inCard(el),
        aboveFold: aboveFold(area),
        ...area,
      };
      return (control.text || /cart|basket|bag|warenkorb/.test(control.names)) && { el, control };
    },
    "ctas",
  )
    .sort((a, b) => place.get(a.el) - place.get(b.el))
    .map(({ control }) => control);

  const links = (wanted, name) =>
    firsts(
      anchors().filter((el) => region(el) === wanted && /^https?:/.test(el.href)),
      (el) => {
        const words = text(el) || clip(el.textContent ?? "") || spoken(el);
        const href = words && address(el.href);
        return href && { text: words, href, region: wanted };
      },
      name,
    );

  const PICTURE_MIN = 120;
  const large = ({ width, height }) => width >= PICTURE_MIN && height >= PICTURE_MIN;
  const source = (el) => {
    const url = el.currentSrc || attr(el, "src");
    const late = attr(el, "data-src") || attr(el, "data-original") || attr(el, "data-lazy") || attr(el, "data-srcset").split(/[\s,]/)[0];
    return !url || url.startsWith("data:") ? late : url;
  };
  const pictures = firsts(all("img"), (el) => {
    if (!shown(el) || (el.complete && el.naturalWidth === 0 && el.currentSrc)) return null;
    const area = box(el);
    const url = address(source(el));
    if (!url || !large(area)) return null;
    const link = el.closest("a[href]");
    const card = inCard(el) || (link instanceof HTMLAnchorElement && dom.leadsElsewhere(link));
    return { url, alt: label(el), region: region(el), card, ...area };
  }, "image_urls");
  // Some galleries are made of backgrounds; where there are pictures, a background is only a decoration.
  const backgrounds = () =>
    firsts(all("[style*='background']"), (el) => {
      const url = address(style(el).backgroundImage.match(/url\("(https?:[^"]+)"\)/)?.[1] ?? "");
      const area = box(el);
      return url && shown(el) && large(area) && { url, alt: label(el), region: region(el), card: inCard(el), ...area };
    });
  const images = pictures.some((picture) => picture.region === "main" && !picture.card) ? pictures : [...pictures, ...backgrounds()];

  const notes = (selector) =>
    firsts(all(selector), (el) => {
      if (contents(el).length > TAG_TEXT * 2 || !shown(el) || !["main", "aside"].includes(region(el)) || inCard(el)) return null;
      const note = { text: text(el), label: label(el), names: called(el).slice(0, args.textChars) };
      return (note.text || note.label) && note.text.length <= TAG_TEXT && note;
    });

  // Microdata as nested nodes in the shape of JSON-LD. Each element that is visited takes of the room, and so does what
  // it tells; an item that finds none any more is left out.
  const MICRODATA_DEPTH = 8;
  let room = args.structuredChars;
  const words = (el, name) => attr(el, name).split(/\s+/).filter((word) => word && word.length <= args.textChars);
  const value = (el, depth) => {
    if (el.hasAttribute("itemscope")) return depth < MICRODATA_DEPTH ? item(el, depth + 1) : null;
    if (el.hasAttribute("content")) return clip(attr(el, "content"));
    const url = el.href ?? el.src ?? el.data;
    if (typeof url === "string" && url) return address(el.tagName === "IMG" ? source(el) || url : url);
    return clip(attr(el, "datetime") || (/^(DATA|METER)$/.test(el.tagName) && attr(el, "value")) || (el.textContent ?? ""));
  };
  const item = (el, depth) => {
    const node = { "@type": words(el, "itemtype") };
    if (attr(el, "itemid")) node["@id"] = address(attr(el, "itemid"));
    const visit = (holder) => {
      for (const child of holder.children) {
        if (room <= 0) return;
        room -= 1;
        for (const name of words(child, "itemprop")) {
          if (name.startsWith("@")) continue;
          const told = value(child, depth);
          room -= name.length + (typeof told === "string" ? told.length : 0);
          (node[name] ??= []).push(told);
        }
        if (!child.hasAttribute("itemscope")) visit(child);
      }
    };
    visit(el);
    for (const id of words(el, "itemref")) {
      const other = document.getElementById(id);
      if (other && !other.contains(el)) visit({ children: [other] });
    }
    return node;
  };
  // The item around the headline is read first, then products; told they are in the page's order.
  const items = () => {
    const rank = (el) => (titles.some((title) => el.contains(title)) ? 0 : /Product/.test(attr(el, "itemtype")) ? 1 : 2);
    const scopes = all("[itemscope]:not([itemprop])").map((el, index) => ({ el, index, rank: rank(el) }));
    const read = [];
    for (const { el, index } of [...scopes].sort((a, b) => a.rank - b.rank || a.index - b.index)) {
      if (read.length >= args.items || room <= 0) break;
      read.push({ index, node: item(el, 0) });
    }
    dom.leave("microdata_items", scopes.length - read.length);
    return read.sort((a, b) => a.index - b.index).map(({ node }) => node);
  };

  const CURRENCY_NAME = /\\?"(?:priceCurrency|currencyCode|currency_code|currency|isoCode)\\?"\s*:\s*\\?"([A-Z]{3})\\?"/g;
  const SHOP_CURRENCY = /Shopify\.currency\s*=\s*\{\s*"active"\s*:\s*"([A-Z]{3})"/g;
  const scripts = all("script:not([src])").map((el) => el.textContent ?? "");
  const currencies = new Map();
  for (const code of scripts) {
    for (const [, name] of [...code.matchAll(SHOP_CURRENCY), ...code.matchAll(CURRENCY_NAME)]) {
      currencies.set(name, (currencies.get(name) ?? 0) + 1);
    }
  }

  return {
    url: location.href,
    title: clip(all("head > title")[0]?.textContent ?? ""),
    lang: clip(attr(dom.root, "lang")),
    canonical: address(all("link[rel~='canonical'][href]")[0]?.href ?? ""),
    metas: firsts(
      all("meta[content]"),
      (el) => {
        const name = clip(attr(el, "property") || attr(el, "name")).toLowerCase();
        return name && [name, clip(attr(el, "content"))];
      },
      "og",
    ),
    h1: headings("h1"),
    h2: headings("h2"),
    controls,
    navLinks: links("nav", "main_nav_links"),
    headerLinks: links("header"),
    footerLinks: links("footer", "footer_links"),
    prices,
    images,
    ratings: notes("[class*=rating i], [class*=review i], [class*=star i], [aria-label*=star i], [title*=star i], [itemprop*=rating i], [data-rating]"),
    stock: notes("[class*=stock i], [class*=availab i], [class*=verfuegbar i], [class*=lieferbar i], [class*=sold i], [id*=availab i], [id*=stock i]"),
    jsonld: dom.jsonld(),
    microdata: items(),
    currencies: firsts([...currencies].sort(([, a], [, b]) => b - a), ([name]) => name),
    leftOut: dom.leftOut,
    full: dom.full,
  };
}
