// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a session costs the kernel: memory of its maps, and how often and how long its programs ran.  The
 * latter only while somebody has the kernel count it, which has a price of its own.
 */
#include "user/session/session_state.h"
#include "user/session/reduced.h"
#include "user/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mmuscope.skel.h"

/* fdinfo of a map says what it takes: bpf_map_show_fdinfo() in kernel/bpf/syscall.c, from 6.1 to 7 */
static uint64_t map_bytes(int fd)
{
	unsigned long long bytes = 0;
	char path[64], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "memlock: %llu", &bytes) == 1)
			break;
	if (f)
		fclose(f);
	return bytes;
}

void session_cost_begin(struct session *s, bool times, struct session_cost *c)
{
	struct bpf_object *object = s->reduced ? reduced_object(s->reduced) : s->skel->obj;
	struct bpf_map *map;

	*c = (struct session_cost){ .stats_fd = -1 };
	if (!object)
		return;
	bpf_object__for_each_map(map, object)
		c->map_bytes += map_bytes(bpf_map__fd(map));
	if (!times)
		return;
	c->stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (c->stats_fd < 0)
		log_error("cannot have the kernel take the times of programs: %s; CAP_SYS_ADMIN is needed", strerror(errno));
}

void session_cost_end(struct session_cost *c)
{
	if (c->stats_fd >= 0)
		close(c->stats_fd);
	c->stats_fd = -1;
}

void session_cost_of(struct session *s, enum hook h, uint64_t *runs, uint64_t *ns)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int fd = s->reduced ? -1 : attach_program_fd(s, h);

	*runs = *ns = 0;
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size))
		return;
	*runs = info.run_cnt;
	*ns = info.run_time_ns;
}
