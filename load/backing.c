// SPDX-License-Identifier: GPL-2.0-only
/*
 * Table of backings, and how each is had from the kernel.
 */
#include "backing.h"

#include "gmem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MIB (1UL << 20)
#define THP_DIR "/sys/kernel/mm/transparent_hugepage/"

static const char *const need_names[NEEDS] = {
	"root", "swap", "cgroup2", "filesystem", "hugetlb-2m", "hugetlb-1g", "thp", "shmem-thp",
	"secretmem", "ksm", "compaction", "nested", "smm", "device", "guest-memfd",
};

const char *need_name(unsigned int bit)
{
	return need_names[bit];
}

const struct backing backings[] = {
	{ "anon-4k", "anonymous memory in 4K pages", 0, 1, LEVEL_4K, HOST_ZERO,
	  .discards = true },
	{ "anon-thp", "anonymous memory in transparent huge pages", NEED_THP, PAGES_2M, LEVEL_2M,
	  HOST_RW, .discards = true },
	{ "memfd", "memfd in 4K pages", 0, 1, LEVEL_4K, HOST_RW, .shared = true },
	{ "memfd-thp", "memfd in transparent huge pages", NEED_SHMEM_THP, PAGES_2M, LEVEL_2M,
	  HOST_RW, .shared = true },
	{ "hugetlb-2m", "hugetlb memfd, 2M pages", NEED_HUGETLB_2M, PAGES_2M, LEVEL_2M, HOST_RW,
	  .shared = true },
	{ "hugetlb-1g", "hugetlb memfd, 1G pages", NEED_HUGETLB_1G, PAGES_1G, LEVEL_1G, HOST_RW,
	  .shared = true },
	{ "file", "shared mapping of a file in --dir", NEED_FS, 1, LEVEL_4K, HOST_RO,
	  .shared = true, .writeback = true },
	{ "file-private", "private mapping of a file in --dir", 0, 1, LEVEL_4K, HOST_COW,
	  .discards = true },
	{ "secretmem", "memfd_secret, which KVM must refuse to map", NEED_SECRETMEM, 1, LEVEL_4K,
	  HOST_RW, .shared = true },
	{ "device", "what mmap of --device gives, in 4K pages", NEED_DEVICE, 1, LEVEL_4K, HOST_RW,
	  .shared = true },
	{ "device-2m", "the same in pages of 2M (huge VM_PFNMAP)", NEED_DEVICE, PAGES_2M, LEVEL_2M,
	  HOST_RW, .shared = true },
	{ "guest-memfd", "guest_memfd that may be mapped: KVM does not ask the host's page tables",
	  NEED_GUEST_MEMFD, 1, LEVEL_4K, HOST_RW, .shared = true },
};

const size_t nbackings = sizeof(backings) / sizeof(backings[0]);

const struct backing *backing_find(const char *name)
{
	if (!strcmp(name, "hugetlb"))
		name = "hugetlb-2m";
	for (size_t i = 0; i < nbackings; i++)
		if (!strcmp(backings[i].name, name))
			return &backings[i];
	return NULL;
}

static int prepare_hugetlb(size_t kib, size_t size, struct host *h, struct why *why)
{
	char nr_path[96];
	char free_path[96];
	char text[32];
	uint64_t nr;
	uint64_t nfree;
	uint64_t need = size / (kib << 10);

	snprintf(nr_path, sizeof(nr_path), "/sys/kernel/mm/hugepages/hugepages-%zukB/nr_hugepages",
		 kib);
	snprintf(free_path, sizeof(free_path),
		 "/sys/kernel/mm/hugepages/hugepages-%zukB/free_hugepages", kib);
	if (host_read_number(nr_path, &nr) || host_read_number(free_path, &nfree))
		return why_set(why, STATUS_UNSUPPORTED,
			       "this host has no hugetlb pages of %zu MiB (%s is missing)", kib >> 10,
			       nr_path);
	if (nfree >= need)
		return 0;
	if (host_is_root()) {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)(nr + need - nfree));
		host_set(h, nr_path, text);
		if (host_read_number(free_path, &nfree))
			nfree = 0;
	}
	if (nfree >= need)
		return 0;
	return why_set(why, STATUS_UNSUPPORTED,
		       "%llu hugetlb pages of %zu MiB are needed and %llu are free; reserve them (at "
		       "boot, if memory is fragmented): echo N > %s", (unsigned long long)need,
		       kib >> 10, (unsigned long long)nfree, nr_path);
}

