/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What mmuscope report makes of a digest, one function for each form.
 */
#ifndef MMUSCOPE_REPORT_FORMS_H
#define MMUSCOPE_REPORT_FORMS_H

#include "digest.h"

#include <stdio.h>

/* All return 0 or negative errno; name is how the recording is called in the output. */
int report_text(FILE *f, struct digest *d, const char *name);
int report_lkml(FILE *f, struct digest *d, const char *name);
int report_json(FILE *f, struct digest *d, const char *name);
int report_html(FILE *f, struct digest *d, const char *name);
/* cause;function;...;function windows: for flame graphs */
int report_folded(FILE *f, struct digest *d, const char *name);
/* time_s,metric,labels,value */
int report_csv(FILE *f, struct digest *d, const char *name);
/* the protobuf form, for the Perfetto UI and trace_processor */
int report_perfetto(FILE *f, struct digest *d, const char *name);

/* The object of report_json(): a new reference, NULL: out of memory. */
json_t *report_object(const struct digest *d, const char *name);
/* When the recording was begun, "2023-11-14 22:13:20 UTC"; "": not known. */
const char *report_date(const struct digest *d, char *buf, size_t size);
/* The words of the workload, quoted for a shell. */
const char *report_workload(const struct digest *d, char *buf, size_t size);
/* An integer of the last snapshot's object. */
uint64_t json_count(const json_t *o, const char *key);

#endif /* MMUSCOPE_REPORT_FORMS_H */
