/* link: src/remote/source.c src/remote/source_inserts.c src/remote/source_batch.c src/remote/source_observe.c src/remote/source_node.c src/remote/source_tables.c src/remote/source_trigger.c src/common/text.c src/remote/patroni.c src/remote/pg_hba.c src/remote/pg_hba_file.c src/common/quote.c src/common/json.c src/common/lsn.c */
/* libs: -ljson-c -lpgcommon -lpgport -lcrypto */
/* flags: -DFRONTEND */
/*
 * source_sql_dump.c
 *	  Prints what src/remote builds for a source server, for tests that run it
 *	  there (test/tap/030_source_sql.pl).  No test by itself.
 *
 * source_sql_dump observe
 * source_sql_dump ask ID NAME DATABASE FULL [TABLE...]
 * source_sql_dump asks DATABASE		< a line each: NAME LOGIN|- [TABLE...]
 * source_sql_dump parse				< the answer of the observation, a row a line
 * source_sql_dump batch COMMAND...
 * source_sql_dump role ID NAME DATABASE VERIFIER [TABLE...]
 * source_sql_dump publication ID NAME DATABASE EPOCH[:JUDGED] [TABLE...]
 * source_sql_dump drop_publication ID NAME DATABASE -|:JUDGED
 * source_sql_dump drop_slot|terminate|drop_role ID NAME DATABASE -
 * source_sql_dump hba_read | hba_load | hba_holder
 * source_sql_dump hba_decode			< second column of hba_read
 * source_sql_dump hba_apply ID DATABASE ROLE CIDR	< file
 * source_sql_dump hba_remove ID		< file
 * source_sql_dump hba_write PATH SHA	< file
 */
#include "common/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote/pg_hba.h"
#include "remote/source.h"

static char *
read_all(void)
{
	StringInfoData buf;
	char		chunk[4096];
	size_t		n;

	initStringInfo(&buf);
	while ((n = fread(chunk, 1, sizeof(chunk), stdin)) > 0)
		appendBinaryStringInfo(&buf, chunk, (int) n);
	return buf.data;
}

static void
show(const char *key, const char *value)
{
	printf("%s=%s\n", key, value ? value : "(null)");
}

static void
show_number(const char *key, long long value)
{
	printf("%s=%lld\n", key, value);
}

static void
show_observation(void)
{
	const char *rows[CDC_SOURCE_LOOK_MAX + 1];
	char	   *next;
	char	   *line = strtok_r(read_all(), "\n", &next);
	int			n;
	CdcSourceObs *obs;
	const CdcSourcePipeline *p;

	for (n = 0; line != NULL && n <= CDC_SOURCE_LOOK_MAX; line = strtok_r(NULL, "\n", &next))
		rows[n++] = line;
	obs = cdc_source_parse(rows, n);
	p = obs ? cdc_source_find(obs, 0) : NULL;

	if (obs == NULL)
	{
		printf("unreadable\n");
		return;
	}
	show_number("in_recovery", obs->in_recovery);
	printf("system_identifier=%llu\n", (unsigned long long) obs->system_identifier);
	show_number("timeline", obs->timeline);
	show_number("version", obs->version);
	show("wal_level", obs->wal_level);
	show_number("wal_lsn", (long long) obs->wal_lsn);
	show_number("now_us", obs->now_us);
	show_number("started_us", obs->started_us);
	show_number("free_slots", obs->free_slots);
	show_number("free_senders", obs->free_senders);
	show("blocker", obs->blocker);
	show_number("hba_length", obs->hba_text ? (long long) strlen(obs->hba_text) : -1);
	show("hba_error", obs->hba_error);
	show_number("patroni", obs->node.patroni.there);
	show_number("patroni_spares", obs->node.patroni.spares == CDC_YES ? 1 : obs->node.patroni.spares == CDC_NO ? 0 : -1);
	show_number("superuser", obs->is_superuser);
	show_number("n", obs->n);
	if (p == NULL)
		return;
	show_number("role_exists", p->role_exists);
	show("role_mark", p->role_mark);
	show_number("role_login", p->role_login);
	show_number("role_replication", p->role_replication);
	show("role_password_hash", p->role_password_hash);
	show_number("grants_ok", p->grants_ok);
	show_number("role_has_dependents", p->role_has_dependents);
	show("tables_missing", p->tables_missing);
	show("tables_bad_kind", p->tables_bad_kind);
	show("tables_no_identity", p->tables_no_identity);
	show("tables_fix", p->tables_fix);
	show_number("pub_exists", p->pub_exists);
	show("pub_mark", p->pub_mark);
	show_number("pub_ok", p->pub_ok);
	show_number("pub_lacks", p->pub_lacks);
	show("pub_wrong", p->pub_wrong);
	show_number("slot_exists", p->slot_exists);
	show_number("slot_fits", p->slot_fits);
	show_number("slot_lost", p->slot_lost);
	show("slot_lost_why", p->slot_lost_why);
	show_number("slot_active", p->slot_active);
	show_number("slot_pid", p->slot_pid);
	show_number("slot_since_us", p->slot_since_us);
	show_number("slot_streaming", p->slot_streaming);
	show_number("slot_consistent", p->slot_consistent);
	show_number("restart_lsn", (long long) p->restart_lsn);
	show_number("confirmed_flush_lsn", (long long) p->confirmed_flush_lsn);
	show_number("slot_made_us", p->slot_made_us);
	show_number("sessions_since_us", p->sessions_since_us);
}

