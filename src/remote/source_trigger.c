/*
 * source_trigger.c
 *	  The event triggers that give a new table without a key REPLICA IDENTITY FULL
 *	  in the statement that makes it: what they are, and the statements that make
 *	  them and take them away.
 *
 * No I/O.  One pair a database and installation, for all of its pipelines that
 * capture all tables there: a schema, a function in it, and a trigger for each
 * of the two events, named after the installation.  The schema's COMMENT is the mark.
 *
 * The function runs in each CREATE and ALTER TABLE and each DROP of an application, with
 * the rights and settings of whoever types it.  None of these may fail by it: nothing
 * that it does gets out of its handlers (but a cancel, which was meant for the
 * statement), it waits for no lock that the statement does not hold already, and
 * what it says goes to the server's log, in ASCII: to convert it for a client
 * could fail.  It looks at objects of its own statement alone: those that it
 * made or altered, with their partitions, and those whose key went with it.
 */
#include "remote/source.h"

#include "common/object_names.h"
#include "common/quote.h"
#include "remote/source_parts.h"

#define FUNCTION CDC_SOURCE_TRIGGER_FUNCTION

/* On one line: it is shown to be typed where we may not make it. */
#define CALM(what) \
	"EXCEPTION WHEN OTHERS THEN RAISE LOG 'cdc_pipeline: no replica identity for " what " (SQLSTATE %)', "

/*
 * Which index was a table's identity is not told when that is dropped: the statement
 * has a lock on a table that says it has one and has none.
 */
#define LOST_INDEX \
	"SELECT c.oid FROM pg_class AS c WHERE c.relreplident = 'i' AND EXISTS (SELECT FROM gone AS g WHERE g.object_type = 'index')" \
	" AND EXISTS (SELECT FROM pg_locks AS l WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.relation = c.oid" \
	" AND l.mode IN ('AccessExclusiveLock', 'ShareUpdateExclusiveLock'))"

#define BODY \
	"DECLARE ours oid[]; t record; BEGIN" \
	" IF tg_event = 'sql_drop' THEN" \
	" WITH gone AS (SELECT g.* FROM pg_event_trigger_dropped_objects() AS g WHERE NOT g.is_temporary AND tg_tag <> 'DROP TABLE')" \
	" SELECT array_agg(x.oid) INTO ours FROM (" LOST_INDEX \
	" UNION SELECT c.oid FROM gone AS g JOIN pg_namespace AS n ON n.nspname = g.address_names[1]" \
	" JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = g.address_names[2] WHERE g.object_type = 'table constraint') AS x;" \
	" ELSE" \
	" WITH RECURSIVE made(oid) AS (SELECT d.objid FROM pg_event_trigger_ddl_commands() AS d WHERE d.classid = 'pg_class'::regclass AND d.object_type = 'table'" \
	" UNION SELECT i.inhrelid FROM made AS m JOIN pg_inherits AS i ON i.inhparent = m.oid JOIN pg_class AS c ON c.oid = i.inhrelid WHERE c.relispartition)" \
	" SELECT array_agg(m.oid) INTO ours FROM made AS m;" \
	" END IF;" \
	" FOR t IN SELECT c.oid, n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace" \
	" WHERE c.oid = ANY (ours) AND c.oid >= 16384 AND " CDC_SOURCE_BARE("c") " LOOP" \
	" BEGIN EXECUTE format('ALTER TABLE ONLY %I.%I REPLICA IDENTITY FULL', t.nspname, t.relname);" \
	" " CALM("table %") "t.oid, SQLSTATE; END;" \
	" END LOOP;" \
	" " CALM("what was made") "SQLSTATE; END"

/* How each of the two begins: its name's end, its event. */
static const char *const triggers[][2] = {
	{"", "ddl_command_end WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE', 'CREATE SCHEMA')"},
	{CDC_TRIGGER_DROP, "sql_drop"}
};

char *
cdc_source_trigger_name(const char *installation)
{
	return psprintf(CDC_TRIGGER_PREFIX "%.8s", installation);
}

static char *
mark_of(const char *installation)
{
	return psprintf("cdc_pipeline installation %s", installation);
}

struct json_object *
cdc_source_ask_trigger(const char *installation)
{
	const char *words[] = {cdc_source_trigger_name(installation), mark_of(installation), BODY};

	return cdc_source_names(words, lengthof(words));
}

