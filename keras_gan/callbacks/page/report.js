"use strict";
const range = document.querySelector(".slider input");
if (range) {
  const frames = [...document.querySelectorAll(".slider img")];
  const label = document.querySelector(".slider output");
  const show = () => {
    frames.forEach((frame, place) => { frame.hidden = place !== Number(range.value); });
    label.textContent = "epoch " + frames[Number(range.value)].dataset.epoch;
  };
  range.addEventListener("input", show);
  show();
}
// While the run goes on the page is read again, but not while somebody uses the slider.
if (document.body.dataset.running === "yes") {
  let used = false;
  if (range) range.addEventListener("input", () => { used = true; });
  const silent = Date.now() / 1000 - Number(document.body.dataset.written);
  if (silent > Number(document.body.dataset.lateAfter)) {
    document.querySelector(".state").textContent +=
      `; not written for ${Math.round(silent / 60)} minutes: its process has perhaps ended`;
  }
  setInterval(() => { if (!used && !document.hidden) location.reload(); }, 60000);
}
