/*
 * source_batch.c
 *	  Many actions on a source in one message, each in a subtransaction of its own.
 *
 * No I/O.  What an action does is source.c's.  The message is one simple-protocol
 * text and so one implicit transaction: a member that fails is undone alone, and
 * its ERROR is a row of the answer, not an ERROR of the server's log.
 *
 * What members have locked stays locked until the last one is through, and what
 * they wrote in the catalogs unseen: an application that wants the same waits for
 * all of them.  So no member is begun after BATCH_MS, and who waits for a lock
 * gives up before the deadlock detector of somebody who waits for us (1 s) would
 * look, which ends the statement of the one who looks.
 */
#include "remote/source.h"

#include "common/quote.h"
#include "remote/pg_hba.h"

#define BATCH_MS "50"
#define LOCK_MS "300"

/* By itself it may wait longer: as long as autovacuum needs to make way, which is a deadlock_timeout. */
#define LOCK_ALONE_MS "3000"

/*
 * The search path keeps functions and operators of the database's users out.  A
 * verifier is no password, but nothing to be kept in statistics either.  A COMMIT
 * that waits for a synchronous standby which is not there would hold up all of the
 * source; what a failover takes back is seen missing, and made again.
 */
#define PROLOGUE \
	"SET LOCAL search_path = pg_catalog, pg_temp; " \
	"SELECT set_config('synchronous_commit', 'local', true) WHERE current_setting('synchronous_commit') <> 'off'; " \
	"SET LOCAL client_min_messages = error; " \
	"SELECT set_config('pg_stat_statements.track_utility', 'off', true) " \
	"WHERE current_setting('is_superuser') = 'on'; "

/*
 * Who is in the way of the command that gave up waiting for a lock: the oldest who
 * holds one on a table, of those that it names first.
 */
#define HOLDER \
	"SELECT format(' (pid %s, user %s, application %s, has %s on table %I.%I, its transaction open since %s)'," \
	" l.pid, v.usename, coalesce(nullif(v.application_name, ''), 'unnamed'), l.mode, n.nspname, c.relname," \
	" to_char(timezone('UTC', v.xact_start), 'YYYY-MM-DD HH24:MI:SS \"UTC\"'))" \
	" FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation JOIN pg_namespace AS n ON n.oid = c.relnamespace" \
	" LEFT JOIN pg_stat_activity AS v ON v.pid = l.pid" \
	" WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_backend_pid() AND c.oid >= 16384 AND c.relkind IN ('r', 'p')" \
	" AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())" \
	" AND l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')" \
	" ORDER BY strpos(v_commands[i], format('\"%s\".\"%s\"', replace(n.nspname, '\"', '\"\"'), replace(c.relname, '\"', '\"\"'))) = 0," \
	" v.xact_start LIMIT 1"

/* A function of the user's that failed within it: mostly an event trigger's, which everybody else's search path suits. */
#define EVENT_TRIGGER \
	"SELECT format(' (in function %s of event trigger %I)', t.evtfoid::regprocedure, t.evtname)" \
	" FROM pg_event_trigger AS t WHERE strpos(v_context, t.evtfoid::regprocedure::text) > 0 ORDER BY 1 LIMIT 1"

#define EVENT_TRIGGER_HINT \
	"The search path here is pg_catalog alone: name what it uses with its schema, or ALTER FUNCTION ... SET search_path."

char *
cdc_source_batch_sql(const char *const *commands, int n)
{
	StringInfoData block;
	int			i;

	initStringInfo(&block);
	appendStringInfoString(&block, "DECLARE\n  v_commands CONSTANT text[] := ARRAY[");
	for (i = 0; i < n; i++)
		appendStringInfo(&block, "%s%s", i > 0 ? ", " : "", cdc_quote_literal(commands[i]));
	appendStringInfoString(&block, "];\n"
						   "  v_until CONSTANT timestamptz := clock_timestamp() + '" BATCH_MS " ms';\n"
						   "  v_outcomes jsonb := '[]';\n"
						   "  v_state text;\n"
						   "  v_words text;\n"
						   "  v_detail text;\n"
						   "  v_hint text;\n"
						   "  v_context text;\n"
						   "  v_cause text;\n"
						   "BEGIN\n"
						   "  FOR i IN 1 .. cardinality(v_commands) LOOP\n"
						   "    EXIT WHEN i > 1 AND clock_timestamp() > v_until;\n"
						   "    PERFORM set_config('cdc_source.outcome', '', true);\n"
						   "    v_state := '';\n"
						   "    v_hint := '';\n"
						   "    BEGIN\n"
						   "      EXECUTE v_commands[i];\n"
						   "      v_words := current_setting('cdc_source.outcome');\n"
						   "    EXCEPTION WHEN OTHERS THEN\n"
						   "      GET STACKED DIAGNOSTICS v_state = RETURNED_SQLSTATE, v_words = MESSAGE_TEXT,\n"
						   "        v_detail = PG_EXCEPTION_DETAIL, v_hint = PG_EXCEPTION_HINT, v_context = PG_EXCEPTION_CONTEXT;\n"
						   "      v_words := v_words || CASE WHEN v_detail <> '' THEN ' (' || v_detail || ')' ELSE '' END;\n"
						   "      v_cause := (" EVENT_TRIGGER ");\n"
						   "      IF v_cause <> '' THEN\n"
						   "        v_hint := '" EVENT_TRIGGER_HINT "';\n"
						   "      ELSIF v_state = '55P03' THEN\n"
						   "        v_cause := (" HOLDER ");\n"
						   "      END IF;\n"
						   "      v_words := v_words || coalesce(v_cause, '');\n"
						   "    END;\n"
						   "    v_outcomes := v_outcomes || jsonb_build_object('n', i, 'state', v_state,\n"
						   "      'words', " CDC_SOURCE_AS_BYTES("v_words") ", 'hint', " CDC_SOURCE_AS_BYTES("v_hint") ");\n"
						   "  END LOOP;\n"
						   "  PERFORM set_config('cdc_source.outcomes', v_outcomes::text, true);\n"
						   "END");
	return psprintf(PROLOGUE "SET LOCAL lock_timeout = '%s ms'; DO %s; "
					"SELECT x.n, x.state, x.words, x.hint FROM jsonb_to_recordset(current_setting('cdc_source.outcomes')::jsonb)"
					" AS x(n integer, state text, words text, hint text) ORDER BY 1",
					n == 1 ? LOCK_ALONE_MS : LOCK_MS, cdc_quote_literal(block.data));
}

char *
cdc_source_batch_words(const char *escaped)
{
	char	   *words = escaped[0] != '\0' ? cdc_hba_decode(escaped) : NULL;

	return words && words[0] != '\0' ? words : NULL;
}
