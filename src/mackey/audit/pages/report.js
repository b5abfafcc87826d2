"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const report = data.report;
const LOWEST = -17;                                    // log10 of the error drawn as nothing
const COLOURS = ["#3556a8", "#b5651d", "#1f7a55", "#8a3fa0", "#a33b55", "#4a7a8c"];
const SHADES = [[16, 20, 46], [38, 74, 128], [44, 138, 140], [148, 192, 126], [251, 236, 172]];

const BLAMED = {
  broken: "First broken by", imprecise: "Digits are lost in", random: "Random numbers are drawn in",
  biased: "Random numbers are drawn in", "in expectation": "Random numbers are drawn in",
};

const byId = (id) => document.getElementById(id);

function node(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function shape(tag, attributes = {}, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text) made.append(text);
  return made;
}

function number(value) {
  if (value === null) return "∞";
  return value === 0 ? "0" : value.toExponential(1);
}

// Where an error lies between 1e-17 and 1, from 0 to 1.
function share(error) {
  if (error === null) return 1;
  if (error <= 0) return 0;
  return Math.min(1, Math.max(0, (Math.log10(error) - LOWEST) / -LOWEST));
}

function bar(error, tolerance, judged = true) {
  const kind = !judged ? "quiet" : error === null || error > tolerance ? "fail" : "";
  const fill = node("span", { style: `width:${100 * share(error)}%`, class: kind });
  const mark = node("i", { style: `left:${100 * share(tolerance)}%`, title: `tolerance ${number(tolerance)}` });
  return node("div", { class: "bar" }, fill, mark);
}

function table(headings, rows) {
  const head = node("tr", {}, ...headings.map(([text, kind]) => node("th", { class: kind }, text)));
  return node("div", { class: "scroll" }, node("table", {}, node("thead", {}, head), node("tbody", {}, ...rows)));
}

function showHead() {
  const pill = byId("finding");
  pill.textContent = report.finding;
  if (report.passed) pill.classList.add("pass");
  else if (["broken", "biased"].includes(report.finding)) pill.classList.add("fail");
  if (report.promise) {
    const held = { true: "holds", false: "does not hold", null: "was not measured" }[String(report.promise.holds)];
    byId("promise").textContent = `Declared: ${report.promise.declared}. It ${held}: ${report.promise.measured}.`;
    byId("promise").hidden = false;
  }
  if (report.culprit) {
    const { name, kind, error, cause, fix } = report.culprit;
    byId("culprit").append(
      node("h2", {}, `${BLAMED[report.finding] || "Look at"} ${name} (${kind})`),
      node("p", {}, `${cause}; relative error ${number(error)}.`),
      node("p", {}, node("b", {}, "Fix: "), fix),
    );
    byId("culprit").hidden = false;
  }
}

function showElements() {
  const rows = report.rows.map((row) => {
    const name = row.counted ? row.element : `${row.element} (off the grid, not counted)`;
    return node("tr", { class: row.counted ? "" : "off" },
      node("td", { class: "name" }, name, node("br"), node("small", {}, [row.aspect, row.output].filter(Boolean).join(" · "))),
      node("td", {}, bar(row.error64, report.tolerance, row.counted)),
      node("td", { class: "number" }, number(row.error64)),
      node("td", { class: "number" }, number(row.error)));
  });
  if (report.expectation) return showMeans(report.expectation);
  if (!rows.length) {
    byId("elements").append(node("p", { class: "quiet" }, "Nothing was measured."));
    return;
  }
  byId("elements").append(
    table([["element", ""], ["", ""], ["float64", "number"], ["own dtype", "number"]], rows),
    node("small", {}, `Relative to the largest number of the output; the mark is the tolerance, ${number(report.tolerance)}.`));
}

