// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order matters: the bounding set and the user while we may, then capabilities, then the door is closed
 * behind us.
 */
#include "user/serve/privilege.h"
#include "user/base/log.h"
#include "user/serve/privilege_calls.h"
#include "user/serve/privilege_files.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

static int failed(const char *what, int err)
{
	log_error("cannot give up privileges: %s: %s; nothing is served", what, strerror(err));
	return -1;
}

/*
 * In /etc/passwd, where users of services are.  Not by the name services, which would load libraries of
 * theirs into a process that may do everything, and into a static program at all.
 */
static const struct passwd *find_user(const char *name)
{
	const struct passwd *pw = NULL;
	FILE *f = fopen("/etc/passwd", "re");

	while (f && (pw = fgetpwent(f)))
		if (!strcmp(pw->pw_name, name))
			break;
	if (f)
		fclose(f);
	return pw;
}

static int become(const struct passwd *pw)
{
	if (setgroups(0, NULL))
		return failed("setgroups", errno);
	if (setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid))
		return failed("setresgid", errno);
	if (setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid))
		return failed("setresuid", errno);
	log_verbose("running as user %s", pw->pw_name);
	return 0;
}

int privilege_check_user(const char *user)
{
	if (!user)
		return 0;
	if (!geteuid() && find_user(user))
		return 0;
	log_error("--user %s: %s", user, geteuid() ? "only root can become another user" :
		  "there is no such user in /etc/passwd");
	return -1;
}

static int change_user(const char *user)
{
	const struct passwd *pw;

	if (privilege_check_user(user))
		return -1;
	if (geteuid())
		return 0;
	pw = find_user(user ? user : PRIVILEGE_USER);
	if (pw)
		return become(pw);
	log_note("still user root, though without capabilities: there is no user " PRIVILEGE_USER
		 ", and --user names none");
	return 0;
}

/* Without CAP_SETPCAP the bounding set stays, and no_new_privs makes it worthless. */
static void empty_bounding_set(void)
{
	for (cap_value_t cap = 0; cap_get_bound(cap) >= 0; cap++)
		if (cap_get_bound(cap) && cap_drop_bound(cap))
			break;
}

/* Nothing permitted, effective, inheritable, ambient; and nothing to be had by executing a file. */
static int drop_capabilities(void)
{
	cap_t none = cap_init();
	int err;

	if (!none)
		return failed("cap_init", errno);
	cap_reset_ambient();
	err = cap_set_proc(none) ? errno : 0;
	cap_free(none);
	return err ? failed("cap_set_proc", err) : 0;
}

int privilege_drop(const char *user, bool seccomp, int folder)
{
	int err;

	empty_bounding_set();
	if (change_user(user) || drop_capabilities())
		return -1;
	/*
	 * No core with passwords in it, and no other process of this user may look into us.  After the change
	 * of user, which makes of it what fs.suid_dumpable says (commit_creds(), kernel/cred.c).
	 */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return failed("not dumpable", errno);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return failed("no_new_privs", errno);
	if (!seccomp)
		return 0;
	/* where nothing keeps us to /proc no file is opened: new VMs have no names */
	err = privilege_confine_files(folder);
	if (err)
		log_note("VMs that start from now on have no names%s: Landlock would let only /proc be read, and "
			 "this kernel does not offer it: %s", folder >= 0 ? ", and what is mapped is not known" : "", strerror(-err));
	err = privilege_allow_calls(!err, folder >= 0);
	return err ? failed("seccomp", -err) : 0;
}
