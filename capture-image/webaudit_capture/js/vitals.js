// The browser's own load numbers, in milliseconds since navigation start (CLS has no unit). Lab values.
webaudit.vitals = async (patience) => {
  const buffered = (type) =>
    new Promise((resolve) => {
      const observer = new PerformanceObserver((list) => {
        observer.disconnect();
        resolve(list.getEntries());
      });
      observer.observe({ type, buffered: true });
      // An observer is told nothing when there is nothing.
      setTimeout(() => resolve(observer.takeRecords()), patience);
    });
  const round = (value) => (value > 0 ? Math.round(value) : null);
  const [paints, shifts] = await Promise.all([buffered("largest-contentful-paint"), buffered("layout-shift")]);
  const [navigation] = performance.getEntriesByType("navigation");
  const fcp = performance.getEntriesByName("first-contentful-paint")[0];

  // CLS by its definition: the worst window of shifts at most 1 s apart and 5 s long.
  let [cls, window, first, previous] = [0, 0, 0, -Infinity];
  for (const shift of shifts.filter((entry) => !entry.hadRecentInput)) {
    if (shift.startTime - previous < 1000 && shift.startTime - first < 5000) {
      window += shift.value;
    } else {
      [window, first] = [shift.value, shift.startTime];
    }
    previous = shift.startTime;
    cls = Math.max(cls, window);
  }
  return {
    ttfb_ms: round(navigation?.responseStart ?? 0),
    dom_content_loaded_ms: round(navigation?.domContentLoadedEventEnd ?? 0),
    load_ms: round(navigation?.loadEventEnd ?? 0),
    fcp_ms: round(fcp?.startTime ?? 0),
    lcp_ms: round(paints.at(-1)?.startTime ?? 0),
    cls: Math.round(cls * 10000) / 10000,
  };
};