// Of a random network: the bias of its mean, and what chance alone would leave.
function showMeans(found) {
  const rows = found.rows.map((row) => node("tr", { class: row.is_biased ? "culprit" : "" },
    node("td", { class: "name" }, row.element, " ", node("small", {}, row.output)),
    ...[row.bias, row.noise, row.limit].map((value) => node("td", { class: "number" }, number(value))),
    node("td", { class: "number" }, row.slope === null ? "–" : row.slope.toFixed(2))));
  byId("elements").append(
    table([["element", ""], ["bias", "number"], ["by chance", "number"], ["at most", "number"], ["slope", "number"]], rows),
    node("small", {}, `Of the mean over ${found.samples} samples, relative to what ${found.scale}. `
      + "“At most”: with 99.9 % confidence. Slope: of log error over log samples; independent draws give −0.5."));
}

function showLayers() {
  if (!data.layers.length) {
    byId("layers").append(node("p", { class: "quiet" }, "No layer could be watched."));
    return;
  }
  const rows = data.layers.map((layer) => node("tr", { class: report.culprit && report.culprit.name === layer.name ? "culprit" : "" },
    node("td", { class: "name" }, layer.name, " ", node("small", {}, layer.kind)),
    node("td", {}, node("small", {}, layer.shape.join(" × "))),
    node("td", { style: "width:38%" }, layer.error === null
      ? node("div", { class: "bar unknown", title: "nobody can tell: too few samples, or no known action" })
      : bar(layer.error, 1e-6)),
    node("td", { class: "number" }, layer.error === null ? "–" : number(layer.error))));
  byId("layers").append(
    table([["layer", ""], ["output", ""], ["", ""], ["float64", "number"]], rows),
    node("small", {}, `Under ${data.element}: how far each output is from g acting on it, by its declared type or by the `
      + "matrix on channels that fits best. Above 1e-6 no such matrix exists. Hatched: nobody can tell."));
}

function showFindings() {
  const place = byId("findings");
  if (!data.findings.length) {
    place.append(node("p", { class: "quiet" }, "Lint found nothing to look at."));
    return;
  }
  place.append(node("ul", {}, ...data.findings.map((finding) => node("li", {},
    node("b", {}, `${finding.layer || "the module itself"} (${finding.kind})`), `: ${finding.message}. `,
    node("span", { class: "quiet" }, `${finding.rule}. `), node("b", {}, "Fix: "), finding.fix))));
}

function showMeasured() {
  const file = new Blob([JSON.stringify(data, null, 1)], { type: "application/json" });
  const save = node("a", { class: "button", href: URL.createObjectURL(file), download: "audit.json" }, "Save as JSON");
  byId("measured").append(
    node("ul", {}, ...report.notes.map((note) => node("li", {}, note)),
      node("li", {}, `under ${report.scope}, in torch ${data.torch}`)),
    node("p", {}, save));
}

// A curve of errors against the parameter of the orbit, with a hand at the step that is shown.
function curveOf(orbit) {
  return orbit.parameter === "angle" ? polar(orbit) : plane(orbit);
}

function polar(orbit) {
  const R = 130, C = 165;
  const drawing = shape("svg", { viewBox: "0 0 330 330", role: "img", "aria-label": "error against angle" });
  for (const exponent of [-15, -10, -5, 0]) {
    const radius = R * share(10 ** exponent);
    drawing.append(
      shape("circle", { cx: C, cy: C, r: radius, fill: "none", stroke: "var(--line)", "stroke-width": exponent === -10 ? 2 : 1 }),
      shape("text", { x: C + 0.92 * radius + 2, y: C + 0.39 * radius + 10 }, exponent ? `1e${exponent}` : "1"));
  }
  const at = (degrees, radius) => {
    const angle = degrees * Math.PI / 180;
    return [C + radius * Math.cos(angle), C - radius * Math.sin(angle)];
  };
  for (const degrees of [0, 90, 180, 270]) {
    const [x, y] = at(degrees, R + 16);
    drawing.append(shape("text", { x, y: y + 4, "text-anchor": "middle" }, `${degrees}°`));
  }
  drawCurves(drawing, orbit, (k, error) => at(orbit.values[k], R * share(error)), true);
  const hand = shape("line", { x1: C, y1: C, stroke: "var(--ink)", "stroke-width": 1, "stroke-dasharray": "3 3" });
  drawing.append(hand);
  const turn = (k) => {
    const [x, y] = at(orbit.values[k], R);
    hand.setAttribute("x2", x);
    hand.setAttribute("y2", y);
  };
  return [drawing, turn];
}

