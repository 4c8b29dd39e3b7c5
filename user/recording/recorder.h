/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a session to a recording: facts, then everything that the programs tell, with windows' causes and
 * stacks by name, and all numbers once a second.
 */
#ifndef MMUSCOPE_RECORDER_H
#define MMUSCOPE_RECORDER_H

#include "user/cmd/checked.h"
#include "recording.h"

struct recorder;

/* Create the file.  NULL after having reported the reason. */
struct recorder *recorder_new(const struct options *o, struct collector *c);
/* What the options' hooks have to be; their argument is the recorder. */
extern const struct observe_hooks recorder_hooks;
/*
 * The last numbers, with the report as the command shows it (NULL: there is none), and the end.  0, or -1
 * after having reported that the recording is not whole.  Frees the recorder.
 */
int recorder_end(struct recorder *r, const struct report *report);

#endif /* MMUSCOPE_RECORDER_H */
