// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads KVM_GET_STATS_FD: a header, descriptors with names, and an array of values.
 */
#include "stats.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NAME_MAX_SIZE 256
#define DESC_MAX 1024

static const char *const names[STATS] = {
	[STAT_PAGES_4K] = "pages_4k",
	[STAT_PAGES_2M] = "pages_2m",
	[STAT_PAGES_1G] = "pages_1g",
	[STAT_PF_TAKEN] = "pf_taken",
	[STAT_PF_FIXED] = "pf_fixed",
	[STAT_PF_FAST] = "pf_fast",
	[STAT_PF_SPURIOUS] = "pf_spurious",
	[STAT_PF_EMULATE] = "pf_emulate",
	[STAT_EXITS] = "exits",
};

const char *stat_name(enum vm_stat stat)
{
	return names[stat];
}

static void add_value(struct vm_stats *stats, const char *name, uint64_t value)
{
	for (int i = 0; i < STATS; i++) {
		if (strcmp(name, names[i]))
			continue;
		stats->have[i] = true;
		stats->n[i] += value;
	}
}

static void add_descriptors(int fd, const struct kvm_stats_header *h, const char *descs,
			    size_t desc_size, struct vm_stats *stats)
{
	for (size_t i = 0; i < h->num_desc; i++) {
		struct kvm_stats_desc d;
		char name[NAME_MAX_SIZE];
		uint64_t value;

		memcpy(&d, descs + i * desc_size, sizeof(d));
		memcpy(name, descs + i * desc_size + sizeof(d), h->name_size);
		name[h->name_size - 1] = '\0';
		if (pread(fd, &value, sizeof(value), (off_t)h->data_offset + d.offset) ==
		    (ssize_t)sizeof(value))
			add_value(stats, name, value);
	}
}

static void add_stats(int owner, struct vm_stats *stats)
{
	struct kvm_stats_header h;
	int fd = ioctl(owner, KVM_GET_STATS_FD, NULL);

	if (fd < 0)
		return;
	if (pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h) || !h.name_size ||
	    h.name_size > NAME_MAX_SIZE || h.num_desc > DESC_MAX) {
		close(fd);
		return;
	}

	size_t desc_size = sizeof(struct kvm_stats_desc) + h.name_size;
	size_t size = h.num_desc * desc_size;
	char *descs = malloc(size);

	if (descs && pread(fd, descs, size, h.desc_offset) == (ssize_t)size)
		add_descriptors(fd, &h, descs, desc_size, stats);
	free(descs);
	close(fd);
}

void stats_read(const struct vm *vm, struct vm_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	add_stats(vm->fd, stats);
	for (unsigned int i = 0; i < vm->nvcpus; i++)
		add_stats(vm->vcpus[i].fd, stats);
}
