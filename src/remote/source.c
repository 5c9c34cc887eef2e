/*
 * source.c
 *	  The statements of every action on a source server.
 *
 * No I/O.  Each result is one command for source_batch.c, which runs it in a
 * subtransaction; all are idempotent and check the mark of what they find within
 * it, so that nothing that is not ours is ever changed, whatever was observed
 * before.  What varies goes in as literals; names are put together by format()
 * on the server.  Works on PostgreSQL 14 to 18.
 */
#include "remote/source.h"

#include "common/mark.h"
#include "common/object_names.h"
#include "common/quote.h"
#include "remote/source_parts.h"

/* The declarations that all blocks share. */
void
cdc_source_begin_block(StringInfo block, const CdcSourceAsk *ask)
{
	char	   *mark = psprintf("cdc_pipeline %s", ask->pipeline_id);

	initStringInfo(block);
	appendStringInfo(block, "DECLARE\n"
					 "  v_name CONSTANT name := %s;\n"
					 "  v_mark CONSTANT text := %s;\n"
					 "  v_oid oid;\n"
					 "  v_comment text;\n"
					 "  r record;\n",
					 cdc_quote_literal(ask->name), cdc_quote_literal(mark));
}

/* Refuses what is of our name and not of our making. */
static void
append_mark_check(StringInfo block, const char *what)
{
	appendStringInfo(block,
					 "  IF v_oid IS NOT NULL AND NOT coalesce(v_comment = v_mark OR starts_with(v_comment, v_mark || ' '), false) THEN\n"
					 "    RAISE EXCEPTION USING ERRCODE = 'duplicate_object',\n"
					 "      MESSAGE = format('a %s named \"%%s\" exists that this pipeline did not make', v_name),\n"
					 "      HINT = 'Rename or drop it, if nothing needs it.';\n"
					 "  END IF;\n", what);
}

void
cdc_source_append_tables(StringInfo block, const CdcSourceAsk *ask)
{
	int			i;

	appendStringInfoString(block, "  v_tables CONSTANT text[] := ARRAY[");
	for (i = 0; i < ask->ntables; i++)
		appendStringInfo(block, "%s%s", i > 0 ? ", " : "", cdc_quote_literal(ask->tables[i]));
	appendStringInfoString(block, "]::text[];\n");
}

char *
cdc_source_as_do(StringInfo block)
{
	return psprintf("DO %s", cdc_quote_literal(block->data));
}

/*
 * BYPASSRLS: decoding knows no row level security, and a snapshot that obeys
 * it would silently lack rows.  CONNECT and USAGE are granted only where the
 * role does not have them anyhow (by PUBLIC, mostly), so that few ACLs are
 * touched.
 */
