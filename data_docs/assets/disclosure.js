// A disclosure's page: findings and their cells point at each other, and archived PDFs open beside
// the findings. Without scripts the links alone lead to the cell, the finding and the file.
"use strict";
(() => {
  const WIDE = 1200;
  const lit = new Set();

  const clear = () => {
    for (const element of lit) element.classList.remove("lit");
    lit.clear();
  };
  const light = (element) => {
    if (!element) return;
    element.classList.add("lit");
    lit.add(element);
  };
  const byIds = (ids) => (ids || "").split(" ").filter(Boolean).map((id) => document.getElementById(id)).filter(Boolean);
  const reveal = (element) => {
    for (let node = element; node; node = node.parentElement) if (node instanceof HTMLDetailsElement) node.open = true;
    element.scrollIntoView({ block: "center" });
  };

  function showCells(finding, go) {
    clear();
    const cells = byIds(finding.dataset.cells);
    cells.forEach(light);
    light(finding);
    if (go && cells.length) reveal(cells[0]);
  }

  function showFindings(cell) {
    clear();
    const findings = byIds(cell.dataset.f);
    light(cell);
    findings.forEach(light);
    if (findings.length) {
      reveal(findings[0]);
      findings[0].focus({ preventScroll: true });
    }
  }

  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const target = event.target;
    const page = target.closest("a[data-pdf]");
    if (page) {
      if (window.innerWidth >= WIDE) {
        event.preventDefault();
        openPane(page);
      }
      return;
    }
    const cell = target.closest("td[data-f]");
    if (cell) {
      event.preventDefault();
      showFindings(cell);
      return;
    }
    const finding = target.closest("[data-cells]");
    const anchor = target.closest("a, summary");
    if (finding && anchor && anchor.matches("a.cell, a.locate")) {
      event.preventDefault();
      showCells(finding, false);
      const wanted = document.getElementById(anchor.hash.slice(1));
      if (wanted) reveal(wanted);
      return;
    }
    // Selecting text to copy it is not a click.
    if (finding && !anchor && !String(window.getSelection())) showCells(finding, true);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    clear();
    closePane();
  });

  // Hovering or focusing a marked cell tells what is said about it.
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.id = "tip";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  document.body.append(tip);
  function tell(cell) {
    tip.replaceChildren(...byIds(cell.dataset.f).slice(0, 4).map((finding) => {
      const said = document.createElement("p");
      const title = finding.querySelector("h4, td");
      const message = finding.querySelector(".message, td:nth-child(3)");
      said.textContent = `${title ? title.textContent.trim() : ""}：${message ? message.textContent.trim() : ""}`;
      return said;
    }));
    tip.hidden = false;
    const box = cell.getBoundingClientRect();
    const left = Math.min(box.left, document.documentElement.clientWidth - tip.offsetWidth - 8);
    const above = box.top > tip.offsetHeight + 60;
    tip.style.left = `${Math.max(8, left) + window.scrollX}px`;
    tip.style.top = `${(above ? box.top - tip.offsetHeight - 6 : box.bottom + 6) + window.scrollY}px`;
    cell.firstElementChild?.setAttribute("aria-describedby", "tip");
  }
  const cellOf = (event) => (event.target instanceof Element ? event.target.closest("td[data-f]") : null);
  for (const kind of ["mouseover", "focusin"]) document.addEventListener(kind, (event) => { const cell = cellOf(event); if (cell) tell(cell); });
  for (const kind of ["mouseout", "focusout"]) document.addEventListener(kind, (event) => { if (cellOf(event)) tip.hidden = true; });

  // Paper cannot be unfolded: findings are printed open, the long lists of numbers as they are.
  let unfolded = [];
  window.addEventListener("beforeprint", () => {
    unfolded = [...document.querySelectorAll("#findings details:not([open])")];
    for (const details of unfolded) details.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const details of unfolded) details.open = false;
  });

  let pane = null;
  let opener = null;
  function openPane(link) {
    closePane();
    opener = link;
    pane = document.createElement("aside");
    pane.className = "pane";
    pane.setAttribute("aria-label", "原件");
    const bar = document.createElement("p");
    const title = document.createElement("span");
    title.textContent = link.textContent;
    const apart = document.createElement("a");
    apart.href = link.href;
    apart.target = "_blank";
    apart.rel = "noopener noreferrer";
    apart.textContent = "在新窗口打开";
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "关闭";
    close.addEventListener("click", closePane);
    bar.append(title, apart, close);
    // A new frame each time: a viewer that is already open does not follow a changed #page.
    const frame = document.createElement("iframe");
    frame.title = title.textContent;
    frame.src = link.href + (link.hash ? "&" : "#") + "navpanes=0&view=FitH";
    pane.append(bar, frame);
    document.body.append(pane);
    document.body.classList.add("split");
    close.focus({ preventScroll: true });
    link.scrollIntoView({ block: "center" });
  }
  function closePane() {
    if (!pane) return;
    pane.remove();
    pane = null;
    document.body.classList.remove("split");
    opener.focus({ preventScroll: true });
  }
})();
