#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What can be said about dashboards and rules without a server: they are what their source makes, promtool takes
# the rules and their unit tests pass, each alert has a section in the runbook and a test, and Grafana's own types
# take the dashboards.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM

# verdict NAME STATUS: ok if it is 0; $dir/found says why not
verdict() {
	if [ "$2" = 0 ]; then
		echo "ok $1"
	else
		echo "not ok $1"
		sed 's/^/# /' "$dir/found"
	fi
}

is_current() {
	scripts/make-dashboards -o "$dir/made"
	status=0
	for file in fleet.json host.json vm.json rules.yml; do
		diff "dashboards/$file" "$dir/made/$file" || status=1
	done > "$dir/found"
	verdict dashboards-are-current $status
}

# a broken rule must not pass: promtool looks at all of them
check_rules() {
	status=0
	promtool check rules --lint=all --lint-fatal dashboards/rules.yml > "$dir/found" 2>&1 || status=1
	verdict rules $status
	sed 's/rate(mmuscope_faults_total\[5m\])/rate(mmuscope_faults_total)/' dashboards/rules.yml > "$dir/broken.yml"
	status=0
	! promtool check rules "$dir/broken.yml" > "$dir/found" 2>&1 || status=1
	verdict broken-rules-are-seen $status
}

# @BOARD/PANEL@ of a test is that panel's number
test_rules() {
	cp dashboards/rules.yml "$dir/rules.yml"
	python3 - "$dir" > "$dir/found" <<-'PYTHON'
		import re, sys, tomllib
		with open("dashboards/mmuscope.toml", "rb") as f:
		    boards = tomllib.load(f)["dashboard"]
		ids = {f"{b['file']}/{p['id']}": i for b in boards for i, p in enumerate(b["panel"], 1)}
		with open("tests/dashboards/rules.test.yml", encoding="utf-8") as f:
		    text = re.sub(r"@(\w+/[\w-]+)@", lambda m: str(ids[m.group(1)]), f.read())
		with open(sys.argv[1] + "/test.yml", "w", encoding="utf-8") as f:
		    f.write(text)
	PYTHON
	status=0
	promtool test rules "$dir/test.yml" > "$dir/found" 2>&1 || status=1
	verdict rules-do-what-they-say $status
	# the tests have teeth
	sed -i 's/> 5000/> 50000000/' "$dir/rules.yml"
	status=0
	! promtool test rules "$dir/test.yml" > "$dir/found" 2>&1 || status=1
	verdict wrong-rules-are-seen $status
}

every_alert() {
	sed -n 's/^ *- alert: //p' dashboards/rules.yml | sort > "$dir/alerts"
	sed -n 's/^## \(Mmuscope.*\)/\1/p' docs/runbook.md | sort | diff "$dir/alerts" - > "$dir/found" && status=0 || status=1
	verdict every-alert-has-its-section $status
	sed -n 's/^| \[\(Mmuscope[A-Za-z]*\)\](#.*/\1/p' docs/runbook.md | sort | diff "$dir/alerts" - > "$dir/found" &&
		status=0 || status=1
	verdict every-alert-is-in-the-table $status
	grep -oE 'Mmuscope[A-Z][A-Za-z]+' tests/dashboards/rules.test.yml | sort -u | diff "$dir/alerts" - > "$dir/found" &&
		status=0 || status=1
	verdict every-alert-has-a-test $status
	status=0
	[ -s "$dir/alerts" ] || status=1
	verdict there-are-alerts $status
}

schema() {
	if ! scripts/fetch-grafana-schema "$dir/schema" > "$dir/found" 2>&1; then
		if grep -q 'npm could not get\|npm is not installed' "$dir/found"; then
			sed 's/^/# /' "$dir/found"
			echo "skip grafana-schema - npm cannot get Grafana's packages here"
			return
		fi
		verdict grafana-schema 1
		return
	fi
	status=0
	tests/dashboards/check-schema "$dir/schema" > "$dir/found" 2>&1 || status=1
	verdict grafana-schema $status
	# and would it notice?
	sed 's/"drawStyle": "line"/"drawStyle": "lines"/' "$dir/schema/host.ts" > "$dir/schema/new"
	mv "$dir/schema/new" "$dir/schema/host.ts"
	status=0
	! (cd "$dir/schema" && node node_modules/typescript/bin/tsc -p .) > "$dir/found" 2>&1 || status=1
	verdict grafana-schema-has-teeth $status
}

is_current
check_rules
test_rules
every_alert
schema
