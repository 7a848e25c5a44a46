"use strict";
// Everything here works on what is in the page; nothing is fetched. Text is only ever set as text.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const status = document.getElementById("status");
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const made = (tag, text, attributes = {}) => {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };

  // light and dark
  const theme = document.getElementById("theme");
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  addEventListener("beforeprint", () => {
    // provenance is for machines: dozens of pages of hashes, which the PDF has in small print
    all("details").forEach((node) => { node.open ||= !node.closest("#provenance"); });
    dispatchEvent(new Event("resize"));
  });
  const narrow = matchMedia("(max-width: 60rem)");
  const fold = () => { if (narrow.matches) all("nav details").forEach((node) => { node.open = false; }); };
  fold();
  all("nav a").forEach((link) => link.addEventListener("click", fold));

  // downloads
  const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const save = (name, blob) => {
    const link = made("a", undefined, { download: name, href: URL.createObjectURL(blob) });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    status.textContent = `${name} saved`;
  };
  const unpacked = (base64) => new Response(
    new Blob([bytesOf(base64)]).stream().pipeThrough(new DecompressionStream("gzip"))).blob();
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.file) {
      save(button.dataset.file, await unpacked(data.files[button.dataset.file]));
    } else if (button.dataset.svg) {
      const address = document.getElementById(button.dataset.svg).querySelector("img").src;
      save(`${button.dataset.svg}.svg`, new Blob([decodeURIComponent(address.slice(address.indexOf(",") + 1))], { type: "image/svg+xml" }));
    }
  });

  // tables sort by the head that is chosen; empty cells stay last
  const keyOf = (row, place) => {
    const cell = row.cells[place];
    return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
  };
  const compare = (a, b, sign) => {
    const lost = [a, b].map((key) => key === "" || Number.isNaN(key));
    if (lost[0] || lost[1]) return lost[0] - lost[1];
    return sign * (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
  };
  all("table").forEach((table) => {
    const heads = all("thead th", table);
    heads.forEach((head, place) => {
      const button = made("button", undefined, { type: "button" });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
        const body = table.tBodies[0];
        const rows = [...body.rows].map((row) => [keyOf(row, place), row]);
        rows.sort((a, b) => compare(a[0], b[0], sign));
        body.append(...rows.map((pair) => pair[1]));
        status.textContent = `sorted by ${button.textContent}, ${sign === 1 ? "ascending" : "descending"}`;
      });
    });
  });

  // figures fit a phone; they are larger when asked for. What is wider than its frame says so
  const phone = matchMedia("(max-width: 48rem)");
  const frames = all(".scroll").map((frame) => {
    const hint = made("p", "More to the right: scroll sideways →", { class: "note sideways" });
    frame.before(hint);
    return [frame, hint];
  });
  const measure = () => {
    all("[data-large]").forEach((button) => { button.hidden = !phone.matches; });
    const wide = frames.map(([frame]) => frame.scrollWidth > frame.clientWidth + 12);
    frames.forEach(([frame, hint], place) => {
      hint.hidden = !wide[place];
      frame.classList.toggle("wider", wide[place]);
    });
  };
  frames.forEach(([frame]) => frame.addEventListener("scroll", () => {
    frame.classList.toggle("at-end", frame.scrollLeft + frame.clientWidth >= frame.scrollWidth - 2);
  }, { passive: true }));
  all("[data-large]").forEach((button) => button.addEventListener("click", () => {
    const isLarge = button.closest(".chart").classList.toggle("large");
    button.setAttribute("aria-pressed", String(isLarge));
    measure();
  }));
  addEventListener("load", measure);
  addEventListener("resize", measure);

  // one sound at a time
  const voice = new Audio();
  const players = all("audio");
  const hush = (but) => [voice, ...players].forEach((one) => { if (one !== but) one.pause(); });
  [voice, ...players].forEach((one) => one.addEventListener("play", () => hush(one)));

  // words: a click opens the places where the code fires, and plays them one after another
  let queue = [];
  const next = () => {
    const item = queue.shift();
    all('.heard [aria-current]').forEach((node) => node.removeAttribute("aria-current"));
    if (!item) return;
    item.row.setAttribute("aria-current", "true");
    voice.src = data.media[item.media];
    voice.dataset.media = item.media;
    voice.play().catch(() => { status.textContent = "the sound cannot be played here"; });
  };
  voice.addEventListener("ended", next);
  voice.className = "unseen";
  voice.id = "voice";
  document.body.append(voice);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { queue = []; hush(null); }
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-opens]");
    if (!button) return;
    const found = data.heard[button.dataset.opens];
    const panel = button.closest(".part").querySelector(".heard");
    const list = made("ol");
    const items = found.hits.map(([utterance, onset, offset, correct, media]) => {
      const row = made("li");
      const play = made("button", "Play", { type: "button" });
      play.append(made("span", ` ${utterance} at ${onset} s`, { class: "unseen" }));
      const said = made("bdi", utterance);
      row.append(play, " ", said, ` ${onset.toFixed(2)} to ${offset.toFixed(2)} s: ${correct ? "the word" : "another word"}`);
      list.append(row);
      const item = { row, media };
      play.addEventListener("click", () => { queue = [item]; next(); });
      return item;
    });
    const stop = made("button", "Stop", { type: "button" });
    stop.addEventListener("click", () => { queue = []; hush(null); });
    panel.replaceChildren(made("h4", found.title), stop, list);
    panel.hidden = false;
    panel.scrollIntoView({ block: "nearest" });
    queue = [...items];
    next();
    status.textContent = `${found.title}: ${items.length} places`;
  });

  // utterances: tiers of tokens, and a cursor that moves with the sound
  all(".clip").forEach((clip) => {
    const seconds = Number(clip.dataset.duration);
    const line = clip.querySelector(".timeline");
    const view = line.parentElement;
    const holder = clip.querySelector(".tokens");
    const more = clip.querySelector("[data-more]");
    const tiers = [];
    let whose = "";
    for (const tier of data.tiers[clip.id] || []) {
      if (tier.system !== whose) holder.append(made("div", tier.system, { class: "whose tier" }));
      whose = tier.system;
      const row = made("div", undefined, { class: "row labels" });
      const track = made("div", undefined, { class: "track" });
      for (const [from, to, label] of tier.runs) {
        const span = made("span", undefined, { title: label });
        span.append(made("bdi", label));
        span.style.left = `${(from / 10 / seconds).toFixed(3)}%`;
        span.style.width = `${((to - from) / 10 / seconds).toFixed(3)}%`;
        track.append(span);
      }
      const named = made("span", undefined, { class: "tier" });
      named.append(made("bdi", tier.name));
      row.append(named, track);
      if (tier.more) {
        row.hidden = true;
        row.classList.add("more");
        more.hidden = false;
      }
      holder.append(row);
      tiers.push({ tier, track });
    }
    // a label that has no room is left out of the picture; the line below and the hint still say it
    const fit = () => tiers.forEach(({ tier, track }) => {
      const scale = track.offsetWidth / seconds / 1000;
      if (!scale) return;
      [...track.children].forEach((span, place) => {
        const [from, to, label] = tier.runs[place];
        span.classList.toggle("tight", (to - from) * scale < 7.5 * label.length + 4);
      });
    });
    fit();
    addEventListener("resize", fit);
    const spans = all(".track > span", clip).map((node) => ({
      node, from: parseFloat(node.style.left) * seconds / 100,
      to: (parseFloat(node.style.left) + parseFloat(node.style.width)) * seconds / 100,
    }));
    const cursor = clip.querySelector(".cursor");
    const now = clip.querySelector(".now");
    let current = clip.querySelector("audio");
    const inView = () => all(".track", clip).find((node) => node.offsetParent);
    const show = () => {
      const time = current.currentTime;
      const track = inView();
      if (!track) return;
      cursor.hidden = false;
      const at = track.offsetLeft + track.offsetWidth * Math.min(time / seconds, 1);
      cursor.style.left = `${at}px`;
      // a picture that is wider than its frame goes along
      if (!current.paused && (at < view.scrollLeft + track.offsetLeft || at > view.scrollLeft + view.clientWidth - 8)) {
        view.scrollLeft = at - track.offsetLeft - 8;
      }
      const under = spans.filter((span) => {
        const on = time >= span.from && time < span.to;
        span.node.classList.toggle("on", on);
        return on && span.node.offsetParent;
      });
      now.textContent = `${time.toFixed(2)} s: ${under.map((span) => span.node.textContent).join(" · ")}`;
    };
    const move = () => { show(); if (!current.paused) requestAnimationFrame(move); };
    all("audio", clip).forEach((audio) => {
      audio.addEventListener("play", () => {
        current = audio;
        const mine = clip.querySelector(`.picture[data-picture="${audio.dataset.picture}"]`);
        if (mine) all(".picture", clip).forEach((node) => { node.hidden = node !== mine; });
        move();
      });
      ["timeupdate", "seeked"].forEach((what) => audio.addEventListener(what, () => { if (audio === current) show(); }));
    });
    line.addEventListener("click", (event) => {
      const track = event.target.closest(".track");
      if (!track || !current) return;
      const box = track.getBoundingClientRect();
      current.currentTime = Math.max(0, (event.clientX - box.left) / box.width * seconds);
      current.play();
    });
    // more room for each second; the place under the cursor stays in view
    let wider = 1;
    const tools = clip.querySelector(".tools");
    tools.hidden = false;
    all("[data-wider]", tools).forEach((button) => button.addEventListener("click", () => {
      wider = Math.min(Math.max(wider * Number(button.dataset.wider), 1), 16);
      line.style.setProperty("--wider", wider);
      const track = inView();
      if (track && current) view.scrollLeft = track.offsetWidth * current.currentTime / seconds - view.clientWidth / 3;
      fit();
      if (current && !cursor.hidden) show();
      status.textContent = `time drawn ${wider} times as wide`;
    }));
    more.addEventListener("click", () => {
      const asked = more.getAttribute("aria-pressed") !== "true";
      more.setAttribute("aria-pressed", String(asked));
      all(".more", holder).forEach((row) => { row.hidden = !asked; });
      fit();
    });
  });

  // heat-maps: the picture's pixels are the numbers; they are drawn again in the order that is asked for
  const level = new Map(data.palette.map((colour, place) => [colour, place]));
  const order = (n, key) => [...Array(n).keys()].sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    return (typeof x === "number" ? x - y : x.localeCompare(y)) || a - b;
  });
  // a cell of CSV that no spreadsheet takes for a formula
  const quoted = (text) => `"${(/^\s*[=+\-@]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
  const heat = async (box) => {
    const { phones, codes, weights } = JSON.parse(await (await unpacked(data.heat[box.id])).text());
    const image = box.querySelector(".cells img");
    const [n, m] = [codes.length, phones.length];
    if (!n || !m) return;
    const canvas = made("canvas", undefined, { "aria-hidden": "true" });
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    [canvas.width, canvas.height] = [n, m];
    pen.drawImage(image, 0, 0);
    const read = pen.getImageData(0, 0, n, m).data;
    const share = new Uint8Array(n * m);
    for (let i = 0; i < n * m; i++) share[i] = level.get((read[4 * i] << 16) | (read[4 * i + 1] << 8) | read[4 * i + 2]) || 0;
    const at = (phone, code) => share[phone * n + code];
    const most = codes.map((_, code) => phones.reduce((best, _, phone) => (at(phone, code) > at(best, code) ? phone : best), 0));
    const mass = phones.map((_, phone) => codes.reduce((sum, _, code) => sum + at(phone, code) * weights[code], 0));
    const byCode = {
      phone: () => order(n, (code) => rows.indexOf(most[code]) * 1000 - at(most[code], code)),
      share: () => order(n, (code) => -weights[code]),
      sure: () => order(n, (code) => -at(most[code], code)),
      code: () => order(n, (code) => codes[code]),
    };
    const byPhone = {
      class: () => [...Array(m).keys()],
      share: () => order(m, (phone) => -mass[phone]),
      name: () => order(m, (phone) => phones[phone]),
    };
    const box_ = box.querySelector(".map");
    const now = box.querySelector(".now");
    let rows = byPhone.class();
    let columns = byCode.phone();
    let zoom = 1;
    let place = [0, 0];
    const labels = box.querySelector(".phones");
    labels.removeAttribute("aria-hidden");
    const height = () => labels.firstElementChild.getBoundingClientRect().height;
    const paint = () => {
      const small = pen.createImageData(n, m);
      rows.forEach((phone, y) => columns.forEach((code, x) => {
        const colour = data.palette[at(phone, code)];
        small.data.set([colour >> 16, (colour >> 8) & 255, colour & 255, 255], 4 * (y * n + x));
      }));
      canvas.width = n;
      pen.putImageData(small, 0, 0);
      const wide = Math.max(box_.clientWidth - labels.offsetWidth - 2, 100);
      canvas.style.width = `${Math.round(wide * zoom)}px`;
      canvas.style.height = `${m * height()}px`;
      box.dataset.codes = columns.slice(0, 8).map((code) => codes[code]).join(" ");
    };
    const name = () => {
      labels.replaceChildren(...rows.map((phone) => {
        const item = made("li");
        const button = made("button", undefined, { type: "button", tabindex: "-1" });
        button.append(made("bdi", phones[phone]));
        button.addEventListener("click", () => {
          columns = order(n, (code) => -at(phone, code));
          paint();
          say(rows.indexOf(phone), 0);
        });
        item.append(button);
        return item;
      }));
    };
    const say = (y, x) => {
      place = [Math.min(Math.max(y, 0), m - 1), Math.min(Math.max(x, 0), n - 1)];
      const [phone, code] = [rows[place[0]], columns[place[1]]];
      now.textContent = `code ${codes[code]} (${(100 * weights[code]).toFixed(2)} % of the time), phone ${phones[phone]}: ` +
        `P ${(at(phone, code) / 255).toFixed(2)}; most likely ${phones[most[code]]}, ${(at(most[code], code) / 255).toFixed(2)}`;
    };
    const scale = (factor) => {
      zoom = Math.min(Math.max(zoom * factor, 1), 64);
      paint();
      const cell = canvas.getBoundingClientRect().width / n;
      box_.scrollLeft = Math.max(0, place[1] * cell - box_.clientWidth / 2);
    };
    box.querySelector('[data-sort="codes"]').addEventListener("change", (event) => { columns = byCode[event.target.value](); paint(); say(0, 0); });
    box.querySelector('[data-sort="phones"]').addEventListener("change", (event) => { rows = byPhone[event.target.value](); name(); paint(); say(0, 0); });
    all("[data-zoom]", box).forEach((button) => button.addEventListener("click", () => scale(Number(button.dataset.zoom))));
    canvas.addEventListener("mousemove", (event) => {
      const area = canvas.getBoundingClientRect();
      say(Math.floor((event.clientY - area.top) / area.height * m), Math.floor((event.clientX - area.left) / area.width * n));
    });
    box_.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (step) say(place[0] + step[0], place[1] + step[1]);
      else if (event.key === "+" || event.key === "=") scale(2);
      else if (event.key === "-") scale(0.5);
      else if (event.key === "Enter") labels.children[place[0]].firstElementChild.click();
      else return;
      event.preventDefault();
      status.textContent = now.textContent;
    });
    box.querySelector("[data-heat]").addEventListener("click", () => {
      const lines = codes.flatMap((code, x) => phones.map((phone, y) => [code, weights[x], quoted(phone), (at(y, x) / 255).toFixed(3)]));
      const shown = lines.filter((line) => Number(line[3]) > 0).map((line) => line.join(","));
      save(`${box.id}.csv`, new Blob([`code,share_of_time,phone,p_phone_given_code\n${shown.join("\n")}\n`], { type: "text/csv" }));
    });
    box.querySelector(".tools").hidden = false;
    image.replaceWith(canvas);
    name();
    paint();
    addEventListener("resize", paint);
    box.addEventListener("toggle", paint);
  };
  all(".heat").forEach((box) => {
    const image = box.querySelector(".cells img");
    image.decode().then(() => heat(box)).catch(() => { status.textContent = "a heat-map cannot be drawn again; its picture stays"; });
  });
})();
