# Fuzzers for all that parses foreign bytes, with libFuzzer (clang and libclang-rt-dev),
# under AddressSanitizer and UBSan.
#
#     make fuzz                      each for a minute
#     make fuzz F="ids zone_file" SECONDS_EACH=600
#     make fuzz-ids SECONDS_EACH=600
#     make fuzz SEED=1               a fixed number of inputs, the same each time
#
# A harness is one file fuzz/NAME.c; fuzz/corpus/NAME/ is what it begins with. It is
# linked with an archive of the module or, if its name begins with client_, of the
# client, of which the linker takes what it needs. What is found stays in
# build/fuzz/found/, the inputs that reached something new in build/fuzz/corpus/.

comma       := ,
FUZZ_CC      = clang
FUZZ_CFLAGS  = -std=gnu11 -I. -I$(BUILD) $(HTTPD_CFLAGS) $(WARNINGS) $(DEFINE) -pthread -g -O1 \
               -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FUZZERS      = $(patsubst fuzz/%.c,%,$(wildcard fuzz/*.c))
F            = $(FUZZERS)
SECONDS_EACH = 60

FUZZ_MODULE  = $(patsubst %.c,$(BUILD)/fuzz/o/%.o,$(SOURCES))
FUZZ_CLIENT  = $(patsubst %.c,$(BUILD)/fuzz/o/%.o,\
                 $(filter-out %/main.c,$(wildcard client/*.c client/command/*.c media/rules/*.c path/*.c)))

$(BUILD)/fuzz/o/%.o: %.c fuzz/fuzz.mk $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  CC $< (fuzz)"
	@$(FUZZ_CC) $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<

# What the build makes out of other files is in these two.
$(BUILD)/fuzz/o/handoff/redis_script.o: $(BUILD)/handoff/send.lua.h $(BUILD)/handoff/read.lua.h
$(BUILD)/fuzz/o/metrics/page.o: $(PAGE)/page.html
$(BUILD)/fuzz/o/metrics/page.o: DEFINE += -DPLAYCOUNT_PAGE_DIR='"$(PAGE)"'

# q, as files of the same name in other rooms do not replace each other then.
$(BUILD)/fuzz/module.a: $(FUZZ_MODULE)
	@rm -f $@
	@$(AR) qcs $@ $^

$(BUILD)/fuzz/client.a: $(FUZZ_CLIENT)
	@rm -f $@
	@$(AR) qcs $@ $^

# What the command would say on stderr is swallowed.
$(BUILD)/fuzz/client_%: $(BUILD)/fuzz/o/fuzz/client_%.o $(BUILD)/fuzz/client.a
	@echo "  LINK $@"
	@$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -pthread -o $@ $^ \
	    -lcurl -lmd -ljansson -lpcre2-8 $(if $(findstring _state,$@),-Wl$(comma)--wrap=say)

$(BUILD)/fuzz/%: $(BUILD)/fuzz/o/fuzz/%.o $(BUILD)/fuzz/module.a
	@echo "  LINK $@"
	@$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -pthread -o $@ $^ $(APR_LIBS) -lm -ljansson -lpcre2-8

fuzz-%: $(BUILD)/fuzz/%
	@tools/fuzz $< $(SECONDS_EACH) $(SEED)

fuzz: $(F:%=fuzz-%)

-include $(wildcard $(BUILD)/fuzz/o/*/*.d $(BUILD)/fuzz/o/*/*/*.d)

.PHONY: fuzz