char *
cdc_source_role_sql(const CdcSourceAsk *ask, const char *verifier)
{
	StringInfoData block;

	cdc_source_begin_block(&block, ask);
	cdc_source_append_tables(&block, ask);
	appendStringInfo(&block,
					 "  v_verifier CONSTANT text := %s;\n"
					 "  v_title CONSTANT text := %s;\n"
					 "  v_attributes text := 'LOGIN REPLICATION';\n"
					 "BEGIN\n"
					 "  SELECT a.oid, shobj_description(a.oid, 'pg_authid') INTO v_oid, v_comment\n"
					 "    FROM pg_roles AS a WHERE a.rolname = v_name;\n",
					 cdc_quote_literal(verifier),
					 cdc_quote_literal(ask->title ? psprintf(CDC_COMMENT_NAME "%s\"", ask->title) : ""));
	append_mark_check(&block, "role");
	appendStringInfoString(&block,
						   "  IF (SELECT a.rolsuper OR a.rolbypassrls FROM pg_roles AS a WHERE a.rolname = current_user) THEN\n"
						   "    v_attributes := v_attributes || ' BYPASSRLS';\n"
						   "  END IF;\n"
						   "  IF v_oid IS NULL THEN\n"
						   "    EXECUTE format('CREATE ROLE %I %s PASSWORD %L', v_name, v_attributes, v_verifier);\n"
						   "    EXECUTE format('COMMENT ON ROLE %I IS %L', v_name, v_mark || v_title);\n"
						   "    v_oid := to_regrole(quote_ident(v_name));\n"
						   "  ELSE\n"
						   "    IF (SELECT a.rolvaliduntil IS NOT NULL FROM pg_roles AS a WHERE a.oid = v_oid) THEN\n"
						   "      v_attributes := v_attributes || ' VALID UNTIL ''infinity''';\n"
						   "    END IF;\n"
						   "    EXECUTE format('ALTER ROLE %I %s PASSWORD %L', v_name, v_attributes, v_verifier);\n"
						   "  END IF;\n");

	/*
	 * Timeouts of the database's or the server's would end its sessions: a snapshot is one
	 * transaction, a heartbeat's session is idle.  A walsender heeds lock_timeout.
	 */
	appendStringInfoString(&block,
						   "  FOR r IN SELECT t.name FROM " CDC_SOURCE_TIMEOUTS " WHERE NOT EXISTS (SELECT FROM pg_db_role_setting AS s JOIN pg_database AS b ON b.oid = s.setdatabase\n"
						   "      WHERE b.datname = current_database() AND s.setrole = v_oid AND t.name || '=0' = ANY (s.setconfig)) LOOP\n"
						   "    EXECUTE format('ALTER ROLE %I IN DATABASE %I SET %I = 0', v_name, current_database(), r.name);\n"
						   "  END LOOP;\n"
						   "  FOR r IN SELECT p.oid::regprocedure AS called FROM pg_proc AS p WHERE " CDC_SOURCE_HEARTBEAT
						   "      AND NOT has_function_privilege(v_oid, p.oid, 'EXECUTE') LOOP\n"
						   "    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', r.called, v_name);\n"
						   "  END LOOP;\n"
						   "  IF NOT has_database_privilege(v_oid, current_database(), 'CONNECT') THEN\n"
						   "    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), v_name);\n"
						   "  END IF;\n");
	if (ask->ntables > 0)
		appendStringInfoString(&block,
							   "  FOR r IN SELECT c.oid, c.relname, n.oid AS nsp, n.nspname\n"
							   "    FROM unnest(v_tables) AS t(name)\n"
							   "    JOIN pg_class AS c ON c.oid = to_regclass(t.name)\n"
							   "    JOIN pg_namespace AS n ON n.oid = c.relnamespace ORDER BY 1\n");
	else
		appendStringInfoString(&block,
							   "  FOR r IN SELECT c.oid, c.relname, n.oid AS nsp, n.nspname\n"
							   "    FROM " CDC_SOURCE_CAPTURED " ORDER BY 1\n");
	appendStringInfoString(&block,
						   "  LOOP\n"
						   "    IF NOT has_schema_privilege(v_oid, r.nsp, 'USAGE') THEN\n"
						   "      EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', r.nspname, v_name);\n"
						   "    END IF;\n"
						   "    IF NOT has_table_privilege(v_oid, r.oid, 'SELECT') THEN\n"
						   "      EXECUTE format('GRANT SELECT ON TABLE %I.%I TO %I', r.nspname, r.relname, v_name);\n"
						   "    END IF;\n"
						   "  END LOOP;\n"
						   "END");
	return cdc_source_as_do(&block);
}

/*
 * Refuses a publication whose comment is another one than the judged: between
 * the look and this another control plane may have marked it.  One that was
 * made by us in between has the comment that we would write.
 */
void
cdc_source_append_judged(StringInfo block, const char *judged)
{
	if (judged && judged[0] == '\0')
		return;
	append_mark_check(block, "publication");
	appendStringInfo(block,
					 "  IF v_oid IS NOT NULL AND v_comment <> v_new AND v_comment IS DISTINCT FROM %s THEN\n"
					 "    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',\n"
					 "      MESSAGE = format('the mark on publication \"%%s\" is another one than was looked at', v_name),\n"
					 "      DETAIL = format('It is \"%%s\".', v_comment),\n"
					 "      HINT = 'It is looked at again.';\n"
					 "  END IF;\n", judged ? cdc_quote_literal(judged) : "NULL");
}

/*
 * What is published anew must have a replica identity, or the application's next
 * UPDATE fails: looked at once more where the publication's locks are on the
 * tables, so that no key is dropped in between; a partition has no such lock.
 */
static void
append_identity_check(StringInfo block)
{
	appendStringInfoString(block,
						   "  IF v_anew THEN\n"
						   "    WITH RECURSIVE part(oid) AS (SELECT w.oid FROM unnest(v_wanted) AS w(oid)\n"
						   "      UNION SELECT i.inhrelid FROM part AS p JOIN pg_inherits AS i ON i.inhparent = p.oid\n"
						   "        JOIN pg_class AS c ON c.oid = i.inhrelid WHERE c.relispartition)\n"
						   "    SELECT string_agg(x.name, ', ' ORDER BY x.name) INTO v_bare FROM (\n"
						   "      SELECT format('%I.%I', n.nspname, c.relname) AS name\n"
						   "        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace\n"
						   "        WHERE CASE WHEN v_all THEN c.oid >= 16384 ELSE c.oid IN (SELECT p.oid FROM part AS p) END AND " CDC_SOURCE_BARE("c") "\n"
						   "        LIMIT 20) AS x;\n"
						   "    IF v_bare IS NOT NULL THEN\n"
						   "      RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',\n"
						   "        MESSAGE = format('PostgreSQL would refuse UPDATE and DELETE on %s, which have no replica identity', v_bare),\n"
						   "        HINT = 'Add a primary key, or set REPLICA IDENTITY FULL.';\n"
						   "    END IF;\n"
						   "  END IF;\n");
}

/*
 * Touches the list of tables only where it differs, since that locks every one
 * of them: raising the epoch after a failover of the metadata must not.
 */
char *
cdc_source_publication_sql(const CdcSourceAsk *ask, const char *comment, const char *judged)
{
	StringInfoData block;
	StringInfoData tables;
	int			i;

	initStringInfo(&tables);
	for (i = 0; i < ask->ntables; i++)
		appendStringInfo(&tables, "%sONLY %s", i > 0 ? ", " : "", ask->tables[i]);

	cdc_source_begin_block(&block, ask);
	cdc_source_append_tables(&block, ask);
	appendStringInfoString(&block, "  v_publish CONSTANT text := " CDC_SOURCE_PUBLISH ";\n");
	appendStringInfo(&block,
					 "  v_list CONSTANT text := %s;\n"
					 "  v_new CONSTANT text := %s;\n"
					 "  v_all CONSTANT boolean := %s;\n"
					 "  v_is_all boolean;\n"
					 "  v_kind \"char\";\n"
					 "  v_wanted oid[];\n"
					 "  v_as_wanted boolean;\n"
					 "  v_anew boolean := false;\n"
					 "  v_bare text;\n"
					 "BEGIN\n"
					 "  SELECT p.oid, p.puballtables, obj_description(p.oid, 'pg_publication')\n"
					 "    INTO v_oid, v_is_all, v_comment FROM pg_publication AS p WHERE p.pubname = v_name;\n",
					 cdc_quote_literal(tables.data), cdc_quote_literal(comment), ask->ntables == 0 ? "true" : "false");
	cdc_source_append_judged(&block, judged);
	appendStringInfoString(&block,
						   "  FOR r IN SELECT t.name, to_regclass(t.name)::oid AS oid FROM unnest(v_tables) AS t(name) LOOP\n"
						   "    IF r.oid IS NULL THEN\n"
						   "      RAISE EXCEPTION USING ERRCODE = 'undefined_table',\n"
						   "        MESSAGE = format('table %s does not exist', r.name);\n"
						   "    END IF;\n"
						   "    v_wanted := v_wanted || r.oid;\n"
						   "  END LOOP;\n"
						   "  IF v_oid IS NOT NULL AND v_is_all <> v_all THEN\n"
						   "    EXECUTE format('DROP PUBLICATION %I', v_name);\n"
						   "    v_oid := NULL;\n"
						   "  END IF;\n"
						   "  IF v_oid IS NULL THEN\n"
						   "    v_anew := true;\n"
						   "    EXECUTE format('CREATE PUBLICATION %I FOR %s WITH (publish = %L, publish_via_partition_root = true)',\n"
						   "      v_name, CASE WHEN v_all THEN 'ALL TABLES' ELSE 'TABLE ' || v_list END, v_publish);\n"
						   "  ELSE\n"
						   "    IF NOT v_all THEN\n"
						   "      SELECT coalesce(array_agg(m.prrelid ORDER BY m.prrelid), '{}') =\n"
						   "          (SELECT array_agg(DISTINCT w.oid ORDER BY w.oid) FROM unnest(v_wanted) AS w(oid))\n"
						   "        AND NOT coalesce(bool_or(to_jsonb(m) ->> 'prqual' IS NOT NULL OR to_jsonb(m) ->> 'prattrs' IS NOT NULL), false)\n"
						   "        AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.refclassid = 'pg_publication'::regclass\n"
						   "          AND d.refobjid = v_oid AND d.classid = to_regclass('pg_publication_namespace'))\n"
						   "        INTO v_as_wanted FROM pg_publication_rel AS m WHERE m.prpubid = v_oid;\n"
						   "      IF NOT v_as_wanted THEN\n"
						   "        v_anew := true;\n"
						   "        EXECUTE format('ALTER PUBLICATION %I SET TABLE %s', v_name, v_list);\n"
						   "      END IF;\n"
						   "    END IF;\n"
						   "    IF NOT (SELECT p.pubinsert AND p.pubviaroot AND p.pubupdate AND p.pubdelete AND p.pubtruncate\n"
						   "        FROM pg_publication AS p WHERE p.oid = v_oid) THEN\n"
						   "      v_anew := true;\n"
						   "      EXECUTE format('ALTER PUBLICATION %I SET (publish = %L, publish_via_partition_root = true)',\n"
						   "        v_name, v_publish);\n"
						   "    END IF;\n"
						   "  END IF;\n");
	append_identity_check(&block);
	appendStringInfoString(&block,
						   "  EXECUTE format('COMMENT ON PUBLICATION %I IS %L', v_name, v_new);\n"
						   "END");
	return cdc_source_as_do(&block);
}

