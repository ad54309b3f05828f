// What the pages need beyond htmx: messages that go away, menus that close, focus that is never lost, honest words about
// saving, and the keyboard. Everything works without it.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  // htmx, which comes after this script, reads its settings from the page. What was set by scripts is not morphed.
  const settings = {
    includeIndicatorCSS: false,
    history: "reload",
    morphIgnore: ["data-htmx-powered", "open", "role", "aria-autocomplete", "aria-expanded", "aria-controls", "aria-activedescendant"],
  };
  document.head.append(Object.assign(document.createElement("meta"), { name: "htmx-config", content: JSON.stringify(settings) }));
  const lost = () => !document.activeElement || document.activeElement === document.body;

  // ---- Messages and menus ----
  document.addEventListener("click", (event) => {
    const dismiss = event.target.closest?.("[data-dismiss]");
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
  document.addEventListener("alarm", (event) => alarm(event.detail));

  const writes = (event) => event.detail.ctx?.request?.method !== "GET";
  document.addEventListener("htmx:before:request", (event) => {
    if (writes(event)) state("Saving…");
    const row = event.detail.ctx?.request?.submitter?.closest(".act")?.closest("tr");
    if (row) Object.assign(event.detail.ctx, { target: row, swap: "outerHTML swapEmpty:true show:none" }); // rows share a form
    const menu = event.detail.ctx?.sourceElement?.closest("details.menu");
    if (menu) {
      menu.open = false;
      $("summary", menu).focus();
    }
  });
  document.addEventListener("htmx:after:request", (event) => {
    const status = event.detail.ctx?.response?.status;
    if (writes(event) && status) state(status < 400 ? "Saved just now" : "Not saved");
    if (writes(event) && status && status < 400) $("#alerts").replaceChildren();
  });
  document.addEventListener("htmx:error", (event) => {
    if (event.detail.ctx?.response) return;
    state("Not saved");
    alarm("The server could not be reached. What you typed is kept; try again in a moment.");
  });

  // ---- Focus ----
  // A swap may take away the element that had the focus: go on at the same place of the table, or at the link of the
  // same name, never at the top of the page.
  let place = null;
  const link = (row) => $("td:not(.pick) a, .more a", row);
  document.addEventListener("htmx:before:swap", (event) => {
    const focused = document.activeElement;
    const row = focused?.closest("tbody[id] > tr");
    place = (row || focused?.id) && { body: row?.parentElement.id, row: row?.rowIndex, id: focused.id };
  });
  document.addEventListener("htmx:after:settle", () => {
    furnish();
    count();
    if (!place) return;
    if (lost() && place.id && document.getElementById(place.id)) {
      document.getElementById(place.id).focus({ preventScroll: true });
    } else if (lost() && place.body) {
      const rows = document.getElementById(place.body)?.closest("table").rows;
      const row = rows && rows[Math.min(place.row, rows.length - 1)];
      if (row) (row.closest(".list") ? link(row) : $("input:not([type=hidden]), textarea, a, button", row))?.focus();
    }
  });

  // ---- Back to a list ----
  // Its address brings back the rows, the browser the place in the page; the row itself is kept here, again when rows
  // that come while the page is being left have htmx write the history anew.
  let opened = null;
  const keep = () => opened && history.replaceState({ ...history.state, row: opened }, "");
  document.addEventListener("click", (event) => {
    opened = (event.target.closest?.(".list a") && event.target.closest("tbody tr[id]")?.id) || opened;
    keep();
  });
  document.addEventListener("htmx:after:history:replace", keep);
  document.addEventListener("htmx:after:swap", keep);
  const [arrival] = performance.getEntriesByType("navigation");
  const left = arrival?.type !== "navigate" && history.state?.row && document.getElementById(history.state.row);
  if (left) {
    link(left)?.focus({ preventScroll: true });
    requestAnimationFrame(() => {
      const { top, bottom } = left.getBoundingClientRect();
      if (top < 0 || bottom > innerHeight) left.scrollIntoView({ block: "center" });
    });
  }

  // ---- Selecting rows ----
  const picks = () => [...document.querySelectorAll(".pick [name=ids]")];
  const count = () => {
    const all = picks();
    const picked = all.filter((box) => box.checked).length;
    for (const word of document.querySelectorAll("[data-picked]")) word.textContent = picked;
    const every = $("[data-pick-all]");
    if (every) [every.checked, every.indeterminate] = [picked > 0 && picked === all.length, picked > 0 && picked < all.length];
  };
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-pick-all]")) for (const box of picks()) box.checked = event.target.checked;
    if (event.target.matches(".pick input")) count();
  });
  document.addEventListener("reset", () => setTimeout(count));
  // What every page of rows would say alike is not sent but made here: names to find the focus again, the box that ticks
  // all rows, how many are ticked, and in each row names for its link and box, and a button that sends the form of the
  // selection about it alone.
  const name = () => {
    for (const tab of document.querySelectorAll("#list-tabs a")) tab.id = `tab-${tab.firstChild.data.split(" ")[0].toLowerCase()}`;
    for (const head of document.querySelectorAll("#list th:has(a)")) head.firstChild.id = `sort-${head.className}`;
    const words = $("#selection > p:not(:has(b))");
    if (words) words.innerHTML = "<b data-picked>0</b> selected";
    const corner = $("#list thead .pick:empty");
    if (corner) corner.innerHTML = '<label><input type="checkbox" data-pick-all><span class="vh">Select all rows</span></label>';
  };
  const equip = (row) => {
    const place = link(row);
    const which = $(".none", place) ? `draft for ${$(".name", row).textContent}` : place.textContent;
    if ($(".none", place)) place.setAttribute("aria-label", `not yet, ${which}`);
    $(".pick input", row).setAttribute("aria-label", `Select ${which}`);
    if (!$("#selection [formaction$=archive]")) return; // who may only look
    if (!row.matches(".archived")) {
      const archive = '<div class="act"><span><button class="word" form="selection">Archive</button></span></div>';
      $(".grow > div", row).insertAdjacentHTML("beforeend", archive);
      $(".act button", row).setAttribute("formaction", `${place.getAttribute("href")}/archive`);
    }
    const button = $(".act button", row);
    button.setAttribute("aria-label", `${button.textContent} ${which}`);
  };
  // The keys of a list, for those who use them.
  const hint = (foot) => {
    const picking = $(".pick") ? "<span><kbd>X</kbd> select</span>" : "";
    foot.insertAdjacentHTML("beforeend", `<p class="keys"><span><kbd>J</kbd> <kbd>K</kbd> move</span><span><kbd>Enter</kbd> open</span>${picking}
      <span><kbd>E</kbd> archive</span></p>`);
    const all = Object.assign(document.createElement("a"), { href: $(".menu [data-opens=shortcuts-dialog]").href, innerHTML: "<kbd>?</kbd> all keys" });
    all.dataset.opens = "shortcuts-dialog";
    foot.lastChild.append(all);
  };
  const furnish = () => {
    name();
    for (const row of document.querySelectorAll("#invoice-rows > tr[id]:has(.pick):not(:has([aria-label]))")) equip(row);
    if ("singleKeys" in document.body.dataset) for (const foot of document.querySelectorAll("#list-foot:not(:has(.keys))")) hint(foot);
  };
  count();
  furnish();

  // ---- Dialogs, made when they are first wanted ----
  const what = "A client, an invoice, or what to do";
  const dialogs = {
    palette: (url) => ["Search or jump to", `
      <form action="${url}" role="search" hx-get="${url}" hx-trigger="input changed delay:120ms from:#palette-q, submit" hx-target="#palette-found" hx-sync="this:replace">
        <label class="vh" for="palette-q">${what}</label>
        <input id="palette-q" name="q" placeholder="${what}" autocomplete="off" spellcheck="false" role="combobox" aria-expanded="true" aria-autocomplete="list" aria-controls="palette-options">
      </form>
      <div id="palette-found" data-fill="${url}"><ul id="palette-options" role="listbox" aria-label="What was found"></ul></div>`],
    "shortcuts-dialog": (url) => ["Keyboard shortcuts", `
      <div id="shortcuts-body" data-fill="${url}"></div>
      <p><button type="button" class="button" data-close>Close</button></p>`],
  };
  const dialogOf = (name) => {
    const opener = $(`[data-opens="${name}"]`);
    if ($(`#${name}`) || !opener || opener.pathname === location.pathname) return $(`#${name}`); // not on its own page
    const dialog = Object.assign(document.createElement("dialog"), { id: name });
    const [label, inside] = dialogs[name](opener.getAttribute("href"));
    dialog.setAttribute("aria-label", label);
    dialog.innerHTML = inside;
    document.body.append(dialog);
    htmx.process(dialog);
    $("#palette-q", dialog)?.addEventListener("keydown", step);
    return dialog;
  };
  const open = (name) => {
    const dialog = dialogOf(name);
    if (!dialog?.showModal || dialog.open) return false;
    for (const other of document.querySelectorAll("dialog[open]")) other.close();
    dialog.showModal();
    const place = $("[data-fill]", dialog);
    htmx.ajax("GET", place.dataset.fill, { source: $("form", dialog) || place, target: place, swap: "innerHTML" });
    $("input", dialog)?.select();
    return true;
  };
  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.("[data-opens]");
    if (opener && !event.ctrlKey && !event.metaKey && open(opener.dataset.opens)) event.preventDefault();
    if (event.target.matches?.("dialog, [data-close]")) event.target.closest("dialog").close();
  });

  // ---- The palette: the field keeps the focus, the arrows choose ----
  const options = () => [...document.querySelectorAll("#palette-found [role=option]")];
  const choose = (option) => {
    for (const other of options()) other.setAttribute("aria-selected", other === option);
    if (option) $("#palette-q").setAttribute("aria-activedescendant", option.id);
    else $("#palette-q").removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("htmx:after:swap", (event) => {
    if (event.detail.ctx?.target?.id === "palette-found") choose(options()[0]);
  });
  const step = (event) => {
    const all = options();
    const at = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.isComposing || (!by && event.key !== "Enter") || !all.length) return;
    event.preventDefault();
    if (by) choose(all[(at + by + all.length) % all.length]);
    else all[Math.max(at, 0)].click();
  };

  // ---- Keys. Each has a visible twin; the single ones can be switched off. ----
  const rows = () => [...document.querySelectorAll(".list tbody tr[id]")];
  const here = () => document.activeElement?.closest(".list tbody tr[id]");
  const move = (step) => {
    const all = rows();
    const at = all.indexOf(here());
    const next = at < 0 ? all[0] : all[at + step];
    if (next) link(next)?.focus();
    return Boolean(next);
  };
  const search = () => {
    if (!$("#q")) return open("palette");
    $("#q").focus();
    $("#q").select();
    return true;
  };
  const press = (selector, root) => {
    const target = $(selector, root);
    target?.click();
    return target;
  };
  const keys = {
    "?": () => open("shortcuts-dialog"),
    "/": search,
    c: () => press("[data-key=c]") || location.assign(document.body.dataset.new),
    z: () => press("[data-undo]"),
    j: () => move(1),
    k: () => move(-1),
    x: () => here() && press(".pick input", here()),
    e: () => here() && press(".act button", here()),
    Enter: () => here() && document.activeElement.matches(".pick input") && link(here()).click(),
    ArrowDown: () => here() && move(1),
    ArrowUp: () => here() && move(-1),
  };
  let going = -Infinity;
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || !document.body.dataset.new) return;
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      if (open("palette") || $("#palette")?.open) event.preventDefault();
      return;
    }
    const typing = event.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable], dialog[open]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const single = event.key.length === 1;
    if (single && !("singleKeys" in document.body.dataset)) return;
    const wentTo = single && event.timeStamp - going < 1500 && $(`nav [data-go="${CSS.escape(event.key)}"]`);
    going = event.key === "g" ? event.timeStamp : -Infinity;
    if (wentTo) wentTo.click();
    else if (!keys[event.key]?.()) return;
    event.preventDefault();
  });

  // ---- A double click sends a form once: the second request would meet what the first has changed ----
  const sent = new WeakMap();
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || event.target.method !== "post") return;
    if (event.timeStamp - (sent.get(event.target) ?? -Infinity) < 2000) return event.preventDefault();
    sent.set(event.target, event.timeStamp);
  });

  // ---- Copy and print ----
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copy], [data-print]");
    if (!button) return;
    if (button.matches("[data-print]")) return window.print();
    const source = $(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.innerText);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(source); // without TLS browsers let nobody copy: the keys do it then
    }
  });

  // ---- The print page, when it was opened to print ----
  if (location.hash === "#print" && document.body.matches(".print-page")) window.print();
})();

