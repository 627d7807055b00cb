# What the Makefile of a role includes. It sets, before it does:
#
#   SOURCES      the role's C files, such as $(wildcard src/*.c)
#   TESTS        the C files of its tests, such as $(wildcard tests/*.c)
#   WEB          yes, if it is a web role and defines wr_answer
#   HTTP_CLIENT  yes, if it calls wr_http_get
#   CFLAGS       what the compiler gets besides
#
# `make` builds the component $(OUT), `make test` builds the role for this machine and runs its tests, `make clean` removes
# what was built. What is needed:
#
#   either the WASI SDK, with WASI_SDK_PATH set to its folder,
#   or zig (`pip install ziglang`) and wasm-component-ld, which every Rust toolchain of rustup has and
#   `cargo install wasm-component-ld` gets.

.DEFAULT_GOAL := component

WASM_ROLES_FOLDER := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))

OUT ?= build/role.wasm
BUILD ?= build
CFLAGS ?=

ZIG ?= $(firstword $(foreach name,zig python-zig,$(if $(shell command -v $(name) 2>/dev/null),$(name))))
ifneq ($(wildcard /bin/cc /usr/bin/cc /usr/local/bin/cc),)
HOST_CC ?= cc
else
HOST_CC ?= "$(ZIG)" cc
endif

# zig keeps what it compiles for one project beside what is built here, and its C library in the user's cache.
export ZIG_LOCAL_CACHE_DIR ?= $(abspath $(BUILD))/zig