char *
cdc_source_trigger_script(const char *installation)
{
	char	   *name = cdc_source_trigger_name(installation);
	char	   *mark = mark_of(installation);
	StringInfoData script;
	int			i;

	initStringInfo(&script);
	appendStringInfo(&script, "CREATE SCHEMA IF NOT EXISTS %1$s; COMMENT ON SCHEMA %1$s IS '%2$s'; DROP FUNCTION IF EXISTS %1$s." FUNCTION "() CASCADE;"
					 " CREATE FUNCTION %1$s." FUNCTION "() RETURNS event_trigger LANGUAGE plpgsql"
					 " SET search_path = pg_catalog, pg_temp SET lock_timeout = '1ms' AS $cdc$%3$s$cdc$;", name, mark, BODY);
	for (i = 0; i < (int) lengthof(triggers); i++)
		appendStringInfo(&script, " CREATE EVENT TRIGGER %1$s%2$s ON %3$s EXECUTE FUNCTION %1$s." FUNCTION "();"
						 " ALTER EVENT TRIGGER %1$s%2$s ENABLE ALWAYS; COMMENT ON EVENT TRIGGER %1$s%2$s IS '%4$s';", name, triggers[i][0], triggers[i][1], mark);
	return script.data;
}

char *
cdc_source_trigger_on(const char *installation)
{
	return psprintf("ALTER EVENT TRIGGER %1$s ENABLE ALWAYS; ALTER EVENT TRIGGER %1$s" CDC_TRIGGER_DROP " ENABLE ALWAYS;", cdc_source_trigger_name(installation));
}

/* A DO of the words, in which %1$s is the name and %2$s the mark. */
static char *
as_do(const char *words, const char *installation)
{
	return psprintf("DO %s", cdc_quote_literal(psprintf(words, cdc_source_trigger_name(installation), mark_of(installation))));
}

#define OURS "EXISTS (SELECT FROM pg_namespace AS n WHERE n.nspname = '%1$s' AND obj_description(n.oid, 'pg_namespace') = '%2$s')"

char *
cdc_source_make_trigger_sql(const char *installation)
{
	char	   *check = as_do("BEGIN\n"
							  "  IF to_regnamespace('%1$s') IS NOT NULL AND NOT " OURS " THEN\n"
							  "    RAISE EXCEPTION USING ERRCODE = 'duplicate_schema',\n"
							  "      MESSAGE = 'a schema named \"%1$s\" exists that is not of cdc_pipeline',\n"
							  "      HINT = 'Rename or drop it, if nothing needs it.';\n"
							  "  END IF;\n"
							  "END", installation);

	return psprintf("%s; %s", check, cdc_source_trigger_script(installation));
}

/*
 * The schema goes when nobody has put anything into it; else it is not ours any more.
 */
char *
cdc_source_drop_trigger_sql(const char *installation, const char *const *publications, int n)
{
	StringInfoData words;
	int			i;

	initStringInfo(&words);
	appendStringInfoString(&words, "BEGIN\n"
						   "  IF NOT " OURS " OR EXISTS (SELECT FROM pg_publication AS p WHERE p.pubname = ANY ('{");
	for (i = 0; i < n; i++)
		appendStringInfo(&words, "%s%s", i > 0 ? "," : "", publications[i]);
	appendStringInfoString(&words, "}'::name[])) THEN\n"
						   "    RETURN;\n"
						   "  END IF;\n"
						   "  IF current_setting('is_superuser') <> 'on' THEN\n"
						   "    PERFORM set_config('cdc_source.outcome', 'event triggers are left that a superuser made: DROP FUNCTION %1$s." FUNCTION "() CASCADE; DROP SCHEMA %1$s;', true);\n"
						   "    RETURN;\n"
						   "  END IF;\n"
						   "  DROP FUNCTION IF EXISTS %1$s." FUNCTION "() CASCADE;\n"
						   "  BEGIN\n"
						   "    DROP SCHEMA %1$s;\n"
						   "  EXCEPTION WHEN dependent_objects_still_exist THEN\n"
						   "    COMMENT ON SCHEMA %1$s IS NULL;\n"
						   "    PERFORM set_config('cdc_source.outcome', 'schema %1$s is left, since there is something in it that is not ours', true);\n"
						   "  END;\n"
						   "END");
	return as_do(words.data, installation);
}