function plane(orbit) {
  const W = 330, H = 240, L = 40, B = 26;
  const low = Math.min(...orbit.values), width = Math.max(...orbit.values) - low || 1;
  const at = (k, error) => [L + (W - L - 10) * (orbit.values[k] - low) / width, H - B - (H - B - 12) * share(error)];
  const drawing = shape("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `error against ${orbit.parameter}` });
  for (const exponent of [-15, -10, -5, 0]) {
    const y = at(0, 10 ** exponent)[1];
    drawing.append(
      shape("line", { x1: L, x2: W - 10, y1: y, y2: y, stroke: "var(--line)", "stroke-width": exponent === -10 ? 2 : 1 }),
      shape("text", { x: L - 6, y: y + 4, "text-anchor": "end" }, exponent ? `1e${exponent}` : "1"));
  }
  drawing.append(shape("text", { x: (L + W) / 2, y: H - 6, "text-anchor": "middle" }, orbit.parameter));
  drawCurves(drawing, orbit, at, false);
  const hand = shape("line", { y1: 12, y2: H - B, stroke: "var(--ink)", "stroke-width": 1, "stroke-dasharray": "3 3" });
  drawing.append(hand);
  const turn = (k) => {
    const x = at(k, 1)[0];
    hand.setAttribute("x1", x);
    hand.setAttribute("x2", x);
  };
  return [drawing, turn];
}

function drawCurves(drawing, orbit, at, closed) {
  orbit.curves.forEach((curve, c) => {
    const colour = COLOURS[c % COLOURS.length];
    const known = curve.errors.map((error, k) => [error, k]).filter(([error]) => error !== null);
    const path = known.map(([error, k]) => at(k, error).map((v) => v.toFixed(1)).join(",")).join(" ");
    const line = orbit.parameter === "element" ? null : shape(closed ? "polygon" : "polyline",
      { points: path, fill: "none", stroke: colour, "stroke-width": 1.5, "stroke-opacity": 0.6 });
    if (line) drawing.append(line);
    for (const [error, k] of known) {
      const [x, y] = at(k, error);
      const dot = shape("circle", { cx: x, cy: y, r: orbit.counted[k] ? 4 : 2.5, stroke: colour, fill: orbit.counted[k] ? colour : "var(--card)" });
      dot.append(shape("title", {}, `${orbit.labels[k]}: ${number(error)}`));
      drawing.append(dot);
    }
  });
}

function showOrbit() {
  const orbit = data.orbit;
  if (!orbit) {
    byId("orbit").hidden = true;
    byId("curve").append(node("p", { class: "quiet" }, "Nothing was measured."));
    return;
  }
  const [drawing, turn] = curveOf(orbit);
  const legend = node("div", { class: "legend" }, ...orbit.curves.map((curve, c) => node("span", {},
    node("b", { style: `background:${COLOURS[c % COLOURS.length]}` }), curve.output)));
  byId("curve").append(drawing, legend, node("small", {}, orbit.counted.every(Boolean)
    ? "Errors in float64, on a logarithmic scale."
    : "Errors in float64, on a logarithmic scale. Filled: elements of the group that permute the samples. "
      + "Hollow: between the samples, or not in the group; aliased, not counted."));
  const slider = node("input", { type: "range", min: 0, max: orbit.labels.length - 1, value: 0, "aria-label": orbit.parameter });
  const label = node("output", {});
  const play = node("button", { type: "button" }, "Play");
  const figures = orbit.panels.map((panel) => {
    const canvas = node("canvas", { width: 336, height: 336, role: "img", "aria-label": panel.name });
    const bytes = Uint8Array.from(atob(panel.pixels), (character) => character.charCodeAt(0));
    return { panel, canvas, bytes };
  });
  byId("orbit").append(node("div", { class: "controls" }, play, slider, label));
  for (const [heading, roles] of [["Input", ["input"]], ["Layers", ["layer"]], ["Output", ["output", "wanted"]]]) {
    const group = figures.filter(({ panel }) => roles.includes(panel.role));
    if (!group.length) continue;
    byId("orbit").append(node("h3", {}, heading), node("div", { class: "panels" }, ...group.map(({ panel, canvas }) =>
      node("figure", {}, canvas, node("figcaption", {}, panel.name, node("br"),
        node("small", {}, `${number(panel.low)} to ${number(panel.high)}`))))));
  }
  const show = () => {
    const k = Number(slider.value);
    const errors = orbit.curves.map((curve) => curve.errors[k]).filter((error) => error !== null);
    label.textContent = `${orbit.labels[k]}  error ${errors.length ? number(Math.max(...errors)) : "–"}`;
    turn(k);
    for (const figure of figures) draw(figure, k);
  };
  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  };
  play.addEventListener("click", () => {
    if (timer) return stop();
    play.textContent = "Pause";
    timer = setInterval(() => {
      slider.value = (Number(slider.value) + 1) % orbit.labels.length;
      show();
    }, 180);
  });
  slider.addEventListener("input", () => {
    if (timer) stop();
    show();
  });
  show();
}

