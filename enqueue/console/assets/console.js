// What moves by itself: pages that look again, times in the reader's zone, copying, choosing, keys. Without it every page and
// every button works.
"use strict";
(() => {
  const all = (sel, at = document) => [...at.querySelectorAll(sel)];
  const one = (sel, at = document) => at.querySelector(sel);
  const body = document.body;

  // Exact times in the reader's own zone.
  const exact = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "long" });
  const short = new Intl.DateTimeFormat(document.documentElement.lang, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
  const zone = at => all("time[datetime]", at).forEach(t => { t.title = exact.format(new Date(t.dateTime)); });
  zone(document);

  // Copying works over plain HTTP, too, where there is no clipboard to ask for.
  async function copy(text) {
    try { await navigator.clipboard.writeText(text); } catch {
      const field = Object.assign(document.createElement("textarea"), { value: text });
      field.setAttribute("readonly", "");
      body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
  }
  document.addEventListener("click", async e => {
    const button = e.target.closest("[data-copy]");
    if (!button) return;
    await copy(button.dataset.copy);
    const label = button.title;
    button.classList.add("done");
    button.title = body.dataset.copied;
    setTimeout(() => { button.classList.remove("done"); button.title = label; }, 1500);
  });

  // A link that signs in needs no second press.
  one("form[data-submit]")?.requestSubmit();

  // Rows that are chosen.
  const form = one("form[data-choose]");
  const picks = () => all("tbody input[name=id]", form ?? body);
  const chosen = () => picks().filter(p => p.checked).length;
  function count() {
    const says = form && one("[data-chosen]", form);
    if (!says) return;
    const n = chosen();
    says.textContent = n === 0 ? says.dataset.none : (n === 1 ? says.dataset.single : says.dataset.many).replace("#", n);
    all("[data-needs]", form).forEach(b => { b.disabled = n === 0; });
    const every = one("[data-all]", form);
    every.checked = n > 0 && n === picks().length;
    every.indeterminate = n > 0 && !every.checked;
  }
  form?.addEventListener("change", e => {
    if (e.target.matches("[data-all]")) picks().forEach(p => { p.checked = e.target.checked; });
    count();
  });
  count();
  addEventListener("pageshow", count);

  // Words of the filter are completed: the list holds the whole line with each word that may come next.
  const filter = one("[data-filter]");
  if (filter) {
    const list = one("#words"), words = all("option", list).map(o => o.value);
    filter.addEventListener("input", () => {
      const cut = filter.value.lastIndexOf(" ") + 1, head = filter.value.slice(0, cut), tail = filter.value.slice(cut);
      list.replaceChildren(...words.filter(w => tail && w.startsWith(tail) && w !== tail).slice(0, 12).map(w => Object.assign(document.createElement("option"), { value: head + w })));
    });
  }

  // Files that are dropped.
  const drop = one("[data-drop] .drop");
  if (drop) {
    const input = one("input[type=file]", drop);
    drop.addEventListener("dragover", e => { e.preventDefault(); drop.classList.add("over"); });
    drop.addEventListener("dragleave", () => drop.classList.remove("over"));
    drop.addEventListener("drop", e => { e.preventDefault(); drop.classList.remove("over"); input.files = e.dataTransfer.files; });
  }

  // A source that can't be shown says so.
  document.addEventListener("error", e => {
    if (!e.target.matches?.("[data-fallback]")) return;
    const box = e.target.closest(".preview");
    e.target.hidden = true;
    one(".gone", box).hidden = false;
  }, true);

  // The legend of a chart reads off the column under the pointer.
  function read(chart, column) {
    const legend = one("[data-legend]", chart), when = one("[data-when]", legend);
    const values = all("[data-n]", legend);
    if (!legend.whole) legend.whole = [when.textContent, values.map(v => v.textContent)];
    when.textContent = column ? short.format(new Date(column.dataset.at)) : legend.whole[0];
    values.forEach((v, i) => { v.textContent = column ? column.dataset[v.dataset.n] : legend.whole[1][i]; });
  }
  document.addEventListener("pointerover", e => {
    const chart = e.target.closest?.(".chart");
    if (chart) read(chart, e.target.closest("[data-at]"));
  });
  document.addEventListener("pointerout", e => {
    const chart = e.target.closest?.(".chart");
    if (chart && !chart.contains(e.relatedTarget)) read(chart, null);
  });

  // Keys.
  let at = -1;
  function go(by) {
    const rows = all(".rows tbody tr");
    if (!rows.length) return;
    rows[at]?.classList.remove("here");
    at = Math.min(rows.length - 1, Math.max(0, at + by));
    rows[at].classList.add("here");
    one("a", rows[at])?.focus({ preventScroll: true });
    rows[at].scrollIntoView({ block: "nearest" });
  }
  document.addEventListener("keydown", e => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.matches("input:not([type=checkbox]), textarea, select")) return;
    const keys = {
      "/": () => (one("[type=search]") ?? { select: () => location.assign("/uploads") }).select(),
      "?": () => one("#keys").showModal(),
      j: () => go(1), k: () => go(-1),
      x: () => one(".rows tr.here input[name=id]")?.click(),
      Enter: () => (e.target === body ? one(".rows tr.here a")?.click() : null),
    };
    if (!(e.key in keys)) return;
    if (e.key !== "Enter") e.preventDefault();
    keys[e.key]();
  });

  // Live: the page is asked for again, and its parts are changed in place. Rows that are new wait behind a link. Nothing
  // happens while the page is hidden, or while rows are chosen.
  if (!("live" in body.dataset) || !window.EventSource) return;
  const lost = one(".lost"), news = one(".news");
  let source, timer, asking = false, again = false;

  function change(before, after) {
    if (before.innerHTML === after.innerHTML) return;
    const open = all("details[open]", before).map(d => d.className);
    before.replaceChildren(...after.childNodes);
    before.className = after.className;
    open.forEach(c => { const d = one("details." + c, before); if (d) d.open = true; });
    zone(before);
  }
  function update(next) {
    all("[data-part]").forEach(part => {
      const after = part.id && next.getElementById(part.id);
      const read = part.matches(":hover") && one(".chart", part); // somebody reads it off
      if (after && !read && !part.contains(document.activeElement)) change(part, after);
    });
    const rows = one("[data-rows]"), fresh = one("[data-rows]", next);
    if (!fresh) return;
    if (!rows) { location.reload(); return; }
    let n = 0;
    [...fresh.rows].forEach(after => {
      const row = document.getElementById(after.id);
      if (!row) { n++; return; }
      [...after.cells].forEach((cell, i) => {
        if (!cell.matches(".pick") && row.cells[i].innerHTML !== cell.innerHTML && !row.cells[i].contains(document.activeElement)) {
          row.cells[i].innerHTML = cell.innerHTML;
          zone(row.cells[i]);
        }
      });
    });
    if ("gone" in rows.dataset) [...rows.rows].forEach(row => row.classList.toggle("gone", !next.getElementById(row.id)));
    if (news && !("later" in rows.dataset)) {
      news.hidden = n === 0;
      news.textContent = (n === 1 ? news.dataset.single : news.dataset.many).replace("#", n === fresh.rows.length ? n + "+" : n);
    }
  }
  async function look() {
    if (document.hidden || chosen() > 0) return;
    if (asking) { again = true; return; }
    asking = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.redirected) { location.reload(); return; }
      if (answer.ok) {
        update(new DOMParser().parseFromString(await answer.text(), "text/html"));
        lost.hidden = true;
      }
    } catch { lost.hidden = false; }
    asking = false;
    if (again) { again = false; setTimeout(look, 1000); }
  }
  function follow() {
    source = new EventSource("/live");
    source.onmessage = look;
    source.onopen = () => { if (!lost.hidden) look(); };
    source.onerror = () => { lost.hidden = false; if (source.readyState === EventSource.CLOSED) setTimeout(() => { source.close(); if (!document.hidden) { look(); follow(); } }, 3000); };
    if (body.dataset.every) timer = setInterval(look, 1000 * body.dataset.every);
  }
  function rest() { source?.close(); clearInterval(timer); }
  document.addEventListener("visibilitychange", () => { rest(); if (!document.hidden) { follow(); look(); } });
  addEventListener("pagehide", rest);
  addEventListener("pageshow", e => { if (e.persisted) { follow(); look(); } });
  follow();
})();
