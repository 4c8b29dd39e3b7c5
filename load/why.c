// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reason why a run ended early: one status, one sentence.
 */
#include "why.h"

#include <stdarg.h>
#include <stdio.h>

int why_set(struct why *why, enum status status, const char *fmt, ...)
{
	if (why->status != STATUS_OK)
		return (int)why->status;
	why->status = status;

	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return (int)status;
}
