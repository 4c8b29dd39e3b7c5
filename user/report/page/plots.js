// SPDX-License-Identifier: GPL-2.0-only
// Plots: each has a title, axes with units, a legend, a reading line for the keyboard, and its numbers as a
// table. They are drawn again when the theme or the width changes.
"use strict";
const plots = [];
const AXIS_FONT = '12px system-ui, "Liberation Sans", "DejaVu Sans", sans-serif';
const TABLE_ROWS = 60;
// A build that could not get uPlot shows the numbers instead.
const canDraw = typeof uPlot !== "undefined";

function axis(label, options) {
	return Object.assign({
		label, stroke: colour("soft"), font: AXIS_FONT, labelFont: AXIS_FONT, labelSize: 20, gap: 4,
		grid: { stroke: colour("grid"), width: 1 }, ticks: { stroke: colour("grid"), width: 1, size: 5 },
	}, options);
}

const timeAxis = () => axis(data.time_title || "Time since the recording began (s)", { size: 32 });

const sharedCursor = { sync: { key: "time", setSeries: false }, focus: { prox: 24 }, drag: { x: true, y: false } };

// A figure with a plot. spec: { title, hint, summary, make(width) -> { options, data }, read(u, i) -> text,
// table() -> { head, rows }, control, under() }
function figure(spec) {
	const place = canDraw ? el("div", { class: "plot", tabindex: 0, role: "img", "aria-label": spec.summary }) :
		el("p", { class: "hint" }, spec.summary);
	const read = el("p", { class: "read", role: "status" });
	const under = el("div");
	const node = el("figure", { class: "card" },
		el("figcaption", {}, el("h3", {}, spec.title), spec.control || null),
		spec.hint ? el("p", { class: "hint" }, spec.hint) : null, place, under, read);
	const tabled = spec.table ? numbers(spec) : null;
	let u = null;
	let at = -1;

	function draw(width) {
		if (tabled)
			tabled.renew();
		if (!canDraw)
			return;
		const wide = width || place.clientWidth || 500;
		if (u)
			u.destroy();
		const { options, data: columns } = spec.make(wide);
		u = new uPlot(Object.assign({ width: wide, height: 250, cursor: sharedCursor, legend: { live: true } }, options),
			columns, place);
		under.replaceChildren(...(spec.under ? [spec.under()] : []));
		place.dataset.drawn = "yes";
		at = -1;
	}

	function move(event) {
		const last = u.data[0].length - 1;
		const steps = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
		if (!(event.key in steps))
			return;
		event.preventDefault();
		at = Math.min(last, Math.max(0, at + steps[event.key]));
		u.setCursor({ left: u.valToPos(u.data[0][at], "x"), top: u.over.clientHeight / 2 });
		read.textContent = spec.read(u, at);
	}

	place.addEventListener("keydown", move);
	if (tabled)
		node.append(tabled.box);
	plots.push({ draw, resize: () => u && place.clientWidth && u.setSize({ width: place.clientWidth, height: u.height }) });
	return { node, draw };
}

// The numbers behind a plot; built when asked for, and again with the plot.
function numbers(spec) {
	const box = el("details", {}, el("summary", {}, "Numbers of this plot"));

	function renew() {
		while (box.childElementCount > 1)
			box.lastChild.remove();
		if (!box.open)
			return;
		const { head, rows } = spec.table();
		const every = Math.max(1, Math.ceil(rows.length / TABLE_ROWS));
		const some = rows.filter((row, i) => i % every === 0 || i === rows.length - 1);
		const columns = head.map((title, i) => ({ title, get: (row) => row[i], n: true,
			show: (v) => String(typeof v === "number" ? Math.round(v * 1000) / 1000 : v) }));
		const caption = spec.title + (every > 1 ? `, every ${every}th row` : "");
		box.append(table(caption, columns, some));
	}

	box.addEventListener("toggle", renew);
	box.open = !canDraw;
	return { box, renew };
}

