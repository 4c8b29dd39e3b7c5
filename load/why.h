/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exit statuses of mmuscope-load and the sentence that goes with one. Functions that can fail for
 * a reason the user must read return 0 or an enum status, and leave the sentence in struct why;
 * main prints it, once.
 */
#ifndef LOAD_WHY_H
#define LOAD_WHY_H

enum status {
	STATUS_OK = 0,
	STATUS_ERROR = 1,
	STATUS_UNSUPPORTED = 4,
	STATUS_LOST = 5,
};

struct why {
	enum status status;
	char text[400];
};

/* Keep the first reason: what follows from it is noise. Returns the status to pass on. */
__attribute__((format(printf, 3, 4)))
int why_set(struct why *why, enum status status, const char *fmt, ...);

#endif
