# crew - one Makefile, no configure step. `make help` says what there is.

VERSION_MAJOR = 0
VERSION       = 0.1.0
SONAME        = libcrew.so.$(VERSION_MAJOR)

MODE    ?= release
SAN     ?=
LTO     ?=
PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man
SECONDS ?= 60
SEED    ?=
# nothing below needs to be changed

.SUFFIXES:
.DELETE_ON_ERROR:
V ?= 0
Q = $(if $(filter 1,$(V)),,@)
say = @$(if $(filter 1,$(V)),:,printf '  %-6s %s\n' $(1) $(2))
comma = ,

MACHINE := $(shell $(CC) -dumpmachine 2>/dev/null)
ARCH    := $(firstword $(subst -, ,$(MACHINE)))
FIBER   ?= $(if $(wildcard src/fiber/switch_$(ARCH).S),asm,ucontext)

WARN = -Wall -Wextra -Wpedantic -Wundef -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
       -Wvla -Wconversion -Wcast-align -Wwrite-strings -Wimplicit-fallthrough
ifdef WERROR
WARN += -Werror
endif
BASE_FLAGS = -std=c11 -D_GNU_SOURCE -Iinclude -Isrc -fPIC -fvisibility=hidden \
             -ftls-model=initial-exec -fasynchronous-unwind-tables -MMD -MP
# The doors are never part of link-time optimisation: inlined, the address of errno or of
# a thread-local would be kept over a switch (src/exec/self.h). The rest may be: LTO=1 (gcc).
LTO_FLAGS = $(if $(LTO),-flto=auto -ffat-lto-objects,-fno-lto)
MODE_release = -O2 -g -DCREW_RELEASE
MODE_debug   = -O1 -g
MODE_tiny    = -O2 -g -DCREW_TINY
MODE_hard    = -O2 -g -DCREW_HARD
MODE_sim     = -O1 -g -DCREW_SIM -DCREW_TINY -Isrc/sim/shadow
MODE_simhard = $(MODE_sim) -DCREW_HARD
ifeq ($(MODE_$(MODE)),)
$(error MODE=$(MODE): say release, debug, tiny, hard, sim or simhard)
endif
SAN_FLAGS = $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer \
            $(if $(findstring clang,$(CC)),,$(if $(findstring thread,$(SAN)),-Wno-tsan)))
FIBER_FLAGS = $(if $(filter ucontext,$(FIBER)),-DCREW_FIBER_UCONTEXT)
# what runs in the simulated world shows its plain accesses to src/sim/race.c (not errno,
# which is one variable there and one for each thread in truth)
SHOWS_sim  = $(if $(SAN),,-fsanitize=thread)
SHOW_FLAGS = $(if $(filter src/sim/% src/exec/self.c,$<),,$(SHOWS_$(MODE:simhard=sim)))
ALL_CFLAGS = $(BASE_FLAGS) $(LTO_FLAGS) $(MODE_$(MODE)) $(FIBER_FLAGS) $(SAN_FLAGS) $(SHOW_FLAGS) $(WARN) $(CFLAGS)
LINK_FLAGS = $(SAN_FLAGS) $(if $(LTO),-O2 -flto=auto) $(LDFLAGS)

B := build/$(MODE)$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(LTO),-lto)$(if $(filter ucontext,$(FIBER)),-ucontext)$(if $(findstring clang,$(CC)),-clang)$(if $(findstring aarch64,$(CC)),-aarch64)$(if $(findstring FORK_CALLS,$(CFLAGS)),-calls)

URCU_LIBS ?= -lurcu-common
LIBS = $(URCU_LIBS) -pthread
TEST_LIBS = -lm $(LIBS)

# ---- the library -------------------------------------------------------------