// Areas on top of each other. spec adds: { x, layers: [{ label, colour, values }], unit, show, marks, stepped }
function stacked(spec) {
	function make() {
		const sums = [];
		spec.layers().reduce((below, layer) => {
			const sum = layer.values.map((v, i) => (v || 0) + (below ? below[i] : 0));
			sums.push(sum);
			return sum;
		}, null);
		const paths = spec.stepped ? uPlot.paths.stepped({ align: 1 }) : undefined;
		const layers = spec.layers().map((layer, i) => ({
			label: layer.label, stroke: colour(layer.colour), fill: colour(layer.colour), width: 1, paths,
			points: { show: false }, value: (u, v, s, at) => at === null || at === undefined ? "" : spec.show(layer.values[at]),
			sum: sums[i],
		}));
		// what is painted later covers the lower part of what was before
		layers.reverse();
		return {
			options: {
				scales: { x: { time: false, range: timeRange }, y: { range: (u, low, high) => [0, high > 0 ? high * 1.05 : 1] } },
				axes: [timeAxis(), axis(spec.unit, Object.assign({ size: 74, values: (u, marks) => marks.map(spec.show) },
					spec.marks ? { splits: (u, i, low, high) => spec.marks(low, high, 5) } : {}))],
				series: [{ label: "Time", value: (u, v) => secondsText(v) }, ...layers],
			},
			data: [spec.x, ...layers.map((l) => l.sum)],
		};
	}

	const read = (u, i) => secondsText(spec.x[i]) + ": " +
		spec.layers().map((l) => `${l.label} ${spec.show(l.values[i])}`).join(", ");
	const rows = () => ({
		head: ["time (s)", ...spec.layers().map((l) => l.label)],
		rows: spec.x.map((t, i) => [t, ...spec.layers().map((l) => spec.raw ? spec.raw(l.values[i]) : l.values[i] ?? "?")]),
	});
	return figure(Object.assign({ make, read, table: rows }, spec));
}

function lines(spec) {
	function make() {
		return {
			options: {
				scales: { x: { time: false, range: timeRange }, y: { range: (u, low, high) => [0, high > 0 ? high * 1.1 : 1] } },
				axes: [timeAxis(), axis(spec.unit, { size: 60, values: (u, marks) => marks.map(short) })],
				series: [{ label: "Time", value: (u, v) => secondsText(v) }, ...spec.layers().map((l) => ({
					label: l.label, stroke: colour(l.colour), width: 2, dash: l.dash, points: { show: false },
					value: (u, v) => v === null || v === undefined ? "" : spec.show(v),
				}))],
			},
			data: [spec.x, ...spec.layers().map((l) => l.values)],
		};
	}

	const read = (u, i) => secondsText(spec.x[i]) + ": " +
		spec.layers().map((l) => `${l.label} ${l.values[i] === null ? "?" : spec.show(l.values[i])}`).join(", ");
	const rows = () => ({
		head: ["time (s)", ...spec.layers().map((l) => l.label)],
		rows: spec.x.map((t, i) => [t, ...spec.layers().map((l) => l.values[i] === null ? "?" : Math.round(l.values[i] * 10) / 10)]),
	});
	return figure(Object.assign({ make, read, table: rows }, spec));
}

// A recording is shown whole; live, what there is.
const timeRange = (u, low, high) => data.recording ? [0, Math.max(data.recording.seconds, 1e-6)] : [low, Math.max(high, low + 1)];

// From little to much; the least stands out from the card in both themes.
const RAMPS = {
	light: [[205, 225, 245], [120, 170, 220], [60, 110, 185], [70, 40, 130], [45, 5, 60]],
	dark: [[40, 45, 90], [95, 50, 140], [190, 60, 110], [245, 140, 50], [252, 240, 160]],
};

function isDark() {
	return getComputedStyle(document.documentElement).colorScheme === "dark";
}

function rampColour(share) {
	const ramp = RAMPS[isDark() ? "dark" : "light"];
	const at = Math.min(0.999, Math.max(0, share)) * (ramp.length - 1);
	const i = Math.floor(at);
	const mix = ramp[i].map((v, k) => Math.round(v + (ramp[i + 1][k] - v) * (at - i)));
	return `rgb(${mix.join(",")})`;
}

