// Enhances the pages. Every page also works without this script.

document.documentElement.classList.add("js");

// Replaces each date by the time since then. The full date stays in the tooltip.
const ago = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const units = [["year", 31557600], ["month", 2629800], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60]];
for (const time of document.querySelectorAll("time[datetime]")) {
  const seconds = (new Date(time.dateTime) - Date.now()) / 1000;
  const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  if (Number.isFinite(seconds)) time.textContent = ago.format(Math.round(seconds / size), unit);
}

// The key "/" focuses the search field, unless the user is typing.
addEventListener("keydown", (event) => {
  const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping) return;
  event.preventDefault();
  document.querySelector("#search")?.focus();
});

// The buttons that copy a text to the clipboard.
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    } catch {
      // In an insecure context (HTTP), there is no clipboard. Selects the text instead.
      getSelection().selectAllChildren(source);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}

// The arrow keys move the focus in an icicle chart: up and down between levels, left and right within a level.
for (const chart of document.querySelectorAll(".icicle")) {
  const parts = [...chart.querySelectorAll("a")];
  const box = (part) => part.querySelector("rect").getBoundingClientRect();
  const focus = (part) => {
    if (!part) return;
    for (const other of parts) other.setAttribute("tabindex", other === part ? "0" : "-1");
    part.focus();
  };
  parts.forEach((part, at) => part.setAttribute("tabindex", at === 0 ? "0" : "-1"));
  chart.addEventListener("keydown", (event) => {
    const part = event.target.closest("a");
    const level = part && Number(part.dataset.level);
    const on = (wanted) => parts.filter((other) => Number(other.dataset.level) === wanted);
    const inside = (outer, inner) => box(inner).left >= box(outer).left - 1 && box(inner).right <= box(outer).right + 1;
    const siblings = part ? on(level) : [];
    const target = {
      ArrowLeft: () => siblings[siblings.indexOf(part) - 1],
      ArrowRight: () => siblings[siblings.indexOf(part) + 1],
      ArrowUp: () => on(level - 1).find((outer) => inside(outer, part)),
      ArrowDown: () => on(level + 1).find((inner) => inside(part, inner)),
      Home: () => siblings[0],
      End: () => siblings.at(-1),
    }[event.key];
    if (!part || !target) return;
    event.preventDefault();
    focus(target());
  });
}

// The bar that counts new commits of the branch. A lost connection is opened again, after a pause that doubles each time. No commit is
// missed, because the server continues after the last commit that this page has received.
for (const bar of document.querySelectorAll("[data-watch]")) {
  const seen = new Set();
  let wait = 1000;
  const open = () => {
    const url = new URL(bar.dataset.watch, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url, "wasmstore.v1");
    socket.addEventListener("message", ({ data }) => {
      wait = 1000;
      const event = JSON.parse(data);
      seen.add(event.commit);
      // Shows control and bidirectional characters as escapes, as the pages do.
      const author = event.author.replace(/[\p{Cc}\p{Bidi_C}]/gu, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
      const count = seen.size === 1 ? "1 new change" : `${seen.size} new changes`;
      bar.querySelector("[data-count]").textContent = `${count}, the last one by ${author}`;
      bar.hidden = false;
    });
    socket.addEventListener("close", () => {
      setTimeout(open, wait);
      wait = Math.min(wait * 2, 60000);
    });
  };
  open();
}

// The form for uploading: accepts dropped files, and shows the progress. The server answers with the next page, as it does without this
// script.
for (const form of document.querySelectorAll("form[data-upload]")) {
  const [input, area] = [form.querySelector("input[type=file]"), form.querySelector("[data-drop]")];
  const hint = area.querySelector(".hint");
  const said = hint.textContent;
  const list = () => {
    const names = [...input.files].map((file) => file.name);
    hint.textContent = names.length === 0 ? said : `${names.slice(0, 5).join(", ")}${names.length > 5 ? ` and ${names.length - 5} more` : ""}`;
  };
  input.addEventListener("change", list);
  for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
    area.addEventListener(kind, (event) => {
      event.preventDefault();
      area.classList.toggle("over", kind === "dragenter" || kind === "dragover");
      if (kind !== "drop" || event.dataTransfer.files.length === 0) return;
      input.files = event.dataTransfer.files;
      list();
    });
  }
  let isStale = false;
  const offerSignIn = (text) => {
    const link = document.createElement("a");
    Object.assign(link, { href: form.dataset.login, target: "_blank", rel: "noopener", textContent: "Sign in" });
    text.append(" ", link, " in another tab, then send the form again: the files stay chosen.");
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const line = form.querySelector("[data-progress]");
    const [bar, text, button] = [line.querySelector("progress"), line.querySelector("span"), form.querySelector("button")];
    const request = new XMLHttpRequest();
    const fail = (reason) => {
      line.className = "note bad";
      bar.hidden = true;
      text.textContent = `${reason.trim().replace(/[^.!?]$/, "$&.")} Nothing was changed.`;
      button.disabled = false;
    };
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      bar.value = total > 0 ? (100 * loaded) / total : 0;
      text.textContent = loaded < total ? `${Math.round(bar.value)} %` : "Checking…";
    });
    request.addEventListener("load", () => {
      if (request.status < 400) return location.assign(request.responseURL);
      const page = new DOMParser().parseFromString(request.responseText, "text/html");
      const reason = page.querySelector("main .card p, main .note");
      fail(reason?.textContent ?? `The server answered with status ${request.status}.`);
      isStale = [401, 403].includes(request.status);
      if (request.status === 401) offerSignIn(text);
    });
    request.addEventListener("error", () => fail("The connection was lost."));
    // After the user has signed in again in another tab, the form needs a new token. The selected files are kept.
    if (isStale) {
      button.disabled = true;
      const again = await fetch(location.href, { headers: { Accept: "text/html" } }).then((response) => response.text(), () => "");
      const token = new DOMParser().parseFromString(again, "text/html").querySelector("form[data-upload] [name=token]");
      if (!token) {
        fail("You are not signed in.");
        return offerSignIn(text);
      }
      form.elements.token.value = token.value;
    }
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "text/html");
    line.className = "";
    line.hidden = bar.hidden = false;
    button.disabled = true;
    request.send(new FormData(form));
  });
}