# Release builds compile src/all.c, which holds everything but the doors.
DOORS    = src/exec/self.c $(if $(filter sim simhard,$(MODE)),$(wildcard src/sim/*.c) src/port/lock.c,$(wildcard src/port/*.c))
SWITCH   = $(if $(filter asm,$(FIBER)),src/fiber/switch_$(ARCH).S,src/fiber/switch_ucontext.c)
PARTS    = $(filter-out $(DOORS) src/fiber/switch_ucontext.c src/port/%,$(wildcard src/base/*.c src/fiber/*.c src/exec/*.c src/scope/*.c src/sync/*.c src/parallel/*.c src/watch/*.c))
SOURCES  = $(if $(filter release,$(MODE)),src/all.c,$(PARTS)) $(DOORS) $(SWITCH)
OBJECTS  = $(addprefix $(B)/,$(addsuffix .o,$(basename $(SOURCES))))

SUM_SOURCES = $(wildcard tools/crew-sum/*.c)
BENCH_SOURCES = $(wildcard tools/crew-bench/*.c)
HAVE_CRYPTO = $(shell printf '\043include <openssl/evp.h>\n\043include <xxhash.h>\n' | $(CC) -E -x c - >/dev/null 2>&1 && echo yes)

.PHONY: all lib tools
# What deps installs decides how the rest is built (the compiler, is libcrypto there?), so
# make is started anew behind it.
all: deps-build
	@$(MAKE) --no-print-directory DEPS=no lib tools
lib: $(B)/libcrew.a $(B)/libcrew.so
	@:
tools: $(B)/crew-bench $(if $(HAVE_CRYPTO),$(B)/crew-sum,no-crew-sum)
	@:

.PHONY: no-crew-sum
no-crew-sum:
	@echo 'crew-sum is left out: libcrypto or xxhash is missing (apt-get install libssl-dev libxxhash-dev)'

$(B)/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(B)/%.o: %.S
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(addprefix $(B)/,$(DOORS:.c=.o)): LTO_FLAGS = -fno-lto

$(B)/libcrew.a: $(OBJECTS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/libcrew.so.$(VERSION): $(OBJECTS) src/crew.map
	$(call say,LD,$@)
	$(Q)$(CC) $(LINK_FLAGS) -shared -Wl,-soname,$(SONAME) -Wl,--version-script=src/crew.map \
		$(if $(SAN),,-Wl$(comma)-z$(comma)defs) -Wl,-z,nodelete -o $@ $(OBJECTS) $(LIBS)

$(B)/libcrew.so: $(B)/libcrew.so.$(VERSION)
	@ln -sf libcrew.so.$(VERSION) $(B)/$(SONAME)
	@ln -sf $(SONAME) $@

$(B)/crew-sum: $(addprefix $(B)/,$(SUM_SOURCES:.c=.o)) $(B)/libcrew.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LINK_FLAGS) -o $@ $^ -lcrypto $(LIBS)

$(B)/crew-bench: $(addprefix $(B)/,$(BENCH_SOURCES:.c=.o))
	$(call say,LD,$@)
	$(Q)$(CC) $(LINK_FLAGS) -o $@ $^ -lm

# ---- tests -------------------------------------------------------------------

TEST_SOURCES  = $(wildcard tests/unit/*/*.c tests/api/*.c)
MODEL_SOURCES = $(wildcard tests/model/*.c tests/model/found/*.c)
STRESS        = $(patsubst tests/stress/%.c,$(B)/stress/%,$(wildcard tests/stress/*.c))
FAULT         = $(patsubst tests/fault/%.c,$(B)/fault/%,$(filter-out %/refuse.c,$(wildcard tests/fault/*.c)))
MISUSE        = $(patsubst tests/misuse/%.c,$(B)/misuse/%,$(wildcard tests/misuse/*.c))
CXX_TESTS     = $(patsubst tests/%.cpp,$(B)/%,$(wildcard tests/*/*.cpp tests/*/*/*.cpp))
# the test macros are GNU C
TEST_FLAGS    = -Itests -fno-pie -std=gnu11 $(filter-out -fPIC -std=c11 -Wpedantic -Wconversion -Wmissing-prototypes,$(ALL_CFLAGS))

$(B)/plain/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_FLAGS) -DCREW_PLAIN -c -o $@ $<

$(B)/criterion/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_FLAGS) -c -o $@ $<

# the same tests twice: in one process, and with a process for each
$(B)/tests-plain: $(addprefix $(B)/plain/,$(TEST_SOURCES:.c=.o) tests/support/plain.o) $(B)/libcrew.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LINK_FLAGS) -no-pie -o $@ $^ $(TEST_LIBS)

