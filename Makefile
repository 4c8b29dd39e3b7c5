# SPDX-License-Identifier: GPL-2.0-only
#
# make            mmuscope and mmuscope-load, dynamic (build/bin) and static (build/static)
# make arm64      the static ones for arm64, with a cross compiler, for its lab: build/arm64/static; on an arm64
#                 machine 'make amd64' makes those of amd64
# make demo       set-up, lab, a real guest on a stock kernel: verdicts and level report
# make test       set-up, and every test; prints "N passed, N failed" last
# make check      the tests that need no VM;  make lab: those that do
# make prove      the mutation score: every mutant of docs/mutants.md, no alarm without it, and recorded
#                 and judged again
# make long       two minutes of stress on two kernels, and the tests of tests/slow-tests
# make fuzz       every target of tests/fuzz for FUZZ_SECONDS (60) each
# make power      how often the gate is wrong, with new real runs from the lab (docs/gate.md)
# make docs       docs/metrics.md, from the table of metrics; the tables and the plot of docs/cost.md, from tests/cost
# make dashboards  what dashboards/mmuscope.toml describes: dashboards and rules
# make fleet      200 exporters, Prometheus, Alertmanager, VictoriaMetrics; alerts arrive (docs/fleet.md)
# make bench      what mmuscope and other tools cost, in the lab: tables and plot of docs/cost.md, and of docs/scale.md
# make bench-scale  the tables of docs/scale.md: 1 TiB of guests, 512 CPUs, 1,000 VMs
# make payoff     the tables of docs/payoff.md, by two sessions on every kernel of the lab
# make install    DESTDIR and PREFIX as usual
# make deb        build/mmuscope_VERSION_ARCH.deb;  make dist: build/mmuscope-VERSION.tar.xz, of the last commit
# V=1 shows the commands; CC=clang builds user space with clang

VERSION := 0.1.0
PREFIX ?= /usr/local
B := build

# the kernel's name for the architecture that is built for
ARCH := $(if $(filter aarch64,$(shell uname -m)),arm64,x86)
TRIPLET_x86 := x86_64-linux-gnu
TRIPLET_arm64 := aarch64-linux-gnu
# headers and libraries of another architecture (scripts/sysroot)
SYSROOT :=

CC ?= gcc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Werror
OUR_CFLAGS := -std=gnu11 -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -DREPORT_PAGE='"$(B)/page.html"' \
	-DLIVE_PAGE='"$(B)/live.html"' -I$(B) -I. $(WARN) $(CFLAGS) \
	$(if $(SYSROOT),-isystem $(SYSROOT)/include -isystem $(SYSROOT)/include/$(TRIPLET_$(ARCH)))
