# SPDX-License-Identifier: GPL-2.0-only
"""A lab VM in which a Debian with its own systemd runs, with the package at hand: what the tests of the service share."""
import os
import subprocess

from labvm import TOP, Lab, check, finish

INSTALL = "dpkg -i /job/a.deb && journalctl --update-catalog && systemctl is-enabled mmuscope"
START = "systemctl start mmuscope; status=$?; systemctl status --no-pager mmuscope; exit $status"
# GUESTS: two, until the numbers have them with their names, at most a minute. One of them comes and goes, and its
# memslots have an edge inside a huge page of the host; it is VM 1, of which dashboards are asked
GET = """python3 -c "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9761/metrics').read().decode())" """
GUESTS = """
seen() {
	for _ in $(seq 60); do
		%s > metrics
		[ "$(grep -c '^mmuscope_vm_info' metrics)" = "$1" ] && break
		sleep 1
	done
}
mmuscope-load -q --pages 2048 --cut 777 --rounds 1000000 --dir --name=web --steps "backing=anon-thp write dontneed" > /dev/null 2>&1 &
seen 1
mmuscope-load -q --pages 307 --hold-until-signal --dir --name=db memfd > /dev/null 2>&1 &
seen 2
cat metrics
""" % GET


def prepared(kernel, folder):
    """A Lab with the package installed in the first step; ends the test where only root could make it."""
    deb = os.path.join(folder, "a.deb")
    subprocess.run([os.path.join(TOP, "scripts/make-deb"), os.path.join(TOP, "build/bin"), "1.0.0", deb], check=True)
    made = subprocess.run([os.path.join(TOP, "lab/debian"), "image", deb], check=False, stdout=subprocess.PIPE,
                          text=True)
    if made.returncode == 4:
        print("skip root - only root can make a Debian root directory")
        finish()
    if not check("image", made.returncode == 0, f"lab/debian ended with {made.returncode}"):
        finish()
    lab = Lab(kernel)
    lab.option("--root", made.stdout.strip(), "--push", deb + ":a.deb", "--mem", "2G",
               "--append", "systemd.getty_auto=no")
    lab.step("install", INSTALL)
    lab.step("start", START)
    return lab
