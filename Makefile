# mod_playcount: see README.
#
#     make run           install what is missing, build, serve on port 8000
#     make run-cluster   the same for three servers that share a Redis Cluster, all on
#                        this machine; make stop-cluster stops them
#     make test          install what is missing, build, run every test
#     make bench         install what is missing, measure it against httpd
#     make bench-peers   the same, against other servers (20 minutes)
#     make               build the module and the client
#     make install       into httpd's module directory; the client below PREFIX
#                        (DESTDIR is honoured); make uninstall takes it away again
#     make dist          an archive of the sources
#     make deb           Debian packages, into build/deb
#     make print-module  the path of the module that was built
#     make clean
#
# For developers: docs/HACKING.md.

APXS     ?= apxs
DESTDIR  ?=

# The targets that install packages first build with as many jobs as there are
# processors, unless make was told otherwise.
JOBS      = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

MODULE    = mod_playcount
ROOMS     = path shm/fault shm/zone shm/figures shm/media server api handoff metrics lane recorder media media/rules

# "yes" if the compiler finds it.
has_header = $(shell $(CC) $(CFLAGS) $(HIREDIS_CFLAGS) -E -x c -include $(1) /dev/null > /dev/null 2>&1 && echo yes)

# PlaycountHandoff redis needs hiredis; without it the rest is built. With
# HIREDIS_PREFIX=DIR it is the one below this directory.
HIREDIS_CFLAGS = $(HIREDIS_PREFIX:%=-isystem %/include)
HIREDIS_PLACE  = -L$(HIREDIS_PREFIX)/lib -Wl,-rpath,$(HIREDIS_PREFIX)/lib
HIREDIS_LIBS   = $(if $(HIREDIS_PREFIX),$(HIREDIS_PLACE)) $(HIREDIS_TLS:yes=-lhiredis_ssl) \
                 $(HIREDIS:yes=-lhiredis) $(HIREDIS_TLS:yes=-lssl -lcrypto)
HIREDIS  := $(call has_header,hiredis/hiredis.h)
# With TLS, where hiredis has it.
HIREDIS_TLS := $(and $(HIREDIS),$(call has_header,hiredis/hiredis_ssl.h),$(call has_header,openssl/ssl.h))
NOT_BUILT = $(if $(HIREDIS),handoff/redis_absent.c handoff/redis_tls$(HIREDIS_TLS:yes=_absent).c,\
                 $(filter-out handoff/redis_absent.c,$(wildcard handoff/redis*.c)))