/* Many questions, one a line. */
static char *
ask_all(const char *database)
{
	CdcSourceAsk *asks = palloc0(sizeof(CdcSourceAsk) * CDC_SOURCE_LOOK_MAX);
	char	   *lines = read_all();
	char	   *next;
	char	   *line;
	int			n;

	for (n = 0; n < CDC_SOURCE_LOOK_MAX && (line = strtok_r(lines, "\n", &next)) != NULL; n++)
	{
		const char **tables = palloc(sizeof(char *) * (strlen(line) + 1));
		char	   *rest;
		char	   *word = strtok_r(line, " ", &rest);

		lines = NULL;
		asks[n].name = word;
		asks[n].database = database;
		asks[n].tables = tables;
		word = strtok_r(NULL, " ", &rest);
		asks[n].login = word != NULL && strcmp(word, "-") != 0 ? word : NULL;
		while ((word = strtok_r(NULL, " ", &rest)) != NULL)
			tables[asks[n].ntables++] = word;
	}
	return cdc_source_ask(asks, n, false);
}

static char *
comment_of(const char *id, const char *epoch)
{
	return psprintf("cdc_pipeline %s epoch %.*s", id, (int) strcspn(epoch, ":"), epoch);
}

/* The comment on which it was decided: ":any" is whatever there is, nothing is none. */
static char *
judged_of(const char *id, const char *words)
{
	const char *judged = strchr(words, ':');

	return judged == NULL ? NULL : strcmp(judged, ":any") == 0 ? pstrdup("") : comment_of(id, judged + 1);
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	CdcSourceAsk ask = {0};
	char	   *sql = NULL;

	if (strcmp(what, "observe") == 0)
		sql = pstrdup(cdc_source_observe_sql);
	else if (strcmp(what, "asks") == 0 && argc > 2)
		sql = ask_all(argv[2]);
	else if (strcmp(what, "parse") == 0)
	{
		show_observation();
		return 0;
	}
	else if (strcmp(what, "hba_read") == 0)
		sql = pstrdup(CDC_HBA_READ_SQL);
	else if (strcmp(what, "hba_decode") == 0)
		sql = cdc_hba_decode(read_all());
	else if (strcmp(what, "hba_holder") == 0)
		sql = pstrdup(CDC_HBA_HOLDER_SQL);
	else if (strcmp(what, "hba_load") == 0)
		sql = pstrdup(CDC_HBA_LOAD_SQL);
	else if (strcmp(what, "hba_apply") == 0 && argc > 5)
	{
		CdcHbaLine	line = {argv[2], argv[3], argv[4], argv[5]};

		sql = cdc_hba_apply(read_all(), &line, 1, NULL, 0);
	}
	else if (strcmp(what, "hba_remove") == 0 && argc > 2)
	{
		const char *ids[1] = {argv[2]};

		sql = cdc_hba_apply(read_all(), NULL, 0, ids, 1);
	}
	else if (strcmp(what, "hba_write") == 0 && argc > 3)
		sql = cdc_hba_write_sql(argv[2], argv[3], read_all(), "cdc_pipeline installation 1,");
	else if (strcmp(what, "batch") == 0 && argc > 2)
		sql = cdc_source_batch_sql((const char *const *) argv + 2, argc - 2);
	else if (argc > 5)
	{
		ask.pipeline_id = argv[2];
		ask.name = argv[3];
		ask.database = argv[4];
		ask.ntables = argc - 6;
		ask.tables = (const char *const *) argv + 6;

		if (strcmp(what, "ask") == 0)
			sql = cdc_source_ask(&ask, 1, strcmp(argv[5], "true") == 0);
		else if (strcmp(what, "role") == 0)
			sql = cdc_source_role_sql(&ask, argv[5]);
		else if (strcmp(what, "publication") == 0)
			sql = cdc_source_publication_sql(&ask, comment_of(ask.pipeline_id, argv[5]), judged_of(ask.pipeline_id, argv[5]));
		else if (strcmp(what, "drop_publication") == 0)
			sql = cdc_source_drop_publication_sql(&ask, judged_of(ask.pipeline_id, argv[5]));
		else if (strcmp(what, "drop_slot") == 0)
			sql = cdc_source_drop_slot_sql(&ask);
		else if (strcmp(what, "terminate") == 0)
			sql = cdc_source_terminate_walsender_sql(&ask);
		else if (strcmp(what, "drop_role") == 0)
			sql = cdc_source_drop_role_sql(&ask);
	}
	if (sql == NULL)
	{
		fprintf(stderr, "source_sql_dump: nothing to print for \"%s\"\n", what);
		return 1;
	}
	fputs(sql, stdout);
	return 0;
}
