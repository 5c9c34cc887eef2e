/*
 * source_pending.c
 *	  What waits behind a slot: the first transaction that was not confirmed, as
 *	  its publication gives it out; and what keeps the connector's role from logging in.
 *
 * No I/O.  A copy of the slot is read, a temporary one, so that whoever streams from
 * the slot is in nobody's way.  The server's ERROR, when it cannot decode what comes
 * next, is the one that the connector gets again and again.
 */
#include "remote/source.h"

#include "common/quote.h"

/* A transaction that is not read by then is a large one. */
#define PENDING_MS "5000"

#define SETTINGS "SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL client_encoding = 'UTF8'; SET LOCAL client_min_messages = error; " \
	"SET LOCAL statement_timeout = '" PENDING_MS "'; SET LOCAL lock_timeout = '100'; "

/* Its name, of our slot's length and no slot of another pipeline's. */
static char *
copy_name(const CdcSourceAsk *ask)
{
	return cdc_quote_literal(psprintf("%s_pending", ask->name));
}

char *
cdc_source_copy_slot_sql(const CdcSourceAsk *ask)
{
	return psprintf(SETTINGS "SELECT lsn FROM pg_copy_logical_replication_slot(%s, %s, true)", cdc_quote_literal(ask->name), copy_name(ask));
}

/*
 * pgoutput's messages begin with a letter: I, U and D are of a row, and then have the oid
 * of the table, or of the partitioned one as which it is published.
 */
char *
cdc_source_pending_sql(const CdcSourceAsk *ask)
{
	return psprintf(SETTINGS
					"SELECT " CDC_SOURCE_AS_BYTES("string_agg(format('%%s.%%s', '\"' || replace(n.nspname, '\"', '\"\"') || '\"', '\"' || replace(c.relname, '\"', '\"\"') || '\"'), chr(10) ORDER BY f.at)")
					" FROM (SELECT m.rel, min(m.at) AS at"
					" FROM (SELECT row_number() OVER () AS at, get_byte(p.data, 0) AS kind,"
					" CASE WHEN octet_length(p.data) > 5 THEN (get_byte(p.data, 1)::bigint << 24 | get_byte(p.data, 2) << 16 | get_byte(p.data, 3) << 8 | get_byte(p.data, 4)) END AS rel"
					" FROM pg_logical_slot_peek_binary_changes(%s, NULL, 1, 'proto_version', '1', 'publication_names', %s) AS p) AS m"
					" WHERE m.kind IN (ascii('I'), ascii('U'), ascii('D')) GROUP BY m.rel ORDER BY 2 LIMIT 20) AS f"
					" JOIN pg_class AS c ON c.oid = f.rel JOIN pg_namespace AS n ON n.oid = c.relnamespace",
					copy_name(ask), cdc_quote_literal(ask->name));
}

char *
cdc_source_login_fault_sql(const CdcSourceAsk *ask)
{
	const char *role = cdc_quote_literal(ask->login ? ask->login : ask->name);

	return psprintf(SETTINGS
					"SELECT CASE WHEN NOT d.datallowconn THEN 'the database takes no connections'"
					" WHEN d.datconnlimit >= 0 AND a.of_database >= d.datconnlimit THEN format('the database takes no more connections than %%s', d.datconnlimit)"
					" WHEN r.rolconnlimit >= 0 AND a.of_role >= r.rolconnlimit THEN format('the role may have no more connections than %%s', r.rolconnlimit)"
					" WHEN a.senders >= current_setting('max_wal_senders')::int THEN format('all %%s WAL senders of the server are in use (max_wal_senders)', a.senders) END"
					" FROM pg_database AS d, pg_roles AS r, (SELECT count(*) FILTER (WHERE s.datname = current_database() AND s.backend_type = 'client backend') AS of_database,"
					" count(*) FILTER (WHERE s.usename = %s) AS of_role, count(*) FILTER (WHERE s.backend_type = 'walsender') AS senders FROM pg_stat_activity AS s) AS a"
					" WHERE d.datname = current_database() AND r.rolname = %s", role, role);
}

/* Past a quoted part, or NULL. */
static const char *
skip_part(const char *at)
{
	if (*at++ != '"')
		return NULL;
	for (; *at != '\0'; at++)
	{
		if (*at != '"')
			continue;
		if (at[1] != '"')
			return at + 1;
		at++;
	}
	return NULL;
}

bool
cdc_source_is_kept_name(const char *name)
{
	const char *at = skip_part(name);

	if (at == NULL || *at != '.')
		return false;
	at = skip_part(at + 1);
	return at != NULL && *at == '\0';
}
