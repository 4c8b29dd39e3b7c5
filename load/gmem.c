// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest_memfd over the raw KVM API. The numbers are those of include/uapi/linux/kvm.h of 6.18: the
 * headers of the system that this is built on may be older.
 */
#include "gmem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CAP_MEMORY_ATTRIBUTES 233
#define CAP_GUEST_MEMFD 234
#define CAP_VM_TYPES 235
#define CAP_GUEST_MEMFD_FLAGS 244
#define FLAG_MMAP (1u << 0)
#define FLAG_INIT_SHARED (1u << 1)
#define MEM_GUEST_MEMFD (1u << 2)

struct create_gmem {
	uint64_t size;
	uint64_t flags;
	uint64_t reserved[6];
};

/* struct kvm_userspace_memory_region2 */
struct region2 {
	struct kvm_userspace_memory_region region;
	uint64_t offset;
	uint32_t gmem_fd;
	uint32_t pad1;
	uint64_t pad2[14];
};

#define SET_REGION2 _IOW(KVMIO, 0x49, struct region2)
#define CREATE_GMEM _IOWR(KVMIO, 0xd4, struct create_gmem)

static unsigned int ask(int fd, unsigned long cap)
{
	int answer = ioctl(fd, KVM_CHECK_EXTENSION, cap);

	return answer > 0 ? (unsigned int)answer : 0;
}

int gmem_caps(struct gmem_caps *caps)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	memset(caps, 0, sizeof(*caps));
	if (fd < 0)
		return -errno;
	caps->vm_types = ask(fd, CAP_VM_TYPES);
	caps->guest_memfd = ask(fd, CAP_GUEST_MEMFD);
	caps->flags = ask(fd, CAP_GUEST_MEMFD_FLAGS);
	caps->attributes = ask(fd, CAP_MEMORY_ATTRIBUTES);
	close(fd);
	return 0;
}

int gmem_prepare(struct why *why)
{
	const unsigned int need = FLAG_MMAP | FLAG_INIT_SHARED;
	struct gmem_caps c;
	int err = gmem_caps(&c);

	if (err)
		return why_set(why, STATUS_UNSUPPORTED, "cannot open /dev/kvm: %s", strerror(-err));
	if (c.guest_memfd && (c.flags & need) == need)
		return 0;
	return why_set(why, STATUS_UNSUPPORTED,
		       "KVM has no guest_memfd that may be mapped (KVM_CAP_GUEST_MEMFD %u, "
		       "KVM_CAP_GUEST_MEMFD_FLAGS 0x%x, KVM_CAP_VM_TYPES 0x%x, "
		       "KVM_CAP_MEMORY_ATTRIBUTES 0x%x); kernels from 6.18 have one", c.guest_memfd,
		       c.flags, c.vm_types, c.attributes);
}

int gmem_create(int vm_fd, size_t size)
{
	struct create_gmem create = { .size = size, .flags = FLAG_MMAP | FLAG_INIT_SHARED };
	int fd = ioctl(vm_fd, CREATE_GMEM, &create);

	return fd < 0 ? -errno : fd;
}

int gmem_set_slot(int vm_fd, const struct kvm_userspace_memory_region *r, int gmem_fd,
		  uint64_t offset)
{
	struct region2 r2 = { .region = *r, .offset = offset, .gmem_fd = (uint32_t)gmem_fd };

	r2.region.flags |= MEM_GUEST_MEMFD;
	return ioctl(vm_fd, SET_REGION2, &r2) < 0 ? -errno : 0;
}
