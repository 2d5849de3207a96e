// What moves in the shop: late pictures, the menu, the cart, the consent banner, and a newsletter that comes late.
"use strict";

const stored = (key) => localStorage.getItem(`nordlicht.${key}`);
const store = (key, value) => localStorage.setItem(`nordlicht.${key}`, value);
const all = (selector) => [...document.querySelectorAll(selector)];

// Pictures below the fold, the second way shops do it (the first is loading=lazy).
const arrival = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    arrival.unobserve(target);
    target.addEventListener("load", () => target.classList.add("arrived"));
    target.src = target.dataset.src;
    target.removeAttribute("data-src");
  }
}, { rootMargin: "120px" });
all("img[data-src]").forEach((picture) => arrival.observe(picture));

const burger = document.querySelector(".burger");
burger.addEventListener("click", () => {
  const open = document.getElementById("menu").classList.toggle("open");
  burger.setAttribute("aria-expanded", String(open));
});

// Cart: lives in this browser only.
const cart = () => JSON.parse(stored("cart") ?? "[]");
const count = () => { document.getElementById("cart-count").textContent = String(cart().length); };
for (const button of all("[data-add]")) {
  button.addEventListener("click", () => {
    store("cart", JSON.stringify([...cart(), { name: button.dataset.name, price: button.dataset.price }]));
    count();
    const toast = document.createElement("p");
    toast.className = "toast";
    toast.setAttribute("role", "status");
    toast.textContent = `${button.dataset.name} is in your cart.`;
    document.body.append(toast);
    setTimeout(() => toast.remove(), 2500);
  });
}
count();
const lines = document.getElementById("cart-lines");
if (lines && cart().length) {
  lines.replaceChildren(...cart().map(({ name, price }) => {
    const line = document.createElement("p");
    line.textContent = `${name} · €${price}`;
    return line;
  }));
}

for (const control of all("[data-picture]")) {
  control.addEventListener("click", () => { document.querySelector(".stage").src = control.dataset.picture; });
}

// Overlays.
function lay(className, html) {
  const veil = document.createElement("div");
  veil.className = className;
  veil.innerHTML = html;
  document.body.append(veil);
  document.documentElement.classList.add("locked");
  return veil;
}

function lift(veil) {
  veil.remove();
  if (!document.querySelector(".veil")) document.documentElement.classList.remove("locked");
}

function askConsent() {
  const veil = lay("veil", `<div class="sheet" role="dialog" aria-modal="true" aria-labelledby="consent-title">
    <h2 id="consent-title">Cookies, but no crumbs in the tent</h2>
    <p>We use cookies to keep your cart, to count visits and to show fitting offers. You can decline everything that
    the shop does not need. More in our <a href="/info/privacy">privacy notice</a>.</p>
    <div class="choices"><button type="button" class="button" data-consent="declined">Decline</button>
    <button type="button" class="button primary" data-consent="accepted">Accept all</button></div></div>`);
  for (const button of veil.querySelectorAll("[data-consent]")) {
    button.addEventListener("click", () => { store("consent", button.dataset.consent); lift(veil); });
  }
}

let invited = stored("letter") !== null;
function invite() {
  if (invited) return;
  invited = true;
  const veil = lay("veil centre", `<div class="sheet letter" role="dialog" aria-modal="true" aria-labelledby="letter-title">
    <button type="button" class="close" aria-label="Close">×</button>
    <p class="eyebrow">The northern letter</p><h2 id="letter-title">10 % off your first order</h2>
    <p>Once a month: routes, repairs and what is new. No weather reports.</p>
    <form action="/info/privacy"><input type="email" name="email" placeholder="Your e-mail address" aria-label="E-mail">
    <button class="button primary wide">Sign up</button></form>
    <button type="button" class="plain">No thanks, I will pay full price</button></div>`);
  for (const button of veil.querySelectorAll(".close, .plain")) {
    button.addEventListener("click", () => { store("letter", "no"); lift(veil); });
  }
}

if (!stored("consent")) askConsent();
// Four seconds after the page is there, or as soon as somebody has scrolled half of it.
addEventListener("load", () => setTimeout(invite, 4000));
addEventListener("scroll", () => {
  if (scrollY + innerHeight > document.documentElement.scrollHeight / 2) invite();
}, { passive: true });
