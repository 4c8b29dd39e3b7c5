// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock, whose first version (Linux 5.13) is enough.  glibc has no functions for it.
 */
#include "user/serve/privilege_files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

/* all that the first version knows: what is not allowed below is refused */
#define EVERYTHING ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

static int allow_reading(int rules, int folder)
{
	struct landlock_path_beneath_attr below = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
		.parent_fd = folder,
	};

	return syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &below, 0) ? -errno : 0;
}

int privilege_confine_files(int folder)
{
	const struct landlock_ruleset_attr attr = { .handled_access_fs = EVERYTHING };
	int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0), proc, err;

	if (rules < 0)
		return -errno;
	proc = open("/proc", O_PATH | O_CLOEXEC);
	err = proc < 0 ? -errno : allow_reading(rules, proc);
	close(proc);
	/* its path cannot be walked any more: /sys/kernel/debug is root's */
	if (folder >= 0)
		err = err ?: allow_reading(rules, folder);
	if (!err && syscall(SYS_landlock_restrict_self, rules, 0))
		err = -errno;
	close(rules);
	return err;
}
