// What would look different in each picture of the page, brought to its beginning: moving vector pictures and videos.
// Style sheets' animations are ended by who takes the picture, and animated pictures never begin (a flag of the browser).
(() => {
  const own = (type, name) => Function.prototype.call.bind(type.prototype[name]);
  const pauseDrawing = own(SVGSVGElement, "pauseAnimations");
  const setTime = own(SVGSVGElement, "setCurrentTime");
  const pauseVideo = own(HTMLMediaElement, "pause");

  const rewind = (video, patience) =>
    new Promise((done) => {
      video.addEventListener("seeked", done, { once: true });
      setTimeout(done, patience);
      pauseVideo(video);
      video.currentTime = 0;
    });

  webaudit.still = async (patience) => {
    const waits = [];
    for (const element of webaudit.elements(document)) {
      if (element instanceof SVGSVGElement && !element.ownerSVGElement) {
        pauseDrawing(element);
        setTime(element, 0);
      } else if (element instanceof HTMLVideoElement && element.currentTime > 0) {
        waits.push(rewind(element, patience));
      }
    }
    await Promise.all(waits);
  };
})();
