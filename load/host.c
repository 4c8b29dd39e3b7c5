// SPDX-License-Identifier: GPL-2.0-only
/*
 * Settings of the host, kept in a list and restored in reverse order; the cgroup; small readers
 * of /proc.
 */
#include "host.h"

#include "guest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int host_read_line(const char *path, char *line, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;

	ssize_t n = read(fd, line, size - 1);
	int err = n < 0 ? -errno : 0;

	close(fd);
	if (err)
		return err;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return 0;
}

int host_read_number(const char *path, uint64_t *n)
{
	char line[64];
	char *end;
	int err = host_read_line(path, line, sizeof(line));

	if (err)
		return err;
	errno = 0;
	*n = strtoull(line, &end, 10);
	return errno || end == line ? -EINVAL : 0;
}

int host_read_choice(const char *path, char *word, size_t size)
{
	char line[128];
	int err = host_read_line(path, line, sizeof(line));

	if (err)
		return err;

	char *open_bracket = strchr(line, '[');
	char *close_bracket = strchr(line, ']');

	if (open_bracket && close_bracket && close_bracket > open_bracket) {
		*close_bracket = '\0';
		snprintf(word, size, "%s", open_bracket + 1);
	} else {
		snprintf(word, size, "%s", line);
	}
	return 0;
}

int host_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;

	ssize_t n = write(fd, text, strlen(text));
	int err = n < 0 ? -errno : 0;

	if (close(fd) < 0 && !err)
		err = -errno;
	return err;
}

int host_set(struct host *h, const char *path, const char *text)
{
	struct host_setting *s = &h->settings[h->nsettings];

	if (h->nsettings == HOST_SETTINGS_MAX)
		return -ENOSPC;

	int err = host_read_choice(path, s->old, sizeof(s->old));

	if (err || !strcmp(s->old, text))
		return err;
	snprintf(s->path, sizeof(s->path), "%s", path);
	h->nsettings++;		/* before the write: a write that fails half-way is undone too */
	return host_write(path, text);
}

/* Where cgroup2 is mounted. */
static bool find_cgroup_root(char *dir, size_t size)
{
	FILE *f = setmntent("/proc/self/mounts", "r");
	struct mntent *m;
	bool found = false;

	if (!f)
		return false;
	while (!found && (m = getmntent(f))) {
		if (strcmp(m->mnt_type, "cgroup2"))
			continue;
		snprintf(dir, size, "%s", m->mnt_dir);
		found = true;
	}
	endmntent(f);
	return found;
}

static bool has_word(const char *path, const char *word)
{
	char line[256];
	char *save;

	if (host_read_line(path, line, sizeof(line)))
		return false;
	for (char *w = strtok_r(line, " ", &save); w; w = strtok_r(NULL, " ", &save))
		if (!strcmp(w, word))
			return true;
	return false;
}

/* The line of /proc/self/cgroup that belongs to cgroup2 is "0::/path". */
static void find_home(struct host *h)
{
	char line[256];
	FILE *f = fopen("/proc/self/cgroup", "re");

	snprintf(h->cgroup_home, sizeof(h->cgroup_home), "%s/cgroup.procs", h->cgroup_root);
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::/", 4) || !line[4])
			continue;
		snprintf(h->cgroup_home, sizeof(h->cgroup_home), "%.90s%.150s/cgroup.procs",
			 h->cgroup_root, line + 3);
	}
	fclose(f);
}

static int give_memory_controller(struct host *h, struct why *why)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/cgroup.controllers", h->cgroup_root);
	if (!has_word(path, "memory"))
		return why_set(why, STATUS_UNSUPPORTED,
			       "the cgroup2 hierarchy at %s has no memory controller; boot with "
			       "cgroup_no_v1=memory or systemd.unified_cgroup_hierarchy=1",
			       h->cgroup_root);
	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", h->cgroup_root);
	if (has_word(path, "memory"))
		return 0;

	int err = host_write(path, "+memory");

	if (err)
		return why_set(why, STATUS_UNSUPPORTED, "cannot enable the memory controller in %s: %s",
			       path, strerror(-err));
	h->gave_memory = true;
	return 0;
}

