# libplaycount and the playcount command. Needs no httpd, only libcurl, libmd,
# jansson and PCRE2; included by the Makefile at the top.
#
#     make client            build/client/: libplaycount.a, .so, playcount
#     make install-client    below PREFIX, DESTDIR is honoured

PREFIX      ?= /usr/local
LIBDIR      ?= $(PREFIX)/lib
CLIENT_SONAME  = libplaycount.so.1

# What the command can read and show depends on what is installed: these
# are compiled in where their headers are.
client_has = $(if $(call has_header,$(1)),-DPLAYCOUNT_$(2))
CLIENT_OPTIONS = $(eval CLIENT_OPTIONS := $(call client_has,zlib.h,ZLIB) \
                   $(call client_has,lzma.h,LZMA) \
                   $(call client_has,zstd.h,ZSTD) \
                   $(call client_has,curses.h,NCURSES))$(CLIENT_OPTIONS)
CLIENT_OPTION_LIBS = $(if $(findstring ZLIB,$(CLIENT_OPTIONS)),-lz) \
                     $(if $(findstring LZMA,$(CLIENT_OPTIONS)),-llzma) \
                     $(if $(findstring ZSTD,$(CLIENT_OPTIONS)),-lzstd) \
                     $(if $(findstring NCURSES,$(CLIENT_OPTIONS)),-lncursesw -ltinfo)

CLIENT_CFLAGS = -std=gnu11 -D_GNU_SOURCE -I. -Wall -Wextra -Wshadow -Werror -fvisibility=hidden \
                -fPIC -pthread $(DEFINE) $(CFLAGS) -MMD -MP
