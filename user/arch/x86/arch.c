// SPDX-License-Identifier: GPL-2.0-only
/*
 * x86: its kernel says where everything is.
 */
#include "user/arch/arch.h"
#include "user/base/reason.h"
#include "user/host/probe.h"

#include <stddef.h>

unsigned int arch_hooks(void)
{
	return ON_X86;
}

const char *arch_refuses(const struct session_options *o)
{
	(void)o;
	return NULL;
}

int arch_try(struct session *s)
{
	(void)s;
	return EXIT_OK;
}

bool arch_adopts(void)
{
	return true;
}

void arch_prepare(struct session *s)
{
	(void)s;
}

int arch_prove(struct session *s)
{
	(void)s;
	return EXIT_OK;
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
