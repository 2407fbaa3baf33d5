
"use strict";
(() => {
  const box = document.getElementById("search");
  const found = document.getElementById("found");
  const items = [...document.querySelectorAll(".item")];
  const folds = [...document.querySelectorAll("details")];
  // Groups are shown while one of their items is.
  const groups = [...document.querySelectorAll(".group, section")].map((group) => [group, [...group.querySelectorAll(".item")]]);
  let texts = null;

  const search = () => {
    texts ??= items.map((item) => item.textContent.toLowerCase());
    const words = box.value.toLowerCase().split(/\s+/).filter((word) => word);
    let shown = 0;
    items.forEach((item, index) => {
      const is = words.every((word) => texts[index].includes(word));
      item.hidden = !is;
      shown += is;
    });
    for (const [group, inside] of groups) group.hidden = words.length > 0 && inside.every((item) => item.hidden);
    found.textContent = words.length ? `${shown} of ${items.length}` : "";
  };

  // Where an address leads is opened, and seen whatever is searched.
  const arrive = () => {
    const at = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!at) return;
    if (at.closest("[hidden]")) {
      box.value = "";
      search();
    }
    if (at.tagName === "DETAILS") at.open = true;
    at.scrollIntoView();
  };

  const fold = (open) => folds.forEach((one) => { if (!one.hidden) one.open = open; });
  let before = [];
  document.getElementById("tools").hidden = false;
  document.getElementById("unfold").addEventListener("click", () => fold(true));
  document.getElementById("fold").addEventListener("click", () => fold(false));
  box.addEventListener("input", search);
  addEventListener("hashchange", arrive);
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && document.activeElement !== box) {
      event.preventDefault();
      box.focus();
    } else if (event.key === "Escape" && document.activeElement === box) {
      box.value = "";
      search();
      box.blur();
    }
  });
  // On paper nothing can be opened.
  addEventListener("beforeprint", () => {
    before = folds.filter((one) => !one.open);
    before.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => before.forEach((one) => { one.open = false; }));
  if (location.hash) arrive();
})();
