// What a picture of the page needs before it can be taken, and whether there is a picture on it.
(() => {
  const { attribute, boxOf, query, seen, tagOf } = webaudit;

  // Of files still to come, those without which nothing is drawn: not what is only preloaded, or for other media.
  webaudit.neededToDraw = (sheets, fonts) => {
    const links = query(document, "link");
    const needed = (url) => {
      const named = links.filter((link) => link.href === url);
      return named.length === 0 || named.some((link) => link.relList.contains("stylesheet") && matchMedia(link.media).matches);
    };
    return [...sheets.filter(needed), ...(document.fonts.status === "loading" ? fonts : [])];
  };

  const SHAPES = "path, polygon, polyline, text, image, use, foreignObject";
  const shows = (element) => {
    switch (tagOf(element)) {
      case "IMG":
        // A tiny one, or a few bytes in the page itself, keeps the place for what is to come.
        return element.naturalWidth > 8 && !(element.currentSrc.startsWith("data:") && element.currentSrc.length < 512);
      case "SVG":
        return !element.ownerSVGElement && query(document, SHAPES).some((shape) => shape.ownerSVGElement === element);
      case "VIDEO":
      case "CANVAS":
      case "IFRAME":
        return true;
      default:
        return getComputedStyle(element).backgroundImage.includes("url(");
    }
  };

  // Whether anything at least so wide and high shows a picture.
  webaudit.hasPictures = (side) =>
    query(document, "*").some((element) => {
      const box = boxOf(element);
      return box.width >= side && box.height >= side && seen(element) && attribute(element, "aria-hidden") !== "true" && shows(element);
    });
})();
