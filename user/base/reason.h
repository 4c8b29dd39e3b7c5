/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why it cannot be done here: exit codes, and one sentence with its remedy for each thing that can be
 * missing on a host.
 */
#ifndef MMUSCOPE_REASON_H
#define MMUSCOPE_REASON_H

enum exit_code {
	EXIT_OK = 0,		/* held; done */
	EXIT_FAILED = 1,	/* error or usage */
	EXIT_VIOLATED = 2,
	EXIT_INCONCLUSIVE = 3,
	EXIT_CANNOT = 4,	/* this kernel cannot do it */
};

/* Explain a failed load or attach with errno err; returns the exit code. */
int reason_explain(const char *what, int err);

#endif /* MMUSCOPE_REASON_H */
