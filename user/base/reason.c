// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preconditions, in the order in which a person would mend them.
 */
#include "reason.h"
#include "log.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * stat(), as access() of a device asks the control group's device policy even with F_OK
 * (inode_permission(), fs/namei.c), and a systemd unit has one.
 */
static bool exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

/* Does this process have a capability in effect? */
static bool capable(unsigned int cap)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &head, data))
		return false;
	return data[cap / 32].effective & (1u << (cap % 32));
}

/* Is the kernel locked down so far that BPF may not read its memory? */
static bool locked_down(void)
{
	char text[128] = "";
	FILE *f = fopen("/sys/kernel/security/lockdown", "r");

	if (!f)
		return false;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	return strstr(text, "[confidentiality]");
}

int reason_check_host(void)
{
	if (!exists("/sys/kernel/btf/vmlinux")) {
		log_error("this kernel has no BTF (/sys/kernel/btf/vmlinux); use one built with "
			  "CONFIG_DEBUG_INFO_BTF=y");
		return EXIT_CANNOT;
	}
	if (!exists("/sys/module/kvm")) {
		log_error("KVM is not loaded; run `modprobe kvm_amd` or `modprobe kvm_intel` first");
		return EXIT_CANNOT;
	}
	/* KVM as a module has BTF of its own; built in, its functions are in vmlinux's */
	if (exists("/sys/module/kvm/initstate") && !exists("/sys/kernel/btf/kvm")) {
		log_error("the kvm module of this kernel has no BTF (/sys/kernel/btf/kvm); use one built "
			  "with CONFIG_DEBUG_INFO_BTF_MODULES=y (Linux 5.11 or later)");
		return EXIT_CANNOT;
	}
	if (!exists("/dev/kvm")) {
		log_error("there is no /dev/kvm; load kvm_amd or kvm_intel, and see that virtualization "
			  "is switched on in the firmware");
		return EXIT_CANNOT;
	}
	if (!capable(CAP_SYS_ADMIN) && !(capable(CAP_BPF) && capable(CAP_PERFMON))) {
		log_error("no privilege to load tracing programs: CAP_BPF and CAP_PERFMON are missing; "
			  "run as root");
		return EXIT_FAILED;
	}
	if (locked_down()) {
		log_error("the kernel is locked down (confidentiality): BPF may not read kernel memory; "
			  "boot with lockdown=integrity or none");
		return EXIT_CANNOT;
	}
	return EXIT_OK;
}

int reason_explain(const char *what, int err)
{
	if (err < 0)
		err = -err;
	switch (err) {
	case EPERM:
		/* capabilities were looked at before: something else says no */
		log_error("%s: %s although CAP_BPF and CAP_PERFMON are there: a container's seccomp "
			  "filter, an LSM or lockdown forbids it; run on the host itself", what,
			  strerror(err));
		return EXIT_FAILED;
	case ENOMEM:
		log_error("%s: out of memory; see --max-vms", what);
		return EXIT_FAILED;
	case 524:	/* ENOTSUPP, which user space has no name for */
	case EOPNOTSUPP:
		log_error("%s: not supported by this kernel", what);
		return EXIT_CANNOT;
	case EACCES:	/* the verifier's refusal; privilege was looked at before */
		log_error("%s: refused by this kernel's verifier; -vv shows why", what);
		return EXIT_CANNOT;
	default:
		log_error("%s: %s; -vv shows what the kernel said", what, strerror(err));
		return EXIT_CANNOT;
	}
}
