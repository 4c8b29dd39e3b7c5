// SPDX-License-Identifier: GPL-2.0-only
// The live page: asks for numbers as often as there are new ones, and fills in what was drawn once.
"use strict";
const ICONS = { HELD: "\u2713", VIOLATED: "\u2717", INCONCLUSIVE: "?", "NO OCCASION": "\u2013", "NOT APPLICABLE": "\u2013" };
const main = document.getElementById("main");
const LEVELS = [["1G", "l1G", 2 ** 30], ["2M", "l2M", 2 ** 21], ["4K", "l4K", 4096]];
const COLOURS = 9;
const CAUSES_SHOWN = 8;
let points = [];
let report = {};
let frozen = false;

const badge = (verdict) => el("span", { class: "verdict " + verdict }, (ICONS[verdict] || "?") + " " + verdict);
const times = () => points.map((p) => p.time_s);
const column = (get) => points.map((p) => get(p) ?? 0);

// Names with a value at any time, the largest at the end first; none before the first numbers.
function names(member) {
	const last = points.length ? points[points.length - 1][member] : {};
	const all = new Set(points.flatMap((p) => Object.entries(p[member]).filter((e) => e[1] > 0).map((e) => e[0])));
	return [...all].sort((a, b) => (last[b] || 0) - (last[a] || 0)).slice(0, CAUSES_SHOWN);
}

// A cause keeps its colour whichever others come and go; of one that is no longer shown another may have it.
const colourOf = { windows: new Map(), lost: new Map() };
function causes(member, values) {
	const mine = colourOf[member];
	const shown = names(member);
	for (const label of shown.filter((l) => !mine.has(l))) {
		const taken = new Set(mine.values());
		const free = [...Array(COLOURS).keys()].map((i) => "c" + i).find((c) => !taken.has(c));
		const gone = [...mine.keys()].find((l) => !shown.includes(l));
		mine.set(label, free ?? mine.get(gone));
		if (!free)
			mine.delete(gone);
	}
	return shown.map((label) => ({ label, colour: mine.get(label), values: values(column((p) => p[member][label])) }));
}

const warning = el("div", { class: "card banner", role: "alert", hidden: true });
const whole = el("p", { class: "whole" });
const tiles = el("div", { class: "tiles" });

// spec.x is read whenever a plot is drawn.
const specs = {
	levels: {
		title: "Guest memory mapped, by level", unit: "Mapped by KVM", x: [], show: bytes, marks: byteMarks,
		summary: "Stacked areas: bytes that KVM maps by 1G, 2M and 4K leaf SPTEs over time",
		layers: () => LEVELS.map(([label, colour_]) => ({ label, colour: colour_, values: column((p) => p.mapped[label]) })),
	},
	windows: {
		title: "Invalidation windows, by cause", unit: "Windows per second", x: [], show: (v) => short(v) + "/s",
		summary: "Stacked areas: mmu_notifier windows per second, by what opened them",
		layers: () => causes("windows", (v) => rate(times(), v)),
	},
	lost: {
		title: "Mapped smaller than the host does, by cause", unit: "Guest memory", x: [], show: bytes, marks: byteMarks,
		summary: "Stacked areas: bytes that KVM maps smaller than the host, by cause, over time",
		layers: () => causes("lost", (v) => v),
	},
	faults: {
		title: "vCPU faults and retries", unit: "Faults per second", x: [], show: (v) => short(v) + "/s",
		summary: "Lines: page faults of vCPUs per second, and those of them that had to be made again",
		layers: () => [{ label: "Faults", colour: "c0", values: rate(times(), column((p) => p.faults)) },
			{ label: "To be made again", colour: "c5", dash: [6, 4], values: rate(times(), column((p) => p.retries)) }],
	},
};

const byLevel = (vm, level, size) => {
	const stock = ((vm.levels || {})[level] || {}).stock;
	return stock === null || stock === undefined ? -1 : stock * size;
};

const tables = {
	verdicts: table("Invariants", [
		{ title: "Invariant", get: (v) => v.name },
		{ title: "Verdict", get: (v) => v.verdict, show: badge },
		{ title: "Checked", n: true, get: (v) => v.checked },
		{ title: "Violations", n: true, get: (v) => v.violations },
		{ title: "What it does not cover", get: (v) => v.reasons.join("; ") },
	], []),
	violations: table("Violations told in full", [
		{ title: "Invariant", get: (v) => v.invariant },
		{ title: "VM", get: (v) => v.vm_name ?? v.vm, show: String },
		{ title: "gfn", get: (v) => v.gfn },
		{ title: "Cause", get: (v) => v.cause },
		{ title: "Task", get: (v) => `${v.comm} ${v.pid}` },
	], []),
	vms: table("VMs", [
		{ title: "VM", n: true, get: (vm) => vm.id, show: String },
		{ title: "Name", get: (vm) => vm.name ?? vm.comm },
		{ title: "pid", n: true, get: (vm) => vm.pid, show: String },
		{ title: "Verdict", get: (vm) => vm.verdict ?? "", show: (v) => v ? badge(v) : "" },
		...LEVELS.map(([level, , size]) => ({ title: "By " + level, n: true, get: (vm) => byLevel(vm, level, size), show: (v) => v < 0 ? "?" : bytes(v) })),
		{ title: "Smaller than it could", n: true, get: (vm) => Object.values((vm.ledger || {}).lost_by_cause || {}).reduce((a, b) => a + b, 0), show: bytes },
		{ title: "Faults", n: true, get: (vm) => vm.faults },
		{ title: "Retries", n: true, get: (vm) => vm.fault_retries },
	], [], 4, true),
	losses: table("What could be missed, and was", [
		{ title: "Loss", get: (l) => l[0] }, { title: "Count", n: true, get: (l) => l[1] }], []),
};

