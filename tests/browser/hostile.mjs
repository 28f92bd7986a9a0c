// Texts that want to be more than text.

const MARK = "window.pwned=1";

/** What an attacker would put into any field. */
export const HOSTILE = [
  `<img src=x onerror="${MARK}">`,
  `<script>${MARK}</script>`,
  `"><svg onload="${MARK}">`,
  `'-${MARK}-'`,
  `javascript:${MARK}`,
  `<a href="javascript:${MARK}" autofocus onfocus="${MARK}">x</a>`,
  `<iframe srcdoc="<script>parent.${MARK}</script>"></iframe>`,
  `<style>*{display:none!important}</style><base href="http://127.0.0.1:1/">`,
  "${7*7}{{7*7}}<%= 7*7 %>",
  "\u202Egnp.exe\u202C \u2066\u2067\u200F right to left",
  "\u0000\u0007\u001B[31mred\u001B[0m\u0008\u0085\u2028\u2029",
  "Z\u0335\u0321\u0322a\u0336\u0300\u0301l\u0337\u0302\u0303g\u0338\u0304\u0305o".repeat(40),
  "\uFEFF\u200B\u200D\u{E0041}\u{1F469}\u200D\u{1F469}\u200D\u{1F467}",
  "`backticks` and `an open one",
  "__proto__",
  "a".repeat(500),
];

/** One line without a place to break it, as long as a memory may be. */
export const LONG = "x".repeat(60_000);
