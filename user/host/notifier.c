// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reasons that the kernel gives to mmu_notifier users.
 */
#include "notifier.h"

#include "bpf/event.h"

const char *notifier_event_name(int event)
{
	static const char *const names[NOTIFIER_EVENTS] = {
		"unmap", "clear", "protect-vma", "protect-page", "soft-dirty", "release", "migrate",
		"exclusive", "other",
	};

	return event >= 0 && event < NOTIFIER_EVENTS ? names[event] : "other";
}
