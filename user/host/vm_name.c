// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names of VMs.  No library of any VM manager is asked: what a process was started with needs no daemon
 * and no permission, and is there when the VM is.
 */
#include "vm_name.h"

#include <stdio.h>
#include <string.h>

enum { CMDLINE_MAX = 1 << 15 };	/* libvirt puts -name first */

static bool is_firecracker(const char *program)
{
	const char *slash = strrchr(program, '/');

	return strstr(slash ? slash : program, "firecracker");
}

/* Does this option of this program name the VM?  value: what is behind its '='; NULL: the next word. */
static bool names_vm(const char *program, const char *word, const char **value)
{
	const char *option = is_firecracker(program) ? "--id" : "--name";
	size_t len = strlen(option);

	*value = NULL;
	if (!strcmp(word, "-name"))
		return true;
	if (strncmp(word, option, len) || (word[len] && word[len] != '='))
		return false;
	*value = word[len] ? word + len + 1 : NULL;
	return true;
}

/* "guest=web,debug-threads=on", "web": QEMU writes a comma of the name itself twice. */
static void take_name(const char *text, char name[VM_NAME_LEN])
{
	size_t n = 0;

	if (!strncmp(text, "guest=", 6))
		text += 6;
	for (; *text && n + 1 < VM_NAME_LEN; text++) {
		if (*text == ',' && *++text != ',')
			break;
		name[n++] = *text >= ' ' && *text <= '~' ? *text : '?';
	}
	name[n] = '\0';
}

bool vm_name_of(const char *cmdline, size_t size, char name[VM_NAME_LEN])
{
	const char *end = cmdline + size, *word = cmdline, *next, *value;

	*name = '\0';
	/* the last word may be cut off */
	for (; word < end && (next = memchr(word, '\0', (size_t)(end - word))); word = next + 1) {
		if (word == cmdline || !names_vm(cmdline, word, &value))
			continue;
		if (!value) {
			value = next + 1;
			if (value >= end || !memchr(value, '\0', (size_t)(end - value)))
				break;
		}
		take_name(value, name);
		if (*name)
			return true;
	}
	return false;
}

bool vm_name_read(uint32_t pid, char name[VM_NAME_LEN])
{
	char path[64], cmdline[CMDLINE_MAX];
	size_t size;
	FILE *f;

	*name = '\0';
	snprintf(path, sizeof(path), "/proc/%u/cmdline", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	size = fread(cmdline, 1, sizeof(cmdline), f);
	fclose(f);
	return vm_name_of(cmdline, size, name);
}

void vm_comm_read(uint32_t pid, char *comm, size_t size)
{
	char path[64];
	FILE *f;

	*comm = '\0';
	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	f = fopen(path, "re");
	if (!f)
		return;
	if (!fgets(comm, (int)size, f))
		*comm = '\0';
	fclose(f);
	comm[strcspn(comm, "\n")] = '\0';
}

void vm_name_tell(char *buf, size_t size, uint32_t id, const char *name, uint32_t pid, const char *comm)
{
	snprintf(buf, size, "%u%s%s (pid %u %s)", id, *name ? " " : "", name, pid, comm);
}
