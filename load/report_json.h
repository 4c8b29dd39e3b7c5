/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The report of a run and the list of scenarios as JSON, version 1.
 */
#ifndef LOAD_REPORT_JSON_H
#define LOAD_REPORT_JSON_H

#include "expect.h"

struct run;

/* 0, or STATUS_ERROR when stdout cannot be written. */
int report_json(const struct run *r, int status);
int list_json(void);

/* Names of the /proc/vmstat values in struct report. */
const char *report_vmstat_name(int i);

/* Is KVM's stock what was expected; known: can that be said? */
bool report_agrees(const struct run *r, enum count_id id, bool *known);

#endif
