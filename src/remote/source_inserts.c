/*
 * source_inserts.c
 *	  The publications of a pipeline that has inserts alone of its tables without a key.
 *
 * No I/O.  A publication has the same operations for all of its tables, and one that
 * has UPDATE makes the application's UPDATE fail on a table without a key.  So there
 * are two: the pipeline's own for the tables with a key, and one beside it, which
 * publishes INSERT alone.  Debezium takes one name only, asks whether that is there, and
 * hands it to the server, which reads a list of names: "a,b" are both, where an
 * empty publication of that literal name is there too.
 */
#include "remote/source.h"

#include "common/object_names.h"
#include "common/quote.h"
#include "remote/source_parts.h"

char *
cdc_source_publication_names(const char *name)
{
	return psprintf("%s,%s" CDC_INSERTS_END, name, name);
}

/* Of a list of oids those that have no identity, or a partition without. */
#define BARE_OF(list) \
	"ARRAY(WITH RECURSIVE part(root, oid) AS (SELECT w.oid, w.oid FROM unnest(" list ") AS w(oid)\n" \
	"      UNION SELECT p.root, i.inhrelid FROM part AS p JOIN pg_inherits AS i ON i.inhparent = p.oid JOIN pg_class AS c ON c.oid = i.inhrelid WHERE c.relispartition)\n" \
	"    SELECT DISTINCT p.root FROM part AS p JOIN pg_class AS c ON c.oid = p.oid WHERE " CDC_SOURCE_BARE("c") ")"