SOURCES   = $(MODULE).c $(filter-out $(NOT_BUILT),$(wildcard $(ROOMS:%=%/*.c)))
OBJECTS   = $(SOURCES:%.c=$(BUILD)/%.lo)
SO        = $(BUILD)/.libs/$(MODULE).so

# CC from the environment or the command line counts, make's own default does not.
ifeq ($(origin CC),default)
CC        = gcc
endif
VERSION  := $(file < VERSION)
BUILD     = build
CFLAGS   ?= -g -O2 -fstack-protector-strong
# A hook has the parameters that its caller gives, used or not.
WARNINGS  = -Wall -Wextra -Wshadow -Werror -Wno-unused-parameter
LIBS      = -lm -ljansson -lpcre2-8

DEFINE    = -DPLAYCOUNT_VERSION='"$(VERSION)"'

# What was built with another compiler or with other flags is built again.
FLAGS    := $(strip $(CC) $(CFLAGS) $(LDFLAGS) $(VERSION) $(HIREDIS_PREFIX))
ifneq ($(file < $(BUILD)/flags),$(FLAGS))
$(shell mkdir -p $(BUILD))
$(file > $(BUILD)/flags,$(FLAGS))
endif

# What apxs knows, asked once and only when something is built with it.
ask       = $(shell $(APXS) -q $(1))
LIBTOOL   = $(eval LIBTOOL := $(call ask,LIBTOOL))$(LIBTOOL)
HTTPD_CFLAGS = $(eval HTTPD_CFLAGS := -isystem $(call ask,INCLUDEDIR) \
                 $(patsubst -I%,-isystem %,\
                   $(filter-out -I.,$(call ask,EXTRA_INCLUDES))) \
                 $(call ask,EXTRA_CPPFLAGS))$(HTTPD_CFLAGS)
APR_LIBS  = $(eval APR_LIBS := $(shell $(call ask,APR_CONFIG) --link-ld --libs) \
                 $(shell $(call ask,APU_CONFIG) --link-ld))$(APR_LIBS)

# -fno-plt: a call into httpd or APR touches a line of code less.
ALL_CFLAGS = -std=gnu11 -I. -I$(BUILD) $(HIREDIS_CFLAGS) $(HTTPD_CFLAGS) $(WARNINGS) -fvisibility=hidden -fno-plt \
             -pthread $(DEFINE) $(CFLAGS) -MMD -MP -MT $@ -MF $(basename $@).d

all: $(SO) client

# The objects are compiled one by one, so that a change compiles one file;
# apxs links the module.
$(BUILD)/%.lo: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(LIBTOOL) --silent --mode=compile --tag=CC $(CC) $(ALL_CFLAGS) -prefer-pic -c -o $@ $<

$(BUILD)/handoff/%.lua.h: handoff/%.lua
	@mkdir -p $(@D)
	@sed 's/[\\"]/\\&/g; s/^/"/; s/$$/\\n"/' $< > $@

$(BUILD)/handoff/redis_script.lo: $(BUILD)/handoff/send.lua.h $(BUILD)/handoff/read.lua.h

$(SO): $(OBJECTS)
	@echo "  LINK $@"
	@$(if $(HIREDIS),:,echo "  without Redis: libhiredis-dev is not installed")
	@$(APXS) -c -o $(BUILD)/$(MODULE).la $(OBJECTS) $(LIBS) $(HIREDIS_LIBS) > $(BUILD)/link.log 2>&1 \
	    || { cat $(BUILD)/link.log >&2; exit 1; }

# The live page: its scripts in one file, and a number of its content for caches; the
# assembler puts the files into the module.
PAGE      = $(BUILD)/metrics/page
PAGE_FROM = metrics/page/page.html metrics/page/page.css $(sort $(wildcard metrics/page/*.js))

$(PAGE)/page.html: $(PAGE_FROM) Makefile
	@mkdir -p $(@D)
	@cat metrics/page/*.js > $(PAGE)/page.js
	@cp metrics/page/page.css $(PAGE)
	@v=$$(cat $(PAGE_FROM) | cksum | cut -d ' ' -f 1) && \
	    sed "s/@VERSION@/$$v/g" metrics/page/page.html > $@.new && mv $@.new $@

$(BUILD)/metrics/page.lo: $(PAGE)/page.html
$(BUILD)/metrics/page.lo: DEFINE += -DPLAYCOUNT_PAGE_DIR='"$(PAGE)"'

# The module, its header for other modules, the sample configuration, playcount-express,
# and on Debian what a2enmod needs.
LIBEXECDIR = $(DESTDIR)$(call ask,LIBEXECDIR)
SYSCONFDIR = $(call ask,SYSCONFDIR)

install: $(SO) install-client
	install -d $(LIBEXECDIR) $(DESTDIR)$(call ask,INCLUDEDIR)
	$(APXS) -i -S LIBEXECDIR=$(LIBEXECDIR) -n playcount $(BUILD)/$(MODULE).la
	install -m 644 mod_playcount.h $(DESTDIR)$(call ask,INCLUDEDIR)
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin share/playcount-express \
	    share/doc/mod_playcount share/man/man1)
	install playcount-express $(DESTDIR)$(PREFIX)/bin
	install -m 644 express/*.pm $(DESTDIR)$(PREFIX)/share/playcount-express
	install -m 644 express/playcount-express.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 httpd.conf.sample $(DESTDIR)$(PREFIX)/share/doc/mod_playcount
	if [ -d $(SYSCONFDIR)/mods-available ]; then \
	    install -d $(DESTDIR)$(SYSCONFDIR)/mods-available && \
	    echo "LoadModule playcount_module $(call ask,LIBEXECDIR)/$(MODULE).so" \
	        > $(DESTDIR)$(SYSCONFDIR)/mods-available/playcount.load; \
	fi

uninstall: uninstall-client
	rm -f $(LIBEXECDIR)/$(MODULE).so $(DESTDIR)$(call ask,INCLUDEDIR)/mod_playcount.h \
	    $(addprefix $(DESTDIR)$(PREFIX)/,bin/playcount-express share/man/man1/playcount-express.1) \
	    $(DESTDIR)$(SYSCONFDIR)/mods-available/playcount.load
	rm -rf $(addprefix $(DESTDIR)$(PREFIX)/share/,playcount-express doc/mod_playcount)

print-module:
	@$(MAKE) --no-print-directory $(SO) >&2
	@echo $(CURDIR)/$(SO)

# Tests. A C unit test is one file of t/unit, linked with shm/; a
# module that tests load into httpd is one file of t/module.
UNIT_TESTS   = $(patsubst t/unit/%.c,$(BUILD)/t/%.t,$(wildcard t/unit/*.c))
TEST_MODULES = $(patsubst t/module/%.c,$(BUILD)/t/module/.libs/%.so,\
                 $(wildcard t/module/*.c))
# shm/media/ uses the rules of media.
SHM_OBJECTS  = $(patsubst %.c,$(BUILD)/%.lo,$(wildcard path/*.c shm/*/*.c media/rules/*.c))
# What else unit tests link: two files of the lane that are free of httpd.
UNIT_OBJECTS = $(SHM_OBJECTS) $(BUILD)/lane/request.lo $(BUILD)/lane/reply.lo

$(BUILD)/t/%.t: $(BUILD)/t/unit/%.o $(UNIT_OBJECTS)
	@echo "  LINK $@"
	@$(CC) $(CFLAGS) -pthread -o $@ $< $(foreach o,$(UNIT_OBJECTS:.lo=.o),$(dir $(o)).libs/$(notdir $(o))) \
	    $(APR_LIBS) $(LIBS) -lm

# Tools of t/media/*.t: the rules of media from the command line, and TagLib to compare
# with where it is installed.
TAGLIB      := $(call has_header,taglib/tag_c.h)
MEDIA_TOOLS  = $(patsubst t/media/%.c,$(BUILD)/t/media/%,\
                 $(filter-out $(if $(TAGLIB),,t/media/oracle.c),$(wildcard t/media/*.c)))

$(BUILD)/t/media/%: t/media/%.c $(UNIT_OBJECTS)
	@mkdir -p $(@D)
	@echo "  LINK $@"
	@$(CC) $(ALL_CFLAGS) -o $@ $< $(foreach o,$(filter $(BUILD)/media/rules/%,$(UNIT_OBJECTS:.lo=.o)),\
	    $(dir $(o)).libs/$(notdir $(o))) $(LIBS) $(if $(filter %/oracle,$@),-ltag_c)

# Many requests for a statsd, for t/metrics/statsd.t.
STATSD_OBJECTS = $(patsubst metrics/%.c,$(BUILD)/metrics/%.lo,$(wildcard metrics/statsd*.c))

$(BUILD)/t/metrics/crowd: t/metrics/crowd.c $(SHM_OBJECTS) $(STATSD_OBJECTS)
	@echo "  LINK $@"
	@mkdir -p $(@D)
	@$(CC) $(ALL_CFLAGS) -o $@ $< \
	    $(foreach o,$(SHM_OBJECTS:.lo=.o) $(STATSD_OBJECTS:.lo=.o),$(dir $(o)).libs/$(notdir $(o))) \
	    $(APR_LIBS) $(LIBS) -lm

# The protocol of a cluster, simulated.
CLUSTER_OBJECTS = $(patsubst %,$(BUILD)/handoff/%.lo,cluster round)

$(BUILD)/t/simulate.t: t/cluster/simulate.c t/cluster/cost.c t/cluster/cost.h $(SHM_OBJECTS) $(CLUSTER_OBJECTS)
	@echo "  LINK $@"
	@mkdir -p $(@D)
	@$(CC) $(ALL_CFLAGS) -o $@ $(filter %.c,$^) \
	    $(foreach o,$(SHM_OBJECTS:.lo=.o) $(CLUSTER_OBJECTS:.lo=.o),$(dir $(o)).libs/$(notdir $(o))) \
	    $(APR_LIBS) $(LIBS) -lm

$(BUILD)/t/unit/%.o: t/unit/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/t/module/.libs/%.so: t/module/%.c $(BUILD)/flags
	@mkdir -p $(BUILD)/t/module
	@echo "  CC $<"
	@$(LIBTOOL) --silent --mode=compile --tag=CC $(CC) $(ALL_CFLAGS) \
	    -prefer-pic -c -o $(BUILD)/t/module/$*.lo $<
	@$(APXS) -c -o $(BUILD)/t/module/$*.la $(BUILD)/t/module/$*.lo > $(BUILD)/link.log 2>&1 \
	    || { cat $(BUILD)/link.log >&2; exit 1; }

unit-tests: $(UNIT_TESTS)

tests: $(SO) $(UNIT_TESTS) $(BUILD)/t/simulate.t $(TEST_MODULES) $(MEDIA_TOOLS) $(BUILD)/t/metrics/crowd client-tests $(BUILD)/bench/load

# `make test T="t/start/server.t t/api/version.t"` runs these only.
test: deps-test
	@$(MAKE) $(JOBS) --no-print-directory tests
	t/TEST $(T)

soak: deps-test
	@$(MAKE) $(JOBS) --no-print-directory tests
	t/TEST $(sort $(wildcard t/soak/*.t))

# What shares memory under the sanitizers and valgrind; K="thread httpd-address" some
# kinds only, T="..." some tests.
sanitize: deps-test
	tools/sanitize $(K)

run: deps-run
	@$(MAKE) $(JOBS) --no-print-directory all
	./playcount-express start-server

# docs/cluster.md, "One to play with".
run-cluster: deps-cluster
	@$(MAKE) $(JOBS) --no-print-directory all
	tools/run-cluster start

stop-cluster:
	tools/run-cluster stop

# Benchmarks; see docs/benchmarks.md. QUICK=1 does less, B="floor zone" some of them only;
# an executable file bench/NAME.bench is run with the others.
BENCH_TOOLS  = $(BUILD)/bench/load $(BUILD)/bench/loop $(BUILD)/bench/zone $(BUILD)/bench/.libs/mod_floor.so \
               $(BUILD)/t/module/.libs/mod_playcount_test.so

$(BUILD)/bench/load: $(wildcard bench/load/*.[ch]) Makefile
	@mkdir -p $(@D)
	@echo "  LINK $@"
	@$(CC) -std=gnu11 -I. $(WARNINGS) $(CFLAGS) -o $@ $(filter %.c,$^)

$(BUILD)/bench/loop: bench/loop.c Makefile
	@mkdir -p $(@D)
	@echo "  LINK $@"
	@$(CC) -std=gnu11 $(WARNINGS) $(CFLAGS) -o $@ $<

$(BUILD)/bench/zone: bench/zone.c $(SHM_OBJECTS) Makefile
	@mkdir -p $(@D)
	@echo "  LINK $@"
	@$(CC) $(ALL_CFLAGS) -o $@ $< $(foreach o,$(SHM_OBJECTS:.lo=.o),$(dir $(o)).libs/$(notdir $(o))) \
	    $(APR_LIBS) $(LIBS) -lm

$(BUILD)/bench/.libs/mod_floor.so: bench/module/mod_floor.c Makefile
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(LIBTOOL) --silent --mode=compile --tag=CC $(CC) $(ALL_CFLAGS) \
	    -prefer-pic -c -o $(BUILD)/bench/mod_floor.lo $<
	@$(APXS) -c -o $(BUILD)/bench/mod_floor.la $(BUILD)/bench/mod_floor.lo \
	    > $(BUILD)/link.log 2>&1 || { cat $(BUILD)/link.log >&2; exit 1; }

bench-tools: $(SO) $(BENCH_TOOLS)

bench: deps-bench
	@$(MAKE) --no-print-directory bench-tools
	bench/run $(B)

bench-peers: deps-peers
	@$(MAKE) --no-print-directory bench-tools
	bench/run peers

# What is checked without running anything. CHECKED is our own C, but for the
# benchmarks' modules of other servers.
CHECKED      = $(filter-out $(BUILD)/%,$(wildcard *.[ch] $(ROOMS:%=%/*.[ch]) t/*.h \
                 t/unit/*.[ch] t/module/*.c t/media/*.[ch] t/metrics/*.[ch] bench/*.c bench/load/*.[ch] bench/module/*.c \
                 client/*.[ch] client/command/*.[ch] client/monitor/*.[ch] t/client/*.[ch] fuzz/*.[ch]))
TIDIED       = $(SOURCES) $(wildcard client/*.c client/command/*.c client/monitor/*.c)

check: format-check tidy

# The picture of the live page in docs/.
screenshots: deps-test all
	tools/screenshots

format:
	@clang-format -i $(CHECKED)

format-check:
	@clang-format --dry-run -Werror $(CHECKED)

# clang-tidy reads .clang-tidy.
tidy: $(SO)
	@cppcheck -q -j$(shell nproc) --enable=warning,portability --inline-suppr -I. -I$(BUILD) \
	    --suppress=missingIncludeSystem --error-exitcode=1 $(filter %.c,$(CHECKED))
	@printf '%s\n' $(TIDIED) | xargs -P$(shell nproc) -n5 sh -c \
	    'clang-tidy --quiet --warnings-as-errors="*" "$$@" -- -std=gnu11 -D_GNU_SOURCE -I. -I$(BUILD) \
	         $(HTTPD_CFLAGS) -DPLAYCOUNT_VERSION=__FILE__ -DPLAYCOUNT_PAGE_DIR=__FILE__ 2> $(BUILD)/tidy.$$$$ || \
	         { cat $(BUILD)/tidy.$$$$; exit 1; }' tidy
	@rm -f $(BUILD)/tidy.*

# For editors: how each file is compiled. Needs bear.
compile_commands.json:
	bear --output $@ -- $(MAKE) $(JOBS) BUILD=$(BUILD)/bear all tests
	@rm -rf $(BUILD)/bear

# Which lines the tests reach; HTML below build/coverage. T="t/start/*.t" runs some
# tests only. The previous build is gone afterwards. Needs lcov.
coverage: deps-test
	@$(MAKE) $(JOBS) --no-print-directory tests CFLAGS="-g -O0 --coverage" LIBS="$(LIBS) -lgcov"
	tools/coverage $(T)

# A release: what `git archive` takes, with what VERSION says.
dist:
	@mkdir -p $(BUILD)
	git archive --prefix=mod_playcount-$(VERSION)/ -o $(BUILD)/mod_playcount-$(VERSION).tar.gz HEAD
	@echo $(BUILD)/mod_playcount-$(VERSION).tar.gz

# Debian packages. DEB_BUILD_OPTIONS and DEB_BUILD_PROFILES are honoured; deb-test
# installs, upgrades and purges them in a chroot (as root; three minutes).
deb: deps-deb
	tools/deb

deb-test: deps-deb deps-chroot
	t/TEST t/soak/debian-packages.t

# What packages a purpose needs; see tools/install-deps.
deps: deps-test
deps-test:
	@tools/install-deps build run test
deps-check:
	@tools/install-deps build check
deps-run:
	@tools/install-deps build run
deps-cluster:
	@tools/install-deps build run cluster
deps-bench:
	@tools/install-deps build run bench
deps-peers:
	@tools/install-deps build run bench peers
deps-deb:
	@tools/install-deps build deb
deps-chroot:
	@tools/install-deps chroot

clean:
	rm -rf $(BUILD)

include client/client.mk
include fuzz/fuzz.mk

-include $(wildcard $(OBJECTS:.lo=.d) $(BUILD)/t/unit/*.d $(BUILD)/t/module/*.d)

.PHONY: screenshots all install uninstall print-module unit-tests tests test soak sanitize run run-cluster stop-cluster bench-tools bench bench-peers \
        check format format-check tidy coverage compile_commands.json dist deb deb-test \
        deps deps-test deps-check deps-run deps-cluster deps-bench deps-peers deps-deb deps-chroot clean
.SECONDARY:
