# One command each. Everything a target needs and the machine lacks is installed by tests/setup.sh (as root)
# or named by it (otherwise).
CARGO ?= cargo
PYTEST_ARGS ?=

.PHONY: build demo test test-rust test-e2e test-zabbix lint bench soak fuzz docs docs-check ebpf parity-self clean

build:
	$(CARGO) build --release --workspace

demo:
	./demo/run.sh

test: test-rust test-e2e

# The release profile is what is built, tested and measured: nothing is compiled twice.
test-rust: build
	./tests/setup.sh
	./tests/tools/rust_tests.sh

test-e2e: build
	./tests/setup.sh
	./tests/tools/end_to_end.sh $(PYTEST_ARGS)

# The real Zabbix with PostgreSQL and its frontend, in a directory of its own: about two minutes.
test-zabbix: build
	./tests/setup.sh zabbix
	ZABBIX=1 .cache/venv/bin/pytest -c tests/pytest.ini tests/e2e/test_zabbix_server.py $(PYTEST_ARGS)

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --release -- -D warnings
	python3 tests/tools/guard.py
	$(MAKE) --no-print-directory docs-check

bench: build
	./tests/setup.sh
	.cache/venv/bin/python tests/bench/bench.py
	.cache/venv/bin/python tests/bench/startup.py
	.cache/venv/bin/python tests/bench/counting.py
	.cache/venv/bin/python tests/bench/observability.py
	.cache/venv/bin/python tests/bench/probes.py
	.cache/venv/bin/python tests/bench/lines.py

# Two hundred reloads of each kind under load: nothing fails, nothing leaks, the master never stands still.
soak: build
	./tests/setup.sh
	.cache/venv/bin/python tests/bench/reloads.py

# Every fuzz target for FUZZ_SECONDS; the seeds alone run in test-rust.
fuzz:
	./tests/tools/fuzz.sh

# The programs of metrics/ebpf from their sources (clang 14, llvm-strip and the headers of libbpf).
ebpf:
	./tests/tools/ebpf.sh

# Proves the parity scenarios: the C original against itself.
parity-self:
	./tests/setup.sh
	PARITY_RIGHT=.cache/parity-venv/bin/uwsgi UWSGI_BIN=$(CURDIR)/.cache/parity-venv/bin/uwsgi \
	    .cache/venv/bin/pytest -c tests/pytest.ini tests/parity

# Reference pages in docs/ and the documentation of the crates, in which a warning is an error.
docs:
	./tests/tools/docs.sh
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --release

# Fails when docs/ does not say what the tables say.
docs-check:
	./tests/tools/docs.sh --check

clean:
	$(CARGO) clean
	rm -rf .cache