ifneq ($(WASI_SDK_PATH),)
WASM_CC ?= "$(WASI_SDK_PATH)/bin/clang" --target=wasm32-wasip2
else
WASM_CC ?= "$(ZIG)" cc -target wasm32-wasi
RUST_SYSROOT = $(shell rustc --print sysroot 2>/dev/null)
WASM_COMPONENT_LD ?= $(firstword $(shell command -v wasm-component-ld 2>/dev/null) \
    $(wildcard $(RUST_SYSROOT)/lib/rustlib/*/bin/wasm-component-ld))
endif

WASM_FLAGS := -std=c11 -Os -Wall -Wextra -I$(WASM_ROLES_FOLDER)/include
LINK_FLAGS := -mexec-model=reactor -Wl,--strip-all -Wl,--gc-sections -Wl,-z,stack-size=1048576
TEST_FLAGS := -std=gnu11 -g -O1 -Wall -Wextra -DWASM_ROLES_TESTING \
    -I$(WASM_ROLES_FOLDER)/include -I$(WASM_ROLES_FOLDER)/testing

# The parts of the SDK that the role needs.
PARTS := common messages defaults environment run exports addresses tcp udp
WORLDS := role
ifeq ($(WEB),yes)
PARTS += web
WORLDS += web
endif
ifeq ($(HTTP_CLIENT),yes)
PARTS += client
WORLDS += client
endif

# Where the object of a source goes: sources may lie beside the folder, what is built of them may not.
inside = $(subst ../,_/,$(1:.c=.o))

ROLE_OBJECTS := $(foreach source,$(SOURCES),$(BUILD)/role/$(call inside,$(source)))
SDK_OBJECTS := $(PARTS:%=$(BUILD)/sdk/%.o) $(WORLDS:%=$(BUILD)/bindings/%.o)
TYPES := $(WORLDS:%=$(WASM_ROLES_FOLDER)/bindings/%_component_type.o)

TEST_OBJECTS := $(foreach source,$(SOURCES) $(TESTS),$(BUILD)/test/role/$(call inside,$(source))) \
    $(patsubst %,$(BUILD)/test/sdk/%.o,common messages defaults) \
    $(patsubst $(WASM_ROLES_FOLDER)/testing/%.c,$(BUILD)/test/double/%.o,$(wildcard $(WASM_ROLES_FOLDER)/testing/*.c))

# Objects of other commands are stale.
COMMANDS := $(WASM_CC) $(WASM_FLAGS) $(CFLAGS) | $(HOST_CC) $(TEST_FLAGS) | $(WASM_COMPONENT_LD) | $(PARTS)
ifneq ($(COMMANDS),$(shell cat $(BUILD)/commands 2>/dev/null))
$(shell mkdir -p $(BUILD) && rm -rf $(BUILD)/role $(BUILD)/sdk $(BUILD)/bindings $(BUILD)/test)
$(shell printf '%s\n' '$(COMMANDS)' > $(BUILD)/commands)
endif

.PHONY: component test clean compiler
component: $(OUT)

compiler:
ifeq ($(WASI_SDK_PATH)$(ZIG),)
	$(error no C compiler for WebAssembly: set WASI_SDK_PATH to the folder of a WASI SDK, or install zig with `pip install ziglang`)
endif

define compile
$(BUILD)/role/$(call inside,$(1)): $(1) | compiler
	@mkdir -p $$(@D)
	$$(WASM_CC) $$(WASM_FLAGS) $$(CFLAGS) -MMD -c $$< -o $$@
endef
$(foreach source,$(SOURCES),$(eval $(call compile,$(source))))

$(BUILD)/sdk/%.o: $(WASM_ROLES_FOLDER)/src/%.c | compiler
	@mkdir -p $(@D)
	$(WASM_CC) $(WASM_FLAGS) -I$(WASM_ROLES_FOLDER)/bindings -MMD -c $< -o $@

$(BUILD)/bindings/%.o: $(WASM_ROLES_FOLDER)/bindings/%.c | compiler
	@mkdir -p $(@D)
	$(WASM_CC) $(WASM_FLAGS) -w -c $< -o $@

ifneq ($(WASI_SDK_PATH),)
$(OUT): $(ROLE_OBJECTS) $(SDK_OBJECTS) $(TYPES)
	@mkdir -p $(@D)
	$(WASM_CC) $(LINK_FLAGS) $^ -o $@
else
# zig links a module; wasm-component-ld, whose own linker has nothing left to do, makes it a component.
$(BUILD)/module.wasm: $(ROLE_OBJECTS) $(SDK_OBJECTS) $(TYPES)
	$(WASM_CC) $(LINK_FLAGS) $^ -o $@

$(BUILD)/is-linked:
	@mkdir -p $(@D)
	@printf '%s\n' '#!/bin/sh' 'module=$$1' 'while [ "$$1" != -o ]; do shift; done' 'exec cp "$$module" "$$2"' > $@
	@chmod +x $@

$(OUT): $(BUILD)/module.wasm $(BUILD)/is-linked
ifeq ($(WASM_COMPONENT_LD),)
	$(error no wasm-component-ld: it comes with rustup's Rust, with the WASI SDK, and from `cargo install wasm-component-ld`)
endif
	@mkdir -p $(@D)
	"$(WASM_COMPONENT_LD)" --wasm-ld-path $(BUILD)/is-linked $(BUILD)/module.wasm -o $@
endif

test: $(BUILD)/test/run
	$<

$(BUILD)/test/run: $(TEST_OBJECTS)
	$(HOST_CC) $^ -o $@

define compile_for_test
$(BUILD)/test/role/$(call inside,$(1)): $(1)
	@mkdir -p $$(@D)
	$$(HOST_CC) $$(TEST_FLAGS) $$(CFLAGS) -MMD -c $$< -o $$@
endef
$(foreach source,$(SOURCES) $(TESTS),$(eval $(call compile_for_test,$(source))))

$(BUILD)/test/sdk/%.o: $(WASM_ROLES_FOLDER)/src/%.c
	@mkdir -p $(@D)
	$(HOST_CC) $(TEST_FLAGS) -MMD -c $< -o $@

$(BUILD)/test/double/%.o: $(WASM_ROLES_FOLDER)/testing/%.c
	@mkdir -p $(@D)
	$(HOST_CC) $(TEST_FLAGS) -I$(WASM_ROLES_FOLDER)/src -MMD -c $< -o $@

clean:
	rm -rf $(BUILD)

-include $(wildcard $(ROLE_OBJECTS:.o=.d) $(SDK_OBJECTS:.o=.d) $(TEST_OBJECTS:.o=.d))