const figures = { levels: stacked(specs.levels), windows: stacked(specs.windows), lost: stacked(specs.lost), faults: lines(specs.faults) };

function section(id, title, ...children) {
	return el("section", { id, "aria-labelledby": id + "-title" }, el("h2", { id: id + "-title" }, title), ...children);
}

const card = (node) => el("div", { class: "card" }, node);
const judged = section("verdicts", "Verdicts", card(tables.verdicts), card(tables.violations));

main.append(warning, whole, tiles, judged,
	section("time", "Over time", el("div", { class: "grid" }, Object.values(figures).map((f) => f.node))),
	section("vms", "VMs", card(tables.vms)), section("losses", "Losses", card(tables.losses)));

/* A recording that is replayed says at its end what was found; of VMs it may say before that it was judged. */
function judgedVms() {
	return (report.vms || []).some((vm) => vm.verdict);
}

function fillTiles() {
	const now = points[points.length - 1];
	const before = points[Math.max(0, points.length - 2)];
	const span = now.time_s - before.time_s;
	const sum = (o) => Object.values(o).reduce((a, b) => a + b, 0);
	const perSecond = (get) => span > 0 ? short(Math.max(0, get(now) - get(before)) / span) + "/s" : "-";
	const list = [["VMs", count(now.vms)], ["mapped", bytes(sum(now.mapped))], ["smaller than it could be", bytes(sum(now.lost))],
		["vCPU faults", perSecond((p) => p.faults)], ["windows", perSecond((p) => sum(p.windows))],
		["violations", report.invariants ? count(now.violations) : judgedVms() ? "not known yet" : "not judged"]];
	tiles.replaceChildren(...list.map(([name, value]) => el("div", { class: "tile" }, el("b", {}, value), el("span", {}, name))));
}

function fillTables() {
	tables.verdicts.refill(report.invariants || []);
	tables.violations.refill(report.violations || []);
	tables.violations.parentElement.hidden = !(report.violations || []).length;
	tables.vms.refill((report.vms || []).filter((vm) => !vm.ended));
	const lost = Object.entries(report.losses || {}).filter((l) => l[1] > 0);
	tables.losses.refill(lost.length ? lost : [["nothing", 0]]);
	judged.hidden = !report.invariants;
}

function fill(history) {
	const host = report.host || {};
	document.getElementById("subtitle").textContent = [`Linux ${host.kernel || "?"} ${host.machine || ""}`, host.name,
		`hooks by ${report.tier || "?"}`, history.mode === "replay" ? "a recording, replayed" : null].filter(Boolean).join(" \u00b7 ");
	document.title = `${report.verdict ? report.verdict + ": " : ""}mmuscope, ${host.name || "live"}`;
	whole.replaceChildren(...(report.verdict ? [badge(report.verdict), el("span", {}, (report.summary || "").replace(report.verdict + ": ", ""))] : []));
	fillTiles();
	fillTables();
	for (const [name, spec] of Object.entries(specs)) {
		spec.x = times();
		figures[name].draw();
	}
	document.getElementById("footer").textContent = `mmuscope ${report.mmuscope || "?"} serve. New numbers every ${history.interval_s} s. ` +
		(canDraw ? "Plots: uPlot (MIT); drag in one to zoom, double-click to see all again." :
			"It was built without uPlot, which draws the plots: their numbers stand in their place.");
}

async function get(path) {
	const answer = await fetch(path, { cache: "no-store" });
	if (!answer.ok)
		throw new Error(`${path}: ${answer.status}`);
	return answer.json();
}

// What is on the page stays when the server does not answer, and is said to be old.
async function look() {
	let wait = 5;
	try {
		const history = await get("/api/v1/history");
		wait = history.interval_s;
		if (!frozen && history.points.length) {
			report = await get("/api/v1/report");
			points = history.points;
			fill(history);
		}
		warning.hidden = true;
		document.documentElement.dataset.ready = Math.round(performance.now());
	} catch (e) {
		warning.hidden = false;
		warning.replaceChildren(el("strong", {}, "No answer: what follows is old. "), String(e.message));
	}
	setTimeout(look, wait * 1000);
}

function buttons() {
	const button = document.getElementById("theme");
	const freeze = document.getElementById("freeze");
	const show = () => {
		button.textContent = "Theme: " + theme.get();
	};
	button.addEventListener("click", () => {
		theme.set(theme.choices[(theme.choices.indexOf(theme.get()) + 1) % theme.choices.length]);
		show();
		plots.forEach((plot) => plot.draw());
	});
	freeze.addEventListener("click", () => {
		frozen = !frozen;
		freeze.setAttribute("aria-pressed", String(frozen));
		freeze.textContent = frozen ? "Go on" : "Freeze";
	});
	show();
}

buttons();
look();
new ResizeObserver(() => plots.forEach((plot) => plot.resize())).observe(main);
