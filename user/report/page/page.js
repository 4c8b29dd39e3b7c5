// SPDX-License-Identifier: GPL-2.0-only
// The page: what is shown in which order.
"use strict";
const ICONS = { HELD: "\u2713", VIOLATED: "\u2717", INCONCLUSIVE: "?", "NO OCCASION": "\u2013", "NOT APPLICABLE": "\u2013" };
const main = document.getElementById("main");
const last = data.last || {};
const host = Object.assign({}, (data.facts || {}).host, last.host);
const CAUSES_SHOWN = 8;

function badge(verdict) {
	return el("span", { class: "verdict " + verdict }, (ICONS[verdict] || "?") + " " + verdict);
}

const sections = [];

function section(id, title, ...children) {
	sections.push([id, title]);
	const node = el("section", { id, "aria-labelledby": id + "-title" }, el("h2", { id: id + "-title" }, title), ...children);
	main.append(node);
	return node;
}

function heading() {
	const recording = data.recording;
	const words = [`Linux ${host.kernel || "?"} ${host.machine || ""}`, `hooks by ${last.tier || (data.meta || {}).tier || "?"}`,
		recording.begun, secondsText(recording.seconds), recording.name];
	document.getElementById("subtitle").textContent = words.filter(Boolean).join(" \u00b7 ");
	document.title = `${last.verdict ? last.verdict + ": " : ""}mmuscope report, ${recording.name}`;
	if (data.warnings.length)
		main.append(el("div", { class: "card banner", role: "alert" },
			el("strong", {}, "Not everything is in this recording. What follows is what could be read."),
			el("ul", {}, data.warnings.map((w) => el("li", {}, w)))));
	if (last.verdict)
		main.append(el("p", { class: "whole" }, badge(last.verdict), el("span", {}, (last.summary || "").replace(last.verdict + ": ", ""))));
}

function tiles() {
	const windows = data.windows.causes.reduce((sum, c) => sum + c.windows, 0);
	const all = data.points.all;
	const end = (list) => list.length ? list[list.length - 1] : null;
	const peak = Math.max(0, ...data.points.time_s.map((t, i) => ["4K", "2M", "1G"].reduce((s, l) => s + (all.mapped[l][i] || 0), 0)));
	const list = [["VMs", count(data.points.vms.length + data.points.vms_in_sum_only)], ["mapped at most", bytes(peak)],
		["vCPU faults", short(end(all.faults))], ["invalidation windows", short(windows)],
		["longest window", windows ? duration(Math.max(...data.windows.causes.map((c) => c.ns_max))) : "-"],
		["violations", last.invariants ? count(last.invariants.reduce((s, i) => s + i.violations, 0)) : "not judged"]];
	main.append(el("div", { class: "tiles" }, list.map(([name, value]) => el("div", { class: "tile" }, el("b", {}, value), el("span", {}, name)))));
}

const vmLabel = (vm) => `VM ${vm.id} (${vm.comm} ${vm.pid})`;

// A choice that draws a plot again.
function choice(label, options, then) {
	return el("label", { class: "soft" }, label + " ", el("select", { onchange: (e) => then(Number(e.target.value)) },
		options.map((text, i) => el("option", { value: i }, text))));
}

const vmChoices = () => [data.points.all, ...data.points.vms];
const vmNames = () => ["all VMs", ...data.points.vms.map(vmLabel)];

