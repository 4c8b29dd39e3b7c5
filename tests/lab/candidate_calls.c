// SPDX-License-Identifier: GPL-2.0-only
/*
 * candidate_calls: have the module tests/mutants/candidate look up pages of every kind, through
 * /dev/candidate, for reading and for writing.  Prints a line for each kind: name, first address, pages.
 * What was looked up before it was unmapped is looked up again afterwards.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, HUGE = 2 << 20, PAGES = 37 };

static int device;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void look_up(const char *name, const char *at, size_t pages)
{
	printf("%s %p %zu\n", name, (const void *)at, pages);
	for (size_t i = 0; i < pages; i++) {
		for (uint64_t writing = 0; writing < 2; writing++) {
			const uint64_t request[2] = { (uint64_t)(at + i * PAGE), writing };

			if (write(device, request, sizeof(request)) != sizeof(request))
				die("/dev/candidate");
		}
	}
}

static char *map(size_t size, int rights, int flags, int fd)
{
	char *at = mmap(NULL, size, rights, flags, fd, 0);

	if (at == MAP_FAILED)
		die("mmap");
	return at;
}

static char *map_anon(size_t size)
{
	return map(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

/* Read every page; the sum is for the compiler. */
static unsigned int touch(const char *at, size_t pages)
{
	unsigned int sum = 0;

	for (size_t i = 0; i < pages; i++)
		sum += *(const volatile char *)(at + i * PAGE);
	return sum;
}

static void small_pages(void)
{
	char *at = map_anon(PAGES * PAGE);

	look_up("cold", at, PAGES);
	touch(at, PAGES);
	look_up("zero", at, PAGES);
	memset(at, 1, PAGES * PAGE);
	look_up("anon", at, PAGES);
	if (mprotect(at, PAGES * PAGE, PROT_READ))
		die("mprotect");
	look_up("read-only", at, PAGES);
	if (mprotect(at, PAGES * PAGE, PROT_NONE))
		die("mprotect");
	look_up("prot-none", at, PAGES);
}

/* A page that was found, and is then given back. */
static void given_back(void)
{
	char *at = map_anon(PAGES * PAGE);

	memset(at, 1, PAGES * PAGE);
	look_up("anon-again", at, PAGES);
	if (madvise(at, PAGES * PAGE, MADV_DONTNEED))
		die("madvise");
	look_up("unmapped", at, PAGES);
}

/* Written before a fork: read-only until somebody writes again. */
static void forked(void)
{
	char *at = map_anon(PAGES * PAGE);
	pid_t child;

	memset(at, 1, PAGES * PAGE);
	child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		look_up("copy-on-write", at, PAGES);
		fflush(stdout);
		_exit(0);
	}
	if (waitpid(child, NULL, 0) != child)
		die("waitpid");
}

/* A huge page, with nothing before and behind it. */
static void huge(const char *name, int flags)
{
	char *at = map(3 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1), *page;

	at = (char *)(((uintptr_t)at + HUGE - 1) & ~((uintptr_t)HUGE - 1));
	page = mmap(at, HUGE, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
	if (page == MAP_FAILED)
		die(name);
	if (!flags && madvise(page, HUGE, MADV_HUGEPAGE))
		die("MADV_HUGEPAGE");
	memset(page, 1, HUGE);
	look_up(name, page, HUGE / PAGE);
	if (!flags && mprotect(page, HUGE, PROT_NONE))
		die("mprotect");
	if (!flags)
		look_up("thp-prot-none", page, HUGE / PAGE);
}

static void of_file(const char *name, int fd)
{
	char *at;

	if (fd < 0 || ftruncate(fd, PAGES * PAGE))
		die(name);
	at = map(PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	memset(at, 1, PAGES * PAGE);
	look_up(name, at, PAGES);
	if (munmap(at, PAGES * PAGE))
		die("munmap");
	close(fd);
}

static void files(void)
{
	char *at;
	int fd;

	of_file("memfd", memfd_create("candidate", 0));
	of_file("file", open("candidate.file", O_RDWR | O_CREAT | O_TRUNC, 0600));
	fd = open("candidate.file", O_RDWR);
	if (fd < 0)
		die("candidate.file");
	at = map(PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
	touch(at, PAGES);
	look_up("file-private", at, PAGES);
	close(fd);
	unlink("candidate.file");
}

int main(void)
{
	device = open("/dev/candidate", O_WRONLY);
	if (device < 0)
		die("/dev/candidate");
	small_pages();
	given_back();
	forked();
	huge("thp", 0);
	huge("hugetlb", MAP_HUGETLB);
	files();
	of_file("secret", (int)syscall(SYS_memfd_secret, 0));
	return 0;
}
