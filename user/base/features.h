/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What this program was linked with.
 */
#ifndef MMUSCOPE_FEATURES_H
#define MMUSCOPE_FEATURES_H

/* What it lacks ("TLS and systemd"), NULL: nothing. */
const char *features_missing(void);

#endif /* MMUSCOPE_FEATURES_H */