function levelPlots() {
	if (!data.points.time_s.length)
		return;
	let mix = data.points.all;
	let flow = data.points.all;
	const t = data.points.time_s;
	const levels = stacked({
		title: "Guest memory mapped, by level", unit: "Mapped by KVM", x: t, show: bytes, marks: byteMarks,
		raw: (v) => v ?? "?",
		summary: "Stacked areas: bytes that KVM maps by 1G, 2M and 4K leaf SPTEs over time",
		layers: () => [["1G", "l1G"], ["2M", "l2M"], ["4K", "l4K"]].map(([label, name]) => ({ label, colour: name, values: mix.mapped[label] })),
		control: choice("of", vmNames(), (i) => {
			mix = vmChoices()[i];
			levels.draw();
		}),
	});
	const faults = lines({
		title: "vCPU faults and retries", unit: "Faults per second", x: t, show: (v) => short(v) + "/s",
		summary: "Lines: page faults of vCPUs per second, and those of them that had to be made again",
		layers: () => [{ label: "Faults", colour: "c0", values: rate(t, flow.faults) },
			{ label: "To be made again", colour: "c5", dash: [6, 4], values: rate(t, flow.retries) }],
		control: choice("of", vmNames(), (i) => {
			flow = vmChoices()[i];
			faults.draw();
		}),
	});
	section("levels", "Levels over time", el("div", { class: "grid" }, levels.node, faults.node));
}

// The busiest causes, and the others as one.
function topCauses() {
	const sorted = [...data.windows.causes].sort((a, b) => b.windows - a.windows);
	const top = sorted.slice(0, CAUSES_SHOWN).map((c, i) => ({ label: c.cause, colour: "c" + i, bins: c.windows_by_bin }));
	const rest = sorted.slice(CAUSES_SHOWN);
	if (rest.length)
		top.push({ label: `${rest.length} others`, colour: "c8", bins: rest[0].windows_by_bin.map((v, i) => rest.reduce((s, c) => s + c.windows_by_bin[i], 0)) });
	return top;
}

function windowPlots() {
	const w = data.windows;
	if (!w.causes.length)
		return;
	const x = Array.from({ length: w.bins + 1 }, (v, i) => i * w.bin_s);
	const perSecond = (bins) => [...bins.map((n) => n / w.bin_s), bins[bins.length - 1] / w.bin_s];
	const layers = topCauses().map((c) => ({ label: c.label, colour: c.colour, values: perSecond(c.bins) }));
	const rates = stacked({
		title: "Invalidation windows, by cause", unit: "Windows per second", x, show: (v) => short(v) + "/s", stepped: true,
		raw: (v) => Math.round(v * 10) / 10,
		summary: "Stacked areas: mmu_notifier windows per second, by what opened them", layers: () => layers,
	});
	let chosen = 0;
	const sorted = [...w.causes].sort((a, b) => b.windows - a.windows);
	const everything = sorted.flatMap((c) => c.heat);
	const durations = heat({
		title: "How long windows lasted", unit: "Duration", column: "duration", edge: (b) => duration(2 ** (b + w.first_bucket - 1)),
		summary: "Heat map: durations of windows over time; the darker or brighter, the more windows",
		cells: () => chosen ? sorted[chosen - 1].heat : added(everything),
		control: choice("of", ["all causes", ...sorted.map((c) => c.cause)], (i) => {
			chosen = i;
			durations.draw();
		}),
	});
	const pages = heat({
		title: "How much windows took from guests", unit: "4K pages zapped", column: "pages",
		edge: (b) => b ? short(2 ** (b - 1)) : "0",
		summary: "Heat map: 4K pages that lost their mapping in a window, over time", cells: () => w.pages_heat,
	});
	section("windows", "Windows", el("div", { class: "grid" }, rates.node, durations.node, pages.node), causeTable(sorted),
		initiatorTable());
}

// Cells of several heat maps, those of the same place added up.
function added(cells) {
	const sums = new Map();
	for (let i = 0; i < cells.length; i += 3) {
		const key = cells[i] * 64 + cells[i + 1];
		sums.set(key, (sums.get(key) || 0) + cells[i + 2]);
	}
	return [...sums].flatMap(([key, n]) => [Math.floor(key / 64), key % 64, n]);
}