function draw({ panel, canvas, bytes }, k) {
  const size = panel.shape.reduce((product, n) => product * n, 1);
  const step = bytes.subarray(k * size, (k + 1) * size);
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  ({ image: drawImage, points: drawPoints, arrows: drawPoints, bars: drawBars })[panel.kind](pen, panel, step);
}

function shade(value) {
  const place = value / 255 * (SHADES.length - 1);
  const i = Math.min(SHADES.length - 2, Math.floor(place));
  return SHADES[i].map((start, c) => Math.round(start + (place - i) * (SHADES[i + 1][c] - start)));
}

function drawImage(pen, panel, step) {
  const [h, w] = panel.shape;
  const small = document.createElement("canvas");
  small.width = w;
  small.height = h;
  const pixels = small.getContext("2d").createImageData(w, h);
  step.forEach((value, i) => pixels.data.set([...shade(value), 255], 4 * i));
  small.getContext("2d").putImageData(pixels, 0, 0);
  const scale = Math.min(pen.canvas.width / w, pen.canvas.height / h);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(small, (pen.canvas.width - scale * w) / 2, (pen.canvas.height - scale * h) / 2, scale * w, scale * h);
}

function drawPoints(pen, panel, step) {
  const half = pen.canvas.width / 2, n = panel.shape[0], reach = 0.62 * half;
  const ink = getComputedStyle(document.documentElement).getPropertyValue("--line");
  pen.strokeStyle = ink;
  pen.lineWidth = 2;
  pen.beginPath();
  pen.moveTo(0, half);
  pen.lineTo(2 * half, half);
  pen.moveTo(half, 0);
  pen.lineTo(half, 2 * half);
  pen.stroke();
  const order = [...Array(n).keys()].sort((a, b) => step[3 * a + 2] - step[3 * b + 2]);
  for (const i of order) {
    const [x, y, z] = [0, 1, 2].map((c) => step[3 * i + c] / 127.5 - 1);
    const px = half + reach * (x + 0.35 * z), py = half - reach * (y + 0.25 * z);
    pen.fillStyle = pen.strokeStyle = `hsl(${360 * i / n} 60% 50%)`;
    if (panel.kind === "arrows") {
      pen.lineWidth = 4;
      pen.beginPath();
      pen.moveTo(half, half);
      pen.lineTo(px, py);
      pen.stroke();
    }
    pen.beginPath();
    pen.arc(px, py, panel.kind === "arrows" ? 6 : 9 + 3 * z, 0, 2 * Math.PI);
    pen.fill();
  }
}

function drawBars(pen, panel, step) {
  const { width, height } = pen.canvas;
  const zero = panel.high > panel.low ? -panel.low / (panel.high - panel.low) * 255 : 0;
  const up = (value) => height - 14 - value / 255 * (height - 28);
  const wide = width / step.length;
  step.forEach((value, i) => {
    pen.fillStyle = value >= zero ? "#3556a8" : "#b5651d";
    pen.fillRect(i * wide + 0.1 * wide, Math.min(up(value), up(zero)), 0.8 * wide, Math.max(2, Math.abs(up(value) - up(zero))));
  });
}

showHead();
showElements();
showOrbit();
showLayers();
showFindings();
showMeasured();
