// SPDX-License-Identifier: GPL-2.0-only
// Tables that sort, by mouse and by keyboard.
"use strict";

// columns: { title, get: row -> value, show: value -> text or node, n: it is a number }
function table(caption, columns, rows, sorted, descending) {
	const body = el("tbody");
	const heads = columns.map((c, i) => el("th", { scope: "col", class: c.n ? "n" : null },
		el("button", { type: "button", onclick: () => sort(i) }, c.title, el("span", { "aria-hidden": "true" }))));
	let by = sorted === undefined ? -1 : sorted;
	let down = descending || false;

	function fill() {
		const order = by < 0 ? rows : [...rows].sort((a, b) => {
			const x = columns[by].get(a);
			const y = columns[by].get(b);
			const less = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
			return down ? -less : less;
		});
		body.replaceChildren(...order.map((row) => el("tr", {}, columns.map((c, i) => {
			const value = c.get(row);
			const shown = c.show ? c.show(value, row) : c.n ? count(value) : String(value);
			return el(i ? "td" : "th", { class: c.n ? "n" : null, scope: i ? null : "row" }, shown);
		}))));
		heads.forEach((head, i) => {
			if (i === by)
				head.setAttribute("aria-sort", down ? "descending" : "ascending");
			else
				head.removeAttribute("aria-sort");
			head.querySelector("span").textContent = i !== by ? "" : down ? " \u25be" : " \u25b4";
		});
	}

	function sort(i) {
		down = i === by ? !down : Boolean(columns[i].n);
		by = i;
		fill();
	}

	fill();
	const node = el("div", { class: "scroll" }, el("table", { class: "sorts" }, el("caption", {}, caption),
		el("thead", {}, el("tr", {}, heads)), body));
	// other rows, in the order that was chosen
	node.refill = (others) => {
		rows = others;
		fill();
	};
	return node;
}

function definitions(pairs, name) {
	return el("dl", { class: name }, pairs.filter((p) => p[1] !== "" && p[1] !== null && p[1] !== undefined)
		.flatMap(([term, text]) => [el("dt", {}, term), el("dd", {}, text)]));
}