// ---- When the page itself goes wrong: tell the person, and the server, at most five times a page ----
(() => {
  "use strict";
  const address = new URL("../../problems", document.currentScript.src);
  const told = new Set();
  const report = (message, source = "", stack = "") => {
    const token = document.querySelector("[name=csrf_token]")?.value;
    if (!token || told.size > 4 || told.has(message)) return;
    told.add(message);
    const body = new URLSearchParams({ csrf_token: token, page: location.pathname, message: message.slice(0, 300), source, stack: stack.slice(0, 1500) });
    fetch(address, { method: "POST", body, keepalive: true }).catch(() => {});
  };
  const broken = (error, source) => {
    if (error?.name === "AbortError") return;
    report(String(error), source, error?.stack);
    const detail = "Something on this page stopped working. What was saved is safe; reload the page if it does not answer.";
    document.dispatchEvent(new CustomEvent("alarm", { detail }));
  };
  addEventListener("error", (event) => {
    if (event.filename.startsWith(location.origin)) broken(event.error ?? event.message, `${event.filename}:${event.lineno}:${event.colno}`);
  });
  addEventListener("unhandledrejection", (event) => broken(event.reason, "promise"));
  addEventListener("htmx:error", (event) => {
    const { ctx, error } = event.detail;
    if (error && (!ctx || ctx.response)) broken(error, "htmx");
  });
  addEventListener("securitypolicyviolation", (event) => report(`Refused by policy: ${event.effectiveDirective}`, event.sourceFile));
})();