function causeTable(causes) {
	const first = data.windows.first_bucket;
	return el("div", { class: "card", id: "causes" }, table("Windows by cause", [
		{ title: "Cause", get: (c) => c.cause },
		{ title: "Windows", n: true, get: (c) => c.windows },
		{ title: "p50 <", n: true, get: (c) => quantile(c.window_ns, first, 0.5), show: duration },
		{ title: "p99 <", n: true, get: (c) => quantile(c.window_ns, first, 0.99), show: duration },
		{ title: "Longest", n: true, get: (c) => c.ns_max, show: duration },
		{ title: "Pages", n: true, get: (c) => c.pages },
		{ title: "Retries", n: true, get: (c) => c.retries },
		{ title: "The page is", get: (c) => c.page },
	], causes, 1, true));
}

function initiatorTable() {
	if (!last.causes || !last.causes.length)
		return null;
	return el("div", { class: "card", id: "initiators" }, table("Who did it", [
		{ title: "Cause", get: (c) => c.cause },
		{ title: "Task", get: (c) => c.comm },
		{ title: "pid", n: true, get: (c) => c.pid, show: String },
		{ title: "tid", n: true, get: (c) => c.tid, show: String },
		{ title: "Windows", n: true, get: (c) => c.windows },
		{ title: "Mean", n: true, get: (c) => c.windows ? c.ns / c.windows : 0, show: (v) => v ? duration(v) : "-" },
		{ title: "Longest", n: true, get: (c) => c.ns_max, show: (v) => v ? duration(v) : "-" },
		{ title: "Pages", n: true, get: (c) => c.pages },
		{ title: "Retries", n: true, get: (c) => c.retries },
	], last.causes, 4, true));
}

function verdicts() {
	if (!last.invariants)
		return;
	section("verdicts", "Verdicts", el("div", { class: "card" }, table("Invariants", [
		{ title: "Invariant", get: (v) => v.name },
		{ title: "Verdict", get: (v) => v.verdict, show: badge },
		{ title: "Checked", n: true, get: (v) => v.checked },
		{ title: "Violations", n: true, get: (v) => v.violations },
		{ title: "What it does not cover", get: (v) => v.reasons.join("; ") },
	], last.invariants)));
}

function openStory(i) {
	const story = document.getElementById("story-" + i);
	document.querySelectorAll(".lit").forEach((node) => node.classList.remove("lit"));
	if (!story)
		return;
	story.classList.add("lit");
	story.scrollIntoView({ block: "center" });
	story.focus({ preventScroll: true });
}

function timelinePlot() {
	const kinds = [];
	for (const name of new Set(data.stories.map((s) => s.invariant))) {
		const of = data.stories.map((s, i) => [s, i]).filter(([s]) => s.invariant === name);
		kinds.push({
			label: name, colour: "bad", times: of.map(([s]) => s.time_s), open: (i) => openStory(of[i][1]),
			texts: of.map(([s, i]) => `violation ${i + 1}, ${s.vm_name}`),
		});
	}
	if (data.losses.length)
		kinds.push({
			label: "lost or not seen", colour: "warn", times: data.losses.map((l) => l.time_s),
			texts: data.losses.map((l) => `${l.loss} ${count(l.n)}`),
		});
	if (!kinds.length)
		return null;
	return timeline({
		title: "Violations and losses", unit: "What", kinds,
		hint: data.stories.length ? "A click on a violation leads to its story." : null,
		summary: "Points on a time line: violations by invariant, and losses",
	}).node;
}