/* advise is enough for us, and changes nothing for those who do not ask. */
static int prepare_thp(const char *path, const char *advise, struct host *h, struct why *why)
{
	char word[32];

	if (host_read_choice(path, word, sizeof(word)))
		return why_set(why, STATUS_UNSUPPORTED,
			       "this kernel has no transparent huge pages (%s is missing)", path);
	if (strcmp(word, "never") && strcmp(word, "deny") && strcmp(word, "within_size"))
		return 0;
	if (!host_is_root())
		return why_set(why, STATUS_UNSUPPORTED,
			       "%s is '%s'; run as root, or: echo %s > %s", path, word, advise, path);

	int err = host_set(h, path, advise);

	if (err)
		return why_set(why, STATUS_UNSUPPORTED, "cannot write '%s' to %s: %s", advise, path,
			       strerror(-err));
	return 0;
}

/* Secret memory is locked memory: some kernels hold even root to the limit. */
static void raise_lock_limit(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	if (setrlimit(RLIMIT_MEMLOCK, &limit) == 0 || getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_MEMLOCK, &limit);
}

static int open_secret(void)
{
#ifdef SYS_memfd_secret
	return (int)syscall(SYS_memfd_secret, O_CLOEXEC);
#else
	errno = ENOSYS;
	return -1;
#endif
}

static int prepare_secret(struct why *why)
{
	int fd = open_secret();

	if (fd < 0)
		return why_set(why, STATUS_UNSUPPORTED,
			       "memfd_secret: %s; boot with secretmem.enable=1 (kernels from 5.14)",
			       strerror(errno));
	close(fd);
	raise_lock_limit();
	return 0;
}

int backing_prepare(const struct backing *b, size_t size, struct host *h, struct why *why)
{
	int status = 0;

	if (b->needs & NEED_HUGETLB_2M)
		status = prepare_hugetlb(2048, size, h, why);
	if (!status && b->needs & NEED_HUGETLB_1G)
		status = prepare_hugetlb(1048576, size, h, why);
	if (!status && b->needs & NEED_THP)
		status = prepare_thp(THP_DIR "enabled", "madvise", h, why);
	if (!status && b->needs & NEED_SHMEM_THP)
		status = prepare_thp(THP_DIR "shmem_enabled", "advise", h, why);
	if (!status && b->needs & NEED_SECRETMEM)
		status = prepare_secret(why);
	if (!status && b->needs & NEED_GUEST_MEMFD)
		status = gmem_prepare(why);
	return status;
}

/* A file without a name: nothing is left behind, whatever happens. */
static int open_file(const char *dir, const struct backing *b, struct why *why)
{
	struct statfs fs;

	if (statfs(dir, &fs) < 0) {
		why_set(why, STATUS_ERROR, "cannot use the directory '%s': %s", dir,
			strerror(errno));
		return -1;
	}
	if (b->needs & NEED_FS && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC)) {
		why_set(why, STATUS_UNSUPPORTED,
			"'%s' is in memory (tmpfs or ramfs), which has no writeback; name a "
			"directory on a disk with --dir", dir);
		return -1;
	}

	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
		char path[4096];

		if (snprintf(path, sizeof(path), "%s/mmuscope-load-XXXXXX", dir) >=
		    (int)sizeof(path)) {
			why_set(why, STATUS_ERROR, "the name of the directory '%.40s...' is too long",
				dir);
			return -1;
		}
		fd = mkostemp(path, O_CLOEXEC);
		if (fd >= 0)
			unlink(path);
	}
	if (fd < 0)
		why_set(why, STATUS_ERROR, "cannot make a file in '%s': %s", dir, strerror(errno));
	return fd;
}

static int open_memfd(const struct backing *b)
{
	unsigned int flags = MFD_CLOEXEC;

	if (b->needs & NEED_HUGETLB_2M)
		flags |= MFD_HUGETLB | MFD_HUGE_2MB;
	if (b->needs & NEED_HUGETLB_1G)
		flags |= MFD_HUGETLB | MFD_HUGE_1GB;
	return memfd_create("mmuscope-load", flags);
}

static bool is_file(const struct backing *b)
{
	return !strncmp(b->name, "file", 4);
}

/* Devices and guest_memfds have their size already. */
static int open_given(struct mem *m, const struct mem_source *from, struct why *why)
{
	int err;

	if (m->backing->needs & NEED_DEVICE) {
		m->fd = open(from->device, O_RDWR | O_CLOEXEC);
		err = errno;
		m->offset = from->device_offset;
		if (m->fd < 0)
			return why_set(why, err == ENOENT ? STATUS_UNSUPPORTED : STATUS_ERROR,
				       "cannot open the device '%s': %s", from->device, strerror(err));
		return 0;
	}
	m->fd = gmem_create(from->vm_fd, m->size);
	if (m->fd >= 0)
		return 0;
	err = -m->fd;
	m->fd = -1;
	return why_set(why, STATUS_ERROR, "cannot create a guest_memfd of %zu MiB: %s", m->size / MIB,
		       strerror(err));
}

