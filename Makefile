# Rollcall. `make run` shows it, `make test` proves it; see README.md.
BUILD ?= build
SETUP_FLAGS ?=

.PHONY: all setup setup-test build run test test-unit test-conformance test-http test-golden test-integration test-postgres \
    test-asan test-tsan test-lint test-long lint bench coverage openapi docs clean

all: build

# What the program needs: Debian packages, ONNX Runtime, models, sample photos. Seconds when it is all there.
setup:
	@tools/setup.sh run

setup-test:
	@tools/setup.sh run
	@tools/setup.sh test

$(BUILD)/build.ninja:
	@meson setup $(SETUP_FLAGS) $(BUILD) > $(BUILD).log 2>&1 && rm -f $(BUILD).log \
	    || { tail -n 20 $(BUILD).log; echo "meson failed; tools/setup.sh run installs what is missing"; exit 1; }

build: setup
	@$(MAKE) -s --no-print-directory $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet src/rollcall

# DEMO=0 starts without the demo; DEMO_EXIT=1 stops after it.
run: build
	@BUILD=$(BUILD) DEMO=$(DEMO) DEMO_EXIT=$(DEMO_EXIT) tools/run.sh

# One line a suite; tools/test.sh counts and ends with "N passed, N failed".
test: setup-test
	@tools/test.sh all

test-unit test-conformance test-http test-golden test-integration test-postgres test-asan test-tsan test-lint test-long: setup-test
	@tools/test.sh $(@:test-%=%)

lint: test-lint

bench: build
	@$(BUILD)/rollcall bench
	@BUILD=$(BUILD) bench/idle.sh

# Which lines and branches of the rules their unit tests run, and which lines of the register chain.
coverage: setup-test
	@tools/coverage.sh

openapi: build
	@$(BUILD)/rollcall openapi > api/openapi.json.new && mv api/openapi.json.new api/openapi.json

docs: build
	@$(BUILD)/rollcall config doc > docs/config.md.new && mv docs/config.md.new docs/config.md

# Leaves what set-up fetched (.deps) and the database (data).
clean:
	@rm -rf $(BUILD) $(BUILD).log
