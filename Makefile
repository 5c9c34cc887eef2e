# cdc_pipeline.  `make help` lists what can be done.
# PGXS is read only for goals that build or install, so that help, check, demo
# and the lab work before PostgreSQL is there.

EXTVERSION := $(shell sed -n "s/^default_version *= *'\([^']*\)'.*/\1/p" cdc_pipeline.control)
PG_GOALS := all extension install uninstall clean

.DEFAULT_GOAL := all

ifneq ($(filter $(or $(MAKECMDGOALS),all),$(PG_GOALS)),)

# Which of extension, gateway and agent are built and installed.
PARTS ?= extension gateway agent
part = $(filter $(1),$(PARTS))

# The extension goes where pg_config says.  The programs, and what belongs to
# them and to all, go below prefix, as is the custom.  PGXS is not shown that:
# from 18 on it would move the extension too.
chosen = $(if $(filter command,$(origin $(1))),$($(1)),$(2))
OUR_PREFIX := $(call chosen,prefix,/usr/local)
OUR_SBINDIR = $(call chosen,sbindir,$(OUR_PREFIX)/sbin)
OUR_MANDIR = $(call chosen,mandir,$(OUR_PREFIX)/share/man)
OUR_DOCDIR = $(call chosen,docdir,$(OUR_PREFIX)/share/doc/cdc_pipeline)
OUR_UNITDIR = $(call chosen,systemdsystemunitdir,$(OUR_PREFIX)/lib/systemd/system)
override undefine prefix

