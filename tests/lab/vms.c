// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMs that run no guest, for what mmuscope has to follow and cannot:
 *	vms churn N		N VMs, one after another
 *	vms windows VMS SLOTS	windows over memory of so many VMs, each with so many memslots
 *	vms twice PAGES		so many pages, each mapped by two memslots, until a signal (Linux 6.10)
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* as the headers of Linux 6.10 have it */
struct pre_fault {
	unsigned long long gpa, size, flags, padding[5];
};
#define PRE_FAULT _IOWR(KVMIO, 0xd5, struct pre_fault)

enum { SLOT_SIZE = 1 << 20 };

static const char usage[] = "usage: vms churn N | windows VMS SLOTS | twice PAGES";
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
	char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* in 4K pages, so that there is something to do */
	if (mem == MAP_FAILED || madvise(mem, size, MADV_NOHUGEPAGE))
		err(1, "mmap");
	return mem;
}

static void slot_set(int vm, unsigned int slot, char *mem, size_t size)
{
	struct kvm_userspace_memory_region r = {
		.slot = slot, .guest_phys_addr = (1ULL << 30) + (unsigned long long)slot * size,
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

static void twice(size_t size)
{
	char *mem = memory(size);
	int vm = vm_create(), vcpu;

	memset(mem, 1, size);
	slot_set(vm, 0, mem, size);
	slot_set(vm, 1, mem, size);
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0UL);
	if (vcpu < 0)
		err(1, "KVM_CREATE_VCPU");
	for (struct pre_fault p = { .gpa = 1ULL << 30, .size = 2 * size }; p.size;)
		if (ioctl(vcpu, PRE_FAULT, &p) && errno != EINTR && errno != EAGAIN)
			err(1, "KVM_PRE_FAULT_MEMORY");
	puts("holding");
	fflush(stdout);
	pause();
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
		twice((size_t)n * 4096);
	else
		errx(1, "%s", usage);
	return 0;
}
