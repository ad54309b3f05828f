// What a field offers: lines written before, clients, a calendar, to choose from by keys or mouse.
(() => {
  "use strict";
  if (!window.editor) return;
  const { sheet, saves, $, $$, byId, token, row, leave, commit } = window.editor;

  // ---- Days: in words until they are touched, from the browser's calendar ----
  sheet.addEventListener("input", (event) => {
    const words = $(".day > span", event.target.closest(".day")?.parentElement || document.head);
    if (words) words.hidden = true;
  });
  sheet.addEventListener("change", (event) => {
    const day = event.target.matches(".calendar") && byId(event.target.dataset.for);
    if (!day || !event.target.value) return;
    day.value = event.target.value;
    event.target.value = "";
    day.dispatchEvent(new Event("change", { bubbles: true }));
    day.focus();
  });

  // ---- Suggestions: earlier lines, and clients ----
  const choices = byId("choices");
  const marks = ["role", "aria-autocomplete", "aria-expanded", "aria-controls", "aria-activedescendant"];
  let asking = null;
  let asked = "";
  let timer = 0;
  const kind = (field) => (field?.matches?.("[data-combobox]") ? "clients" : field?.matches?.("#invoice-lines [name=description]") ? "lines" : "");
  const options = () => $$("[role=option]", choices);
  const chosen = () => $("[role=option][aria-selected=true]", choices);
  const close = () => {
    clearTimeout(timer);
    asked = "";
    if (choices) choices.hidden = true;
    if (asking?.matches("[role]")) asking.setAttribute("aria-expanded", "false");
    for (const name of ["aria-controls", "aria-activedescendant"]) asking?.removeAttribute(name);
  };
  const choose = (option) => {
    for (const other of options()) other.setAttribute("aria-selected", other === option);
    if (option) asking.setAttribute("aria-activedescendant", option.id);
    else asking.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  };
  const ask = (field) => {
    const question = `${kind(field)} ${field.value.trim()}`;
    if (kind(field) === "lines" && !field.value.trim()) return close();
    asked = question;
    const url = `${choices.dataset[kind(field)]}?q=${encodeURIComponent(field.value.trim())}`;
    htmx.ajax("GET", url, { source: choices, target: choices, swap: "innerHTML", question });
    return undefined;
  };
  const putBelow = () => {
    if (!asking || choices.hidden) return;
    const { left, bottom, width } = asking.getBoundingClientRect();
    Object.assign(choices.style, { left: `${left + scrollX}px`, top: `${bottom + scrollY + 2}px`, minWidth: `${width}px` });
  };
  const show = () => {
    const list = $("[role=listbox]", choices);
    if (!asking || document.activeElement !== asking || !list || !options().length) return close();
    choices.hidden = false;
    putBelow();
    if (asking.matches("[role]")) asking.setAttribute("aria-expanded", "true");
    asking.setAttribute("aria-controls", list.id);
    choose(options()[0]);
    $("#said").textContent = `${options().length} ${options().length === 1 ? "suggestion" : "suggestions"}`;
    return undefined;
  };
  const takeLine = (field, option) => {
    const line = row(field);
    for (const [name, value] of Object.entries(option.dataset)) {
      const cell = $(`.cell[name="${name}"]`, line);
      if (!cell || (name === "discount_percent" && value === "0")) continue;
      cell.value = value;
      leave(cell);
    }
    close();
    commit(field);
    const quantity = $("[name=quantity]", line);
    quantity.focus();
    quantity.select();
  };
  const takeClient = (field, option) => {
    const select = byId(field.dataset.combobox);
    const { value, label } = option.dataset;
    if (![...select.options].some((other) => other.value === value)) select.append(new Option(label, value));
    select.value = value;
    field.value = field.defaultValue = label;
    close();
    if (saves) select.dispatchEvent(new Event("change", { bubbles: true }));
    else select.form.requestSubmit();
  };
  const take = (option) => {
    const field = asking;
    if (option.dataset.create === undefined) return kind(field) === "lines" ? takeLine(field, option) : takeClient(field, option);
    const { csrf_token: csrf } = byId(field.dataset.combobox).form;
    asked = "create";
    const values = { name: option.dataset.create, csrf_token: csrf.value, one_time_token: token() };
    return htmx.ajax("POST", choices.dataset.create, { source: choices, target: choices, swap: "innerHTML", question: "create", values });
  };
  const come = (field) => {
    if (!kind(field)) return;
    asking = field;
    asking.setAttribute("aria-autocomplete", "list");
    if (asking.matches("textarea")) return; // which cannot be a combobox by name
    asking.setAttribute("role", "combobox");
    asking.setAttribute("aria-expanded", "false");
    if (kind(asking) === "clients") asking.select();
  };
  // The label is that of the field, not of the list behind it that a page without JavaScript shows.
  function nameClient() {
    const client = $("[data-combobox]");
    const label = client && $(`label[for="${client.dataset.combobox}"]`);
    if (!label) return;
    label.htmlFor = client.id;
    client.removeAttribute("aria-label");
  }
  htmx.registerExtension("choices", {
    htmx_before_swap(source, { ctx, tasks }) {
      // The newest question alone is answered.
      for (const task of [...tasks]) if (task.target === choices && ctx.question !== asked) tasks.splice(tasks.indexOf(task), 1);
    },
    htmx_after_swap: nameClient,
  });
  nameClient();
  if (choices) {
    choices.setAttribute("hx-sync", "this:replace");
    document.addEventListener("focusin", (event) => come(event.target));
    document.addEventListener("focusout", (event) => {
      if (event.target !== asking) return;
      close();
      if (kind(asking) === "clients") asking.value = asking.defaultValue;
      for (const name of marks) asking.removeAttribute(name);
      asking = null;
    });
    document.addEventListener("input", (event) => {
      if (event.isComposing || event.target !== asking) return;
      if (!choices.hidden) choose(null); // what is shown answers older words
      clearTimeout(timer);
      timer = setTimeout(ask, 200, asking);
    });
    document.addEventListener("htmx:after:settle", (event) => {
      if (event.detail.task?.target !== choices) return;
      const made = $("[data-chosen]", choices);
      if (made && asking) take(made);
      else if (asked) show();
    });
    window.addEventListener("resize", putBelow);
    choices.addEventListener("pointerdown", (event) => event.preventDefault());
    choices.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option && asking) take(option);
    });
    document.addEventListener("keydown", (event) => {
      if (event.target !== asking || event.isComposing || event.ctrlKey || event.metaKey || event.shiftKey) return;
      const open = !choices.hidden;
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step && (open || (event.altKey && step > 0) || kind(asking) === "clients")) {
        if (event.altKey && open) return;
        if (!open) ask(asking);
        else {
          const all = options();
          const at = all.indexOf(chosen());
          choose(all[at < 0 ? (step > 0 ? 0 : all.length - 1) : (at + step + all.length) % all.length]);
        }
      } else if ((event.key === "Enter" || event.key === "Tab") && open && !event.altKey) {
        const option = chosen();
        if (!option) return close();
        take(option);
      } else if (event.key === "Escape" && open) close();
      else return undefined;
      event.preventDefault();
      event.stopPropagation();
      return undefined;
    }, true);
    come(document.activeElement); // editor.js may have put the focus here already
  }
})();
