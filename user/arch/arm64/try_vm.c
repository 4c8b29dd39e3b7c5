// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest of mmuscope doctor: two stores, of which the second, to an address without memory, ends a
 * run.  Its MMU is off and nobody looks at the data.
 */
#include "try_vm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	CODE_GPA = 0x1000,
	DATA_GPA = 0x40000000,
	SIZE = 4096,
};

#define END_GPA 0xf8000000UL

static const uint32_t code[] = {
	0xb9000020,	/* str w0, [x1] */
	0xb9000040,	/* str w0, [x2] */
};

struct guest {
	int kvm, vm, vcpu;
	struct kvm_run *run;
	size_t run_size;
	char *code, *data;
};

static char *get_page(void)
{
	char *page = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return NULL;
	madvise(page, SIZE, MADV_NOHUGEPAGE);
	return page;
}

static int set_slot(const struct guest *g, unsigned int slot, uint64_t gpa, char *hva, uint32_t flags)
{
	struct kvm_userspace_memory_region r = {
		.slot = slot, .flags = flags, .guest_phys_addr = gpa, .memory_size = SIZE,
		.userspace_addr = (uintptr_t)hva,
	};

	return ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &r) ? -errno : 0;
}

static int set_reg(const struct guest *g, size_t at, uint64_t value)
{
	struct kvm_one_reg r = {
		.id = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | at / sizeof(uint32_t),
		.addr = (uintptr_t)&value,
	};

	return ioctl(g->vcpu, KVM_SET_ONE_REG, &r) ? -errno : 0;
}

/* After an exit for a store KVM steps over it at the next run: pc is where that leads to the first one. */
static int run(const struct guest *g, uint64_t pc)
{
	int err = set_reg(g, offsetof(struct kvm_regs, regs.pc), pc);

	err = err ?: set_reg(g, offsetof(struct kvm_regs, regs.regs[1]), DATA_GPA);
	err = err ?: set_reg(g, offsetof(struct kvm_regs, regs.regs[2]), END_GPA);
	while (!err && ioctl(g->vcpu, KVM_RUN, 0))
		err = errno == EINTR || errno == EAGAIN ? 0 : -errno;
	if (err)
		return err;
	return g->run->exit_reason == KVM_EXIT_MMIO && g->run->mmio.phys_addr == END_GPA ? 0 : -EPROTO;
}

static int open_guest(struct guest *g)
{
	struct kvm_vcpu_init init;
	int size, err;

	g->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (g->kvm < 0)
		return -errno;
	g->vm = ioctl(g->kvm, KVM_CREATE_VM, 0UL);
	size = ioctl(g->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (g->vm < 0 || size < 0)
		return -errno;
	g->code = get_page();
	g->data = get_page();
	if (!g->code || !g->data)
		return -ENOMEM;
	memcpy(g->code, code, sizeof(code));
	err = set_slot(g, 0, CODE_GPA, g->code, 0);
	err = err ?: set_slot(g, 1, DATA_GPA, g->data, 0);
	if (err)
		return err;
	g->vcpu = ioctl(g->vm, KVM_CREATE_VCPU, 0);
	if (g->vcpu < 0)
		return -errno;
	g->run_size = (size_t)size;
	g->run = mmap(NULL, g->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, g->vcpu, 0);
	if (g->run == MAP_FAILED) {
		g->run = NULL;
		return -errno;
	}
	if (ioctl(g->vm, KVM_ARM_PREFERRED_TARGET, &init) || ioctl(g->vcpu, KVM_ARM_VCPU_INIT, &init))
		return -errno;
	return 0;
}

static void close_guest(struct guest *g)
{
	if (g->run)
		munmap(g->run, g->run_size);
	if (g->vcpu >= 0)
		close(g->vcpu);
	if (g->vm >= 0)
		close(g->vm);
	if (g->kvm >= 0)
		close(g->kvm);
	if (g->code)
		munmap(g->code, SIZE);
	if (g->data)
		munmap(g->data, SIZE);
}

int try_vm(const char **what)
{
	struct guest g = { .kvm = -1, .vm = -1, .vcpu = -1 };
	int err;

	*what = "making a VM";
	err = open_guest(&g);
	if (!err) {
		*what = "running its guest";
		err = run(&g, CODE_GPA);
	}
	if (!err) {
		*what = "running its guest after its page was gone";
		err = madvise(g.data, SIZE, MADV_DONTNEED) ? -errno : run(&g, CODE_GPA - 4);
	}
	if (!err) {
		*what = "switching dirty logging on";
		err = set_slot(&g, 1, DATA_GPA, g.data, KVM_MEM_LOG_DIRTY_PAGES);
	}
	close_guest(&g);
	return err;
}
