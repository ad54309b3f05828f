// The sheet as an editor. The server computes and remembers everything; this file sends cells in the right order, and fits
// answers into the sheet without disturbing what is being typed. grid.js moves between cells, choices.js offers what was
// written before, leaving.js saves first what is not saved yet. Without them every action is a plain button.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);
  const sheet = $(".sheet.editing");
  if (!sheet || !window.htmx) return;
  const saves = Boolean($("#invoice-totals[data-revision]"));
  const token = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const page = token();
  let seen = Number($("#invoice-totals")?.dataset.revision);

  // ---- What is not saved yet ----
  // A cell that was left waits with its text until the server has taken it; its default value is what the server has.
  const waiting = new Map();
  const refused = new WeakMap();
  const basis = new WeakMap(); // the version that a text was written upon, when another's has arrived under it since
  let acting = 0;
  const saved = (cell) => (cell.matches("select") ? $("option[selected]", cell)?.value ?? "" : cell.defaultValue);
  const typed = (cell) => cell.value !== saved(cell);
  const wrong = (cell) => cell.getAttribute("aria-invalid") === "true";
  const cellsOf = (form) => [...form.elements].filter((cell) => cell.matches(".cell"));
  const waitingOf = (form) => [...waiting.keys()].filter((cell) => cell.isConnected && cell.form === form);
  const rowOf = (form) => form.closest("tr") || $("#invoice-header");
  const busy = (row) => $$(".cell", row).some((cell) => waiting.has(cell) || (cell === document.activeElement && typed(cell)));
  const newRow = () => byId("new-line");
  const begun = (row) => $$(".cell", row).some((cell) => cell.value.trim());
  const leave = (cell) => {
    if (!cell?.form?.matches("[data-autosave]")) return;
    if (typed(cell) || wrong(cell)) waiting.set(cell, cell.value);
    else waiting.delete(cell);
    keep();
  };
  const say = (words) => {
    if ($("#save-state")) $("#save-state").textContent = words;
  };
  const tell = (what) => sheet.dispatchEvent(new Event(what)); // to leaving.js
  const unsaved = () => [...waiting.keys()].filter((cell) => cell.isConnected);
  const isRefused = (cell) => refused.get(cell) === waiting.get(cell);
  const quiet = () => !unsaved().length && !acting && !$("tr.pending, #invoice-lines > tr.unsaved");
  const alarm = (sentence) => document.dispatchEvent(new CustomEvent("alarm", { detail: sentence }));
  const failed = (form) => {
    const row = rowOf(form);
    if (!row?.isConnected || $(".retry", row)) return;
    row.classList.add("unsaved");
    const button = Object.assign(document.createElement("button"), { type: "button", className: "retry", textContent: "Not saved. Retry" });
    ($(".what", row) || form).append(button);
    keep();
  };
  const send = (form) => {
    if (form.matches("[data-adds]")) htmx.trigger(form, "submit");
    else htmx.trigger(form, "retry");
  };

  // ---- Kept in this tab, so that neither a reload nor a new sign-in loses it ----
  const shelf = `unsaved ${location.pathname}`;
  function keep() {
    if (!saves) return;
    const cells = $$(".cell[id]", sheet).filter((cell) => !cell.closest(".pending") && (typed(cell) || waiting.has(cell)));
    const adds = $$("tr.pending").map((row) => [row.dataset.token, $$(".cell", row).map((cell) => [cell.name, cell.value])]);
    if (!cells.length && !adds.length) sessionStorage.removeItem(shelf);
    else sessionStorage.setItem(shelf, JSON.stringify({ cells: cells.map((cell) => [cell.id, cell.value]), adds }));
  }
  function bringBack() {
    const kept = JSON.parse(sessionStorage.getItem(shelf) || "null");
    const lost = [];
    for (const [id, value] of kept?.cells || []) {
      const cell = byId(id);
      if (!cell) lost.push(value);
      else if (cell.value !== value) {
        cell.value = value;
        if (!cell.closest(".new")) {
          waiting.set(cell, value);
          failed(cell.form);
        }
      }
    }
    for (const [id, cells] of kept?.adds || []) failed($("form", addPending(id, new Map(cells))));
    if (waiting.size || kept?.adds.length) say("Not saved yet");
    if (lost.length) alarm(`A line that you were writing in was deleted meanwhile. You had typed: ${lost.join(", ")}`);
    keep();
  }

  // ---- Adding a line: it stands on the sheet at once, and the next one can be typed while it is sent ----
  function addPending(id, values) {
    const row = newRow().cloneNode(true);
    const prefix = `unsaved-${id}-`;
    Object.assign(row, { id: `${prefix}line`, className: "line pending" });
    row.dataset.token = id;
    for (const part of $$("[id]", row)) part.id = part.id.replace(/^new-/, prefix);
    for (const part of $$("[form]", row)) part.setAttribute("form", `${prefix}line-form`);
    $("[name=one_time_token]", row).value = id;
    for (const cell of $$(".cell", row)) Object.assign(cell, { value: values.get(cell.name) || "", readOnly: true });
    newRow().before(row);
    htmx.process(row);
    renumber();
    return row;
  }
  function add() {
    const row = newRow();
    if (!begun(row)) return false;
    const cells = $$(".cell", row);
    const pending = addPending($("[name=one_time_token]", row).value, new Map(cells.map((cell) => [cell.name, cell.value])));
    for (const cell of cells) cell.value = cell.defaultValue = "";
    for (const part of $$(".error", row)) part.remove();
    for (const cell of cells) cell.removeAttribute("aria-invalid");
    $("[name=one_time_token]", row).value = token();
    send($("form", pending));
    keep();
    return true;
  }

  // ---- Requests: each says what its page shows; a row sends the cells that were left, with the version it has by then ----
  const act = (form, action, values = {}) => {
    acting += 1;
    htmx.ajax("POST", action, { source: form, target: form, swap: "none", act: true, values: { one_time_token: token(), ...values } });
  };
  htmx.registerExtension("sheet", {
    htmx_before_request(form, { ctx }) {
      if (!saves) return true;
      Object.assign(ctx.request.headers, { "Sheet-Page": page, "Sheet-Revision": String(seen) });
      const { body } = ctx.request;
      if (form.matches?.("[data-clash]")) {
        ctx.solves = [form, body];
        if (form.version && tells(form, body)) body.set("version", form.version.value);
      }
      if (!body || !form.matches?.("[data-autosave]")) return true;
      for (const cell of cellsOf(form)) body.delete(cell.name);
      const { version } = form;
      if (version) body.set("version", version.value);
      if (ctx.act) return true;
      ctx.sent = new Map(waitingOf(form).map((cell) => [cell, waiting.get(cell)]));
      for (const [cell, text] of ctx.sent) {
        body.set(cell.name, text);
        if (basis.has(cell)) body.set("version", basis.get(cell));
      }
      return ctx.sent.size > 0;
    },
    htmx_after_request(form, { ctx }) {
      const { status } = ctx.response;
      const taken = status < 300 || status === 409;
      for (const [cell, text] of (taken && ctx.sent) || []) {
        basis.delete(cell);
        if (waiting.get(cell) === text) waiting.delete(cell);
      }
      for (const [cell, text] of (status === 422 && ctx.sent) || []) refused.set(cell, text);
      if (ctx.response.headers.get("HX-Redirect")) tell("leaving");
      if (status < 300 && form.matches?.("[data-sheet-form]") && form.one_time_token) form.one_time_token.value = token();
      if (status >= 400 && ![409, 422].includes(status)) failIfSaving(form, ctx);
    },
    htmx_error(form, { ctx }) {
      if (!ctx?.response) failIfSaving(form, ctx);
    },
    htmx_finally_request(form, { ctx }) {
      if (ctx.act) acting -= 1;
      keep();
      tell("settled");
    },
    htmx_before_swap(form, { ctx, tasks }) {
      if (!saves || ctx.own) return true;
      ctx.runs = [];
      ctx.written = written();
      ctx.selected = selected();
      keepRefused(tasks, ctx.sent);
      for (const task of [...tasks]) if (!fits(task, ctx)) tasks.splice(tasks.indexOf(task), 1);
      return true;
    },
    htmx_after_swap(form, { ctx }) {
      if (!saves || ctx.own) return;
      for (const run of ctx.runs || []) placeRun(run);
      showSaved(ctx);
      if (ctx.response?.status < 300 && ctx.solves) solved(...ctx.solves);
      renumber();
      announce();
      keep();
      tell("settled");
    },
  });
  function failIfSaving(form, ctx) {
    if (ctx?.sent || form.matches?.("[data-adds]")) failed(form);
  }

  // ---- Fitting an answer into the sheet ----
  // Nothing older than what is shown is taken; a row in which something waits is left alone: its own answer will tell.
  function fits(task, ctx) {
    const { target, swapSpec, fragment } = task;
    const first = fragment.firstElementChild;
    if (first?.id === "invoice-totals") {
      if (Number(first.dataset.revision) < seen) return false;
      seen = Number(first.dataset.revision);
      return true;
    }
    if (swapSpec.style === "delete") return Boolean(target) && !busy(target);
    if (task.type === "main") {
      const [own, ...others] = fragment.children;
      if (own?.matches("tr.line") && others.length) {
        ctx.runs.push({ behind: own.id, rows: others });
        for (const row of others) row.remove();
      }
      return true;
    }
    if (swapSpec.style.startsWith("after")) {
      ctx.runs.push({ behind: target?.id, rows: [...fragment.children], lost: !target });
      return false;
    }
    return !(target?.matches("tr.line") && busy(target));
  }
  // What was refused stands with its sentence until it is put right, whatever else an answer brings.
  function keepRefused(tasks, sent) {
    const brought = (id) => tasks.map(({ fragment }) => id && fragment?.getElementById(id)).find(Boolean);
    for (const cell of waiting.keys()) {
      let theirs = wrong(cell) && !sent?.has(cell) && brought(cell.id);
      if (!theirs) continue;
      const { form } = cell;
      const version = brought(form.id)?.version?.value;
      if (version && version !== form.version.value && !basis.has(cell)) basis.set(cell, form.version.value);
      const sentence = byId(`${cell.id}-error`);
      let part = cell;
      while (sentence && !part.contains(sentence)) [part, theirs] = [part.parentElement, theirs.parentElement];
      theirs.replaceWith(part.cloneNode(true));
    }
  }
  function placeRun({ behind, rows, lost }) {
    let at = byId(behind);
    if (lost || !at) return void htmx.ajax("GET", location.pathname, { target: "#invoice-lines", select: "#invoice-lines", swap: "outerMorph" });
    const first = at.matches("tbody");
    for (const row of rows) {
      const old = byId(row.id);
      const next = first && at.matches("tbody") ? at.firstElementChild : at.nextElementSibling;
      const body = at.closest("tbody");
      if (old && old !== row && (busy(old) || old.contains(document.activeElement))) {
        if (old !== next) (body.moveBefore || body.insertBefore).call(body, old, next);
        if (!busy(old)) htmx.swap({ text: row.outerHTML, target: old, swap: "outerMorph", sourceElement: old, own: true });
        at = old;
      } else {
        old?.remove();
        body.insertBefore(row, next === old ? (first && at.matches("tbody") ? at.firstElementChild : at.nextElementSibling) : next);
        htmx.process(row);
        at = row;
      }
    }
    return undefined;
  }
  // A swap spares the field that has the focus, and a field whose attribute stays: whoever has not written in it sees
  // what is saved, and whoever has writes upon the version that was seen, so that a clash is told.
  function written() {
    const cells = $$(".cell", sheet).filter((cell) => waiting.has(cell) || (cell === document.activeElement && typed(cell)));
    return new Map(cells.map((cell) => [cell, { text: saved(cell), version: cell.form?.version?.value }]));
  }
  function selected() {
    const cell = document.activeElement;
    return cell?.matches(".cell") && cell.value && cell.selectionStart === 0 && cell.selectionEnd === cell.value.length ? cell : null;
  }
  function showSaved({ written: before, selected: all, sent, response }) {
    for (const cell of $$(".cell", sheet)) {
      if (!cell.form?.matches("[data-autosave]") || !typed(cell) || waiting.has(cell)) continue;
      if (cell === document.activeElement && before?.has(cell) && sent?.get(cell) !== cell.value) continue;
      cell.value = saved(cell);
    }
    if (all && all === document.activeElement && !typed(all)) all.select();
    for (const [cell, { text, version }] of before || []) {
      const mine = sent?.has(cell) && response?.status < 300;
      if (cell.isConnected && version && !mine && !basis.has(cell) && typed(cell) && saved(cell) !== text) basis.set(cell, version);
    }
  }
  // The next clash in the same line may have come meanwhile: it stays, and is about the version that this one made.
  const tells = (form, sent) => [...new FormData(form)].every(([name, text]) => ["csrf_token", "version"].includes(name) || sent.get(name) === text);
  function solved(form, sent) {
    const clash = form.closest(".clash");
    const made = clash?.previousElementSibling?.dataset.version;
    if (tells(form, sent)) clash?.remove();
    else if (made && form.version?.value === sent.get("version")) form.version.value = made;
  }
  function renumber() {
    $$("#invoice-lines > tr.line").forEach((row, index) => {
      const number = String(index + 1);
      const place = $(".n > span", row);
      if (!place || place.textContent === number) return;
      place.textContent = number;
      if (row.matches(".new, .pending, .unsaved:not([data-version])")) return;
      for (const part of $$("[aria-label]", row)) part.setAttribute("aria-label", part.getAttribute("aria-label").replace(/line \d+/, `line ${number}`));
      const [up, down] = $$("[name=position]", row);
      [up.value, down.value] = [Math.max(index, 1), index + 2];
    });
  }
  let told = $("#invoice-total")?.textContent;
  function announce() {
    const total = $("#invoice-total")?.textContent;
    if (total === told) return;
    told = total;
    $("#said").textContent = `Total ${total}`;
  }

  // ---- Buttons of the sheet that a script sends ----
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.matches("[data-autosave]")) event.preventDefault();
    else if (form.closest("#invoice-lines .pop")) {
      event.preventDefault();
      const menu = form.closest("details");
      menu.open = false;
      $("summary", menu).focus();
      act($("form", form.closest("tr")), form.getAttribute("action"), form.position ? { position: form.position.value } : {});
    } else if (form.id === "new-line-form") {
      event.preventDefault();
      event.stopImmediatePropagation();
      add();
      byId("new-description").focus();
    }
  }, true);

  // ---- Cells ----
  sheet.addEventListener("change", (event) => leave(event.target), true);
  sheet.addEventListener("input", (event) => {
    if (event.target.matches(".cell")) keep();
  });
  sheet.addEventListener("focusout", (event) => {
    const cell = event.target;
    // A number that was read as another (12*3) shows what it means as soon as it is not being typed any more.
    if (cell.matches(".cell[value]") && !waiting.has(cell) && !typed(cell)) cell.value = saved(cell);
    const row = cell.closest("#new-line");
    if (row && !row.contains(event.relatedTarget) && document.hasFocus() && $("[name=description]", row).value.trim() && !byId("choices")?.contains(event.relatedTarget)) add();
  });
  sheet.addEventListener("click", (event) => {
    if (event.target.matches(".retry")) {
      const row = event.target.closest("tr") || $("#invoice-header");
      row.classList.remove("unsaved");
      const form = event.target.closest("form") || $("form", row);
      event.target.remove();
      send(form);
    } else if (event.target.closest("[data-keep-theirs]")) {
      event.preventDefault();
      const clash = event.target.closest(".clash");
      const row = clash.previousElementSibling;
      clash.remove();
      ($(".cell", row?.matches("tr.line") ? row : newRow()) || $("#main")).focus();
    }
  });

  const row = (cell) => cell.closest("#invoice-lines > tr.line");
  const commit = (cell) => {
    if (typed(cell) || waiting.has(cell)) cell.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const undoEdits = (cell) => {
    cell.value = saved(cell);
    waiting.delete(cell);
    keep();
  };
  window.editor = {
    sheet, saves, $, $$, byId, token, row, newRow, typed, wrong, leave, commit, undoEdits, add, act, send, renumber,
    begun, say, alarm, unsaved, isRefused, quiet, revision: () => seen,
  };

  // ---- Beginning ----
  if (!saves) $("[data-combobox]")?.focus();
  else {
    bringBack();
    if (!$("#invoice-lines > tr[data-version]") && document.activeElement === document.body) byId("new-description").focus();
  }
})();
