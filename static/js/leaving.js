// Act = save: what leads away or acts on the document waits until the cells are saved, or says why it cannot.
(() => {
  "use strict";
  if (!window.editor) return;
  const { sheet, saves, $, typed, begun, newRow, add, say, alarm, unsaved, isRefused, quiet, revision } = window.editor;

  const allSaved = () => {
    document.activeElement?.blur?.();
    if (saves && begun(newRow())) add();
    return new Promise((resolve) => {
      const end = (answer) => {
        clearTimeout(timer);
        sheet.removeEventListener("settled", check);
        resolve(answer);
      };
      const check = () => {
        if (quiet()) end(true);
        else if ($(".retry", sheet) || unsaved().some(isRefused) || $("#invoice-lines > tr.unsaved:not(.pending)")) end(false);
      };
      const timer = setTimeout(() => end(false), 10000);
      sheet.addEventListener("settled", check);
      check();
    });
  };
  async function first(proceed) {
    const before = document.activeElement;
    if (await allSaved()) return proceed();
    const cell = unsaved().find(isRefused) || unsaved()[0] || $("#invoice-lines > tr.unsaved .cell") || before;
    say("Not saved");
    alarm("Not done yet: something on the sheet is not saved. It is marked; put it right or try again.");
    cell?.focus();
    return undefined;
  }
  const loose = () => saves && (!quiet() || (document.activeElement?.matches?.(".cell") && typed(document.activeElement)) || begun(newRow()));
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (link.matches("[data-opens], [data-keep-theirs], [target], .skip") || !loose()) return;
    event.preventDefault();
    first(() => location.assign(link.href));
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const { submitter } = event;
    if (event.defaultPrevented) return;
    if (form.revision && !loose()) form.revision.value = revision();
    else if (form.closest(".actions, .bar") && loose()) {
      event.preventDefault();
      event.stopImmediatePropagation();
      first(() => form.requestSubmit(submitter));
    }
  }, true);
  function warn(event) {
    if (loose()) event.preventDefault();
  }
  if (saves) window.addEventListener("beforeunload", warn);
  sheet.addEventListener("leaving", () => window.removeEventListener("beforeunload", warn));
})();