PG_CONFIG ?= pg_config
ifneq ($(call part,extension),)
EXTENSION := cdc_pipeline
MODULE_big := cdc_pipeline
DATA_built = cdc_pipeline--$(EXTVERSION).sql $(UPDATES)
endif
OBJS := $(patsubst %.c,%.o,$(sort $(wildcard src/extension/*.c src/worker/*.c src/worker/*/*.c src/reconciler/*.c src/remote/*.c src/common/*.c)))
# Each room uses those before it; docs/architecture.md has what is in which.
SQL_ROOMS := common organizations services pipelines monitoring operating rest
sql_pieces = $(foreach room,$(SQL_ROOMS),$(foreach kind,$(1),$(sort $(wildcard sql/$(room)/$(kind)*.sql))))
# made once in a database's life
SQL_ONCE := sql/install.sql $(call sql_pieces,types tables)
# what an update runs again as it is: functions, views, entries, rights
SQL_CODE := $(call sql_pieces,helpers calls routes reads) sql/entries.sql sql/rights.sql
SQL_PIECES := $(SQL_ONCE) $(SQL_CODE)
UPDATES := $(notdir $(wildcard sql/updates/*.sql))
PG_CPPFLAGS := -Isrc -D_GNU_SOURCE -DCDC_VERSION='"$(EXTVERSION)"' -I$(shell $(PG_CONFIG) --includedir)
PG_CFLAGS := -Wall -Wextra -Wmissing-prototypes -Wshadow -Wimplicit-fallthrough -Wno-unused-parameter -Wno-sign-compare -MMD -MP
ifeq ($(CI),true)
PG_CFLAGS += -Werror
endif
SHLIB_LINK := -lcurl -ljson-c -lcares -lssl -lcrypto -lpq
EXTRA_CLEAN := cdc_pipeline--$(EXTVERSION).sql $(UPDATES) $(OBJS:.o=.d) build/bin build/obj build/man

# The plain programs, beside the extension: one folder below src each.  They
# share src/common as front-end code (FRONTEND, palloc of libpgcommon).
PROGRAMS :=
PROGRAM_COMMON := json quote redact
COMMON_gateway := pg_auth pg_login
COMMON_agent := connect_path sdn_api pg_auth pg_login pg_parameters text
LIBS_gateway := -lmicrohttpd -lgnutls -lpq -ljson-c -lssl -lcrypto
LIBS_agent := -lmicrohttpd -lcurl -larchive -ljson-c -lssl -lcrypto -lpq
define program
PROGRAMS += build/bin/cdc_$(1)
OBJS_$(1) := $$(patsubst src/%.c,build/obj/%.o,$$(sort $$(wildcard src/$(1)/*.c)) $$(PROGRAM_COMMON:%=src/common/%.c) $$(COMMON_$(1):%=src/common/%.c))
build/bin/cdc_$(1): $$(OBJS_$(1))
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) $$^ -o $$@ $$(LDFLAGS) -L$$(shell $$(PG_CONFIG) --pkglibdir) -L$$(shell $$(PG_CONFIG) --libdir) $$(LIBS_$(1)) -lpgcommon -lpgport -lpthread -lm
-include $$(OBJS_$(1):.o=.d)
endef

# no bitcode: nothing here is worth inlining into a query
override with_llvm := no
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(foreach name,$(call part,gateway agent),$(eval $(call program,$(name))))

# one text is --help and the manual page
MANUALS := $(PROGRAMS:build/bin/%=build/man/%.8)
build/man/%.8: build/bin/% src/common/manual.awk
	@mkdir -p $(@D)
	$< --help | awk -v version='$(EXTVERSION)' -f src/common/manual.awk > $@.new && mv $@.new $@

# the API's document is part of the gateway
ifneq ($(wildcard docs/openapi.yaml),)
build/obj/gateway/openapi.o: docs/openapi.yaml
build/obj/gateway/openapi.o: override CPPFLAGS += -DOPENAPI='"docs/openapi.yaml"'
endif

build/obj/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -DFRONTEND -Isrc -I$(shell $(PG_CONFIG) --includedir-server) $(CPPFLAGS) -c $< -o $@

all: $(PROGRAMS) $(MANUALS)

# the extension alone, which needs the libraries of neither program
.PHONY: extension
extension:
	$(MAKE) all PARTS=extension

# What is installed beside what PGXS installs.  Units name the program by its
# place below /usr, which is put right.
UNITS := $(foreach name,$(call part,gateway agent),$(wildcard src/$(name)/*.service))
EXAMPLES := $(if $(call part,gateway),src/gateway/nginx.conf src/gateway/cdc_gateway.conf) $(if $(call part,agent),src/agent/agent.json src/agent/host.json)
DOCUMENTS := README.md CHANGELOG.md $(wildcard docs/*.md docs/*.yaml docs/*.svg)
# a place, and what goes there; the documents link each other, so they lie as in the tree
beside = $(addprefix $(OUR_SBINDIR)/,$(notdir $(PROGRAMS))) $(addprefix $(OUR_MANDIR)/man8/,$(notdir $(MANUALS))) \
	$(addprefix $(OUR_UNITDIR)/,$(notdir $(UNITS))) $(addprefix $(OUR_DOCDIR)/examples/,$(notdir $(EXAMPLES))) $(addprefix $(OUR_DOCDIR)/,$(DOCUMENTS))

install: install-beside
uninstall: uninstall-beside
.PHONY: install-beside uninstall-beside
install-beside: $(PROGRAMS) $(MANUALS)
	$(MKDIR_P) $(patsubst %,'$(DESTDIR)%',$(sort $(dir $(beside))))
	$(if $(PROGRAMS),$(INSTALL_PROGRAM) $(PROGRAMS) '$(DESTDIR)$(OUR_SBINDIR)/')
	$(if $(MANUALS),$(INSTALL_DATA) $(MANUALS) '$(DESTDIR)$(OUR_MANDIR)/man8/')
	$(if $(UNITS),$(INSTALL_DATA) $(UNITS) '$(DESTDIR)$(OUR_UNITDIR)/')
	$(if $(UNITS),sed -i 's|^ExecStart=/usr/sbin/|ExecStart=$(OUR_SBINDIR)/|' $(patsubst %,'$(DESTDIR)$(OUR_UNITDIR)/%',$(notdir $(UNITS))))
	$(if $(strip $(EXAMPLES)),$(INSTALL_DATA) $(EXAMPLES) '$(DESTDIR)$(OUR_DOCDIR)/examples/')
	for document in $(DOCUMENTS); do $(INSTALL_DATA) $$document '$(DESTDIR)$(OUR_DOCDIR)/'$$document || exit; done

uninstall-beside:
	rm -f $(patsubst %,'$(DESTDIR)%',$(beside))
	for place in /examples /docs ''; do [ ! -d '$(DESTDIR)$(OUR_DOCDIR)'$$place ] || find '$(DESTDIR)$(OUR_DOCDIR)'$$place -maxdepth 0 -empty -delete; done

cdc_pipeline--$(EXTVERSION).sql: $(SQL_PIECES) cdc_pipeline.control
	cat $(SQL_PIECES) > $@

# the line "-- @CODE@" stands for the pieces of SQL_CODE
$(UPDATES): %: sql/updates/% $(SQL_CODE)
	awk '$$0 == "-- @CODE@" { system("cat $(SQL_CODE)"); next } { print; fflush() }' $< > $@

-include $(OBJS:.o=.d)

else

# -- what people type ---------------------------------------------------------
.PHONY: help demo demo-failover demo-sql check check-full format format-check lint coverage house expected lab-up lab-down bench bench-scale torture-failover torture-patroni

help:	## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20
	@echo
	@echo "  make all            builds the extension, cdc_gateway and cdc_agent (needs PostgreSQL's server headers)"
	@echo "  make extension      builds the extension alone (not libmicrohttpd, GnuTLS, libarchive)"
	@echo "  make install        installs the extension where pg_config says, the rest below prefix (/usr/local)"
	@echo "  make uninstall      takes that away; both take PARTS=\"extension gateway agent\", DESTDIR, PG_CONFIG"
	@echo "  make clean          removes what was built"
	@echo
	@echo "Variables of the lab: LAB_DIR, LAB_PORT_BASE (15400, or where that is taken others), LAB_SOURCE_VERSION (17), LAB_CONNECT_WORKERS (1),"
	@echo "  LAB_NETWORK=1 (source and Kafka in private subnets that only the peerings join)."
	@echo "Variables of check: KIND=lint|unit|fuzz|go|regress|pgtap|agent|http|hostile|tap|meta17|meta18|real, ONLY=part of a test's name;"
	@echo "  of check-full also KIND=meta16|soak|package|source14|source15|source16|source18|torture."

demo:	## the product page from its top to its end: makes the services, streams a row, deletes all of it
	@test/demo

demo-failover:	## kills a primary under a writer and does nothing; counts what was lost
	@test/demo-failover

demo-sql:	## brings up the lab, streams one row from PostgreSQL into Kafka by SQL, shows each step
	@test/demo-sql

check:	## runs every test; the last line is "N passed, N failed"
	@test/run $(if $(KIND),--kind $(KIND)) $(if $(ONLY),--only $(ONLY))

check-full:	## that and what takes hours: all versions by all cases, torture, soak
	@test/run --full $(if $(KIND),--kind $(KIND)) $(if $(ONLY),--only $(ONLY))

format:	## lays out the C of src and test as PostgreSQL does
	@test/lab/setup lint && test/lint/format

format-check:	## what make format would change
	@test/lab/setup lint && test/lint/format --check

lint:	## what static analysis finds: shellcheck, ruff, cppcheck, clang-tidy, gcc -fanalyzer
	@test/lab/setup lint && test/lint/run

coverage:	## which lines and branches the tests run, as a table and as pages in build/coverage; KIND="unit pgtap"
	@test/lab/setup lint && test/lint/coverage $(KIND)

house:	## the list of what breaks the rules of the house loses what is mended, docs/rooms.svg is drawn anew; look at git diff
	@test/house/house picture
	@test/house/house known

expected:	## what the regress tests give now becomes what they must give; look at git diff expected
	@test/run --accept $(if $(ONLY),--only $(ONLY))

lab-up:	## starts the real stack: metadata, source with standby, Kafka, Connect, SDN
	@test/lab/up

lab-down:	## stops what lab-up started, and only that
	@test/lab/down

bench:	## the figures, each compared with something in the same run
	@test/bench/run

bench-scale:	## how the figures grow with the number of pipelines: SIZES="100 1k 10k" KEEP=FILE
	@test/bench/scale $(SIZES) $(if $(KEEP),--keep $(KEEP))

torture-failover:	## kills primaries under load and counts rows: ROUNDS=10 VERSIONS="16 17 18"
	@ROUNDS="$(ROUNDS)" VERSIONS="$(VERSIONS)" FAULTS="$(FAULTS)" test/torture/run

torture-patroni:	## what Patroni does to its clusters, under load, rows counted: ROUNDS=10 VERSIONS="15 17" SLOTS="declared ignored native"
	@ROUNDS="$(ROUNDS)" VERSIONS="$(VERSIONS)" SLOTS="$(SLOTS)" test/torture/patroni

endif