CLIENT_LIBRARY = $(patsubst %.c,$(BUILD)/%.o,$(wildcard client/*.c))
CLIENT_COMMAND = $(patsubst %.c,$(BUILD)/%.o,\
                   $(wildcard client/command/*.c client/monitor/*.c)) \
                 $(patsubst media/rules/%.c,$(BUILD)/client/rules/%.o,$(wildcard media/rules/*.c)) \
                 $(patsubst path/%.c,$(BUILD)/client/path/%.o,$(wildcard path/*.c))
CLIENT_SHARED  = $(BUILD)/client/libplaycount.so.$(VERSION)
CLIENT_STATIC  = $(BUILD)/client/libplaycount.a
CLIENT_PROGRAM = $(BUILD)/client/playcount

client: $(CLIENT_SHARED) $(CLIENT_STATIC) $(CLIENT_PROGRAM)

$(BUILD)/client/%.o: client/%.c client/client.mk $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(CLIENT_CFLAGS) $(CLIENT_OPTIONS) -c -o $@ $<

# The rules of media, which the module has too, as playcount replay --media needs them.
$(BUILD)/client/rules/%.o: media/rules/%.c client/client.mk $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  CC $< (client)"
	@$(CC) $(CLIENT_CFLAGS) -c -o $@ $<

# Opening files where others could have put links.
$(BUILD)/client/path/%.o: path/%.c client/client.mk $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  CC $< (client)"
	@$(CC) $(CLIENT_CFLAGS) -c -o $@ $<

$(CLIENT_SHARED): $(CLIENT_LIBRARY)
	@echo "  LINK $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -shared -pthread -Wl,-soname,$(CLIENT_SONAME) \
	    -Wl,-z,defs -o $@ $^ -lcurl -lmd
	@ln -sf $(@F) $(BUILD)/client/$(CLIENT_SONAME)
	@ln -sf $(CLIENT_SONAME) $(BUILD)/client/libplaycount.so

$(CLIENT_STATIC): $(CLIENT_LIBRARY)
	@rm -f $@
	@$(AR) rcs $@ $^

# The command has the library in it, so that it runs from anywhere.
$(CLIENT_PROGRAM): $(CLIENT_COMMAND) $(CLIENT_STATIC)
	@echo "  LINK $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ -lcurl -lmd -ljansson -lpcre2-8 -lm \
	    $(CLIENT_OPTION_LIBS)

make_pc = sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; \
              s|@VERSION@|$(VERSION)|' client/libplaycount.pc.in

install-client: client
	install -d $(addprefix $(DESTDIR),$(PREFIX)/bin $(PREFIX)/include \
	    $(LIBDIR)/pkgconfig $(PREFIX)/share/man/man1 $(PREFIX)/share/man/man3 \
	    $(PREFIX)/share/bash-completion/completions)
	install $(CLIENT_PROGRAM) $(DESTDIR)$(PREFIX)/bin
	install -m 644 client/playcount.h $(DESTDIR)$(PREFIX)/include
	install -m 644 $(CLIENT_STATIC) $(CLIENT_SHARED) $(DESTDIR)$(LIBDIR)
	ln -sf $(notdir $(CLIENT_SHARED)) $(DESTDIR)$(LIBDIR)/$(CLIENT_SONAME)
	ln -sf $(CLIENT_SONAME) $(DESTDIR)$(LIBDIR)/libplaycount.so
	$(make_pc) > $(DESTDIR)$(LIBDIR)/pkgconfig/libplaycount.pc
	install -m 644 client/man/playcount.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 client/man/libplaycount.3 $(DESTDIR)$(PREFIX)/share/man/man3
	install -m 644 client/playcount.bash \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/playcount

uninstall-client:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/,bin/playcount include/playcount.h \
	    share/man/man1/playcount.1 share/man/man3/libplaycount.3 \
	    share/bash-completion/completions/playcount) \
	    $(addprefix $(DESTDIR)$(LIBDIR)/,$(notdir $(CLIENT_STATIC) $(CLIENT_SHARED)) \
	    $(CLIENT_SONAME) libplaycount.so pkgconfig/libplaycount.pc)

# Tests of the client: C files of t/client, linked with the library. One whose name
# begins with test- prints TAP by itself; the others are tools of t/client/*.t.
CLIENT_TESTS = $(patsubst t/client/test-%.c,$(BUILD)/t/client-%.t,\
                 $(wildcard t/client/test-*.c))
CLIENT_TOOLS = $(patsubst t/client/%.c,$(BUILD)/t/client/%,\
                 $(filter-out t/client/test-%,$(wildcard t/client/*.c)))

# Parts of the command that are tested by themselves.
CLIENT_TESTED = $(patsubst %,$(BUILD)/client/command/%.o,accesslog histogram jsonline logformat)

$(BUILD)/t/client-%.t: $(BUILD)/t/client/test-%.o $(CLIENT_TESTED) $(CLIENT_STATIC)
	@echo "  LINK $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ -lcurl -lmd -ljansson -lpcre2-8

$(BUILD)/t/client/%: $(BUILD)/t/client/%.o $(CLIENT_STATIC)
	@echo "  LINK $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ -lcurl -lmd

$(BUILD)/t/client/%.o: t/client/%.c client/client.mk $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(CLIENT_CFLAGS) -c -o $@ $<

client-tests: client $(CLIENT_TESTS) $(CLIENT_TOOLS)

# The same under AddressSanitizer and UBSan. What it builds is removed afterwards.
client-sanitize: $(SO)
	$(MAKE) clean-client
	$(MAKE) client-tests \
	    CFLAGS="-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all"
	prove -It/lib $(filter-out t/client/install.t,$(wildcard t/client/*.t)) $(CLIENT_TESTS)
	$(MAKE) clean-client

clean-client:
	rm -rf $(BUILD)/client $(BUILD)/t/client $(BUILD)/t/client-*.t

-include $(CLIENT_LIBRARY:.o=.d) $(CLIENT_COMMAND:.o=.d) $(wildcard $(BUILD)/t/client/*.d)

.PHONY: client install-client uninstall-client client-tests client-sanitize clean-client
