// SPDX-License-Identifier: GPL-2.0-only
// Before anything is drawn: the theme that was chosen last time, else the system's.
"use strict";
const theme = {
	choices: ["auto", "light", "dark"],
	get() {
		try {
			return localStorage.getItem("mmuscope-theme") || "auto";
		} catch {
			return document.documentElement.dataset.theme || "auto";
		}
	},
	set(choice) {
		document.documentElement.dataset.theme = choice;
		try {
			localStorage.setItem("mmuscope-theme", choice);
		} catch {
			/* a page opened from a file may not be allowed to */
		}
	},
};
document.documentElement.dataset.theme = theme.get();