char *
cdc_source_drop_publication_sql(const CdcSourceAsk *ask, const char *judged)
{
	StringInfoData block;

	cdc_source_begin_block(&block, ask);
	appendStringInfoString(&block,
						   "  v_new CONSTANT text := v_mark;\n"
						   "BEGIN\n"
						   "  SELECT p.oid, obj_description(p.oid, 'pg_publication') INTO v_oid, v_comment\n"
						   "    FROM pg_publication AS p WHERE p.pubname = v_name;\n");
	cdc_source_append_judged(&block, judged);
	appendStringInfoString(&block,
						   "  IF v_oid IS NOT NULL THEN\n"
						   "    EXECUTE format('DROP PUBLICATION %I', v_name);\n"
						   "  END IF;\n"
						   "  FOR r IN SELECT p.pubname FROM pg_publication AS p WHERE p.pubname IN (v_name || '" CDC_INSERTS_END "', v_name || ',' || v_name || '" CDC_INSERTS_END "')\n"
						   "      AND obj_description(p.oid, 'pg_publication') = v_mark LOOP\n"
						   "    EXECUTE format('DROP PUBLICATION %I', r.pubname);\n"
						   "  END LOOP;\n"
						   "END");
	return cdc_source_as_do(&block);
}

/* The slot of our name in this database; another database's is not ours. */
#define OUR_SLOT \
	"FROM pg_catalog.pg_replication_slots AS s " \
	"WHERE s.slot_name = %s::pg_catalog.name AND s.slot_type = 'logical'::pg_catalog.text " \
	"AND s.plugin = 'pgoutput'::pg_catalog.name AND s.database = pg_catalog.current_database()"

char *
cdc_source_drop_slot_sql(const CdcSourceAsk *ask)
{
	return psprintf("SELECT pg_catalog.pg_drop_replication_slot(s.slot_name) " OUR_SLOT,
					cdc_quote_literal(ask->name));
}

char *
cdc_source_terminate_walsender_sql(const CdcSourceAsk *ask)
{
	return psprintf("SELECT pg_catalog.pg_terminate_backend(s.active_pid) " OUR_SLOT
					" AND s.active_pid IS NOT NULL",
					cdc_quote_literal(ask->name));
}

/*
 * GRANT makes a NULL ACL an explicit one; what REVOKE leaves then says the
 * same as NULL does (acldefault()), and pg_dump prints neither.
 */
