/*
 * source_identity.c
 *	  The statements that give tables a replica identity, and take it back.
 *
 * No I/O.  Commands for source_batch.c, as source.c's are.  Tables are named by
 * their oids: what another one has by that name is not ours to change.
 */
#include "remote/source.h"

#include "common/quote.h"
#include "remote/source_parts.h"

/*
 * ALTER TABLE waits for all who use the table, and they for it: alone in its batch
 * too for no more than an application notices.
 */
#define BEGIN_BLOCK \
	"BEGIN\n" \
	"  PERFORM set_config('lock_timeout', '300 ms', true);\n" \
	"  FOR r IN SELECT c.oid, n.nspname, c.relname, t.was FROM jsonb_each_text(v_tables) AS t(oid, was)\n" \
	"      JOIN pg_class AS c ON c.oid = t.oid::oid JOIN pg_namespace AS n ON n.oid = c.relnamespace\n"

static char *
as_do(const char *tables, const char *block)
{
	char	   *words = psprintf("DECLARE\n  v_tables CONSTANT jsonb := %s;\n  r record;\n%s", cdc_quote_literal(tables), block);

	return psprintf("DO %s", cdc_quote_literal(words));
}

char *
cdc_source_set_identity_sql(const char *tables)
{
	return as_do(tables, BEGIN_BLOCK
				 "      WHERE c.relreplident::text = t.was AND " CDC_SOURCE_BARE("c") " ORDER BY c.oid LOOP\n"
				 "    EXECUTE format('ALTER TABLE ONLY %I.%I REPLICA IDENTITY FULL', r.nspname, r.relname);\n"
				 "  END LOOP;\n"
				 "END");
}

/* An index that was its identity is gone, or it would have had one: the default is the nearest. */
char *
cdc_source_reset_identity_sql(const char *tables)
{
	return as_do(tables,
				 "  v_kept text[] := '{}';\n"
				 "  v_of oid[];\n"
				 "  v_published boolean;\n"
				 BEGIN_BLOCK
				 "      WHERE c.relkind = 'r' ORDER BY c.oid LOOP\n"
				 /* who sets it at this moment, late, is waited for */
				 "    EXECUTE format('LOCK TABLE ONLY %I.%I IN ACCESS SHARE MODE', r.nspname, r.relname);\n"
				 "    CONTINUE WHEN NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = r.oid AND c.relreplident = 'f');\n"
				 "    v_of := r.oid || ARRAY(SELECT a.relid::oid FROM pg_partition_ancestors(r.oid) AS a(relid));\n"
				 "    v_published := EXISTS (SELECT FROM pg_publication AS p WHERE p.puballtables)\n"
				 "      OR EXISTS (SELECT FROM pg_publication_rel AS m WHERE m.prrelid = ANY (v_of));\n"
				 "    IF NOT v_published AND to_regclass('pg_publication_namespace') IS NOT NULL THEN\n"
				 "      v_published := EXISTS (SELECT FROM pg_publication_namespace AS m JOIN pg_class AS c ON c.relnamespace = m.pnnspid\n"
				 "        WHERE c.oid = ANY (v_of));\n"
				 "    END IF;\n"
				 "    IF v_published THEN\n"
				 "      v_kept := v_kept || format('%I.%I', r.nspname, r.relname);\n"
				 "    ELSE\n"
				 "      EXECUTE format('ALTER TABLE ONLY %I.%I REPLICA IDENTITY %s', r.nspname, r.relname, CASE r.was WHEN 'n' THEN 'NOTHING' ELSE 'DEFAULT' END);\n"
				 "    END IF;\n"
				 "  END LOOP;\n"
				 "  IF v_kept <> '{}' THEN\n"
				 "    PERFORM set_config('cdc_source.outcome', 'REPLICA IDENTITY FULL is left on what other publications have: ' ||\n"
				 "      array_to_string(v_kept[1:20], ', ') || CASE WHEN cardinality(v_kept) > 20 THEN format(' and %s more', cardinality(v_kept) - 20) ELSE '' END, true);\n"
				 "  END IF;\n"
				 "END");
}
