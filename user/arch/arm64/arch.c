// SPDX-License-Identifier: GPL-2.0-only
/*
 * arm64: KVM's MMU is stage 2; where the kernel has its memory follows from constants, which a page of our
 * own proves.
 */
#include "user/arch/arch.h"
#include "user/base/log.h"
#include "user/base/reason.h"
#include "user/host/probe.h"
#include "user/session/session_state.h"
#include "try_hooks.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mmuscope.skel.h"

enum { PAGE_SIZE_4K = 4096 };

#define PFN_MASK ((1ULL << 55) - 1)
#define MAPPING_ANON 1

unsigned int arch_hooks(void)
{
	return ON_ARM64;
}

const char *arch_refuses(const struct session_options *o)
{
	if (o->payoff)
		return "walk --payoff is for x86 only so far: what a fault takes in stage 2 is not timed";
	if (sysconf(_SC_PAGESIZE) != PAGE_SIZE_4K)
		return "this kernel's pages are larger than 4K: the layout of its page tables is not known here";
	return NULL;
}

/* With 52-bit addresses (LPA2) the kernel gives out larger ones than 48 bits to who asks for them. */
static bool has_five_levels(void)
{
	void *p = mmap((void *)(1UL << 51), PAGE_SIZE_4K, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return false;
	munmap(p, PAGE_SIZE_4K);
	return (uintptr_t)p >> 48;
}

int arch_try(struct session *s)
{
	bool flushes;
	int result = stage2_try(&flushes);

	s->facts.flushes_unseen = !flushes;
	return result;
}

/*
 * Stage 2's hooks run before an entry is written, not after it: a look at the tables in between would miss a
 * change that its hook has left to it.
 */
bool arch_adopts(void)
{
	return false;
}

void arch_prepare(struct session *s)
{
	s->skel->bss->k_five_levels = has_five_levels();
}

/* Frame number of our page at p; 0: not known. */
static uint64_t pfn_of(const void *p)
{
	off_t at = (off_t)((uintptr_t)p / PAGE_SIZE_4K * sizeof(uint64_t));
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry;
	bool read;

	if (fd < 0)
		return 0;
	read = pread(fd, &entry, sizeof(entry), at) == sizeof(entry);
	close(fd);
	return read ? entry & PFN_MASK : 0;
}

/* A page of ours whose struct page is where we believe says so: anonymous, mapped once, at this address. */
static int prove_layout(struct session *s)
{
	char *page = mmap(NULL, PAGE_SIZE_4K, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t index = (uintptr_t)page / PAGE_SIZE_4K;
	struct look_args a = { 0 };
	bool proved;

	if (page == MAP_FAILED)
		return reason_explain("a page of our own", ENOMEM);
	madvise(page, PAGE_SIZE_4K, MADV_NOHUGEPAGE);
	*page = 1;
	a.pfn = pfn_of(page);
	proved = a.pfn && !session_run(s->skel->progs.look_at_page, &a, sizeof(a)) &&
		 (a.mapping & 3) == MAPPING_ANON && a.mapcount == 1 && a.page_index == index;
	munmap(page, PAGE_SIZE_4K);
	if (proved)
		return EXIT_OK;
	log_error("this kernel's memory is not laid out as is known here (4K pages, VA_BITS=52), or "
		  "/proc/self/pagemap shows no frame numbers: run as root");
	return EXIT_CANNOT;
}

int arch_prove(struct session *s)
{
	return prove_layout(s);
}

bool arch_has_doctor(void)
{
	return true;
}