char *
cdc_source_drop_role_sql(const CdcSourceAsk *ask)
{
	StringInfoData block;

	cdc_source_begin_block(&block, ask);
	appendStringInfoString(&block,
						   "  v_why text;\n"
						   "BEGIN\n"
						   "  PERFORM set_config('cdc_source.outcome', 'absent', true);\n"
						   "  SELECT a.oid, shobj_description(a.oid, 'pg_authid') INTO v_oid, v_comment\n"
						   "    FROM pg_roles AS a WHERE a.rolname = v_name;\n"
						   "  IF v_oid IS NULL THEN\n"
						   "    RETURN;\n"
						   "  END IF;\n"
						   "  IF NOT coalesce(v_comment = v_mark OR starts_with(v_comment, v_mark || ' '), false) THEN\n"
						   "    PERFORM set_config('cdc_source.outcome', 'kept: this pipeline did not make it', true);\n"
						   "    RETURN;\n"
						   "  END IF;\n"
						   "  FOR r IN SELECT n.nspname, c.relname FROM pg_shdepend AS d\n"
						   "      JOIN pg_class AS c ON c.oid = d.objid JOIN pg_namespace AS n ON n.oid = c.relnamespace\n"
						   "      WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = v_oid AND d.deptype = 'a'\n"
						   "        AND d.classid = 'pg_class'::regclass AND c.relkind IN ('r', 'p')\n"
						   "        AND d.dbid = (SELECT b.oid FROM pg_database AS b WHERE b.datname = current_database())\n"
						   "      ORDER BY c.oid LOOP\n"
						   "    EXECUTE format('REVOKE SELECT ON TABLE %I.%I FROM %I', r.nspname, r.relname, v_name);\n"
						   "  END LOOP;\n"
						   "  FOR r IN SELECT n.nspname FROM pg_shdepend AS d JOIN pg_namespace AS n ON n.oid = d.objid\n"
						   "      WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = v_oid AND d.deptype = 'a'\n"
						   "        AND d.classid = 'pg_namespace'::regclass\n"
						   "        AND d.dbid = (SELECT b.oid FROM pg_database AS b WHERE b.datname = current_database())\n"
						   "      ORDER BY n.oid LOOP\n"
						   "    EXECUTE format('REVOKE USAGE ON SCHEMA %I FROM %I', r.nspname, v_name);\n"
						   "  END LOOP;\n"
						   "  FOR r IN SELECT d.objid::regprocedure AS called FROM pg_shdepend AS d JOIN pg_proc AS p ON p.oid = d.objid\n"
						   "      WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = v_oid AND d.deptype = 'a'\n"
						   "        AND d.classid = 'pg_proc'::regclass AND " CDC_SOURCE_HEARTBEAT "\n"
						   "        AND d.dbid = (SELECT b.oid FROM pg_database AS b WHERE b.datname = current_database()) LOOP\n"
						   "    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM %I', r.called, v_name);\n"
						   "  END LOOP;\n"
						   "  IF EXISTS (SELECT FROM pg_shdepend AS d JOIN pg_database AS b ON b.oid = d.objid\n"
						   "      WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = v_oid AND d.deptype = 'a'\n"
						   "        AND d.classid = 'pg_database'::regclass AND b.datname = current_database()) THEN\n"
						   "    EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM %I', current_database(), v_name);\n"
						   "  END IF;\n"
						   "  SELECT string_agg(x.what, ', ') INTO v_why FROM (\n"
						   "    SELECT DISTINCT CASE WHEN d.dbid = 0 OR b.datname = current_database()\n"
						   "        THEN pg_describe_object(d.classid, d.objid, d.objsubid)\n"
						   "        ELSE format('objects in database %I', b.datname) END AS what\n"
						   "      FROM pg_shdepend AS d LEFT JOIN pg_database AS b ON b.oid = d.dbid\n"
						   "      WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = v_oid\n"
						   "      ORDER BY 1 LIMIT 5) AS x;\n"
						   "  IF v_why IS NULL THEN\n"
						   "    BEGIN\n"
						   "      EXECUTE format('DROP ROLE %I', v_name);\n"
						   "      PERFORM set_config('cdc_source.outcome', 'dropped', true);\n"
						   "      RETURN;\n"
						   "    EXCEPTION WHEN dependent_objects_still_exist THEN\n"
						   "      GET STACKED DIAGNOSTICS v_why = PG_EXCEPTION_DETAIL;\n"
						   "    END;\n"
						   "  END IF;\n"
						   "  EXECUTE format('ALTER ROLE %I NOLOGIN NOREPLICATION PASSWORD NULL', v_name);\n"
						   "  IF (SELECT a.rolsuper OR a.rolbypassrls FROM pg_roles AS a WHERE a.rolname = current_user) THEN\n"
						   "    EXECUTE format('ALTER ROLE %I NOBYPASSRLS', v_name);\n"
						   "  END IF;\n"
						   "  PERFORM set_config('cdc_source.outcome', 'kept: it owns, or was given rights on: ' ||\n"
						   "    regexp_replace(v_why, '\\s+', ' ', 'g'), true);\n"
						   "END");
	return cdc_source_as_do(&block);
}
