// SPDX-License-Identifier: GPL-2.0-only
/*
 * x86: hooks.def is about its MMUs.
 */
#include "user/arch/arch.h"
#include "user/base/reason.h"

#include <stddef.h>

const char *arch_refuses(void)
{
	return NULL;
}

bool arch_has_doctor(void)
{
	return false;
}

int arch_doctor(FILE *f, bool json, const struct utsname *uts)
{
	(void)f;
	(void)json;
	(void)uts;
	return EXIT_CANNOT;
}
