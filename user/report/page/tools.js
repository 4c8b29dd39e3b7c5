// SPDX-License-Identifier: GPL-2.0-only
// Small things that everything else needs. Text goes into the page as text only, never as HTML: most of it
// comes from the machine that was traced.
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);

function el(tag, attributes, ...children) {
	const node = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes || {})) {
		if (name.startsWith("on"))
			node.addEventListener(name.slice(2), value);
		else if (value !== null && value !== undefined && value !== false)
			node.setAttribute(name, value === true ? "" : value);
	}
	for (const child of children.flat())
		if (child !== null && child !== undefined)
			node.append(child);
	return node;
}

function svg(tag, attributes, ...children) {
	const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
	for (const [name, value] of Object.entries(attributes || {}))
		node.setAttribute(name, value);
	node.append(...children);
	return node;
}

function colour(name) {
	return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
}

// Where no colour is at hand that would change with the theme by itself: a small square.
function swatch(name) {
	const box = svg("svg", { width: 12, height: 12, "aria-hidden": "true" });
	const rect = svg("rect", { width: 12, height: 12, rx: 3 });
	rect.style.fill = `var(--${name})`;
	box.append(rect);
	return box;
}

const count = (n) => n === null || n === undefined ? "?" : Math.round(n).toLocaleString("en-US");

function scaled(n, step, units) {
	let i = 0;
	let value = Math.abs(n);
	for (; value >= step && i < units.length - 1; i++)
		value /= step;
	const digits = i === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
	return (n < 0 ? "-" : "") + Number(value.toFixed(digits)) + " " + units[i];
}

const bytes = (n) => n === null || n === undefined ? "?" : scaled(n, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]);
const short = (n) => n === null || n === undefined ? "?" : scaled(n, 1000, ["", "k", "M", "G"]).trim();

function duration(ns) {
	if (ns < 1000)
		return Math.round(ns) + " ns";
	return scaled(ns / 1000, 1000, ["\u00b5s", "ms", "s"]);
}

const secondsText = (s) => s === null || s === undefined ? "" : s.toFixed(s < 10 ? 3 : 2) + " s";

// Axis marks at round numbers of a power of two, so that 512 MiB is one and 537 MB is not.
function byteMarks(low, high, most) {
	let step = 1024;
	while ((high - low) / step > most)
		step *= 2;
	const marks = [];
	for (let at = Math.ceil(low / step) * step; at <= high; at += step)
		marks.push(at);
	return marks;
}

// Upper edge of the log2 bucket that holds the quantile.
function quantile(buckets, first, q) {
	const all = buckets.reduce((a, b) => a + b, 0);
	let seen = 0;
	for (let b = 0; b < buckets.length; b++) {
		seen += buckets[b];
		if (seen >= q * all)
			return 2 ** (b + first);
	}
	return 0;
}

// A cumulative counter as a rate; the first point has none.
function rate(times, values) {
	return values.map((v, i) => {
		if (!i || v === null || values[i - 1] === null || times[i] <= times[i - 1])
			return null;
		return Math.max(0, v - values[i - 1]) / (times[i] - times[i - 1]);
	});
}
