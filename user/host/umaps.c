// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/PID/maps, read once for all the addresses wanted.
 */
#include "umaps.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

/* File names are the user's: nothing in them may reach a terminal as it is. */
static void printable(char *text)
{
	for (; *text; text++)
		if (*text < '!' || *text > '~')
			*text = '?';
}

static void name_one(char name[UMAPS_NAME], const char *path, uint64_t offset)
{
	const char *base = strrchr(path, '/');
	char file[40], *deleted;

	snprintf(file, sizeof(file), "%.39s", base ? base + 1 : *path ? path : "[anon]");
	deleted = strstr(file, " (deleted)");
	if (deleted)
		*deleted = '\0';
	printable(file);
	snprintf(name, UMAPS_NAME, "%s+0x%" PRIx64, file, offset);
}

void umaps_name(FILE *f, const uint64_t *addresses, size_t n, char (*names)[UMAPS_NAME])
{
	unsigned long long start, end, offset;
	char line[4352], path[4097];

	for (size_t i = 0; i < n; i++)
		snprintf(names[i], UMAPS_NAME, "0x%" PRIx64, addresses[i]);
	while (f && fgets(line, sizeof(line), f)) {
		path[0] = '\0';
		if (sscanf(line, "%llx-%llx %*s %llx %*s %*s %4096[^\n]", &start, &end, &offset, path) < 3)
			continue;
		for (size_t i = 0; i < n; i++)
			if (addresses[i] >= start && addresses[i] < end)
				name_one(names[i], path, addresses[i] - start + offset);
	}
}

/* Is it still the task that it was?  Numbers are used again. */
static bool same_task(uint32_t pid, uint32_t tid, const char *comm, size_t comm_len)
{
	char path[64], now[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/task/%" PRIu32 "/comm", pid, tid);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (fgets(now, sizeof(now), f))
		now[strcspn(now, "\n")] = '\0';
	fclose(f);
	return !strncmp(now, comm, comm_len);
}

void umaps_name_task(uint32_t pid, uint32_t tid, const char *comm, size_t comm_len,
		     const uint64_t *addresses, size_t n, char (*names)[UMAPS_NAME])
{
	char path[64];
	FILE *f = NULL;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/maps", pid);
	if (n && same_task(pid, tid, comm, comm_len))
		f = fopen(path, "r");
	umaps_name(f, addresses, n, names);
	if (f)
		fclose(f);
}
