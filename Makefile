# Everything is installed into $(VENV) and nothing outside of it. To use another
# Python than python3: make test PYTHON=python3.12 VENV=.venv-3.12
PYTHON ?= python3
VENV ?= .venv
FLOOR ?= .venv-floor
TORCH ?= .venv-torch
TORCH_RELEASE ?= torch==2.13.0
SPARK ?= .venv-spark
SPARK_RELEASE ?= pyspark==4.3.0
BIN := $(VENV)/bin
PIP := -m pip --quiet --disable-pip-version-check
# Processes for the tests, of one thread each: more would wait for each other.
JOBS ?= 2
PYTEST := -m pytest --numprocesses $(JOBS) --dist worksteal
LINT := $(BIN)/ruff check --quiet . && $(BIN)/ruff format --check --quiet . && $(BIN)/mypy
METADATA := setup.cfg pyproject.toml

# Cases of `make fuzz`, from the number FUZZ_SEED on, so many of them a run of pytest.
FUZZ_CASES ?= 1000000
FUZZ_SEED ?= 0
FUZZ_STEP ?= 20000

.PHONY: install demo test test-slow test-torch test-spark test-floor fuzz lint format docs build bench clean
.DELETE_ON_ERROR:

install: $(VENV)/.installed

demo: install
	@$(BIN)/python -m spacy project run demo

test test-slow test-torch test-spark test-floor: export OPENBLAS_NUM_THREADS := 1
test test-slow test-torch test-spark test-floor: export OMP_NUM_THREADS := 1

# Lint runs beside the tests, and says at the end what it has found.
test: $(VENV)/.dev
	@{ $(LINT); } >$(VENV)/lint.log 2>&1 & lint=$$!; \
		$(BIN)/python $(PYTEST); tests=$$?; \
		wait $$lint; lint=$$?; cat $(VENV)/lint.log; \
		if [ $$lint -ne 0 ]; then echo "make lint has failed, see above"; fi; \
		exit $$((tests | lint))

test-slow: $(VENV)/.dev
	@$(BIN)/python $(PYTEST) --slow -m slow

# What needs PyTorch, which the other targets do without. The CPU build by default.
test-torch: $(TORCH)/.dev
	@$(TORCH)/bin/python $(PYTEST) tests/encoders tests/vectors tests/rankers tests/cli \
		tests/pipeline/test_textcat_transformers.py tests/pipeline/fallback/test_encoders.py \
		tests/pipeline/fallback/test_rankers.py tests/test_configs.py

# What needs Spark, Ray, Dask, Polars or a web server. Java has to be there, 17 for all
# releases. One process: a second one would start a second Spark. Spark 3 itself warns.
test-spark: $(SPARK)/.dev
	@$(SPARK)/bin/python -m pytest --slow --durations 5 tests/test_spark.py tests/test_engines.py \
		$(if $(findstring ==3.,$(SPARK_RELEASE)),-W default)

# Old releases warn about new ones of their dependencies, so warnings are no errors.
test-floor: $(FLOOR)/.dev
	@$(FLOOR)/bin/python $(PYTEST) -W default

# Goes on where it was stopped: make fuzz FUZZ_SEED=120000
fuzz: export OPENBLAS_NUM_THREADS := 1
fuzz: export OMP_NUM_THREADS := 1
fuzz: $(VENV)/.dev
	@seed=$(FUZZ_SEED); end=$$((seed + $(FUZZ_CASES))); \
		while [ $$seed -lt $$end ]; do \
			echo "FUZZ_SEED=$$seed"; \
			n=$$((end - seed < $(FUZZ_STEP) ? end - seed : $(FUZZ_STEP))); \
			FUZZ_SEED=$$seed FUZZ_CASES=$$n \
				$(BIN)/python $(PYTEST) --quiet tests/fuzz || exit 1; \
			seed=$$((seed + n)); \
		done

lint: $(VENV)/.dev
	@$(LINT)

format: $(VENV)/.dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# The pages that are written from the code, from project.yml and from results.
docs: $(VENV)/.dev
	@$(BIN)/python scripts/reference.py
	@$(BIN)/python benchmarks/tables.py

# Setuptools would put files of an older build/ into the wheel. With the date of the
# commit on them, the same files give the same wheel.
build: export SOURCE_DATE_EPOCH := $(shell git log -1 --format=%ct 2>/dev/null || date +%s)
build: $(VENV)/.dev
	@rm -rf build dist
	@$(BIN)/python -m build --quiet .
	@ls dist

bench: $(VENV)/.dev
	@$(BIN)/python -m spacy project run bench

clean:
	rm -rf $(VENV) $(FLOOR) $(TORCH) $(SPARK) build dist *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The dot files are stamps: a change of setup.cfg installs again, because entry
# points are read at that time.
%/.created:
	@$(PYTHON) -c "import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))" \
		|| { echo "Python 3.10 to 3.13 is needed, for example:" \
			"make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv --clear $*
	@echo '*' > $*/.gitignore
	@touch $@

$(VENV)/.installed: $(VENV)/.created $(METADATA)
	@echo "Installing spacy-longtail into $(VENV), this takes a minute"
	@$(BIN)/python $(PIP) install --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.created $(METADATA)
	@echo "Installing spacy-longtail and its tools into $(VENV), this takes a minute"
	@$(BIN)/python $(PIP) install --editable ".[dev]"
	@touch $(VENV)/.installed $@

$(FLOOR)/.dev: $(FLOOR)/.created $(METADATA) constraints-floor.txt
	@echo "Installing the oldest supported versions into $(FLOOR)"
	@$(FLOOR)/bin/python $(PIP) install --only-binary numpy,spacy,srsly,thinc \
		--constraint constraints-floor.txt --editable ".[dev]"
	@touch $@

$(TORCH)/.dev: $(TORCH)/.created $(METADATA)
	@echo "Installing PyTorch and transformers into $(TORCH), this takes minutes"
	@$(TORCH)/bin/python $(PIP) install $(TORCH_RELEASE)
	@$(TORCH)/bin/python $(PIP) install --editable ".[dev,embeddings,transformers]"
	@touch $@

$(SPARK)/.dev: $(SPARK)/.created $(METADATA)
	@echo "Installing $(SPARK_RELEASE) and other engines into $(SPARK), this takes a minute"
	@$(SPARK)/bin/python $(PIP) install $(SPARK_RELEASE) --editable ".[engines]"
	@touch $@