function rampLegend(most, what) {
	const canvas = el("canvas", { width: 160, height: 12, "aria-hidden": "true" });
	const c = canvas.getContext("2d");
	for (let x = 0; x < 160; x++) {
		c.fillStyle = rampColour(x / 159);
		c.fillRect(x, 0, 1, 12);
	}
	return el("div", { class: "ramp" }, el("span", {}, `${what}: 1`), canvas, el("span", {}, `${count(most)} (logarithmic)`));
}

// A histogram for each stretch of time. cells() -> [bin, bucket, n, ...]; edge(bucket) -> text of its lower edge
function heat(spec) {
	const w = data.windows;
	const x = Array.from({ length: w.bins + 1 }, (v, i) => i * w.bin_s);
	let cells = [];

	function range() {
		const used = cells.filter((v, i) => i % 3 === 1);
		return used.length ? [Math.min(...used), Math.max(...used) + 1] : [0, 1];
	}

	const most = () => Math.max(1, ...cells.filter((v, i) => i % 3 === 2));

	function paint(u) {
		const c = u.ctx;
		const top = Math.log(most() + 1);
		c.save();
		for (let i = 0; i < cells.length; i += 3) {
			const left = u.valToPos(cells[i] * w.bin_s, "x", true);
			const right = u.valToPos((cells[i] + 1) * w.bin_s, "x", true);
			const high = u.valToPos(cells[i + 1] + 1, "y", true);
			const low = u.valToPos(cells[i + 1], "y", true);
			c.fillStyle = rampColour(Math.log(cells[i + 2]) / top);
			c.fillRect(Math.floor(left), Math.floor(high), Math.max(1, Math.ceil(right) - Math.floor(left)),
				Math.max(1, Math.ceil(low) - Math.floor(high) - 1));
		}
		c.restore();
	}

	const column = (i) => {
		const list = [];
		for (let k = 0; k < cells.length; k += 3)
			if (cells[k] === i)
				list.push([cells[k + 1], cells[k + 2]]);
		return list;
	};
	const columnText = (i) => column(i).map(([b, n]) => `${spec.edge(b)} to ${spec.edge(b + 1)}: ${count(n)}`).join(", ");
	const total = (i) => column(i).reduce((sum, c) => sum + c[1], 0);

	function make() {
		cells = spec.cells();
		return {
			options: {
				scales: { x: { time: false, range: timeRange }, y: { range } },
				axes: [timeAxis(), axis(spec.unit, {
					size: 74, values: (u, marks) => marks.map(spec.edge),
					splits: (u, i, low, high) => {
						const every = Math.ceil((high - low) / 9);
						return Array.from({ length: Math.floor((high - low) / every) + 1 }, (v, k) => low + k * every);
					},
				})],
				series: [{ label: "Time", value: (u, v) => secondsText(v) },
					{ label: "Windows", stroke: colour("c0"), paths: () => null, points: { show: false },
						value: (u, v, s, i) => i === null || i === undefined ? "" : count(total(i)) }],
				hooks: { draw: [paint] },
				cursor: Object.assign({}, sharedCursor, { points: { show: false } }),
			},
			data: [x, x.map(() => 0)],
		};
	}

	const read = (u, i) => `${secondsText(x[i])}: ${columnText(i) || "none"}`;
	const rows = () => {
		cells = spec.cells();
		return {
			head: ["time (s)", spec.column, "windows"],
			rows: Array.from({ length: cells.length / 3 }, (v, i) => [Math.round(x[cells[3 * i]] * 1e3) / 1e3,
				`${spec.edge(cells[3 * i + 1])} to ${spec.edge(cells[3 * i + 1] + 1)}`, cells[3 * i + 2]]),
		};
	};
	return figure(Object.assign({ make, read, table: rows, under: () => rampLegend(most(), "Windows in a cell") }, spec));
}

