// @ts-check
// Asks before an act that others feel. One dialog for the whole page.

import { at, make, setText } from "./dom.js";

/**
 * Shows what will happen and waits for the answer: true if the person agreed. Escape and Cancel are no.
 *
 * @typedef {{ title: string, words: string[], button: string, typed: string | null, isDanger: boolean }} Question
 * @param {Question} question  the button works only when `typed` stands in the field
 */
export function confirm(question) {
  const dialog = at("confirm");
  setText(at("confirm-title"), question.title);
  at("confirm-words").replaceChildren(...question.words.map((text) => make("p", "", text)));
  setText(at("confirm-expected"), question.typed ?? "");
  setText(at("confirm-go"), question.button);
  at("confirm-go").className = question.isDanger ? "danger" : "primary";
  at("confirm-typing").hidden = question.typed === null;
  at("confirm-typed").value = "";
  allow(question);
  dialog.showModal();
  at(question.typed === null ? "confirm-cancel" : "confirm-typed").focus();
  return answer(dialog, question);
}

function answer(dialog, question) {
  const listening = new AbortController();
  const { signal } = listening;
  return new Promise((resolve) => {
    const finish = (isYes) => {
      listening.abort();
      dialog.close();
      resolve(isYes);
    };
    at("confirm-typed").addEventListener("input", () => allow(question), { signal });
    at("confirm-cancel").addEventListener("click", () => finish(false), { signal });
    at("confirm-form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (!at("confirm-go").disabled) finish(true);
    }, { signal });
    // Escape. The event comes late: that of an earlier question may come when this one is open.
    dialog.addEventListener("close", () => dialog.open || finish(false), { signal });
  });
}

function allow(question) {
  at("confirm-go").disabled = question.typed !== null && at("confirm-typed").value.trim() !== question.typed;
}
