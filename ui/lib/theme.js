// @ts-check
// Light, dark, or what the system has. Tells the page with the event `themechange` when what is shown changes.

import { at, setText } from "./dom.js";

const THEMES = ["system", "light", "dark"];
const KEY = "commonplace.theme";

/** Shows the theme that was chosen last, and connects the button that chooses the next. */
export function setUpTheme() {
  const stored = localStorage.getItem(KEY);
  show(THEMES.includes(stored) ? stored : "system");
  at("theme").addEventListener("click", () => {
    const now = document.documentElement.dataset.theme ?? "system";
    const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
    localStorage.setItem(KEY, next);
    show(next);
    tell();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell);
}

/** `light` or `dark`: what is shown now. */
export function shownTheme() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}

function show(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  setText(at("theme"), `Theme: ${theme}`);
}

function tell() {
  dispatchEvent(new Event("themechange"));
}
