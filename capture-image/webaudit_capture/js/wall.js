// Unmistakable signs of a challenge page. A page with much text of its own is never one.
webaudit.wall = (maxText, lead, frameCover) => {
  const TITLES = [
    /^just a moment\b/i,
    /^attention required\b/i,
    /^pardon our interruption/i,
    /^(please )?verify (that )?you are (a )?human/i,
    /^verifying you are human/i,
    /^are you (a )?(robot|human)\b/i,
    /^robot check$/i,
    /^human verification$/i,
    /^security check$/i,
    /^ddos-guard$/i,
    /^captcha$/i,
  ];
  const PHRASES = [
    "verify you are human",
    "verify that you are human",
    "verify you are a human",
    "verifying you are human",
    "checking your browser before accessing",
    "checking if the site connection is secure",
    "complete the security check to access",
    "press & hold to confirm you are",
    "prove you are not a robot",
    "confirm that you are not a robot",
    "enable javascript and cookies to continue",
    "enter the characters you see below",
    "type the characters you see in this image",
  ];
  const MARKERS = ["#challenge-form", "#challenge-running", "#cf-challenge-running", "#px-captcha", "#sec-if-cpt-container", "form#captcha-form"];
  const FRAMES = /captcha-delivery\.com|hcaptcha\.com|\/recaptcha\/|challenges\.cloudflare\.com|arkoselabs\.com|funcaptcha|geetest\.com|captcha/i;

  const text = webaudit.squeeze(webaudit.body()?.innerText ?? "");
  if (text.length > maxText) return null;
  const title = webaudit.squeeze(webaudit.title());
  if (TITLES.some((pattern) => pattern.test(title))) return `title "${title.slice(0, 80)}"`;
  // A challenge says so at once; further down a shop may be speaking of its forms.
  const lower = text.slice(0, lead).toLowerCase();
  const phrase = PHRASES.find((words) => lower.includes(words));
  if (phrase) return `text "${phrase}"`;
  const marker = MARKERS.find((selector) => document.querySelector(selector));
  if (marker) return `element ${marker}`;
  const frame = [...document.querySelectorAll("iframe")].find(
    (candidate) => FRAMES.test(candidate.src) && webaudit.seen(candidate) && webaudit.cover(candidate) >= frameCover,
  );
  return frame ? `captcha frame ${frame.src.slice(0, 80)}` : null;
};
