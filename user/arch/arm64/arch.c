// SPDX-License-Identifier: GPL-2.0-only
/*
 * arm64: KVM's MMU is stage 2, whose hooks doctor tries; the programs that count and judge do not know it.
 */
#include "user/arch/arch.h"

const char *arch_refuses(void)
{
	return "on arm64 guests cannot be observed yet: the programs that count and judge know x86's MMUs, not stage 2; "
	       "`mmuscope doctor` tries the hooks that it has, recordings can be judged and reported";
}

bool arch_has_doctor(void)
{
	return true;
}
