// SPDX-License-Identifier: GPL-2.0-only
/*
 * Errors of loading and attaching, as a person would mend them.  user/host/tier_look.c looks before that.
 */
#include "reason.h"
#include "log.h"

#include <errno.h>
#include <string.h>

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
