// Tables of the index: search, sort and filter over rows of data.js, drawn in portions.
// Plain scripts, because browsers refuse modules and fetch() on file://.
"use strict";
(() => {
  const PORTION = 200;
  const collator = new Intl.Collator("zh-CN", { numeric: true });

  const text = (value, className) => {
    const cell = document.createElement("td");
    cell.textContent = value === "" ? "—" : value;
    if (className) cell.className = value === "" || value === 0 ? className + " none" : className;
    return cell;
  };
  const link = (href, label) => {
    const anchor = document.createElement("a");
    anchor.textContent = label;
    anchor.href = href;
    return anchor;
  };
  const small = (label) => {
    const line = document.createElement("small");
    line.className = "below";
    line.textContent = label;
    return line;
  };
  const away = (href, label) => {
    const anchor = link(href, label);
    anchor.target = "_blank";
    anchor.rel = "noopener noreferrer";
    return anchor;
  };

  const TABLES = {
    disclosures: {
      columns: ["page", "agency", "region", "year", "grade", "score", "coverage", "errors", "warnings", "unsure", "published", "site", "files"],
      searched: ["agency", "region", "site", "year", "files"],
      numeric: ["year", "score", "coverage", "errors", "warnings", "unsure"],
      choices: ["region", "year", "grade"],
      newestFirst: ["year"],
      unit: "份披露",
      draw(row) {
        const agency = document.createElement("td");
        agency.append(link("disclosures/" + row.page, row.agency || "（部门不明）"));
        if (row.files) agency.append(small(row.files));
        const grade = document.createElement("td");
        const mark = document.createElement("span");
        mark.className = "grade-mark";
        mark.textContent = row.grade;
        grade.append(mark);
        return [
          agency, text(row.region, "place"), text(row.year, "num"), grade, text(row.score, "num"),
          text(row.coverage === "" ? "" : row.coverage + "%", "num"),
          text(row.errors, "num errors"), text(row.warnings, "num"), text(row.unsure, "num"), text(row.published, "whole"),
        ];
      },
    },
    documents: {
      columns: ["kind", "reason", "name", "agency", "year", "site", "url", "archived", "seen", "printed"],
      searched: ["kind", "reason", "name", "agency", "site", "printed"],
      numeric: ["year"],
      choices: ["kind", "site"],
      newestFirst: [],
      unit: "个文件或网址",
      draw(row) {
        const name = text(row.name);
        if (row.agency) name.append(small(row.agency));
        const source = document.createElement("td");
        if (row.archived) source.append(away(row.archived, "存档"), " ");
        if (/^https?:\/\//i.test(row.url)) source.append(away(row.url, "网址"));
        else source.append(row.printed || (row.archived ? "" : "—"));
        return [text(row.kind, "whole"), text(row.reason), name, text(row.year, "num"), text(row.site, "whole"), source, text(row.seen, "whole")];
      },
    },
  };

  function mount(section) {
    const name = section.dataset.table;
    const spec = TABLES[name];
    const rows = window.juesuan[name].map((values, position) => {
      const row = { position };
      spec.columns.forEach((column, index) => { row[column] = values[index]; });
      row.haystack = spec.searched.map((column) => row[column]).join(" ").toLowerCase();
      return row;
    });
    const body = section.querySelector("tbody");
    const count = section.querySelector(".count");
    const more = section.querySelector(".more");
    const form = section.querySelector("form");
    const controls = [...form.querySelectorAll("[data-filter]")];
    const headings = [...section.querySelectorAll("th[data-sort]")];
    const datalist = section.querySelector("datalist");
    let shown = rows;
    let drawn = 0;
    let sort = { column: "", descending: false };

    for (const control of controls) {
      if (!spec.choices.includes(control.dataset.filter)) continue;
      const key = control.dataset.filter;
      const values = [...new Set(rows.map((row) => row[key]).filter((value) => value !== ""))].sort((a, b) => collator.compare(a, b));
      if (spec.newestFirst.includes(key)) values.reverse();
      for (const value of values) control.append(new Option(value, value));
    }

    function draw(upTo) {
      const portion = document.createDocumentFragment();
      for (; drawn < Math.min(upTo, shown.length); drawn += 1) {
        const line = document.createElement("tr");
        line.append(...spec.draw(shown[drawn]));
        portion.append(line);
      }
      body.append(portion);
      more.hidden = drawn >= shown.length;
    }

    function compare(a, b) {
      const [one, other] = [a[sort.column], b[sort.column]];
      // What is missing stands last, whichever way the column is sorted.
      if (one === "" || other === "") return (one === "") - (other === "") || a.position - b.position;
      const order = spec.numeric.includes(sort.column) ? one - other : collator.compare(one, other);
      return (sort.descending ? -order : order) || a.position - b.position;
    }

    function refresh() {
      const wanted = {};
      for (const control of controls) wanted[control.dataset.filter] = control.type === "checkbox" ? control.checked : control.value.trim();
      const words = (wanted.text || "").toLowerCase().split(/\s+/).filter(Boolean);
      const agency = (wanted.agency || "").toLowerCase();
      shown = rows.filter((row) =>
        words.every((word) => row.haystack.includes(word)) &&
        (!agency || String(row.agency).toLowerCase().includes(agency)) &&
        (!wanted.errors || row.errors > 0) &&
        spec.choices.every((key) => !wanted[key] || String(row[key]) === wanted[key]));
      if (sort.column) shown.sort(compare);
      body.replaceChildren();
      drawn = 0;
      draw(PORTION);
      count.textContent = shown.length === rows.length ? `共 ${rows.length} ${spec.unit}` : `符合条件的 ${shown.length} ${spec.unit}，共 ${rows.length}`;
      for (const heading of headings) {
        if (heading.dataset.sort === sort.column) heading.setAttribute("aria-sort", sort.descending ? "descending" : "ascending");
        else heading.removeAttribute("aria-sort");
      }
      remember(wanted);
    }

    // Filters live in the address, so that going back from a disclosure finds them again.
    function remember(wanted) {
      const all = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
      for (const [key, value] of Object.entries({ ...wanted, sort: sort.column && (sort.descending ? "-" : "") + sort.column })) {
        if (value) all.set(`${name}.${key}`, value === true ? "1" : value);
        else all.delete(`${name}.${key}`);
      }
      const hash = all.toString();
      if (hash || location.hash.includes("=")) history.replaceState(null, "", hash ? "#" + hash : location.pathname + location.search);
    }

    function recall() {
      if (!location.hash.includes("=")) return;
      const all = new URLSearchParams(location.hash.slice(1));
      for (const control of controls) {
        const value = all.get(`${name}.${control.dataset.filter}`);
        if (control.type === "checkbox") control.checked = value === "1";
        else if (value) control.value = value;
      }
      const sorted = all.get(`${name}.sort`) || "";
      const column = sorted.replace(/^-/, "");
      if (spec.columns.includes(column)) sort = { column, descending: sorted.startsWith("-") };
    }

    let waiting = 0;
    form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(refresh, 120); });
    form.addEventListener("submit", (event) => { event.preventDefault(); refresh(); });
    form.addEventListener("reset", () => setTimeout(refresh));
    for (const heading of headings) {
      heading.querySelector("button").addEventListener("click", () => {
        const column = heading.dataset.sort;
        const largestFirst = spec.numeric.includes(column);
        sort = sort.column === column ? { column, descending: !sort.descending } : { column, descending: largestFirst };
        refresh();
      });
    }
    more.addEventListener("click", () => draw(drawn + PORTION));
    new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) draw(drawn + PORTION);
    }, { rootMargin: "400px" }).observe(more);
    window.addEventListener("beforeprint", () => draw(shown.length));

    if (datalist) {
      const input = form.querySelector("[data-filter=agency]");
      const agencies = [...new Set(rows.map((row) => row.agency))];
      // A list of thousands of names is useless and slow; twenty that fit what is typed are not.
      input.addEventListener("input", () => {
        const typed = input.value.trim().toLowerCase();
        const fitting = typed ? agencies.filter((agency) => agency.toLowerCase().includes(typed)) : [];
        datalist.replaceChildren(...fitting.slice(0, 20).map((agency) => new Option(agency, agency)));
      });
    }
    recall();
    refresh();
  }

  document.querySelectorAll("[data-table]").forEach(mount);
})();
