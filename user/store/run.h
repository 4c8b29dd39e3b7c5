/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One run, as it is compared and stored: what was run where, and its samples.
 */
#ifndef MMUSCOPE_RUN_H
#define MMUSCOPE_RUN_H

#include "user/metrics/metrics.h"

struct json_t;

enum { RUN_TEXT = 128, RUN_WORKLOAD = 2048, RUN_NAME = 256 };

struct run {
	char name[RUN_NAME];	/* the file, or "run 12" */
	int64_t id;		/* in the store; 0: not from there */
	int64_t time;		/* seconds since the epoch; 0: not known */
	char tag[RUN_TEXT];
	char kernel[RUN_TEXT];
	char machine[RUN_TEXT];
	char host[RUN_TEXT];	/* "": the report does not say */
	char command[RUN_TEXT];
	char workload[RUN_WORKLOAD];
	char tier[RUN_TEXT];
	char version[RUN_TEXT];
	char verdict[RUN_TEXT];	/* "": nothing was judged */
	uint64_t digest;	/* of the whole report; 0: not known */
	struct samples samples;
};

/* What can keep two runs from being comparable. */
enum difference {
	DIFFERS_KERNEL = 1 << 0,
	DIFFERS_HOST = 1 << 1,
	DIFFERS_TIER = 1 << 2,
	DIFFERS_COMMAND = 1 << 3,
};

/* 0; -EINVAL: no report, and why says so (a sentence without its full stop); -ENOMEM. */
int run_from_json(struct run *r, const struct json_t *report, char *why, size_t size);
/* A file of one report.  0, or -1 after having reported the reason. */
int run_from_file(struct run *r, const char *path);
void run_free(struct run *r);

/* Set of what differs. */
unsigned int run_differs(const struct run *a, const struct run *b);
/* "kernel", and what it is in this run. */
const char *difference_name(enum difference d);
const char *run_trait(const struct run *r, enum difference d);

#endif /* MMUSCOPE_RUN_H */