// Points in rows by kind. kinds: [{ label, colour, times, texts, open(i) }]
function timeline(spec) {
	const moments = spec.kinds.flatMap((k, row) => k.times.map((t, i) => ({ t, row, i }))).sort((a, b) => a.t - b.t);

	function make() {
		const y = spec.kinds.map((k, row) => moments.map((m) => m.row === row ? spec.kinds.length - row : null));
		return {
			options: {
				height: 92 + 30 * spec.kinds.length,
				scales: { x: { time: false, range: timeRange }, y: { range: () => [0.4, spec.kinds.length + 0.6] } },
				axes: [timeAxis(), axis(spec.unit, {
					size: 176, splits: () => spec.kinds.map((k, row) => spec.kinds.length - row),
					values: () => spec.kinds.map((k) => k.label),
				})],
				series: [{ label: "Time", value: (u, v) => secondsText(v) }, ...spec.kinds.map((k, row) => ({
					label: k.label, stroke: colour(k.colour), paths: () => null,
					points: { show: true, size: 11, width: 2, stroke: colour("card"), fill: colour(k.colour) },
					value: (u, v, s, i) => i === null || i === undefined || moments[i].row !== row ? "" : k.texts[moments[i].i],
				}))],
				hooks: { ready: [(u) => u.over.addEventListener("click", () => open(u.cursor.idx))] },
			},
			data: [moments.map((m) => m.t), ...y],
		};
	}

	function open(i) {
		const m = moments[i];
		if (m && spec.kinds[m.row].open)
			spec.kinds[m.row].open(m.i);
	}

	const read = (u, i) => `${secondsText(moments[i].t)}: ${spec.kinds[moments[i].row].label}, ${spec.kinds[moments[i].row].texts[moments[i].i]}`;
	const rows = () => ({
		head: ["time (s)", "kind", "what"],
		rows: moments.map((m) => [m.t, spec.kinds[m.row].label, spec.kinds[m.row].texts[m.i]]),
	});
	return figure(Object.assign({ make, read, table: rows }, spec));
}

// Stacked bars that lie. bars: [{ label, parts: [{ label, colour, value }] }]
function bars(spec) {
	const place = el("div", { class: "plot" });
	const most = Math.max(1, ...spec.bars.map((b) => b.parts.reduce((sum, p) => sum + p.value, 0)));
	const kinds = new Map(spec.bars.flatMap((b) => b.parts.map((p) => [p.label, p.colour])));

	function draw(width) {
		const wide = width || place.clientWidth || 500;
		const left = Math.min(230, wide * 0.36);
		const span = wide - left - 16;
		const height = spec.bars.length * 28 + 46;
		const root = svg("svg", { width: wide, height, role: "img", "aria-label": spec.summary });
		for (const mark of byteMarks(0, most, 5)) {
			const at = left + mark / most * span;
			const rule = svg("line", { x1: at, x2: at, y1: 0, y2: height - 40 });
			rule.style.stroke = "var(--grid)";
			root.append(rule, svg("text", { x: at, y: height - 24, "text-anchor": "middle", class: "soft" }, bytes(mark)));
		}
		root.append(svg("text", { x: left + span / 2, y: height - 6, "text-anchor": "middle", class: "soft" }, spec.unit));
		spec.bars.forEach((bar, row) => {
			let at = left;
			root.append(svg("text", { x: left - 8, y: row * 28 + 19, "text-anchor": "end" }, bar.label));
			for (const part of bar.parts) {
				const rect = svg("rect", { x: at, y: row * 28 + 5, width: part.value / most * span, height: 20 },
					svg("title", {}, `${bar.label}: ${part.label} ${bytes(part.value)}`));
				rect.style.fill = `var(--${part.colour})`;
				root.append(rect);
				at += part.value / most * span;
			}
		});
		place.replaceChildren(root);
		place.dataset.drawn = "yes";
	}

	const key = el("ul", { class: "key" }, [...kinds].map(([label, name]) => el("li", {}, swatch(name), label)));
	const node = el("figure", { class: "card" }, el("figcaption", {}, el("h3", {}, spec.title)),
		spec.hint ? el("p", { class: "hint" }, spec.hint) : null, place, key);
	const head = ["VM and what", ...kinds.keys()];
	const columns = head.map((title, i) => ({ title, n: i > 0, get: (row) => row[i], show: (v) => i ? bytes(v) : v }));
	node.append(el("details", {}, el("summary", {}, "Numbers of this plot"), table(spec.title, columns, spec.bars.map((b) =>
		[b.label, ...[...kinds.keys()].map((k) => b.parts.filter((p) => p.label === k).reduce((s, p) => s + p.value, 0))]))));
	plots.push({ draw, resize: () => draw() });
	return { node, draw };
}