char *
cdc_source_publications_sql(const CdcSourceAsk *ask, const char *comment, const char *judged)
{
	StringInfoData block;

	cdc_source_begin_block(&block, ask);
	cdc_source_append_tables(&block, ask);
	appendStringInfo(&block,
					 "  v_new CONSTANT text := %s;\n"
					 "  v_second CONSTANT name := v_name || '" CDC_INSERTS_END "';\n"
					 "  v_both CONSTANT name := v_name || ',' || v_second;\n"
					 "  v_wanted oid[];\n"
					 "  v_keyed oid[];\n"
					 "  v_bare oid[];\n"
					 "  v_words text;\n"
					 "  pub record;\n"
					 "BEGIN\n"
					 "  SELECT p.oid, obj_description(p.oid, 'pg_publication') INTO v_oid, v_comment FROM pg_publication AS p WHERE p.pubname = v_name;\n",
					 cdc_quote_literal(comment));
	cdc_source_append_judged(&block, judged);
	appendStringInfoString(&block,
						   "  FOR r IN SELECT p.pubname FROM pg_publication AS p WHERE p.pubname IN (v_second, v_both) AND obj_description(p.oid, 'pg_publication') IS DISTINCT FROM v_mark LOOP\n"
						   "    RAISE EXCEPTION USING ERRCODE = 'duplicate_object',\n"
						   "      MESSAGE = format('a publication named \"%s\" exists that this pipeline did not make', r.pubname),\n"
						   "      HINT = 'Rename or drop it, if nothing needs it.';\n"
						   "  END LOOP;\n"
						   "  FOR r IN SELECT t.name, to_regclass(t.name)::oid AS oid FROM unnest(v_tables) AS t(name) LOOP\n"
						   "    IF r.oid IS NULL THEN\n"
						   "      RAISE EXCEPTION USING ERRCODE = 'undefined_table', MESSAGE = format('table %s does not exist', r.name);\n"
						   "    END IF;\n"
						   "    v_wanted := v_wanted || r.oid;\n"
						   "  END LOOP;\n"
						   "  v_bare := " BARE_OF("v_wanted") ";\n"
						   /* what is there stays there: a key that comes later changes nothing */
						   "  v_bare := v_bare || ARRAY(SELECT m.prrelid FROM pg_publication_rel AS m JOIN pg_publication AS p ON p.oid = m.prpubid\n"
						   "    WHERE p.pubname = v_second AND m.prrelid = ANY (v_wanted) AND m.prrelid <> ALL (v_bare));\n"
						   "  v_keyed := ARRAY(SELECT DISTINCT w.oid FROM unnest(v_wanted) AS w(oid) WHERE w.oid <> ALL (v_bare));\n"
						   "  FOR pub IN SELECT * FROM (VALUES (1, v_name, " CDC_SOURCE_PUBLISH ", v_keyed, v_new), (2, v_second, 'insert', v_bare, v_mark), (3, v_both, 'insert', '{}', v_mark))\n"
						   "      AS v(n, name, publish, tables, comment) ORDER BY v.n LOOP\n"
						   "    SELECT p.oid INTO v_oid FROM pg_publication AS p WHERE p.pubname = pub.name;\n"
						   "    IF v_oid IS NOT NULL AND ((SELECT p.puballtables FROM pg_publication AS p WHERE p.oid = v_oid)\n"
						   "        OR EXISTS (SELECT FROM pg_depend AS d WHERE d.refclassid = 'pg_publication'::regclass AND d.refobjid = v_oid AND d.classid = to_regclass('pg_publication_namespace'))\n"
						   "        OR EXISTS (SELECT FROM pg_publication_rel AS m WHERE m.prpubid = v_oid AND (to_jsonb(m) ->> 'prqual' IS NOT NULL OR to_jsonb(m) ->> 'prattrs' IS NOT NULL))) THEN\n"
						   "      EXECUTE format('DROP PUBLICATION %I', pub.name);\n"
						   "      v_oid := NULL;\n"
						   "    END IF;\n"
						   "    IF v_oid IS NULL THEN\n"
						   "      EXECUTE format('CREATE PUBLICATION %I WITH (publish = %L, publish_via_partition_root = true)', pub.name, pub.publish);\n"
						   "      SELECT p.oid INTO v_oid FROM pg_publication AS p WHERE p.pubname = pub.name;\n"
						   "    ELSIF NOT (SELECT p.pubinsert AND p.pubviaroot AND (p.pubupdate, p.pubdelete, p.pubtruncate) = (pub.n = 1, pub.n = 1, pub.n = 1) FROM pg_publication AS p WHERE p.oid = v_oid) THEN\n"
						   "      EXECUTE format('ALTER PUBLICATION %I SET (publish = %L, publish_via_partition_root = true)', pub.name, pub.publish);\n"
						   "    END IF;\n"
						   "    FOR r IN SELECT n.nspname, c.relname FROM pg_publication_rel AS m JOIN pg_class AS c ON c.oid = m.prrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace\n"
						   "        WHERE m.prpubid = v_oid AND m.prrelid <> ALL (pub.tables) ORDER BY c.oid LOOP\n"
						   "      EXECUTE format('ALTER PUBLICATION %I DROP TABLE ONLY %I.%I', pub.name, r.nspname, r.relname);\n"
						   "    END LOOP;\n"
						   "    FOR r IN SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace\n"
						   "        WHERE c.oid = ANY (pub.tables) AND NOT EXISTS (SELECT FROM pg_publication_rel AS m WHERE m.prpubid = v_oid AND m.prrelid = c.oid) ORDER BY c.oid LOOP\n"
						   "      EXECUTE format('ALTER PUBLICATION %I ADD TABLE ONLY %I.%I', pub.name, r.nspname, r.relname);\n"
						   "    END LOOP;\n"
						   "    IF obj_description(v_oid, 'pg_publication') IS DISTINCT FROM pub.comment THEN\n"
						   "      EXECUTE format('COMMENT ON PUBLICATION %I IS %L', pub.name, pub.comment);\n"
						   "    END IF;\n"
						   "  END LOOP;\n"
						   /* once more, under the publication's locks */
						   "  SELECT string_agg(w.oid::regclass::text, ', ') INTO v_words FROM unnest(" BARE_OF("v_keyed") ") AS w(oid);\n"
						   "  IF v_words IS NOT NULL THEN\n"
						   "    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',\n"
						   "      MESSAGE = format('PostgreSQL would refuse UPDATE and DELETE on %s, which have no replica identity', v_words),\n"
						   "      HINT = 'It is looked at again.';\n"
						   "  END IF;\n"
						   "END");
	return cdc_source_as_do(&block);
}