static int open_fd(struct mem *m, const struct mem_source *from, struct why *why)
{
	const struct backing *b = m->backing;

	if (b->needs & (NEED_DEVICE | NEED_GUEST_MEMFD))
		return open_given(m, from, why);
	if (is_file(b)) {
		m->fd = open_file(from->dir, b, why);
		if (m->fd < 0)
			return (int)why->status;
	} else if (b->shared) {
		m->fd = b->needs & NEED_SECRETMEM ? open_secret() : open_memfd(b);
		if (m->fd < 0)
			return why_set(why, STATUS_ERROR, "cannot get a memfd for %s: %s", b->name,
				       strerror(errno));
	} else {
		return 0;
	}
	if (ftruncate(m->fd, (off_t)m->size) < 0)
		return why_set(why, STATUS_ERROR, "cannot make %s %zu MiB long: %s", b->name,
			       m->size / MIB, strerror(errno));
	return 0;
}

/*
 * hugetlb aligns by itself and cannot be mapped inside an area of another kind. The others are
 * aligned to 2M even when they are 4K pages, so that a collapse can succeed.
 */
static int map_memory(struct mem *m, struct why *why)
{
	const struct backing *b = m->backing;
	bool hugetlb = b->needs & (NEED_HUGETLB_2M | NEED_HUGETLB_1G);
	int flags = b->shared ? MAP_SHARED : MAP_PRIVATE;

	if (m->fd < 0)
		flags |= MAP_ANONYMOUS;
	m->area_size = m->size + (hugetlb ? 0 : 2 * MIB);
	m->area = mmap(NULL, m->area_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		       -1, 0);
	if (m->area == MAP_FAILED) {
		m->area = NULL;
		return why_set(why, STATUS_ERROR, "no address space for %zu MiB: %s", m->size / MIB,
			       strerror(errno));
	}
	if (hugetlb) {
		munmap(m->area, m->area_size);
		m->area = NULL;
		m->hva = mmap(NULL, m->size, PROT_READ | PROT_WRITE, flags, m->fd, 0);
		m->area = m->hva;
	} else {
		uintptr_t aligned = ((uintptr_t)m->area + 2 * MIB - 1) & ~(2 * MIB - 1);

		m->hva = mmap((void *)aligned, m->size, PROT_READ | PROT_WRITE, flags | MAP_FIXED,
			      m->fd, (off_t)m->offset);
	}
	if (m->hva == MAP_FAILED) {
		m->hva = NULL;
		if (hugetlb)
			m->area = NULL;
		return why_set(why, errno == EAGAIN ? STATUS_UNSUPPORTED : STATUS_ERROR,
			       "cannot map %zu MiB of %s: %s%s", m->size / MIB, b->name,
			       strerror(errno),
			       errno == EAGAIN ? "; raise the limit of locked memory (ulimit -l)" : "");
	}
	if (!hugetlb && b->needs & (NEED_THP | NEED_SHMEM_THP))
		madvise(m->hva, m->size, MADV_HUGEPAGE);
	else if (!hugetlb && !(b->needs & NEED_DEVICE))
		madvise(m->hva, m->size, MADV_NOHUGEPAGE);
	return 0;
}

int mem_open(struct mem *m, const struct backing *b, size_t size, const struct mem_source *from,
	     struct why *why)
{
	size_t unit = b->unit * 4096;

	memset(m, 0, sizeof(*m));
	m->backing = b;
	m->fd = -1;
	m->size = (size + unit - 1) / unit * unit;

	int status = open_fd(m, from, why);

	if (!status)
		status = map_memory(m, why);
	if (status)
		mem_close(m);
	return status;
}

int mem_share(struct mem *m, const struct mem *of, struct why *why)
{
	memset(m, 0, sizeof(*m));
	m->backing = of->backing;
	m->size = of->size;
	m->offset = of->offset;
	m->fd = fcntl(of->fd, F_DUPFD_CLOEXEC, 0);
	if (m->fd < 0)
		return why_set(why, STATUS_ERROR, "%s cannot be shared by two VMs: %s",
			       of->backing->name, strerror(errno));

	int status = map_memory(m, why);

	if (status)
		mem_close(m);
	return status;
}

void mem_close(struct mem *m)
{
	if (m->area)
		munmap(m->area, m->area_size);
	if (m->fd >= 0)
		close(m->fd);
	m->area = NULL;
	m->hva = NULL;
	m->fd = -1;
}
