# mod_playcount: see README.

APXS     ?= apxs
DESTDIR  ?=

MODULE    = mod_playcount
ROOMS     = shm server api handoff metrics
SOURCES   = $(MODULE).c $(wildcard $(ROOMS:%=%/*.c))
OBJECTS   = $(SOURCES:%.c=build/%.lo)
SO        = build/.libs/$(MODULE).so

LIBTOOL   = $(shell $(APXS) -q LIBTOOL)
CC        = gcc
WARNINGS  = -Wall -Wextra -Wshadow -Werror
HTTPD_CFLAGS = -isystem $(shell $(APXS) -q INCLUDEDIR) \
               $(patsubst -I%,-isystem %,$(filter-out -I.,$(shell $(APXS) -q EXTRA_INCLUDES))) \
               $(shell $(APXS) -q EXTRA_CPPFLAGS)
CFLAGS   ?= -g -O2 -fstack-protector-strong
ALL_CFLAGS = -std=gnu11 -I. $(HTTPD_CFLAGS) $(WARNINGS) -fvisibility=hidden \
             -pthread $(CFLAGS) -MMD -MP
LIBS      = -ljansson

all: $(SO)

# The objects are compiled one by one, so that a change compiles one file;
# apxs links the module.
build/%.lo: %.c Makefile
	@mkdir -p $(@D)
	$(LIBTOOL) --silent --mode=compile --tag=CC $(CC) $(ALL_CFLAGS) -prefer-pic -c -o $@ $<

$(SO): $(OBJECTS)
	$(APXS) -c -o build/$(MODULE).la $(OBJECTS) $(LIBS)

print-module:
	@echo $(CURDIR)/$(SO)

clean:
	rm -rf build

-include $(wildcard $(OBJECTS:.lo=.d) $(foreach r,$(ROOMS),build/$(r)/.libs/*.d))

.PHONY: all print-module clean