# what types the kernel's own headers have is the same here for both architectures
BPF_CFLAGS := -g -O2 -mcpu=v3 -target bpf -D__TARGET_ARCH_$(ARCH) -Wall -Wno-unused-function -Werror \
	-I$(firstword $(wildcard /usr/include/$(TRIPLET_$(ARCH)) /usr/include/*-linux-gnu))
# libbpf, libelf: loading BPF objects; jansson: JSON; zstd: recordings; sqlite3: the run store.
# ncursesw, tinfo: mmuscope top
# For mmuscope serve: microhttpd: HTTP; yaml, crypt: its configuration, passwords; cap, seccomp: least privilege;
# gnutls, systemd: certificates of clients, notification and journal, which the static program does without
LIBS := -lbpf -lelf -lz -ljansson -lzstd -lsqlite3 -lncursesw -ltinfo -lmicrohttpd -lyaml -lcrypt -lcap \
	-lseccomp -lm
SHARED_LIBS := -lgnutls -lsystemd
STATIC_FLAGS := -static $(if $(SYSROOT),-L$(SYSROOT)/lib/$(TRIPLET_$(ARCH)))

BPF_HEADERS := vmlinux.h $(wildcard bpf/*.h bpf/models/*.h bpf/arch/*/*.h)
USER_SRC := $(patsubst user/%.c,%,$(wildcard user/*.c user/*/*.c user/arch/$(ARCH)/*.c))
# of the guests that of our architecture
LOAD_SRC := $(basename $(notdir $(filter-out load/guest_%,$(wildcard load/*.c)) $(wildcard load/guest_$(ARCH)*.c)))

USER_OBJ := $(USER_SRC:%=$(B)/user/%.o)
LOAD_OBJ := $(LOAD_SRC:%=$(B)/load/%.o)

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s %s\n' '$(1)' '$(2)')

.DELETE_ON_ERROR:
.PHONY: FORCE all arm64 amd64 demo test check lab prove long fuzz power docs payoff bench bench-scale deb dist install clean setup test-programs

all: $(B)/bin/mmuscope $(B)/bin/mmuscope-load $(B)/static/mmuscope $(B)/static/mmuscope-load

# The other architecture, in a directory of its own: 'all' builds nothing of it, and needs nothing of it
arm64: OTHER := arm64
amd64: OTHER := x86
arm64 amd64:
	$(Q)+if [ $(OTHER) = $(ARCH) ]; then $(MAKE) all; else \
		command -v $(TRIPLET_$(OTHER))-gcc > /dev/null || \
			{ echo "$(TRIPLET_$(OTHER))-gcc is missing; run scripts/setup cross" >&2; exit 1; }; \
		sysroot=$$(scripts/sysroot $@) && $(MAKE) --no-print-directory ARCH=$(OTHER) B=build/$@ SYSROOT="$$sysroot" \
			CC=$(TRIPLET_$(OTHER))-gcc build/$@/static/mmuscope build/$@/static/mmuscope-load \
			$(DROPS:%=build/$@/test/drop/%); fi

# tiers: what is loaded where mmuscope.bpf.c cannot be (docs/tiers.md)
$(B)/mmuscope.bpf.o $(B)/tiers.bpf.o: $(B)/%.bpf.o: bpf/%.bpf.c $(BPF_HEADERS) | $(B)/
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

SKELETONS := $(B)/mmuscope.skel.h $(B)/tiers.skel.h

$(SKELETONS): $(B)/%.skel.h: $(B)/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

$(B)/stage2.bpf.o: bpf/arch/arm64/stage2.bpf.c user/host/stage2.def vmlinux.h | $(B)/
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(B)/stage2.skel.h: $(B)/stage2.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name stage2_bpf > $@

$(B)/user/arch/arm64/doctor.o $(B)/test/user/arch/arm64/doctor.o $(B)/fuzz/user/arch/arm64/doctor.o: $(B)/stage2.skel.h

# the pages of mmuscope report --html and mmuscope serve: our own, and uPlot, which npm brings
PAGE := $(wildcard user/report/page/*)

$(B)/uplot/uPlot.iife.min.js: scripts/fetch-uplot $(if $(wildcard $(B)/uplot/missing),FORCE)
	$(call say,FETCH,$@)
	$(Q)scripts/fetch-uplot $(B)/uplot

$(B)/page.html $(B)/live.html: $(B)/%.html: $(PAGE) $(B)/uplot/uPlot.iife.min.js scripts/make-page
	$(call say,PAGE,$@)
	$(Q)scripts/make-page user/report/page $(B)/uplot $* $@

$(B)/user/report/html.o $(B)/test/user/report/html.o $(B)/fuzz/user/report/html.o: $(B)/page.html
$(B)/user/serve/page.o $(B)/test/user/serve/page.o $(B)/fuzz/user/serve/page.o: $(B)/live.html

$(B)/user/%.o: user/%.c $(SKELETONS)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(OUR_CFLAGS) -MMD -MP -c $< -o $@

$(B)/load/%.o: load/%.c | $(B)/load/
	$(call say,CC,$@)
	$(Q)$(CC) $(OUR_CFLAGS) -MMD -MP -pthread -c $< -o $@

$(B)/bin/mmuscope: $(USER_OBJ) | $(B)/bin/
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) $(SHARED_LIBS)

MICROHTTPD := $(if $(SYSROOT),$(SYSROOT)/lib/$(TRIPLET_$(ARCH))/libmicrohttpd.a,$(shell $(CC) \
	-print-file-name=libmicrohttpd.a))

$(B)/static/absent.c: $(USER_OBJ) scripts/make-absent | $(B)/static/
	$(Q)scripts/make-absent $(USER_OBJ) $(MICROHTTPD) > $@

# no warning that dlopen() needs shared libraries: SQLite calls it for extensions, of which we load none
$(B)/static/mmuscope: $(USER_OBJ) $(B)/static/absent.c | $(B)/static/
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(STATIC_FLAGS) -Wl,--no-warnings -o $@ $^ $(LIBS)

$(B)/bin/mmuscope-load: $(LOAD_OBJ) | $(B)/bin/
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ -ljansson

$(B)/static/mmuscope-load: $(LOAD_OBJ) | $(B)/static/
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread $(STATIC_FLAGS) -o $@ $^ -ljansson

# small programs of tests/lab that are pushed into a VM
DROPS := drop bpf_count vms candidate_calls hists http_get floor

# test programs: all of user/ and load/ but their main(), with sanitizers (of gcc)
TEST_CC := gcc
TEST_CFLAGS := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
TESTS := $(patsubst tests/%.c,$(B)/test/%,$(wildcard tests/unit/*.c tests/btf/*.c tests/recording/*.c)) \
	$(B)/test/bin/mmuscope $(DROPS:%=$(B)/test/drop/%)

# of the x86 guest's page tables
ifneq ($(ARCH),x86)
TESTS := $(filter-out $(B)/test/unit/load_guest,$(TESTS))
endif

SCALE := $(B)/scale/block_map $(B)/scale/scrape $(B)/scale/serve $(B)/test/scale/serve

test-programs: $(TESTS) $(SCALE)

$(B)/test/user/%.o: user/%.c $(SKELETONS)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(TEST_CC) $(OUR_CFLAGS) $(TEST_CFLAGS) -MMD -MP -c $< -o $@

$(B)/test/load/%.o: load/%.c | $(B)/test/load/
	$(call say,CC,$@)
	$(Q)$(TEST_CC) $(OUR_CFLAGS) $(TEST_CFLAGS) -MMD -MP -pthread -c $< -o $@

TESTED_SRC := $(filter-out main,$(USER_SRC))

# q: folders may have files of the same name
$(B)/test/user.a: $(TESTED_SRC:%=$(B)/test/user/%.o)
	$(Q)rm -f $@ && $(AR) qcs $@ $^

$(B)/test/load.a: $(filter-out %/main.o,$(LOAD_OBJ:$(B)/%=$(B)/test/%))
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/test/lib.a: $(patsubst tests/%.c,$(B)/test/%.o,$(wildcard tests/lib/*.c))
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/test/lib/%.o: tests/lib/%.c | $(B)/test/lib/
	$(call say,CC,$@)
	$(Q)$(TEST_CC) $(OUR_CFLAGS) $(TEST_CFLAGS) -Itests -MMD -MP -c $< -o $@

# tests/unit/load_*.c test load/, all others user/ and bpf/
$(B)/test/unit/load_%: tests/unit/load_%.c $(B)/test/load.a | $(B)/test/unit/
	$(call say,CC,$@)
	$(Q)$(TEST_CC) $(OUR_CFLAGS) $(TEST_CFLAGS) -MMD -MP -pthread -o $@ $< $(B)/test/load.a -lcmocka $(LIBS)

$(B)/test/%: tests/%.c $(B)/test/user.a $(B)/test/lib.a | $(B)/test/unit/ $(B)/test/btf/ $(B)/test/recording/
	$(call say,CC,$@)
	$(Q)$(TEST_CC) $(OUR_CFLAGS) $(TEST_CFLAGS) -Itests -MMD -MP -pthread -o $@ $< \
		$(B)/test/lib.a $(B)/test/user.a -lcmocka $(LIBS) $(SHARED_LIBS)

# a file of tests/fuzz is a target of libFuzzer, which is clang's
FUZZ := $(patsubst tests/fuzz/%.c,$(B)/fuzz/bin/%,$(wildcard tests/fuzz/*.c))
FUZZ_CFLAGS := -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FUZZ_SECONDS ?= 60

$(B)/fuzz/user/%.o: user/%.c $(SKELETONS)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(OUR_CFLAGS) $(FUZZ_CFLAGS) -MMD -MP -c $< -o $@

$(B)/fuzz/lib/%.o: tests/lib/%.c | $(B)/fuzz/lib/
	$(call say,CC,$@)
	$(Q)$(CLANG) $(OUR_CFLAGS) $(FUZZ_CFLAGS) -Itests -MMD -MP -c $< -o $@

$(B)/fuzz/all.a: $(TESTED_SRC:%=$(B)/fuzz/user/%.o) $(patsubst tests/%.c,$(B)/fuzz/%.o,$(wildcard tests/lib/*.c))
	$(Q)rm -f $@ && $(AR) qcs $@ $^

$(B)/fuzz/bin/%: tests/fuzz/%.c $(B)/fuzz/all.a | $(B)/fuzz/bin/
	$(call say,CC,$@)
	$(Q)$(CLANG) $(OUR_CFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer -Itests -MMD -MP -o $@ $< $(B)/fuzz/all.a $(LIBS) \
		$(SHARED_LIBS)

# the whole program with sanitizers, for tests that attack 'mmuscope serve'
$(B)/test/bin/mmuscope: $(B)/test/user/main.o $(B)/test/user.a | $(B)/test/bin/
	$(call say,LINK,$@)
	$(Q)$(TEST_CC) $(TEST_CFLAGS) -o $@ $^ $(LIBS) $(SHARED_LIBS)

# without sanitizers: it makes thousands of comparisons
$(B)/test/gate-power: tests/power/gate_power.c tests/power/model.c $(filter-out %/main.o,$(USER_OBJ)) | $(B)/test/unit/
	$(call say,CC,$@)
	$(Q)$(CC) $(OUR_CFLAGS) -Itests/power -o $@ $^ $(LIBS) $(SHARED_LIBS)

# without sanitizers: they are timed. The linker puts the programs' own functions in the place of libbpf's, and of
# a session's that need a kernel
SCALE_WRAPS := bpf_map__fd bpf_map_lookup_elem bpf_map_get_next_key libbpf_num_possible_cpus
SCALE_SERVE_WRAPS := $(SCALE_WRAPS) serve_clock_ns kernel_enum_value \
	$(addprefix session_,open attach fd consume tick tier cost_begin cost_of close)

# programs for BPF have parameters that they do not use
$(B)/scale/block_map: tests/scale/block_map.c tests/lib/native.h $(BPF_HEADERS) | $(B)/scale/
	$(call say,CC,$@)
	$(Q)$(CC) $(OUR_CFLAGS) -Wno-unused-parameter -o $@ $<

$(B)/scale/scrape: WRAPS := $(SCALE_WRAPS)
$(B)/scale/serve $(B)/test/scale/serve: WRAPS := $(SCALE_SERVE_WRAPS)

$(B)/scale/scrape $(B)/scale/serve: $(B)/scale/%: tests/scale/%.c tests/scale/host.c tests/scale/host.h \
		$(filter-out %/main.o,$(USER_OBJ)) | $(B)/scale/
	$(call say,CC,$@)
	$(Q)$(CC) $(OUR_CFLAGS) -o $@ $(filter-out %.h,$^) $(WRAPS:%=-Wl,--wrap=%) $(LIBS) $(SHARED_LIBS)

# for leaks
$(B)/test/scale/serve: tests/scale/serve.c tests/scale/host.c tests/scale/host.h $(B)/test/user.a | $(B)/test/scale/
	$(call say,CC,$@)
	$(Q)$(TEST_CC) $(OUR_CFLAGS) $(TEST_CFLAGS) -o $@ $(filter-out %.h,$^) $(WRAPS:%=-Wl,--wrap=%) $(LIBS) \
		$(SHARED_LIBS)

# small static programs that lab tests push into a VM
$(B)/test/drop/%: tests/lab/%.c | $(B)/test/drop/
	$(call say,CC,$@)
	$(Q)$(CC) $(OUR_CFLAGS) -static -o $@ $<

%/:
	$(Q)mkdir -p $@
.PRECIOUS: %/

setup:
	scripts/setup

demo:
	scripts/setup
	$(MAKE) all
	scripts/demo

test:
	scripts/setup
	tests/run

check: all
	tests/run unit btf style cli

lab: all
	tests/run lab

prove: all
	tests/prove
	tests/prove --stock
	tests/prove --judge

long: all test-programs
	tests/long
	tests/run $$(sed '/^#/d; s/^one of://' tests/slow-tests)

fuzz: $(FUZZ) test-programs
	tests/fuzz/run $(FUZZ_SECONDS) $(notdir $(FUZZ))

power: all test-programs
	rm -rf $(B)/power
	tests/power/collect $(B)/power
	tests/gate-power --rules tests/power/real.rules $(B)/power/base $(B)/power/slow $(B)/power/lost

docs: $(B)/bin/mmuscope
	$(B)/bin/mmuscope metrics -o docs/metrics.md
	scripts/cost-table
	scripts/scale --tables
	scripts/bench --tables

.PHONY: dashboards fleet install-dashboards
dashboards:
	scripts/make-dashboards

# rules and panels lead to the runbook
install: install-dashboards
install-dashboards:
	for f in dashboards/*.json dashboards/rules.yml; do \
		install -D -m 644 $$f $(DESTDIR)$(PREFIX)/share/mmuscope/$$f; done
	install -D -m 644 docs/runbook.md $(DESTDIR)$(PREFIX)/share/doc/mmuscope/runbook.md

fleet: all test-programs
	tests/fleet/fleet.py --hosts 200

bench: all test-programs
	scripts/bench

bench-scale: $(SCALE)
	scripts/scale

payoff: all
	scripts/payoff

deb: $(B)/bin/mmuscope $(B)/bin/mmuscope-load
	scripts/make-deb $(B)/bin $(VERSION) $(B)/mmuscope_$(VERSION)_$$(dpkg --print-architecture).deb

# git orders the files and gives them the time of the commit; xz, one thread: the same bytes each time
dist: | $(B)/
	git archive --format=tar --prefix=mmuscope-$(VERSION)/ HEAD | xz -T1 -9 > $(B)/mmuscope-$(VERSION).tar.xz

install: $(B)/bin/mmuscope $(B)/bin/mmuscope-load
	install -D -m 755 $(B)/bin/mmuscope $(DESTDIR)$(PREFIX)/bin/mmuscope
	install -D -m 755 $(B)/bin/mmuscope-load $(DESTDIR)$(PREFIX)/bin/mmuscope-load
	install -D -m 644 packaging/mmuscope.catalog $(DESTDIR)$(PREFIX)/lib/systemd/catalog/mmuscope.catalog
	for m in docs/man/*.[1-8]; do \
		install -D -m 644 $$m $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/}; done
	install -D -m 644 packaging/mmuscope.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/mmuscope
	ln -sf mmuscope $(DESTDIR)$(PREFIX)/share/bash-completion/completions/mmuscope-load
	install -D -m 644 packaging/_mmuscope $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_mmuscope

clean:
	rm -rf $(B)

-include $(wildcard $(B)/*/*.d $(B)/*/*/*.d $(B)/*/*/*/*.d $(B)/*/*/*/*/*.d)