$(B)/tests-criterion: $(addprefix $(B)/criterion/,$(TEST_SOURCES:.c=.o)) $(B)/libcrew.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LINK_FLAGS) -no-pie -o $@ $^ -lcriterion $(TEST_LIBS)

$(B)/tests-model: $(addprefix $(B)/plain/,$(MODEL_SOURCES:.c=.o) tests/support/plain.o) $(B)/libcrew.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LINK_FLAGS) -no-pie -o $@ $^ $(TEST_LIBS)

$(STRESS) $(MISUSE) $(FAULT): $(B)/%: tests/%.c $(B)/libcrew.a
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_FLAGS) $(LINK_FLAGS) -no-pie -o $@ $< $(B)/libcrew.a $(TEST_LIBS)

$(B)/peers: $(addprefix $(B)/plain/tests/peers/,crew.o log.o scenario.o) $(B)/libcrew.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LINK_FLAGS) -no-pie -o $@ $^ $(TEST_LIBS)

$(CXX_TESTS): $(B)/%: tests/%.cpp $(B)/libcrew.a
	$(call say,CXX,$@)
	@mkdir -p $(@D)
	$(Q)$(CXX) -std=c++17 -O1 -g -Iinclude -Isrc -Itests $(SAN_FLAGS) -o $@ $< $(B)/libcrew.a $(TEST_LIBS)

# what the system refuses, for any program: LD_PRELOAD
$(B)/fault/refuse.so: tests/fault/refuse.c
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O1 -g $(filter-out -Wpedantic,$(WARN)) -fPIC -shared -o $@ $<

.PHONY: programs stress-programs faults where
where:
	@echo $(B)

programs: $(STRESS) $(MISUSE) $(CXX_TESTS)
stress-programs: $(STRESS)
faults: $(FAULT) $(B)/fault/refuse.so $(B)/libcrew.so

.PHONY: check check-all check-asan check-tsan check-ubsan check-aarch64 check-peers model mutants stress
check: deps-check
	@$(MAKE) --no-print-directory DEPS=no lib tools
	@CC='$(CC)' MAKE='$(MAKE)' tools/check quick

check-all: deps-check
	@$(MAKE) --no-print-directory DEPS=no lib tools
	@CC='$(CC)' MAKE='$(MAKE)' tools/check all

check-asan: deps-check
	@CC='$(CC)' MAKE='$(MAKE)' tools/check asan

check-tsan: deps-check
	@CC='$(CC)' MAKE='$(MAKE)' tools/check tsan

check-ubsan: deps-check
	@CC='$(CC)' MAKE='$(MAKE)' tools/check ubsan

check-aarch64:
	@MAKE='$(MAKE)' tools/check aarch64

# not part of make check: it needs python3-trio 0.22 and python3-anyio 3.6 of Debian 12
PEERS_PYTHON = /usr/bin/python3
check-peers: deps-build
	@if $(PEERS_PYTHON) tests/peers/peers.py versions 2>/dev/null; then \
		program=$$($(MAKE) -s --no-print-directory DEPS=no MODE=sim where)/peers && \
		$(MAKE) --no-print-directory DEPS=no MODE=sim $$program && \
		$(PEERS_PYTHON) tests/peers/peers.py $$program \
			tests/peers/scenarios.txt tests/peers/differences.txt; \
	else echo 'check-peers is left out: no python3-trio 0.22, or no python3-anyio 3'; fi

model: deps-check
	@CC='$(CC)' MAKE='$(MAKE)' tools/check model

mutants: deps-check
	@MAKE='$(MAKE)' CC='$(CC)' tools/mutants $(ONLY)

stress: deps-build
	@CC='$(CC)' MAKE='$(MAKE)' SECONDS='$(SECONDS)' SEED='$(SEED)' tools/check stress

# ---- perf, lint, demo ----------------------------------------------------------

.PHONY: perf perf-all perf-aa lint demo clean help
perf: deps-build
	@$(MAKE) --no-print-directory DEPS=no lib
	@perf/run

perf-all: deps-build
	@$(MAKE) --no-print-directory DEPS=no lib
	@ALL=1 ROUNDS=$${ROUNDS:-15} perf/run

perf-aa: deps-build
	@$(MAKE) --no-print-directory DEPS=no lib
	@perf/aa

lint:
	@tools/lint