function story(s, i) {
	const v = (last.violations || [])[i] || {};
	const frames = (v.stack || []).map((f) => `${f.function}+0x${f.offset.toString(16)}${f.module ? " [" + f.module + "]" : ""}`).join("\n");
	const steps = s.steps.map((k) => Object.assign({}, k));
	return el("article", { class: "card story", id: "story-" + i, tabindex: -1 },
		el("h3", {}, `${i + 1}. ${s.invariant}, ${secondsText(s.time_s)} into the recording`),
		el("p", { class: "soft" }, v.sentence || ""),
		definitions([["VM", s.vm_name], ["Task", `${v.comm} (pid ${v.pid}, tid ${v.tid})`], ["Cause", v.cause],
			["Guest frame", v.gfn], ["Page", `pfn ${v.pfn}, folio order ${v.folio_order}, flags ${v.folio_flags}`],
			["SPTE", `${v.old_spte} \u2192 ${v.new_spte} (${v.level})`], ["Pages concerned", count(v.pages)]]),
		steps.length ? table(`What led to it: ${s.steps.length} of ${count(s.steps_in_recording)} steps`, [
			{ title: "Before", n: true, get: (k) => -k.ns_before, show: (n) => n ? "-" + duration(-n) : "0" },
			{ title: "What happened", get: (k) => k.what + (k.more_before ? ` (${count(k.more_before)} more before it)` : "") },
			{ title: "tid", n: true, get: (k) => k.tid, show: String },
			{ title: "gfn", get: (k) => k.gfn }, { title: "pfn", get: (k) => k.pfn },
			{ title: "SPTE", get: (k) => `${k.old_spte} \u2192 ${k.new_spte}` },
		], steps, 0) : el("p", {}, "Its steps are not in the recording."),
		frames ? el("details", {}, el("summary", {}, "Kernel stack"), el("pre", {}, frames)) : null);
}

function violations() {
	const plot = timelinePlot();
	if (!plot && !last.verdict)
		return;
	const none = last.verdict && !data.stories.length ? el("p", {}, "No violation is told in this recording.") : null;
	const node = section("violations", "Violations", plot, none, data.stories.map(story));
	const more = (last.violations || []).length - data.stories.length;
	if (more > 0)
		node.append(el("p", {}, `${more} more are in the recording (mmuscope report --json).`));
}

function ledger() {
	const vms = (last.vms || []).filter((vm) => vm.ledger).slice(0, 12);
	if (!vms.length)
		return;
	const names = [...new Set(vms.flatMap((vm) => Object.entries(vm.ledger.lost_by_cause).filter((e) => e[1] > 0).map((e) => e[0])))];
	const parts = (o, names_) => names_.map(([label, name]) => ({ label, colour: name, value: o[label] || 0 }));
	const list = vms.flatMap((vm) => {
		const mapped = vm.ledger.mapped_by_level_and_host_level;
		const sum = (level) => Object.values(mapped[level] || {}).reduce((a, b) => a + b, 0);
		const byHost = (h) => Object.values(mapped).reduce((a, m) => a + (m[h] || 0), 0);
		const three = [["4K", "l4K"], ["2M", "l2M"], ["1G", "l1G"]];
		return [
			{ label: `VM ${vm.id}: the host maps`, parts: parts(Object.fromEntries(three.map(([l]) => [l, byHost(l)])), three) },
			{ label: `VM ${vm.id}: KVM maps`, parts: parts(Object.fromEntries(three.map(([l]) => [l, sum(l)])), three) },
			{ label: `VM ${vm.id}: smaller, because`, parts: parts(vm.ledger.lost_by_cause, names.map((n, i) => [n, "c" + (i + 1) % 9])) },
		];
	});
	const now = bars({
		title: "Level ledger at the end", unit: "Guest memory", bars: list,
		hint: "What KVM maps smaller than the host does, and why. Of a VM that ended: before its end.",
		summary: "Stacked bars for each VM: memory by level of the host, by level of KVM, and what is lost by cause",
	});
	const lost = data.points.all.lost;
	const figures = [now];
	if (Object.keys(lost).length)
		figures.push(stacked({
			title: "Mapped smaller than the host does, by cause", unit: "Guest memory", x: data.points.time_s, show: bytes, marks: byteMarks,
			raw: (v) => v ?? "?", summary: "Stacked areas: bytes that KVM maps smaller than the host, by cause, over time",
			layers: () => Object.keys(lost).map((label) => ({ label, colour: "c" + (Math.max(0, names.indexOf(label)) + 1) % 9, values: lost[label] })),
		}));
	section("ledger", "Level ledger", el("div", { class: "grid" }, figures.map((f) => f.node)));
}

