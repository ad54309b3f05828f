// The grid of the sheet: from cell to cell by keys, lines by keys and by mouse, rows pasted from a spreadsheet.
(() => {
  "use strict";
  if (!window.editor) return;
  const { sheet, saves, $, $$, byId, row, typed, wrong, commit, undoEdits, add, act, send, renumber } = window.editor;

  // ---- Keys in the grid ----
  const below = (line, step) => {
    let next = line;
    do next = step > 0 ? next.nextElementSibling : next.previousElementSibling;
    while (next && !next.matches("tr.line:not(.pending)"));
    return next;
  };
  const go = (cell, step) => {
    const next = below(row(cell), step);
    const target = next && ($(`.cell[name="${cell.name}"]`, next) || $(".cell", next));
    target?.focus();
    target?.select?.();
    return Boolean(target);
  };
  const atEdge = (cell, step) => {
    if (!cell.matches("textarea") || cell.scrollHeight < 48) return true;
    return cell.selectionStart === cell.selectionEnd && cell.selectionStart === (step < 0 ? 0 : cell.value.length);
  };
  const lineAct = (cell, verb, values) => {
    const line = row(cell);
    if (!line.dataset.version) return false;
    commit(cell);
    const form = $("form", line);
    if (verb === "delete") (below(line, 1) || line).querySelector(`.cell[name="${cell.name}"]`)?.focus();
    act(form, `${form.getAttribute("action")}/${verb}`, values);
    return true;
  };
  const moveLine = (cell, step) => {
    const at = $$("#invoice-lines > tr[data-version]").indexOf(row(cell)) + 1 + step;
    return at < 1 || lineAct(cell, "move", { position: at });
  };
  sheet.addEventListener("keydown", (event) => {
    const cell = event.target;
    if (event.isComposing || event.defaultPrevented || !cell.matches(".cell")) return;
    const command = event.ctrlKey || event.metaKey;
    const plain = !command && !event.altKey && !event.shiftKey;
    const inGrid = Boolean(row(cell)) && !cell.closest(".pop");
    let done = false;
    if (event.key === "Escape" && plain && (typed(cell) || wrong(cell))) {
      undoEdits(cell);
      done = true;
    } else if (!inGrid) {
      if (event.key === "Enter" && plain && cell.matches("input, [data-one-line]")) {
        if (saves) commit(cell);
        else cell.form.requestSubmit();
        done = true;
      }
    } else if (event.key === "Enter" && plain) {
      const line = row(cell);
      if (line.matches(".new")) {
        add();
        byId("new-description").focus();
      } else if (line.matches(".unsaved:not([data-version])")) send($("form", line));
      else {
        commit(cell);
        if (below(line, 1)?.matches(".new")) byId("new-description").focus();
        else go(cell, 1);
      }
      done = true;
    } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      const step = event.key === "ArrowUp" ? -1 : 1;
      if (plain) done = atEdge(cell, step) && go(cell, step);
      else if (event.altKey && !command && !event.shiftKey) done = moveLine(cell, step);
    } else if (command && !event.altKey && !event.shiftKey) {
      if (event.key.toLowerCase() === "d") done = lineAct(cell, "duplicate");
      else if (event.key === "Backspace") done = lineAct(cell, "delete");
    }
    if (done) event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (!saves || event.isComposing || event.defaultPrevented) return;
    const writing = event.target.closest?.("input:not([type=checkbox]), textarea, select, dialog[open]");
    const undo = (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "z" && !writing;
    const again = event.altKey && !event.ctrlKey && !event.metaKey && event.key.toLowerCase() === "l" && !event.target.closest?.("dialog");
    if (!undo && !again) return;
    event.preventDefault();
    byId(undo ? "undo" : "repeat").requestSubmit();
  });
  sheet.addEventListener("paste", (event) => {
    const cell = event.target;
    const text = event.clipboardData?.getData("text/plain") || "";
    if (!saves || !row(cell) || !/\t|\n[^\n]/.test(text.trim())) return;
    event.preventDefault();
    const form = $("#paste form");
    const line = row(cell);
    act(form, form.action, { rows: text, after: line.dataset.version ? line.id.slice(5) : "" });
  });

  // ---- Lines by mouse: their numbers are handles ----
  sheet.addEventListener("pointerdown", (event) => {
    const line = event.target.matches?.(".grip") && event.target.closest("tr[data-version]");
    if (!line || event.button) return;
    event.preventDefault();
    const lines = () => $$("#invoice-lines > tr[data-version]");
    const from = lines().indexOf(line);
    line.classList.add("dragged");
    const drag = (move) => {
      const over = lines().find((other) => {
        const { top, bottom } = other.getBoundingClientRect();
        return move.clientY >= top && move.clientY < bottom;
      });
      if (!over || over === line) return;
      if (lines().indexOf(over) < lines().indexOf(line)) over.before(line);
      else over.after(line);
    };
    const drop = () => {
      document.removeEventListener("pointermove", drag);
      document.removeEventListener("pointerup", drop);
      document.removeEventListener("pointercancel", drop);
      line.classList.remove("dragged");
      const to = lines().indexOf(line);
      const form = $("form", line);
      if (to !== from) act(form, `${form.getAttribute("action")}/move`, { position: to + 1 });
      renumber();
    };
    document.addEventListener("pointermove", drag);
    document.addEventListener("pointerup", drop);
    document.addEventListener("pointercancel", drop);
  });
})();
