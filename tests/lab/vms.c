// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMs that run no guest, for what mmuscope has to follow and cannot:
 *	vms churn N		N VMs, one after another
 *	vms windows VMS SLOTS	windows over memory of so many VMs, each with so many memslots
 *	vms twice PAGES		so many pages, each mapped by two memslots, until a signal (Linux 6.10)
 *	vms sparse PAGES	one window over so many pages, each with a page table of its own (6.10)
 *	vms held PAGES		so many pages that pipes hold while KVM maps them (6.10)
 *	vms open N		N windows at the same time, each of a task of its own
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

/* as the headers of Linux 6.10 have it */
struct pre_fault {
	unsigned long long gpa, size, flags, padding[5];
};
#define PRE_FAULT _IOWR(KVMIO, 0xd5, struct pre_fault)

enum {
	PAGE = 4096,
	HUGE = 2 << 20,			/* what a page table maps */
	SLOT_SIZE = 1 << 20,
	PIPE_SIZE = 1 << 20,
	TASKS_MAX = 64,
	ROUNDS = 100,
};
/* a page table for each 2 MiB of it: to go through them takes longer than a task may stay on its CPU */
#define OPEN_SIZE (4UL << 30)
#define MEM_GPA (1ULL << 30)

static const char usage[] =
	"usage: vms churn N | windows VMS SLOTS | twice PAGES | sparse PAGES | held PAGES | open N";
static int kvm;

static int vm_create(void)
{
	int vm = ioctl(kvm, KVM_CREATE_VM, 0UL);

	if (vm < 0)
		err(1, "KVM_CREATE_VM");
	return vm;
}

static char *memory(size_t size)
{
	char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	/* in 4K pages, so that there is something to do */
	if (mem == MAP_FAILED || madvise(mem, size, MADV_NOHUGEPAGE))
		err(1, "mmap");
	return mem;
}

static void slot_set(int vm, unsigned int slot, char *mem, size_t size)
{
	struct kvm_userspace_memory_region r = {
		.slot = slot, .guest_phys_addr = MEM_GPA + (unsigned long long)slot * size,
		.memory_size = size, .userspace_addr = (unsigned long)mem,
	};

	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r))
		err(1, "KVM_SET_USER_MEMORY_REGION");
}

static void churn(int n)
{
	for (int i = 0; i < n; i++)
		close(vm_create());
}

static void windows(int vms, unsigned int slots)
{
	char *mem = memory((size_t)slots * SLOT_SIZE);

	for (int i = 0; i < vms; i++) {
		int vm = vm_create();

		for (unsigned int k = 0; k < slots; k++)
			slot_set(vm, k, mem + (size_t)k * SLOT_SIZE, SLOT_SIZE);
	}
	memset(mem, 1, (size_t)slots * SLOT_SIZE);
	if (mprotect(mem, (size_t)slots * SLOT_SIZE, PROT_READ))
		err(1, "mprotect");
}

static int vcpu_create(int vm)
{
	int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0UL);

	if (vcpu < 0)
		err(1, "KVM_CREATE_VCPU");
	return vcpu;
}

static void fault_in(int vcpu, unsigned long long gpa, size_t size)
{
	for (struct pre_fault p = { .gpa = gpa, .size = size }; p.size;)
		if (ioctl(vcpu, PRE_FAULT, &p) && errno != EINTR && errno != EAGAIN)
			err(1, "KVM_PRE_FAULT_MEMORY");
}

static void twice(size_t size)
{
	char *mem = memory(size);
	int vm = vm_create();

	memset(mem, 1, size);
	slot_set(vm, 0, mem, size);
	slot_set(vm, 1, mem, size);
	fault_in(vcpu_create(vm), MEM_GPA, 2 * size);
	puts("holding");
	fflush(stdout);
	pause();
}

static void sparse(size_t pages)
{
	size_t size = pages * HUGE;
	int vm = vm_create(), vcpu = vcpu_create(vm);
	char *mem = memory(size);

	slot_set(vm, 0, mem, size);
	for (size_t i = 0; i < pages; i++)
		fault_in(vcpu, MEM_GPA + i * HUGE, PAGE);
	if (madvise(mem, size, MADV_DONTNEED))
		err(1, "madvise");
}