function vmTable() {
	if (!last.vms || !last.vms.length)
		return;
	const level = (vm, l) => ((vm.levels || {})[l] || {}).stock;
	const pages = { "4K": 4096, "2M": 2 ** 21, "1G": 2 ** 30 };
	section("vms", "VMs", el("div", { class: "card" }, table("VMs in the last snapshot", [
		{ title: "VM", n: true, get: (vm) => vm.id, show: String },
		{ title: "Task", get: (vm) => vm.comm },
		{ title: "pid", n: true, get: (vm) => vm.pid, show: String },
		{ title: "State", get: (vm) => (vm.ended ? "ended" : "runs") + (vm.late ? ", older than the run" : "") },
		...Object.keys(pages).map((l) => ({ title: `By ${l}`, n: true, get: (vm) => (level(vm, l) ?? -1) * pages[l], show: (v) => v < 0 ? "?" : bytes(v) })),
		{ title: "Faults", n: true, get: (vm) => vm.faults },
		{ title: "Retries", n: true, get: (vm) => vm.fault_retries },
		{ title: "Zapped pages", n: true, get: (vm) => vm.zapped_in_windows },
	], last.vms)));
}

function about() {
	const r = data.recording;
	const options = data.facts && data.facts.options ? JSON.stringify(data.facts.options) : null;
	const losses = Object.entries(last.losses || {});
	section("about", "About this recording", el("div", { class: "card" }, definitions([
		["Workload", (last.workload || []).join(" ")], ["Kernel", host.kernel], ["Machine", host.machine], ["Host", host.name],
		["Hooks by", last.tier], ["BTF", (data.facts || {}).btf], ["Options", options],
		["Recorder", "mmuscope " + ((data.facts || {}).mmuscope || last.mmuscope || "?")],
		["Records", Object.entries(r.records).map(([name, n]) => `${name} ${count(n)}`).join(", ")],
		["File", r.lossless ? "whole: nothing damaged, cut or dropped" : "not whole: see above"],
		["Notes", data.notes.join("; ")]], "facts")),
	losses.length ? el("div", { class: "card" }, table("What could be missed, and was", [
		{ title: "Loss", get: (l) => l[0] }, { title: "Count", n: true, get: (l) => l[1] }], losses)) : null);
	document.getElementById("footer").textContent = `Made by mmuscope ${data.mmuscope} report --html. ` + (canDraw ?
		"Plots: uPlot (MIT). Drag in a plot to zoom, double-click to see all again; arrow keys read it point by point." :
		"It was built without uPlot, which draws the plots: their numbers stand in their place.");
}

function drawAll(width) {
	plots.forEach((plot) => plot.draw(width));
}

function themeButton() {
	const button = document.getElementById("theme");
	const show = () => {
		button.textContent = "Theme: " + theme.get();
	};
	button.addEventListener("click", () => {
		theme.set(theme.choices[(theme.choices.indexOf(theme.get()) + 1) % theme.choices.length]);
		show();
		drawAll();
	});
	show();
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll());
}

// On paper: light, of a width that fits, stacks open.
function printing() {
	let before = null;
	document.getElementById("print").addEventListener("click", () => print());
	addEventListener("beforeprint", () => {
		before = document.documentElement.dataset.theme;
		document.documentElement.dataset.theme = "light";
		drawAll(680);
		document.querySelectorAll(".story details").forEach((d) => d.setAttribute("open", ""));
	});
	addEventListener("afterprint", () => {
		document.documentElement.dataset.theme = before || "auto";
		drawAll();
	});
}

heading();
tiles();
violations();
levelPlots();
windowPlots();
ledger();
verdicts();
vmTable();
about();
document.getElementById("contents").append(el("ul", {}, sections.map(([id, title]) => el("li", {}, el("a", { href: "#" + id }, title)))));
themeButton();
printing();
drawAll();
new ResizeObserver(() => plots.forEach((plot) => plot.resize())).observe(main);
document.documentElement.dataset.ready = Math.round(performance.now());
