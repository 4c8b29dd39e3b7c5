/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs by a model, and runs changed by arithmetic (docs/gate.md).
 */
#ifndef MMUSCOPE_POWER_MODEL_H
#define MMUSCOPE_POWER_MODEL_H

#include "user/store/run.h"

/* A run that counts instructions; wall: whose clock is that of a busy machine. */
void model_run(struct run *r, bool wall, uint64_t *seed);
/* All windows take so much longer. */
void model_slow_down(struct samples *s, double percent, uint64_t *seed);
/* A share of the bytes at 2M goes to 4K.  Bytes at 2M before. */
double model_lose_mappings(struct samples *s, double percent);

#endif /* MMUSCOPE_POWER_MODEL_H */
