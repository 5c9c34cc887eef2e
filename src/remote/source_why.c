/*
 * source_why.c
 *	  Why a snapshot does not come to its end, by trying what it does.
 *
 * No I/O.  Debezium tries again by itself whatever the server refuses, and says so
 * in Kafka Connect's log alone.  The rows are read as the connector's role, and made
 * text in the encoding of its session; nothing of them leaves the server.
 */
#include "remote/source.h"

#include "common/quote.h"

#define WHY_MS "5000"
#define WHY_ROWS "100000"

char *
cdc_source_why_sql(const CdcSourceAsk *ask)
{
	StringInfoData block;
	int			i;

	initStringInfo(&block);
	appendStringInfo(&block, "DECLARE\n"
					 "  v_tables text[] := ARRAY[");
	for (i = 0; i < ask->ntables; i++)
		appendStringInfo(&block, "%s%s", i > 0 ? ", " : "", cdc_quote_literal(ask->tables[i]));
	appendStringInfo(&block, "]::text[];\n"
					 "  v_read CONSTANT text := CASE WHEN getdatabaseencoding() = 'SQL_ASCII' THEN\n"
					 "      'SELECT count(convert_from(convert_to(t::text, ''SQL_ASCII''), ''UTF8'')) FROM (SELECT * FROM %%s LIMIT " WHY_ROWS ") AS t'\n"
					 "    ELSE 'SELECT count(convert_to(t::text, ''UTF8'')) FROM (SELECT * FROM %%s LIMIT " WHY_ROWS ") AS t' END;\n"
					 "  v_table text;\n"
					 "  v_words text;\n"
					 "BEGIN\n"
					 "  PERFORM set_config('cdc_source.why', '', true);\n"
					 "  IF cardinality(v_tables) = 0 THEN\n"
					 "    v_tables := (SELECT array_agg(format('%%I.%%I', p.schemaname, p.tablename)) FROM pg_publication_tables AS p WHERE p.pubname = %s);\n"
					 "  END IF;\n"
					 /* who may not become it reads as himself */
					 "  BEGIN\n"
					 "    PERFORM set_config('role', %s, true);\n"
					 "  EXCEPTION WHEN OTHERS THEN\n"
					 "    NULL;\n"
					 "  END;\n"
					 "  FOREACH v_table IN ARRAY coalesce(v_tables, '{}') LOOP\n"
					 "    BEGIN\n"
					 "      EXECUTE format(v_read, v_table);\n"
					 "    EXCEPTION WHEN OTHERS THEN\n"
					 "      v_words := format('%%s: %%s', v_table, SQLERRM);\n"
					 "      EXIT;\n"
					 "    END;\n"
					 "  END LOOP;\n"
					 "  PERFORM set_config('cdc_source.why', coalesce(" CDC_SOURCE_AS_BYTES("v_words") ", ''), true);\n"
					 "END", cdc_quote_literal(ask->name), cdc_quote_literal(ask->login ? ask->login : ask->name));
	return psprintf("SET LOCAL transaction_read_only = on; SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL client_min_messages = error; "
					"SET LOCAL statement_timeout = '" WHY_MS "'; SET LOCAL lock_timeout = '100'; DO %s; SELECT nullif(current_setting('cdc_source.why'), '')",
					cdc_quote_literal(block.data));
}