int host_enter_cgroup(struct host *h, struct why *why)
{
	char path[256];
	char pid[16];

	if (!find_cgroup_root(h->cgroup_root, sizeof(h->cgroup_root)))
		return why_set(why, STATUS_UNSUPPORTED,
			       "no cgroup2 file system is mounted; try: mount -t cgroup2 cgroup2 "
			       "/sys/fs/cgroup");

	int status = give_memory_controller(h, why);

	if (status)
		return status;
	find_home(h);
	snprintf(h->cgroup, sizeof(h->cgroup), "%s/mmuscope-load-%d", h->cgroup_root,
		 (int)getpid());
	if (mkdir(h->cgroup, 0755) < 0) {
		status = why_set(why, STATUS_UNSUPPORTED,
				 "cannot make the cgroup %s: %s; run as root", h->cgroup,
				 strerror(errno));
		h->cgroup[0] = '\0';
		return status;
	}
	host_cgroup_file(h, "cgroup.procs", path, sizeof(path));
	snprintf(pid, sizeof(pid), "%d", (int)getpid());

	int err = host_write(path, pid);

	if (err)
		return why_set(why, STATUS_UNSUPPORTED, "cannot move into the cgroup %s: %s", h->cgroup,
			       strerror(-err));
	return 0;
}

void host_cgroup_file(const struct host *h, const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/%s", h->cgroup, name);
}

static void leave_cgroup(struct host *h)
{
	char path[128];
	char pid[16];

	if (h->cgroup[0]) {
		snprintf(pid, sizeof(pid), "%d", (int)getpid());
		if (host_write(h->cgroup_home, pid)) {
			/* A home with children takes no processes: the root always does. */
			snprintf(path, sizeof(path), "%s/cgroup.procs", h->cgroup_root);
			host_write(path, pid);
		}
		if (rmdir(h->cgroup) < 0)
			fprintf(stderr, "mmuscope-load: cannot remove the cgroup %s: %s\n", h->cgroup,
				strerror(errno));
		h->cgroup[0] = '\0';
	}
	if (h->gave_memory) {
		snprintf(path, sizeof(path), "%s/cgroup.subtree_control", h->cgroup_root);
		host_write(path, "-memory");
		h->gave_memory = false;
	}
}

void host_restore(struct host *h)
{
	leave_cgroup(h);
	while (h->nsettings) {
		const struct host_setting *s = &h->settings[--h->nsettings];
		int err = host_write(s->path, s->old);

		if (err)
			fprintf(stderr, "mmuscope-load: cannot restore %s to '%s': %s\n", s->path,
				s->old, strerror(-err));
	}
}

bool host_is_root(void)
{
	return geteuid() == 0;
}

uint64_t host_swap_free(void)
{
	char line[128];
	unsigned long long kib = 0;
	FILE *f = fopen("/proc/meminfo", "re");

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "SwapFree: %llu kB", &kib) == 1)
			break;
	fclose(f);
	return kib << 10;
}

bool host_vmstat(const char *name, uint64_t *n)
{
	char line[128];
	size_t len = strlen(name);
	FILE *f = fopen("/proc/vmstat", "re");
	bool found = false;

	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		if (strncmp(line, name, len) || line[len] != ' ')
			continue;
		*n = strtoull(line + len, NULL, 10);
		found = true;
	}
	fclose(f);
	return found;
}

unsigned int host_nodes(void)
{
	DIR *d = opendir("/sys/devices/system/node");
	struct dirent *e;
	unsigned int n = 0;
	unsigned int id;

	if (!d)
		return 1;
	while ((e = readdir(d)))
		if (sscanf(e->d_name, "node%u", &id) == 1)
			n++;
	closedir(d);
	return n ? n : 1;
}

static bool is_on(const char *path)
{
	char line[16];

	return !host_read_line(path, line, sizeof(line)) && (line[0] == 'Y' || line[0] == '1');
}

bool host_has_tdp_mmu(void)
{
	if (!guest_traits.shadow_mmu)
		return true;
	return is_on("/sys/module/kvm/parameters/tdp_mmu") &&
	       (is_on("/sys/module/kvm_amd/parameters/npt") ||
		is_on("/sys/module/kvm_intel/parameters/ept"));
}

bool host_splits_for_exec(void)
{
	return is_on("/sys/module/kvm/parameters/nx_huge_pages");
}

int host_pagemap(const void *hva, size_t n, uint64_t *entries)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;

	off_t at = (off_t)((uintptr_t)hva / 4096 * sizeof(*entries));
	size_t size = n * sizeof(*entries);
	ssize_t got = pread(fd, entries, size, at);

	close(fd);
	return got == (ssize_t)size ? 0 : -EIO;
}