demo: deps-build
	@$(MAKE) --no-print-directory DEPS=no lib tools
	@tools/demo "$$($(MAKE) -s --no-print-directory DEPS=no where)/crew-sum"

clean:
	rm -rf build

# ---- what is needed --------------------------------------------------------------

.PHONY: deps deps-build deps-check
deps: deps-check
deps-build:
	$(if $(filter no,$(DEPS)),,@tools/deps build)
deps-check:
	$(if $(filter no,$(DEPS)),,@tools/deps check)

# ---- install -----------------------------------------------------------------------

I = $(DESTDIR)
.PHONY: install uninstall installcheck man
man:
	@tools/make-man build/man

install: lib tools man
	install -d $(I)$(LIBDIR)/pkgconfig $(I)$(LIBDIR)/cmake/crew $(I)$(INCLUDEDIR)/crew $(I)$(BINDIR)
	install -m 644 $(B)/libcrew.a $(I)$(LIBDIR)/
	install -m 755 $(B)/libcrew.so.$(VERSION) $(I)$(LIBDIR)/
	ln -sf libcrew.so.$(VERSION) $(I)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(I)$(LIBDIR)/libcrew.so
	install -m 644 include/crew.h $(I)$(INCLUDEDIR)/
	install -m 644 include/crew/*.h $(I)$(INCLUDEDIR)/crew/
	tools/make-package $(VERSION) $(PREFIX) $(LIBDIR) $(INCLUDEDIR) $(I)$(LIBDIR)
	install -m 755 $(B)/crew-bench $(I)$(BINDIR)/
	$(if $(HAVE_CRYPTO),install -m 755 $(B)/crew-sum $(I)$(BINDIR)/)
	for section in 1 3 7; do \
		install -d $(I)$(MANDIR)/man$$section && \
		install -m 644 build/man/*.$$section $(I)$(MANDIR)/man$$section/; done

uninstall: man
	rm -f $(I)$(LIBDIR)/libcrew.a $(I)$(LIBDIR)/libcrew.so*
	rm -f $(I)$(LIBDIR)/pkgconfig/crew.pc $(I)$(INCLUDEDIR)/crew.h $(I)$(BINDIR)/crew-sum $(I)$(BINDIR)/crew-bench
	rm -rf $(I)$(LIBDIR)/cmake/crew $(I)$(INCLUDEDIR)/crew
	for section in 1 3 7; do for page in build/man/*.$$section; do \
		rm -f $(I)$(MANDIR)/man$$section/$${page##*/}; done; done

installcheck: all
	@MAKE='$(MAKE)' CC='$(CC)' CXX='$(CXX)' tools/installcheck

help:
	@printf '%s\n' \
	'make                library, shared and static, and the tools       ~15 s' \
	'make demo           set-up, then checksums of a real tree            ~60 s' \
	'make check          set-up, then the tests: run before each commit   ~3 min' \
	'make check-all      + sanitizers, valgrind, tiny, hard, lto, model, aarch64 ~30 min' \
	'make check-asan     the tests under ASan and LSan (-tsan, -ubsan)    ~3 min each' \
	'make check-peers    the same small programs over Trio and AnyIO     ~30 s' \
	'make model          the real code in the simulated world             ~2 min' \
	'make mutants        weakens the engine by a line at a time; ONLY=name     ~1 h' \
	'make stress         SECONDS=60 SEED=7                                as long as you say' \
	'make perf           benchmarks against rivals and targets            ~9 min; QUICK=1 ~2 min' \
	'make perf-all       the same with 15 rounds and all numbers of workers  ~1 h' \
	'make perf-aa        the same against itself: false alarms            ~8 min' \
	'make lint           clang-format, clang-tidy, cppcheck               ~1 min' \
	'make install        PREFIX=/usr/local DESTDIR= LIBDIR INCLUDEDIR MANDIR; uninstall undoes it' \
	'make installcheck   builds the README program from a scratch prefix  ~15 s' \
	'make deps           installs what is missing with apt-get            DEPS=no: never' \
	'variables: MODE=release|debug|tiny|hard  SAN=thread|address,undefined  CC=  FIBER=ucontext  LTO=1  V=1'

-include $(shell find $(B) -name '*.d' 2>/dev/null)
