/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What people call a VM: from the command line of the process that runs it.
 */
#ifndef MMUSCOPE_VM_NAME_H
#define MMUSCOPE_VM_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VM_NAME_LEN = 64 };

/*
 * The name in a command line as /proc/PID/cmdline has it, words ended by NUL: of QEMU's -name, of --name
 * (crosvm, lkvm), and of Firecracker's --id.  What is not printable ASCII becomes '?'.  False: it has
 * none, and name is "".
 */
bool vm_name_of(const char *cmdline, size_t size, char name[VM_NAME_LEN]);
/* The same of a process that runs. */
bool vm_name_read(uint32_t pid, char name[VM_NAME_LEN]);
/* What a process is called that runs, cut to size; "" if it does not. */
void vm_comm_read(uint32_t pid, char *comm, size_t size);
/*
 * How people are told of a VM: "3 web (pid 812 qemu)", without a name "3 (pid 812 qemu)".  comm: of its
 * process, printable.
 */
void vm_name_tell(char *buf, size_t size, uint32_t id, const char *name, uint32_t pid, const char *comm);

#endif /* MMUSCOPE_VM_NAME_H */
