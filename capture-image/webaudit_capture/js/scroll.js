// Moving about the page, and what it is tall.
(() => {
  const height = () => Math.max(webaudit.root()?.scrollHeight ?? 0, webaudit.body()?.scrollHeight ?? 0);

  // How far a page that reads from right to left sticks out to the left of where its visitors begin.
  const left = () => {
    const top = webaudit.body() ?? webaudit.root();
    const root = webaudit.root();
    return top && root && getComputedStyle(top).direction === "rtl" ? root.scrollWidth - root.clientWidth : 0;
  };

  webaudit.pageSize = () => ({
    height: height(),
    layout: webaudit.root()?.clientWidth ?? 0,
    left: left(),
    viewport: innerHeight,
    y: scrollY,
  });

  webaudit.scrollTo = (y) => {
    window.scrollTo({ top: y, left: 0, behavior: "instant" });
    return webaudit.pageSize();
  };

  // Pictures near the viewport that have begun to load and have not ended.
  webaudit.loadingImages = () =>
    webaudit
      .query(document, "img")
      .filter((image) => !image.complete && webaudit.cover(image) > 0).length;
})();
