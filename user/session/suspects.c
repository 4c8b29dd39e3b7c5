// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that had more references after their fault than before (bpf/refs.bpf.h): most are explained a
 * moment later, and a leaked one never.
 */
#include "session_state.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mmuscope.skel.h"
#include "bpf/models/refs_returned.h"

enum {
	SUSPECT_ROUNDS = 10,
	SUSPECT_PAUSE_US = 20000,
};

/*
 * Make the kernel drain its per-CPU batches of pages on their way to the LRU, each of which holds a
 * reference: do_pages_move() does (lru_cache_disable(), mm/migrate.c), also for a page that stays.
 */
static void drain_lru(void)
{
	static const char page[1] __attribute__((aligned(4096)));
	const void *where = page;
	int node = 0, status;

	syscall(SYS_move_pages, 0, 1UL, &where, &node, &status, 0);
}

/*
 * Is there a reference of this page that nobody can explain?  -1: that cannot be told now, it is locked or
 * off its LRU.  What holds references of a small page: its mappings, the page or swap cache, private data.
 */
static int unexplained(struct session *s, uint64_t pfn, const struct suspect *was)
{
	struct look_args a = { .pfn = pfn };
	int expected;

	if (session_run(s->skel->progs.look_at_page, &a, sizeof(a)))
		return -1;
	/* still on the LRU, but cut off its file: were it another page by now, it would have a mapping */
	if (a.refs > 0 && !a.mapping && !(was->mapping & 1) && a.page_index == was->page_index &&
	    !a.mapcount && a.flags & s->facts.lru)
		return 1;
	/* another page now, or a free one: every reference was returned */
	if (a.refs <= 0 || a.mapping != was->mapping || a.page_index != was->page_index)
		return 0;
	if (a.flags & (s->facts.locked | s->facts.head))
		return -1;
	expected = a.mapcount;
	if (!(a.mapping & 1) || a.flags & s->facts.swapcache)
		expected++;
	if (a.flags & s->facts.private)
		expected++;
	if (a.refs <= expected)
		return 0;
	/* pages off their LRU are held by who isolated them; a leaked one is on it, or mapped by nobody */
	return a.flags & s->facts.lru || !a.mapcount ? 1 : -1;
}

/* For the recorder: how the instance of refs-returned ended. */
static void suspect_seen(struct session *s, uint64_t pfn, const struct suspect *was, enum rfr_event event)
{
	struct settled_args a = { .was = *was, .pfn = pfn, .event = event };

	if (!s->options.record)
		return;
	if (session_run(s->skel->progs.settled_by_user, &a, sizeof(a)))
		s->unsettled_refs++;
	ring_buffer__consume(s->ring);
}

/*
 * Take a suspect that was looked at out of the table, once: a program may have settled it meanwhile, and its
 * page may even be suspect anew, in another fault; the last time around nobody looks at that any more.
 */
static bool suspect_take(struct session *s, uint64_t pfn, const struct suspect *was, bool last)
{
	int fd = bpf_map__fd(s->skel->maps.suspects);
	struct suspect taken;

	if (bpf_map_lookup_and_delete_elem(fd, &pfn, &taken))
		return false;
	if (taken.ns == was->ns && taken.tid == was->tid)
		return true;
	/* not if there is a still newer one */
	bpf_map_update_elem(fd, &pfn, &taken, BPF_NOEXIST);
	s->unsettled_refs += last;
	return false;
}

static void suspect_violates(struct session *s, uint64_t pfn, const struct suspect *was)
{
	struct event_violation e = {
		.head = { .type = EVENT_VIOLATION, .size = sizeof(e), .ns = was->ns },
		.invariant = INV_REFS_RETURNED, .vm = was->vm, .gfn = was->gfn, .hva = was->hva,
		.pfn = pfn, .pages = 1, .level = 1, .tid = was->tid, .pid = was->tid,
	};

	memcpy(e.comm, was->comm, sizeof(e.comm));
	suspect_seen(s, pfn, was, RFR_STAYS);
	s->settled_refs++;
	s->leaked_refs++;
	if (s->on_violation)
		s->on_violation(s, &e, s->arg);
}

void suspects_settle(struct session *s, bool final)
{
	int fd = bpf_map__fd(s->skel->maps.suspects);

	for (int round = 0; round < (final ? SUSPECT_ROUNDS : 1); round++) {
		bool last = final && round == SUSPECT_ROUNDS - 1, left = false, more;
		struct suspect was;
		uint64_t pfn, next;

		if (bpf_map_get_next_key(fd, NULL, &next))
			return;
		if (final)
			drain_lru();
		do {
			int answer;

			pfn = next;
			more = !bpf_map_get_next_key(fd, &pfn, &next);
			if (bpf_map_lookup_elem(fd, &pfn, &was))
				continue;
			answer = unexplained(s, pfn, &was);
			if (answer && !last) {
				left = true;
				continue;
			}
			if (!suspect_take(s, pfn, &was, last))
				continue;
			if (!answer) {
				suspect_seen(s, pfn, &was, RFR_SETTLED);
				s->settled_refs++;
			} else if (answer > 0) {
				suspect_violates(s, pfn, &was);
			} else {
				s->unsettled_refs++;
			}
		} while (more);
		if (left && final)
			usleep(SUSPECT_PAUSE_US);
		if (!left)
			return;
	}
}
