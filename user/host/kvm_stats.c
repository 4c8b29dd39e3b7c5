// SPDX-License-Identifier: GPL-2.0-only
/*
 * A folder for each VM, PID-FD, and in it a file for each number.  pages_4k and its like are read-only, which
 * is why a locked down kernel still lets them be read (debugfs_locked_down(), fs/debugfs/file.c).
 */
#include "kvm_stats.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct kvm_stats {
	DIR *folder;
	struct vm_stats *list;
	size_t size;
};

static const char *const files[LEVELS] = { "pages_4k", "pages_2m", "pages_1g" };

struct kvm_stats *kvm_stats_open(void)
{
	struct kvm_stats *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->folder = opendir(KVM_STATS_FOLDER);
	if (!k->folder) {
		int err = errno;

		free(k);
		errno = err;
		return NULL;
	}
	return k;
}

int kvm_stats_fd(const struct kvm_stats *k)
{
	return dirfd(k->folder);
}

bool kvm_stats_has_levels(const struct kvm_stats *k)
{
	/* the same names in the folder of all VMs, as sums */
	return !faccessat(dirfd(k->folder), files[0], R_OK, 0);
}

/* These flags alone are what serve may open files with (user/serve/privilege_calls.c). */
static bool read_number(int folder, const char *vm, const char *file, uint64_t *n)
{
	char path[300], text[32];
	ssize_t size;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", vm, file);
	fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	size = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (size <= 0)
		return false;
	text[size] = '\0';
	*n = strtoull(text, NULL, 10);
	return true;
}

static bool add(struct kvm_stats *k, size_t n, const char *name)
{
	struct vm_stats vm = { .known = true }, *more;
	int end = 0;

	if (sscanf(name, "%u-%u%n", &vm.pid, &vm.fd, &end) != 2 || name[end])
		return false;
	if (n == k->size) {
		more = reallocarray(k->list, 2 * n + 16, sizeof(*more));
		if (!more)
			return false;
		k->list = more;
		k->size = 2 * n + 16;
	}
	for (int l = 0; l < LEVELS; l++)
		vm.known &= read_number(dirfd(k->folder), name, files[l], &vm.pages[l]);
	k->list[n] = vm;
	return true;
}

const struct vm_stats *kvm_stats_read(struct kvm_stats *k, size_t *n)
{
	const struct dirent *e;

	*n = 0;
	rewinddir(k->folder);
	while ((e = readdir(k->folder)))
		*n += add(k, *n, e->d_name);
	/* never NULL but for want of memory */
	if (!k->list)
		k->list = calloc(16, sizeof(*k->list));
	k->size = k->size ?: 16;
	return k->list;
}

void kvm_stats_close(struct kvm_stats *k)
{
	if (!k)
		return;
	closedir(k->folder);
	free(k->list);
	free(k);
}
