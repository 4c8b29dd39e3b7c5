/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reasons that the kernel gives to mmu_notifier users.
 */
#ifndef MMUSCOPE_HOST_NOTIFIER_H
#define MMUSCOPE_HOST_NOTIFIER_H

/* "unmap", "clear"...: of enum mmu_notifier_event (include/linux/mmu_notifier.h); else "other". */
const char *notifier_event_name(int event);

#endif /* MMUSCOPE_HOST_NOTIFIER_H */
