// SPDX-License-Identifier: GPL-2.0-only
/*
 * A session without a kernel: the linker puts the functions below in the place of libbpf's.
 */
#include "tests/scale/host.h"
#include "user/session/session_state.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mmuscope.skel.h"

enum map_number { MAP_OTHER, MAP_VMS, MAP_COUNTS, MAP_HISTS };
enum { MEMSLOTS = 4 };

static uint32_t nvms, ncpus;
static uint64_t more;

int __wrap_libbpf_num_possible_cpus(void);
int __wrap_bpf_map__fd(const struct bpf_map *map);
int __wrap_bpf_map_lookup_elem(int fd, const void *key, void *value);
int __wrap_bpf_map_get_next_key(int fd, const void *key, void *next);

int __wrap_libbpf_num_possible_cpus(void)
{
	return (int)ncpus;
}

int __wrap_bpf_map__fd(const struct bpf_map *map)
{
	return (int)(uintptr_t)map;
}

void host_fill_counts(struct vm_counts *counts)
{
	uint64_t *n = (uint64_t *)counts;

	/* no two alike, and of seven digits as on a host that has been up for a while */
	for (size_t i = 0; i < sizeof(*counts) / sizeof(*n); i++)
		n[i] = 1000003 + 1009 * i + more;
	memset(counts->violated, 0, sizeof(counts->violated));
}

void host_advance(struct session *s, uint64_t ns)
{
	more++;
	s->stopped_ns += ns;
}

int __wrap_bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	uint32_t k = *(const uint32_t *)key;

	switch (fd) {
	case MAP_VMS:
		*(struct vm_info *)value = (struct vm_info){
			.kvm = 1, .index = k, .pid = (1U << 22) + k, .comm = "qemu-system-x86"
		};
		return 0;
	case MAP_COUNTS:
		host_fill_counts(value);
		return 0;
	case MAP_HISTS:
		for (uint32_t c = 0; c < ncpus; c++)
			for (int b = 0; b < HIST_BUCKETS; b++)
				((struct hist *)value)[c].bucket[b] = c + 1;
		return 0;
	default:
		return -1;
	}
}

int __wrap_bpf_map_get_next_key(int fd, const void *key, void *next)
{
	(void)fd;
	(void)key;
	(void)next;
	return -1;
}

double host_cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

uint32_t host_number(const char *text, uint32_t most)
{
	unsigned long n = strtoul(text, NULL, 10);

	if (!n || n > most)
		errx(1, "%s: not 1 to %u", text, most);
	return (uint32_t)n;
}

static void *zeros(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		err(1, "memory");
	return p;
}

static void set_map(struct bpf_map **map, enum map_number n)
{
	memcpy(map, &(uintptr_t){ n }, sizeof(*map));
}

static struct ledger *ledger_make(uint32_t vm)
{
	struct survey_args a = { .vm = vm, .npages = 1 << 20, .leaves = { { 7777 + vm }, { 0, 1234 + vm } } };
	struct ledger *l = zeros(1, sizeof(*l));

	for (int i = 0; i < MEMSLOTS; i++) {
		a.id = (uint32_t)i;
		a.base_gfn = (uint64_t)i << 20;
		if (ledger_add(l, &a))
			errx(1, "ledger_add");
	}
	l->surveyed_ns = 1;
	return l;
}

struct session *host_make(uint32_t vms, uint32_t cpus)
{
	struct session *s = zeros(1, sizeof(*s));

	nvms = vms;
	ncpus = cpus;
	s->skel = zeros(1, sizeof(*s->skel));
	s->skel->bss = zeros(1, sizeof(*s->skel->bss));
	s->skel->rodata = zeros(1, sizeof(*s->skel->rodata));
	set_map(&s->skel->maps.vms, MAP_VMS);
	set_map(&s->skel->maps.vm_counts, MAP_COUNTS);
	set_map(&s->skel->maps.hists, MAP_HISTS);
	s->options = (struct session_options){ .check = true, .survey = true, .max_vms = nvms };
	s->names = zeros(nvms + 1, sizeof(*s->names));
	s->ledgers = zeros(nvms + 1, sizeof(struct ledger *));
	s->lookups = zeros(nvms + 1, sizeof(struct vm_lookups *));
	for (uint32_t i = 1; i <= nvms; i++)
		s->ledgers[i] = ledger_make(i);
	s->started_ns = 1;
	s->stopped_ns = 1000000001;
	return s;
}

void host_free(struct session *s)
{
	for (uint32_t i = 1; i <= nvms; i++) {
		ledger_free(s->ledgers[i]);
		free(s->ledgers[i]);
	}
	snapshot_free(&s->now);
	free(s->ledgers);
	free(s->lookups);
	free(s->names);
	free(s->skel->rodata);
	free(s->skel->bss);
	free(s->skel);
	free(s);
}
