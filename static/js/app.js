// What the pages need beyond htmx: messages that go away, menus that close, focus that is never lost, and honest
// words about saving. Everything works without it.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const lost = () => !document.activeElement || document.activeElement === document.body;

  // ---- Messages and menus ----
  document.addEventListener("click", (event) => {
    const dismiss = event.target.closest("[data-dismiss]");
    if (dismiss) {
      dismiss.closest(".note").remove();
      if (lost()) $("#main").focus({ preventScroll: true });
    }
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && !event.isComposing && event.target.closest?.("details.menu[open]");
    if (menu) {
      menu.open = false;
      $("summary", menu).focus();
    }
  });

  // ---- Fields that save themselves ----
  const state = (word) => {
    const place = $("#save-state");
    if (place) place.textContent = word;
  };
  const alarm = (sentence) => {
    const note = document.createElement("div");
    note.className = "note bad";
    note.append(Object.assign(document.createElement("p"), { textContent: sentence }));
    const button = Object.assign(document.createElement("button"), { type: "button", className: "word", textContent: "Dismiss" });
    button.dataset.dismiss = "";
    note.append(button);
    $("#alerts").replaceChildren(note);
  };

  // Leaving a cell has sent its row already: Enter in it must not send the form a second time, as a page.
  document.addEventListener("submit", (event) => {
    if (window.htmx && event.target.matches("[data-autosave]")) event.preventDefault();
  });

  // A long description wraps, and is one line of text all the same.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || !event.target.matches("[data-one-line]")) return;
    event.preventDefault();
    if (event.target.form?.matches("[data-autosave]")) event.target.dispatchEvent(new Event("change", { bubbles: true }));
    else event.target.form?.requestSubmit();
  });

  // A date written out in words is out of date as soon as another one is chosen.
  document.addEventListener("input", (event) => {
    const words = event.target.parentElement?.matches(".day") && event.target.nextElementSibling;
    if (words) words.hidden = true;
  });

  const writes = (event) => event.detail.ctx?.request?.method !== "GET";
  document.addEventListener("htmx:before:request", (event) => {
    if (writes(event)) state("Saving…");
    // What waited in the queue of its row goes out with the version that the answer before it has brought.
    const { body } = event.detail.ctx?.request || {};
    const version = event.target.matches("[data-autosave]") && $("[name=version]", event.target);
    if (version && body) body.set("version", version.value);
    const menu = event.detail.ctx?.sourceElement?.closest("details.menu");
    if (menu) {
      menu.open = false;
      $("summary", menu).focus();
    }
  });
  document.addEventListener("htmx:after:request", (event) => {
    const status = event.detail.ctx?.response?.status;
    if (writes(event) && status) state(status < 400 ? "Saved just now" : "Not saved");
    if (status && status < 400) $("#alerts").replaceChildren();
  });
  document.addEventListener("htmx:error", (event) => {
    if (event.detail.ctx?.response) return;
    state("Not saved");
    alarm("The server could not be reached. What you typed is still here; change it again to send it once more.");
  });

  // ---- Focus ----
  // A swap may take away the element that had the focus: go on at the same place of the table, never at the top of the
  // page. After a line was added, go on with the next one.
  let place = null;
  document.addEventListener("htmx:before:swap", (event) => {
    const row = document.activeElement?.closest("tbody[id] > tr");
    const adding = event.detail.ctx?.sourceElement?.id === "new-line-form";
    place = (row || adding) && { body: row?.parentElement.id, row: row?.rowIndex, adding };
  });
  document.addEventListener("htmx:after:settle", () => {
    if (!place) return;
    if (place.adding) {
      ($("#new-line [aria-invalid]") || $("#new-description"))?.focus();
    } else if (lost()) {
      const rows = document.getElementById(place.body)?.closest("table").rows;
      const row = rows && rows[Math.min(place.row, rows.length - 1)];
      if (row) $("input:not([type=hidden]), textarea, a, button", row)?.focus();
    }
  });

  // ---- The print page, when it was opened to print ----
  if (location.hash === "#print" && document.body.matches(".print-page")) window.print();
})();
