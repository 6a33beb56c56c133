// The page is whole without this: values on hover and focus are CSS. This adds what CSS cannot.
"use strict";
const keys = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

for (const steps of document.querySelectorAll(".steps")) {
  // One tab stop a chart: arrow keys, Home and End go from step to step, Enter opens one.
  const all = [...steps.querySelectorAll(".step")];
  const go = (to) => {
    all.forEach((step) => step.setAttribute("tabindex", step === to ? 0 : -1));
    to.focus();
  };
  all.forEach((step, place) => {
    const details = step.dataset.step && document.getElementById(step.dataset.step);
    step.setAttribute("tabindex", place ? -1 : 0);
    if (details) {
      step.setAttribute("role", "button");
      step.classList.add("opens");
      step.addEventListener("click", () => open(details));
    }
    step.addEventListener("keydown", (event) => {
      const to = { Home: all[0], End: all.at(-1) }[event.key] ?? all[place + keys[event.key]];
      if (details && (event.key === "Enter" || event.key === " ")) {
        event.preventDefault();
        open(details);
      } else if (to) {
        event.preventDefault();
        go(to);
      } else if (event.key === "Escape") {
        step.blur();
      }
    });
  });
}

function open(details) {
  details.open = true;
  const summary = details.querySelector("summary");
  summary.focus({ preventScroll: true });
  details.scrollIntoView({ block: "start" });
}

for (const label of document.querySelectorAll(".end[data-series]")) {
  // A series is hidden by its own label: there is no second legend.
  const toggle = () => {
    const shown = label.getAttribute("aria-pressed") === "false";
    label.setAttribute("aria-pressed", shown);
    label.ownerSVGElement.querySelectorAll(`g[data-series="${label.dataset.series}"]`)
      .forEach((series) => series.classList.toggle("off", !shown));
  };
  label.setAttribute("role", "button");
  label.setAttribute("tabindex", 0);
  label.setAttribute("aria-pressed", true);
  label.setAttribute("aria-label", `Show ${label.dataset.name}`);
  label.addEventListener("click", toggle);
  label.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      toggle();
    }
  });
}

for (const pre of document.querySelectorAll("pre.copy")) {
  const button = document.createElement("button");
  button.textContent = "Copy";
  button.addEventListener("click", () => {
    const copied = navigator.clipboard?.writeText(pre.textContent.trim()) ?? Promise.reject();
    copied.then(
      () => { button.textContent = "Copied"; },
      () => { getSelection().selectAllChildren(pre); button.textContent = "Selected: copy it"; },
    );
  });
  pre.after(button);
}

addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