static void pipe_hold(char *mem, size_t size)
{
	struct iovec what = { .iov_base = mem, .iov_len = size };
	int ends[2];

	if (pipe(ends) || fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE) < 0)
		err(1, "pipe");
	if (vmsplice(ends[1], &what, 1, 0) != (ssize_t)size)
		err(1, "vmsplice");
}

static void held(size_t size)
{
	char *mem = memory(size);
	int vm = vm_create();

	memset(mem, 1, size);
	for (size_t at = 0; at < size; at += PIPE_SIZE)
		pipe_hold(mem + at, size - at < PIPE_SIZE ? size - at : PIPE_SIZE);
	slot_set(vm, 0, mem, size);
	fault_in(vcpu_create(vm), MEM_GPA, size);
}

static atomic_size_t ready;
static atomic_bool go;

static void run_on(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		err(1, "CPU %d", cpu);
}

/* All tasks share a CPU and are ready to run: each opens its window before the first has closed its own. */
static void *window_open(void *mem)
{
	run_on(0);
	ready++;
	while (!go)
		sched_yield();
	if (madvise(mem, OPEN_SIZE, MADV_DONTNEED))
		err(1, "madvise");
	return NULL;
}

static bool is_there(char *page)
{
	unsigned char there;

	if (mincore(page, PAGE, &there))
		err(1, "mincore");
	return there & 1;
}

/* Have all tasks begun, and has none come to its end since? */
static bool all_open(char *mem, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_there(mem + i * OPEN_SIZE))
			return false;
	for (size_t i = 0; i < n; i++)
		if (!is_there(mem + (i + 1) * OPEN_SIZE - HUGE))
			return false;
	return true;
}

static bool any_left(char *mem, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_there(mem + (i + 1) * OPEN_SIZE - HUGE))
			return true;
	return false;
}

/* One try: did n windows come to be open at the same time? */
static bool open_round(char *mem, size_t n)
{
	pthread_t tasks[TASKS_MAX];
	bool seen = false;

	ready = 0;
	go = false;
	for (size_t at = 0; at < n * OPEN_SIZE; at += HUGE)
		*(volatile char *)(mem + at);
	for (size_t i = 0; i < n; i++) {
		errno = pthread_create(&tasks[i], NULL, window_open, mem + i * OPEN_SIZE);
		if (errno)
			err(1, "pthread_create");
	}
	while (ready < n)
		sched_yield();
	go = true;
	while (!seen && any_left(mem, n))
		seen = all_open(mem, n);
	for (size_t i = 0; i < n; i++)
		pthread_join(tasks[i], NULL);
	return seen;
}

static void open_windows(size_t n)
{
	char *mem = memory(n * OPEN_SIZE);

	if (n > TASKS_MAX)
		errx(1, "at most %d tasks", TASKS_MAX);
	slot_set(vm_create(), 0, mem, n * OPEN_SIZE);
	run_on(1);
	for (int i = 0; i < ROUNDS; i++)
		if (open_round(mem, n))
			return;
	errx(1, "%zu windows were never open at the same time", n);
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 0, m = argc > 3 ? atoi(argv[3]) : 0;

	if (n < 1)
		errx(1, "%s", usage);
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		err(1, "/dev/kvm");
	if (!strcmp(argv[1], "churn"))
		churn(n);
	else if (!strcmp(argv[1], "windows") && m > 0)
		windows(n, (unsigned int)m);
	else if (!strcmp(argv[1], "twice"))
		twice((size_t)n * PAGE);
	else if (!strcmp(argv[1], "sparse"))
		sparse((size_t)n);
	else if (!strcmp(argv[1], "held"))
		held((size_t)n * PAGE);
	else if (!strcmp(argv[1], "open"))
		open_windows((size_t)n);
	else
		errx(1, "%s", usage);
	return 0;
}
