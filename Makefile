# The commands of this project. `make help` lists them.

SHELL := /bin/sh
.DEFAULT_GOAL := help

# An installed toolchain of the right version, so that none is fetched; empty: rust-toolchain.toml decides.
RUSTUP_TOOLCHAIN ?= $(shell sh .ci/toolchain)
ifneq ($(strip $(RUSTUP_TOOLCHAIN)),)
export RUSTUP_TOOLCHAIN
else
unexport RUSTUP_TOOLCHAIN
endif

CARGO ?= cargo
# RocksDB is compiled through ccache where there is one: the same objects serve tests, benches and fresh clones.
ifeq ($(origin CXX),default)
CXX := c++
endif
ifneq ($(shell command -v ccache 2>/dev/null),)
export CC := $(if $(filter ccache%,$(CC)),$(CC),ccache $(CC))
export CXX := $(if $(filter ccache%,$(CXX)),$(CXX),ccache $(CXX))
endif
TARGET := $(or $(CARGO_TARGET_DIR),target)
MEMCALC := $(TARGET)/release/memcalc
# Where `make run` writes.
OUT := target/run

FUZZ_TARGETS := size lines yaml toml derive batch
FUZZ_SECONDS ?= 900

.PHONY: help needs rocksdb-needs run build test lint fmt bench bench-flink fuzz mutants schedules brim

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

# One line for what is missing, and how to get it.
needs:
	@command -v $(CARGO) >/dev/null 2>&1 || { \
	  echo "missing: cargo 1.95; get it with: apt-get install rustup && rustup toolchain install 1.95.0 (or https://rustup.rs)" >&2; \
	  exit 1; }
	@command -v $(lastword $(CC)) >/dev/null 2>&1 || { \
	  echo "missing: a C compiler; get it with: apt-get install build-essential" >&2; exit 1; }
	@$(CARGO) --version 2>&1 | awk '{ split($$2, v, "."); if ($$1 == "cargo" && (v[1] > 1 || v[2] >= 95)) ok = 1 } END { exit !ok }' || { \
	  echo "missing: cargo 1.95 or later, found $$($(CARGO) --version 2>&1 | head -n 1); get it with: rustup toolchain install 1.95.0" >&2; \
	  exit 1; }

# What RocksDB needs beside that; installed where this is root on Debian or Ubuntu, else named.
rocksdb-needs: needs
	@sh .ci/packages

# Linked statically where the C library allows it: a third of a cold start is the dynamic loader's. The flags go to the
# target alone, not to build scripts, so the host is named as the target.
HOST := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
STATIC := -C target-feature=+crt-static -C relocation-model=static

build: needs
	@case "$(HOST)" in \
	*-linux-gnu) RUSTFLAGS="$(STATIC)" $(CARGO) build --release --locked --bin memcalc --target $(HOST) && \
	  mkdir -p $(TARGET)/release && cp $(TARGET)/$(HOST)/release/memcalc $(MEMCALC) ;; \
	*) false ;; \
	esac || $(CARGO) build --release --locked --bin memcalc

# The main job: derive, explain, check and draw the samples in conf/.
#
# Exit statuses of memcalc: 0 clean, 1 findings, 2 wrong usage or unreadable, 3 Flink would refuse to start.
# Good samples must be clean, except that `check` may have advice (1); broken samples may have findings (1) and be
# refused (3). Anything else, and a crash above all, fails the run.
say   = @printf '\n==> %s\n' '$(1)'
clean = @$(MEMCALC) $(1)
known = @$(MEMCALC) $(1); s=$$?; case $$s in 0|1|$(2)) ;; *) echo "memcalc ended with status $$s" >&2; exit 1 ;; esac

