// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's part of the stress: a table of things that happen to the memory of guests, done in
 * random order. None of them may change what a page holds, but for those on lossy regions.
 */
#include "run.h"
#include "stress.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#define MPOL_MF_MOVE 2
#define MOVE_PAGES_MAX 64

/* Where an action takes place. */
struct place {
	struct stress_vm *vm;
	const struct region *region;
	char *hva;
	size_t first;
	size_t pages;
};

struct action {
	const char *name;
	unsigned int weight;
	/* 0, -errno for what must not happen, or 1: there was nothing to do */
	int (*act)(struct host_thread *h, const struct place *at);
};

static int advise(const struct place *at, int advice)
{
	if (madvise(at->hva, at->pages * GUEST_PAGE, advice) == 0)
		return 0;
	/* Others are at work here, too, and not every kind of memory takes every advice. */
	return errno == EAGAIN || errno == EINVAL || errno == EBUSY || errno == ENOMEM ? 1 : -errno;
}

static int act_reclaim(struct host_thread *h, const struct place *at)
{
	char path[256];
	char text[32];

	snprintf(text, sizeof(text), "%zu", at->pages * GUEST_PAGE);
	host_cgroup_file(&h->r->host, "memory.reclaim", path, sizeof(path));

	int err = host_write(path, text);

	return err == -EAGAIN || err == -ENOENT || err == -EINTR ? 1 : err;
}

static int act_pageout(struct host_thread *h, const struct place *at)
{
	(void)h;
	return advise(at, MADV_PAGEOUT);
}

/* Only whole huge pages can be made, and only where they are wanted. */
static int act_collapse(struct host_thread *h, const struct place *at)
{
	const struct region *g = at->region;

	for (unsigned int i = 0; i < STRESS_REGIONS && !g->kind->huge; i++)
		g = &at->vm->regions[dice_below(&h->dice, STRESS_REGIONS)];

	const struct place all = { .hva = g->mem.hva, .pages = g->mem.size / GUEST_PAGE };

	if (!g->kind->huge || all.pages < PAGES_2M)
		return 1;
	return advise(&all, MADV_COLLAPSE);
}

/* While it is read only, a vCPU that wants to write there cannot go on. */
static int act_mprotect(struct host_thread *h, const struct place *at)
{
	size_t size = at->pages * GUEST_PAGE;
	uint32_t sum = 0;

	(void)h;
	if (mprotect(at->hva, size, PROT_READ) < 0)
		return errno == ENOMEM ? 1 : -errno;
	for (size_t p = 0; p < at->pages; p++)
		sum += *(volatile uint32_t *)(at->hva + p * GUEST_PAGE);
	(void)sum;
	return mprotect(at->hva, size, PROT_READ | PROT_WRITE) < 0 ? -errno : 0;
}

static int act_read(struct host_thread *h, const struct place *at)
{
	(void)h;
	for (size_t p = 0; p < at->pages; p++)
		(void)*(volatile uint32_t *)(at->hva + p * GUEST_PAGE);
	return 0;
}

static int act_msync(struct host_thread *h, const struct place *at)
{
	(void)h;
	if (at->region->mem.fd < 0)
		return 1;
	return msync(at->hva, at->pages * GUEST_PAGE, MS_SYNC) < 0 ? -errno : 0;
}

static int act_sync(struct host_thread *h, const struct place *at)
{
	(void)h;
	(void)at;
	sync();
	return 0;
}

/* Shared memory keeps what it holds. */
static int act_dontneed(struct host_thread *h, const struct place *at)
{
	(void)h;
	if (at->region->mem.backing->discards && !at->region->kind->lossy)
		return 1;
	return advise(at, MADV_DONTNEED);
}

static int act_free(struct host_thread *h, const struct place *at)
{
	(void)h;
	return at->region->kind->lossy ? advise(at, MADV_FREE) : 1;
}

static int act_punch(struct host_thread *h, const struct place *at)
{
	(void)h;
	if (!at->region->kind->lossy || at->region->mem.fd < 0)
		return 1;
	return fallocate(at->region->mem.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 (off_t)(at->first * GUEST_PAGE), (off_t)(at->pages * GUEST_PAGE)) < 0 ? -errno : 0;
}

static int act_merge(struct host_thread *h, const struct place *at)
{
	(void)h;
	return at->region->kind->merges ? advise(at, MADV_MERGEABLE) : 1;
}

static int act_unmerge(struct host_thread *h, const struct place *at)
{
	(void)h;
	return at->region->kind->merges ? advise(at, MADV_UNMERGEABLE) : 1;
}

static int act_compact(struct host_thread *h, const struct place *at)
{
	(void)h;
	(void)at;

	int err = host_write("/proc/sys/vm/compact_memory", "1");

	return err == -EINTR ? 1 : err;
}

static int act_move(struct host_thread *h, const struct place *at)
{
	size_t n = at->pages < MOVE_PAGES_MAX ? at->pages : MOVE_PAGES_MAX;
	void *pages[MOVE_PAGES_MAX];
	int nodes[MOVE_PAGES_MAX];
	int result[MOVE_PAGES_MAX];
	unsigned int have = host_nodes();

	if (have < 2)
		return 1;
	for (size_t i = 0; i < n; i++) {
		pages[i] = at->hva + i * GUEST_PAGE;
		nodes[i] = (int)dice_below(&h->dice, have);
	}
	if (syscall(SYS_move_pages, 0, n, pages, nodes, result, MPOL_MF_MOVE) >= 0)
		return 0;
	return errno == ENOENT || errno == EBUSY || errno == ENOMEM ? 1 : -errno;
}

/*
 * The child's writes are its own; after a fork of a process with threads it does nothing else. Another thread
 * may just have taken away the right to write.
 */
static int act_fork(struct host_thread *h, const struct place *at)
{
	pid_t pid = fork();
	int code;

	(void)h;
	if (pid == 0) {
		mprotect((void *)at->hva, at->pages * GUEST_PAGE, PROT_READ | PROT_WRITE);
		for (size_t p = 0; !at->region->mem.backing->shared && p < at->pages; p++)
			*(volatile uint32_t *)(at->hva + p * GUEST_PAGE) = 1;
		_exit(0);
	}
	if (pid < 0)
		return errno == EAGAIN || errno == ENOMEM ? 1 : -errno;
	while (waitpid(pid, &code, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int change_logging(struct host_thread *h, struct stress_vm *vm)
{
	unsigned int i = (unsigned int)dice_below(&h->dice, STRESS_SLOTS);

	vm->vm.slots[i].flags ^= KVM_MEM_LOG_DIRTY_PAGES;
	return vm_set_slot(&vm->vm, i);
}

static int act_dirty_switch(struct host_thread *h, const struct place *at)
{
	pthread_mutex_lock(&at->vm->slot_change);

	int err = change_logging(h, at->vm);

	pthread_mutex_unlock(&at->vm->slot_change);
	return err;
}

static int act_dirty_get(struct host_thread *h, const struct place *at)
{
	struct stress_vm *vm = at->vm;
	size_t dirty = 0;
	int ret = 1;

	(void)h;
	pthread_mutex_lock(&vm->slot_change);
	for (unsigned int i = 0; ret >= 0 && i < STRESS_SLOTS; i++)
		if (vm->vm.slots[i].flags & KVM_MEM_LOG_DIRTY_PAGES)
			ret = vm_get_dirty_log(&vm->vm, i, &dirty);
	pthread_mutex_unlock(&vm->slot_change);
	return ret;
}

/* Only when no vCPU is in the slot: what it cannot find would be an MMIO exit. */
static int act_slot(struct host_thread *h, const struct place *at)
{
	struct stress_vm *vm = at->vm;
	unsigned int i = (unsigned int)dice_below(&h->dice, STRESS_SLOTS);

	if (pthread_rwlock_trywrlock(&vm->slot_use[i]))
		return 1;
	pthread_mutex_lock(&vm->slot_change);
	vm->vm.slots[i].live = false;

	int err = vm_set_slot(&vm->vm, i);

	vm->vm.slots[i].live = true;
	if (!err)
		err = vm_set_slot(&vm->vm, i);
	pthread_mutex_unlock(&vm->slot_change);
	pthread_rwlock_unlock(&vm->slot_use[i]);
	return err;
}

static const struct action actions[] = {
	{ "reclaim", 12, act_reclaim },
	{ "pageout", 8, act_pageout },
	{ "collapse", 6, act_collapse },
	{ "mprotect", 8, act_mprotect },
	{ "read", 6, act_read },
	{ "msync", 6, act_msync },
	{ "sync", 1, act_sync },
	{ "dontneed", 8, act_dontneed },
	{ "free", 8, act_free },
	{ "punch", 8, act_punch },
	{ "merge", 6, act_merge },
	{ "unmerge", 3, act_unmerge },
	{ "compact", 1, act_compact },
	{ "move", 6, act_move },
	{ "fork", 3, act_fork },
	{ "dirty-switch", 4, act_dirty_switch },
	{ "dirty-get", 4, act_dirty_get },
	{ "slot", 4, act_slot },
};

#define NACTIONS (sizeof(actions) / sizeof(actions[0]))

_Static_assert(NACTIONS <= STRESS_ACTIONS, "a counter for each action");

const char *stress_action_name(size_t i)
{
	return i < NACTIONS ? actions[i].name : NULL;
}

static void act_once(struct host_thread *h, const unsigned int *weights)
{
	struct stress *s = h->stress;
	size_t which = dice_weighted(&h->dice, weights, NACTIONS);
	struct place at = { .vm = &s->vms[dice_below(&h->dice, s->nvms)] };
	size_t end;

	at.region = &at.vm->regions[dice_below(&h->dice, STRESS_REGIONS)];
	dice_range(&h->dice, at.region->pages, &at.first, &end);
	at.pages = end - at.first;
	at.hva = at.region->mem.hva + at.first * GUEST_PAGE;

	int err = actions[which].act(h, &at);

	h->counts[which] += err == 0;
	if (err < 0) {
		h->error = -err;
		__atomic_store_n(&h->failed, actions[which].name, __ATOMIC_RELEASE);
	}
}

void *host_thread(void *arg)
{
	struct host_thread *h = arg;
	unsigned int weights[NACTIONS];

	for (size_t i = 0; i < NACTIONS; i++)
		weights[i] = actions[i].weight;
	while (!h->failed && !__atomic_load_n(&h->stress->stop, __ATOMIC_RELAXED))
		act_once(h, weights);
	return NULL;
}