run: build ## Derive, explain, check and draw the samples in conf/
	@mkdir -p $(OUT)
	$(call say,A TaskManager of Flink 1.20: which pool gets how much)
	$(call clean,taskmanager conf/flink-conf.yaml)
	$(call say,A JobManager of Flink 2.3)
	$(call clean,jobmanager conf/config.yaml)
	$(call say,The same model for our own plimsoll.toml: as JVM arguments and dynamic properties)
	$(call clean,taskmanager conf/plimsoll.toml --output flags)
	$(call say,Where each byte of the managed memory comes from)
	$(call clean,explain managed conf/flink-conf.yaml)
	$(call say,Where each byte of the JobManager comes from)
	$(call clean,explain --process jobmanager conf/config.yaml)
	$(call say,What a start script of Flink would be told)
	@mkdir -p $(OUT)/conf && cp conf/flink-conf.yaml $(OUT)/conf/
	$(call clean,bash-java-utils --flink-version 1.20 GET_TM_RESOURCE_PARAMS --configDir $(OUT)/conf)
	$(call say,The good samples: what is worth knowing about them)
	$(call known,check conf/flink-conf.yaml,0)
	$(call known,check conf/config.yaml,0)
	$(call known,check conf/plimsoll.toml,0)
	$(call say,The broken samples: every mistake with its line)
	@for file in conf/broken/*.yaml; do \
	  printf '\n--> %s\n' "$$file"; \
	  $(MEMCALC) check "$$file"; s=$$?; \
	  case $$s in 0|1|3) ;; *) echo "memcalc ended with status $$s" >&2; exit 1 ;; esac; \
	done
	$(call say,The memory map as a picture: $(OUT)/memory.svg)
	$(call clean,draw conf/flink-conf.yaml --out $(OUT)/memory.svg)
	$(call say,done)

test: rocksdb-needs ## All tests
	$(CARGO) test --workspace --locked

lint: rocksdb-needs ## Format and lints, as the continuous integration checks them
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

fmt: needs ## Format the code
	$(CARGO) fmt --all

bench: build rocksdb-needs ## Everything with a goal for its speed; prints the ratios to the goals
	$(CARGO) bench --locked --bench derive
	$(CARGO) bench --locked --bench batch
	$(CARGO) bench --locked --bench budget
	$(CARGO) bench --locked --bench arena
	$(CARGO) bench --locked --bench segment
	$(CARGO) bench --locked --bench heap
	$(CARGO) bench --locked --package plimsoll-statebackend --bench state_backends
	@MEMCALC=$(MEMCALC) sh benches/cold.sh

# Jars of the real Flink are no part of this repository; WORDS are for benches/flink/compare.py (--help lists them).
bench-flink: rocksdb-needs ## Our state backends beside Flink's own; needs FLINK_HOME, a JDK and python3; one or two hours
	@test -n "$(wildcard $(FLINK_HOME)/lib/flink-dist*.jar)" || { \
	  echo "missing: a Flink distribution; get it from https://flink.apache.org/downloads and say where: FLINK_HOME=DIR" >&2; \
	  exit 1; }
	@command -v javac >/dev/null 2>&1 || { \
	  echo "missing: a JDK; get it with: apt-get install openjdk-17-jdk-headless" >&2; exit 1; }
	@command -v python3 >/dev/null 2>&1 || { \
	  echo "missing: python3; get it with: apt-get install python3" >&2; exit 1; }
	python3 benches/flink/compare.py --flink "$(FLINK_HOME)" $(WORDS)

# New inputs go to target/fuzz; fuzz/corpus only has a minimal set (`cargo +nightly fuzz cmin`) and what broke something.
fuzz: ## Fuzz each target for FUZZ_SECONDS (900); needs nightly Rust and cargo-fuzz
	@command -v cargo-fuzz >/dev/null 2>&1 || { \
	  echo "missing: cargo-fuzz; get it with: cargo install cargo-fuzz && rustup toolchain install nightly" >&2; exit 1; }
	@for target in $(FUZZ_TARGETS); do \
	  printf '\n==> %s, %s seconds\n' "$$target" "$(FUZZ_SECONDS)"; \
	  mkdir -p "target/fuzz/$$target"; \
	  $(CARGO) +nightly fuzz run "$$target" "target/fuzz/$$target" "fuzz/corpus/$$target" -- -dict=fuzz/keys.dict -max_total_time=$(FUZZ_SECONDS) -timeout=10 || exit 1; \
	done

MEMORY := -p plimsoll-memory --features enforce --locked
SCHEDULES ?= 150000
RUNS ?= 100

schedules: needs ## The budget under SCHEDULES (150000) random schedules for each scene, and under every order of its atomics
	PLIMSOLL_SCHEDULES=$(SCHEDULES) $(CARGO) test $(MEMORY) --test schedules --test interleavings

brim: needs ## All pools full below a kernel limit of the process size, RUNS (100) random plans; needs control groups
	PLIMSOLL_RUNS=$(RUNS) $(CARGO) test $(MEMORY) --test kernel_limit -- --nocapture

mutants: needs ## Which changes of the model no test notices; needs cargo-mutants
	@command -v cargo-mutants >/dev/null 2>&1 || { \
	  echo "missing: cargo-mutants; get it with: cargo install cargo-mutants" >&2; exit 1; }
	$(CARGO) mutants --package plimsoll-memory --test-workspace true
