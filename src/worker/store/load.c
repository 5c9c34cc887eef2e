/*
 * load.c
 *	  From rows to the worker's memory.
 *
 * Reads the work queue and the rows that it names inside a turn (as JSON
 * texts, which survive the commit), and brings them into the world after it.
 * Secrets are decrypted after the commit; one that cannot be (key missing)
 * makes that service say so and hurts no other.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/base64.h"
#include "executor/spi.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "common/compat.h"
#include "common/json.h"
#include "common/lsn.h"
#include "common/pg_json.h"
#include "common/secrets.h"
#include "extension/settings.h"
#include "worker/world/timeline.h"
#include "worker/world/findings.h"
#include "worker/world/pair.h"
#include "worker/world/shadow.h"
#include "worker/store/statement.h"
#include "worker/store/load.h"

/* Where nodes are looked at, and pg_hba.conf is written, unless said otherwise. */
#define ADMIN_DATABASE "postgres"

static const char services_sql[] =
"SELECT pg_catalog.json_build_object('id', s.id, 'name', s.name, 'database_type', s.database_type, 'zone', s.zone,"
"  'provider', s.provider, 'connection_set_by', s.connection_set_by, 'plan_name', s.plan_name, 'version', s.version, 'node_count', s.node_count, 'auto_failover', s.auto_failover_enabled, 'allowed_cidrs', s.allowed_cidrs,"
"  'region', coalesce(z.peering_region, s.zone), 'connection', s.connection, 'network_id', s.network_id,"
"  'organization_id', s.organization_id, 'network_assigned', s.provider OPERATOR(pg_catalog.<>) 'external'"
"   OR EXISTS (SELECT FROM cdc.network_owner o WHERE o.network_id OPERATOR(pg_catalog.=) s.network_id AND o.organization_id OPERATOR(pg_catalog.=) s.organization_id)"
"   OR EXISTS (SELECT FROM cdc.service m WHERE m.network_id OPERATOR(pg_catalog.=) s.network_id AND m.organization_id OPERATOR(pg_catalog.=) s.organization_id"
"    AND m.provider OPERATOR(pg_catalog.<>) 'external' AND m.deleted_at IS NULL),"
"  'connect_claimed', s.connect_claimed, 'connect_shared', EXISTS (SELECT FROM cdc.connect_share c"
"   WHERE c.organization_id OPERATOR(pg_catalog.=) s.organization_id AND s.connection OPERATOR(pg_catalog.->) 'connect_urls' OPERATOR(pg_catalog.?) c.url),"
"  'network_ranges', s.network_ranges, 'addons', s.addons, 'status', s.status, 'status_message', s.status_message,"
"  'system_identifier', s.system_identifier::pg_catalog.text, 'secret_path', s.secret_path,"
"  'addon_status', s.addon_status OPERATOR(pg_catalog.->>) 'kafka-connect',"
"  'nodes', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('address', n.address, 'port', n.port, 'hba_loaded', n.hba_loaded,"
"    'timeline', n.timeline, 'system_identifier', n.system_identifier::pg_catalog.text))"
"    FROM cdc.service_node n WHERE n.service_id OPERATOR(pg_catalog.=) s.id),"
"  'findings', (SELECT pg_catalog.json_agg(pg_catalog.to_jsonb(f)) FROM cdc.finding f"
"    WHERE coalesce(f.pipeline_id, f.service_id) OPERATOR(pg_catalog.=) s.id),"
"  'secrets', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('purpose', x.purpose, 'key_id', x.key_id,"
"    'data', pg_catalog.translate(pg_catalog.encode(x.ciphertext, 'base64'), E'\\n', '')))"
"    FROM cdc.service_secret x WHERE x.service_id OPERATOR(pg_catalog.=) s.id))::pg_catalog.text"
" FROM cdc.service s LEFT JOIN cdc.zone z ON z.zone OPERATOR(pg_catalog.=) s.zone"
" WHERE s.deleted_at IS NULL AND ($1 IS NULL OR s.id OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.uuid[]))";

static const char pipelines_sql[] =
"SELECT pg_catalog.json_build_object('spec', pg_catalog.to_jsonb(s), 'observed', pg_catalog.to_jsonb(o),"
"  'standbys', (SELECT pg_catalog.json_agg(pg_catalog.to_jsonb(b)) FROM cdc.pipeline_standby b"
"    WHERE b.pipeline_id OPERATOR(pg_catalog.=) s.id),"
"  'findings', (SELECT pg_catalog.json_agg(pg_catalog.to_jsonb(f)) FROM cdc.finding f"
"    WHERE coalesce(f.pipeline_id, f.service_id) OPERATOR(pg_catalog.=) s.id),"
"  'generation', (SELECT pg_catalog.min(x.generation) FROM cdc.pipeline_secret x WHERE x.pipeline_id OPERATOR(pg_catalog.=) s.id),"
"  'secrets', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('purpose', x.purpose, 'key_id', x.key_id,"
"    'data', pg_catalog.translate(pg_catalog.encode(x.ciphertext, 'base64'), E'\\n', '')))"
"    FROM cdc.pipeline_secret x WHERE x.pipeline_id OPERATOR(pg_catalog.=) s.id))::pg_catalog.text"
" FROM cdc.pipeline_spec s LEFT JOIN cdc.pipeline_observed o ON o.pipeline_id OPERATOR(pg_catalog.=) s.id"
" WHERE s.settled_at IS NULL AND ($1 IS NULL OR s.id OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.uuid[]))"
" ORDER BY s.created_at, s.id";

static const char regions_sql[] =
"SELECT s.id::pg_catalog.text, coalesce(z.peering_region, s.zone) FROM cdc.service s"
" LEFT JOIN cdc.zone z ON z.zone OPERATOR(pg_catalog.=) s.zone WHERE s.deleted_at IS NULL";

static void
run(const char *sql, int expected, bool with_ids, const char *ids)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {(Datum) 0};
	char		nulls[2] = "n";

	if (ids)
	{
		values[0] = CStringGetTextDatum(ids);
		nulls[0] = ' ';
	}
	cdc_statement_run(sql, expected, with_ids ? 1 : 0, types, values, nulls);
}

/* The first ncolumns of all rows, row by row, in the top context. */
static char **
keep_rows(int ncolumns, int *n)
{
	char	  **rows;
	uint64		i;
	int			c;

	*n = (int) SPI_processed;
	if (SPI_processed == 0)
		return NULL;
	rows = MemoryContextAlloc(TopMemoryContext, sizeof(char *) * SPI_processed * ncolumns);
	for (i = 0; i < SPI_processed; i++)
	{
		for (c = 0; c < ncolumns; c++)
		{
			char	   *words = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, c + 1);

			rows[i * ncolumns + c] = words ? MemoryContextStrdup(TopMemoryContext, words) : NULL;
		}
	}
	return rows;
}

void
cdc_store_read_work(CdcWorld *world, CdcLoaded *loaded)
{
	StringInfoData services;
	StringInfoData pipelines;
	uint64		i;

	run("DELETE FROM cdc.work RETURNING kind, id::pg_catalog.text", SPI_OK_DELETE_RETURNING, false, NULL);
	initStringInfo(&services);
	initStringInfo(&pipelines);
	for (i = 0; i < SPI_processed; i++)
	{
		char	   *kind = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		char	   *id = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2);
		StringInfo	list = NULL;

		if (strcmp(kind, "round") == 0)
			loaded->round = true;
		else if (strcmp(kind, "service") == 0)
			list = &services;
		else
			list = &pipelines;
		if (list && id)
			appendStringInfo(list, "%s%s", list->len ? "," : "{", id);
	}
	/* somebody asks for a round: perhaps the key is there by now */
	loaded->all = !world->loaded || (loaded->round && cdc_world_lacks_secret(world));
	if (loaded->all || services.len > 0)
	{
		if (services.len > 0)
			appendStringInfoChar(&services, '}');
		run(services_sql, SPI_OK_SELECT, true, loaded->all ? NULL : services.data);
		loaded->services = keep_rows(1, &loaded->nservices);
	}
	if (loaded->all || pipelines.len > 0)
	{
		if (pipelines.len > 0)
			appendStringInfoChar(&pipelines, '}');
		run(pipelines_sql, SPI_OK_SELECT, true, loaded->all ? NULL : pipelines.data);
		loaded->pipelines = keep_rows(1, &loaded->npipelines);
	}
	if (loaded->all)
	{
		run(cdc_store_pairs_sql, SPI_OK_SELECT, false, NULL);
		loaded->pairs = keep_rows(1, &loaded->npairs);
	}
	if (loaded->round || world->regions_due)
	{
		run(regions_sql, SPI_OK_SELECT, false, NULL);
		loaded->regions = keep_rows(2, &loaded->nregions);
		world->regions_due = false;
	}
}

void
cdc_store_note_ended(CdcWorld *world, CdcLoaded *loaded)
{
	loaded->ended = keep_rows(1, &loaded->nended);
}

static const char *
get(struct json_object *row, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(row, key, &value) || value == NULL)
		return NULL;
	return json_object_get_string(value);
}

static bool
get_bool(struct json_object *row, const char *key, bool missing)
{
	struct json_object *value;

	if (!json_object_object_get_ex(row, key, &value) || value == NULL)
		return missing;
	return json_object_get_boolean(value);
}

static int
get_int(struct json_object *row, const char *key, int missing)
{
	struct json_object *value;

	if (!json_object_object_get_ex(row, key, &value) || value == NULL)
		return missing;
	return json_object_get_int(value);
}

static struct json_object *
get_array(struct json_object *row, const char *key, int *n)
{
	struct json_object *value;

	*n = 0;
	if (!json_object_object_get_ex(row, key, &value) ||
		!json_object_is_type(value, json_type_array))
		return NULL;
	*n = (int) json_object_array_length(value);
	return value;
}

static struct json_object *
get_object(struct json_object *row, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(row, key, &value) ||
		!json_object_is_type(value, json_type_object))
		return NULL;
	return value;
}

static char *
copy(MemoryContext context, const char *value)
{
	return value ? MemoryContextStrdup(context, value) : NULL;
}

/*
 * The clear text in context, or NULL and *error (if not set already) says why.
 * Catches the ERROR: one bad secret hurts only its owner.  No transaction is
 * open.
 */
static char *
try_decrypt(MemoryContext context, const bytea *cipher, const char *key_id,
			const char *owner, const char *purpose, char **error)
{
	MemoryContext caller = CurrentMemoryContext;
	char	   *volatile clear = NULL;

	PG_TRY();
	{
		char	   *words = cdc_secret_decrypt(cipher, key_id, owner, purpose);

		clear = MemoryContextStrdup(context, words);
		explicit_bzero(words, strlen(words));
		pfree(words);
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(caller);
		edata = CopyErrorData();
		FlushErrorState();
		if (error && *error == NULL)
			*error = MemoryContextStrdup(context, edata->message);
		FreeErrorData(edata);
	}
	PG_END_TRY();
	return clear;
}

/* The clear secret of one purpose in context, or NULL; *error as above. */
static char *
read_secret(MemoryContext context, struct json_object *row, const char *owner,
			const char *purpose, char **error)
{
	struct json_object *secrets;
	char	   *clear = NULL;
	int			n;
	int			i;

	secrets = get_array(row, "secrets", &n);
	for (i = 0; i < n; i++)
	{
		struct json_object *secret = json_object_array_get_idx(secrets, i);
		const char *data = get(secret, "data");
		bytea	   *cipher;
		int			len;

		if (strcmp(get(secret, "purpose"), purpose) != 0)
			continue;
		len = pg_b64_dec_len(strlen(data));
		cipher = palloc(VARHDRSZ + len);
		len = pg_b64_decode(data, strlen(data), (void *) VARDATA(cipher), len);
		if (len < 0)
			continue;
		SET_VARSIZE(cipher, VARHDRSZ + len);
		clear = try_decrypt(context, cipher, get(secret, "key_id"), owner, purpose, error);
		pfree(cipher);
	}
	return clear;
}

static void
load_postgresql(CdcService *s, struct json_object *row, struct json_object *connection)
{
	MemoryContext old = MemoryContextSwitchTo(s->context);
	struct json_object *nodes;
	int			i;

	s->admin_user = copy(s->context, get(connection, "admin_user"));
	s->sslmode = copy(s->context, get(connection, "sslmode"));
	s->ca = copy(s->context, get(connection, "ca"));
	s->password_in_tls = get_bool(connection, "password_in_tls", false);
	s->client_cert = copy(s->context, get(connection, "client_cert"));
	s->client_key = read_secret(s->context, row, s->id, "client_key", &s->error);
	s->manage_hba = get_bool(connection, "manage_hba", true);
	s->manage_role = get_bool(connection, "manage_role", true);
	s->metadata_server = get_bool(connection, "metadata_server", false);
	s->connector_user = copy(s->context, get(connection, "connector_user"));
	/* who writes pg_hba.conf locks it in one database, the same for everybody */
	if (!s->manage_hba)
		s->admin_database = copy(s->context, get(connection, "database"));
	if (s->admin_database == NULL)
		s->admin_database = pstrdup(ADMIN_DATABASE);
	s->admin_password = read_secret(s->context, row, s->id, "admin_password", &s->error);
	s->connector_password = read_secret(s->context, row, s->id, "connector_password", &s->error);

	if (get(row, "system_identifier"))
		s->system_identifier = strtoull(get(row, "system_identifier"), NULL, 10);
	nodes = get_array(row, "nodes", &s->nnodes);
	s->nodes = palloc0(sizeof(CdcNode) * Max(s->nnodes, 1));
	for (i = 0; i < s->nnodes; i++)
	{
		struct json_object *node = json_object_array_get_idx(nodes, i);

		s->nodes[i].service = s;
		s->nodes[i].address = copy(s->context, get(node, "address"));
		s->nodes[i].port = get_int(node, "port", 5432);
		s->nodes[i].hba_loaded = copy(s->context, get(node, "hba_loaded"));
		s->nodes[i].timeline = (uint32) get_int(node, "timeline", 0);
		if (get(node, "system_identifier"))
			s->nodes[i].system_identifier = strtoull(get(node, "system_identifier"), NULL, 10);
	}
	MemoryContextSwitchTo(old);
}

static void
load_kafka(CdcService *s, struct json_object *row, struct json_object *connection)
{
	MemoryContext old = MemoryContextSwitchTo(s->context);
	struct json_object *array;
	int			n;
	int			i;

	array = get_array(connection, "connect_urls", &s->nurls);
	s->connect_urls = palloc0(sizeof(char *) * Max(s->nurls, 1));
	for (i = 0; i < s->nurls; i++)
		s->connect_urls[i] = pstrdup(json_object_get_string(json_object_array_get_idx(array, i)));
	array = get_array(row, "connect_claimed", &n);
	for (i = 0; i < n; i++)
		s->claimed = lappend(s->claimed, pstrdup(json_object_get_string(json_object_array_get_idx(array, i))));
	s->connect_shared = get_bool(row, "connect_shared", false);
	array = get_array(connection, "connect_cidrs", &s->ncidrs);
	s->cidrs = palloc0(sizeof(char *) * Max(s->ncidrs, 1));
	for (i = 0; i < s->ncidrs; i++)
		s->cidrs[i] = pstrdup(json_object_get_string(json_object_array_get_idx(array, i)));
	s->cidrs_from_urls = get_bool(connection, "connect_cidrs_from_urls", false);
	array = get_array(row, "network_ranges", &s->nranges);
	s->ranges = palloc0(sizeof(char *) * Max(s->nranges, 1));
	for (i = 0; i < s->nranges; i++)
		s->ranges[i] = pstrdup(json_object_get_string(json_object_array_get_idx(array, i)));
	array = get_array(connection, "agents", &s->nagents);
	s->agents = palloc0(sizeof(CdcAgent) * Max(s->nagents, 1));
	for (i = 0; i < s->nagents; i++)
	{
		s->agents[i].url = copy(s->context, get(json_object_array_get_idx(array, i), "url"));
		s->agents[i].token = read_secret(s->context, row, s->id, psprintf("agent_token/%d", i), &s->error);
	}
	s->plugin_versions = palloc0(sizeof(char *) * Max(s->nurls, 1));
	s->connect_user = copy(s->context, get(connection, "connect_user"));
	s->connect_password = read_secret(s->context, row, s->id, "connect_password", &s->error);
	s->ca = copy(s->context, get(connection, "ca"));
	s->plaintext_password = get_bool(connection, "plaintext_connector_password", false);
	s->secret_path = copy(s->context, get(row, "secret_path"));
	s->connect_ca_path = copy(s->context, get(connection, "connect_ca_path"));
	MemoryContextSwitchTo(old);
}

/* What is ordered of the service's provider. */
static void
load_order(CdcService *s, struct json_object *row, struct json_object *connection)
{
	CdcOrder   *o = &s->order;
	struct json_object *users;
	MemoryContext old = MemoryContextSwitchTo(s->context);
	int			n;

	o->kafka = s->is_kafka;
	o->version = copy(s->context, get(row, "version"));
	o->zone = s->zone;
	o->plan = copy(s->context, get(row, "plan_name"));
	o->nodes = get_int(row, "node_count", 1);
	o->auto_failover = get_bool(row, "auto_failover", false);
	o->connect = s->has_addon;
	o->database = copy(s->context, get(connection, "database"));
	o->admin_user = copy(s->context, get(connection, "admin_user"));
	o->admin_password = read_secret(s->context, row, s->id, "admin_password", &s->error);
	users = get_array(connection, "users", &n);
	if (n > 0)
	{
		o->app_user = pstrdup(json_object_get_string(json_object_array_get_idx(users, 0)));
		o->app_password = read_secret(s->context, row, s->id, psprintf("user_password/%s", o->app_user), &s->error);
	}
	if (o->connect)
	{
		o->agent_token = read_secret(s->context, row, s->id, "agent_token/0", &s->error);
		o->connect_user = copy(s->context, get(connection, "connect_user"));
		o->connect_password = read_secret(s->context, row, s->id, "connect_password", &s->error);
	}
	o->cidrs = json_object_get(get_array(row, "allowed_cidrs", &n));
	MemoryContextSwitchTo(old);
}

static void
load_service(CdcWorld *world, const char *words)
{
	struct json_object *row = json_tokener_parse(words);
	struct json_object *connection;
	struct json_object *addons;
	CdcService *s;
	CdcService *former;
	const char *type;
	ListCell   *cell;
	int			n;
	int			i;

	if (row == NULL)
		return;
	former = cdc_world_service(world, get(row, "id"));
	if (former)
	{
		foreach(cell, world->pipelines)
		{
			CdcPipeline *p = lfirst(cell);

			if (p->source == former)
				p->source = NULL;
			if (p->sink == former)
				p->sink = NULL;
		}
		cdc_world_remove_service(former);
	}
	s = cdc_world_add_service(world, get(row, "id"));
	type = get(row, "database_type");
	s->is_postgresql = type && strcmp(type, "postgresql") == 0;
	s->is_kafka = type && strcmp(type, "kafka") == 0;
	s->name = copy(s->context, get(row, "name"));
	s->zone = copy(s->context, get(row, "zone"));
	s->region = copy(s->context, get(row, "region"));
	s->network_id = copy(s->context, get(row, "network_id"));
	strlcpy(s->organization_id, get(row, "organization_id"), sizeof(s->organization_id));
	s->network_assigned = get_bool(row, "network_assigned", false);
	s->status = copy(s->context, get(row, "status"));
	s->status_message = copy(s->context, get(row, "status_message"));
	s->deleting = cdc_same(s->status, "deleting");
	s->addon_status = copy(s->context, get(row, "addon_status"));
	addons = get_array(row, "addons", &n);
	for (i = 0; i < n; i++)
	{
		if (strcmp(json_object_get_string(json_object_array_get_idx(addons, i)), "kafka-connect") == 0)
			s->has_addon = true;
	}
	connection = get_object(row, "connection");
	if (s->is_postgresql)
		load_postgresql(s, row, connection);
	else if (s->is_kafka)
		load_kafka(s, row, connection);
	s->provider = cdc_provider_kind(get(row, "provider"));
	s->before_rules = !cdc_provided(s) && cdc_same(get(row, "connection_set_by"), "before");
	s->any_address = s->before_rules || cdc_provided(s) || cdc_same(get(row, "connection_set_by"), "superuser");
	if (cdc_provided(s))
		load_order(s, row, connection);
	cdc_findings_load_service(s, get_array(row, "findings", &n));
	s->connection = copy(s->context, connection ? json_object_to_json_string_ext(connection, JSON_C_TO_STRING_PLAIN) : NULL);
	s->loaded_anew = true;
	json_object_put(row);

	foreach(cell, world->pipelines)
	{
		CdcPipeline *p = lfirst(cell);

		if (strcmp(p->source_id, s->id) == 0)
			p->source = s;
		if (strcmp(p->sink_id, s->id) == 0)
			p->sink = s;
		if (p->source == s || p->sink == s)
			cdc_world_ready(p);
	}
}

static CdcStatus
status_of(const char *name)
{
	int			i;

	for (i = 0; i < CDC_NUM_STATUSES; i++)
	{
		if (strcmp(cdc_status_name((CdcStatus) i), name) == 0)
			return (CdcStatus) i;
	}
	return CDC_PENDING;
}

static CdcStep
step_of(const char *name)
{
	int			i;

	for (i = CDC_STEP_ENSURE_NETWORK; name && i <= CDC_STEP_CREATE_CONNECTOR; i++)
	{
		if (strcmp(cdc_step_name((CdcStep) i), name) == 0)
			return (CdcStep) i;
	}
	return CDC_STEP_NONE;
}

TimestampTz
cdc_store_time(const char *words)
{
	if (words == NULL)
		return 0;
	return DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(words),
												   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

void
cdc_store_add_time(struct json_object *row, const char *key, TimestampTz value)
{
	cdc_json_add_string(row, key, value ? timestamptz_to_str(value) : NULL);
}

static void
load_new_pipeline(CdcPipeline *p, struct json_object *row, struct json_object *spec)
{
	MemoryContext old = MemoryContextSwitchTo(p->context);
	struct json_object *array;
	struct json_object *observed = get_object(row, "observed");
	struct json_object *streamed;
	int			i;
	int			n;

	strlcpy(p->source_id, get(spec, "source_service_id"), sizeof(p->source_id));
	strlcpy(p->sink_id, get(spec, "sink_service_id"), sizeof(p->sink_id));
	p->source = cdc_world_service(p->world, p->source_id);
	p->sink = cdc_world_service(p->world, p->sink_id);
	p->name = copy(p->context, get(spec, "name"));
	p->database = copy(p->context, get(spec, "database_name"));
	p->topic_prefix = copy(p->context, get(spec, "topic_prefix"));
	p->snapshot_mode = copy(p->context, get(spec, "snapshot_mode"));
	array = get_array(spec, "tables", &p->ntables);
	p->tables = palloc0(sizeof(char *) * Max(p->ntables, 1));
	for (i = 0; i < p->ntables; i++)
		p->tables[i] = pstrdup(json_object_get_string(json_object_array_get_idx(array, i)));

	p->status = status_of(get(spec, "status"));
	p->step = step_of(get(spec, "provision_step"));
	p->error_message = copy(p->context, get(spec, "error_message"));
	p->has_connector_name = get(spec, "connector_name") != NULL;
	p->has_publication_name = get(spec, "publication_name") != NULL;
	p->has_slot_name = get(spec, "slot_name") != NULL;
	p->was_running = get_bool(spec, "was_running", false);
	p->snapshot_run = cdc_json_int64(spec, "snapshot_run", 0);
	p->discarding = get_bool(spec, "discarding", false);
	p->config_generation = get_int(spec, "generation", 1);
	p->slot_absent_before = get_bool(spec, "slot_absent_before", false);
	p->offsets_clean = get_bool(spec, "offsets_clean", true);
	p->absent = get(spec, "deleted_at") != NULL;
	if (p->status == CDC_DELETED)
		p->status = CDC_DELETING;	/* to the rules it is, until it has settled */
	p->gap = copy(p->context, get(spec, "gap"));
	p->failover = copy(p->context, get(spec, "failover"));
	streamed = get_object(spec, "streamed");
	if (streamed)
	{
		p->streamed_system = get(streamed, "system") ? strtoull(get(streamed, "system"), NULL, 10) : 0;
		p->streamed_timeline = (uint32) get_int(streamed, "timeline", 0);
		p->streamed_from = cdc_timeline_switch(streamed, "from");
		p->streamed_node = copy(p->context, get(streamed, "node"));
		p->usurped = get_bool(streamed, "usurped", false);
		p->rewritten_lsn = cdc_lsn_parse(get(streamed, "rewritten_lsn"));
		p->streamed_started = cdc_json_int64(streamed, "started", 0);
		p->came_lsn = cdc_lsn_parse(get(streamed, "came_lsn"));
		p->came_at = cdc_loop_now();
	}
	array = get_array(row, "standbys", &n);
	for (i = 0; i < n; i++)
	{
		struct json_object *standby = json_object_array_get_idx(array, i);
		CdcShadow  *shadow = cdc_shadow_of(p, get(standby, "address"), get_int(standby, "port", 0));

		shadow->timeline = (uint32) get_int(standby, "slot_timeline", 0);
		shadow->ready = get_bool(standby, "ready", false);
		shadow->missing = copy(p->context, get(standby, "missing"));
		shadow->fix_sql = copy(p->context, get(standby, "fix_sql"));
	}
	p->mutated_at = cdc_store_time(get(spec, "mutated_at"));
	array = get_array(spec, "restarts", &n);
	for (i = 0; i < n && p->nfailures < (int) lengthof(p->failures); i++)
		p->failures[p->nfailures++] = cdc_store_time(json_object_get_string(json_object_array_get_idx(array, i)));

	p->password = read_secret(p->context, row, p->id, "role_password", &p->secret_error);
	p->generation = get_int(row, "generation", 0);
	p->role_generation = get_int(spec, "role_generation", 0);
	p->verifier = read_secret(p->context, row, p->id, "role_verifier", &p->secret_error);
	if (observed)
	{
		p->connector_state = copy(p->context, get(observed, "connector_state"));
		p->task_states = copy(p->context, get(observed, "task_states"));
		p->flushed = p->reached = cdc_lsn_parse(get(observed, "confirmed_flush_lsn"));
		if (get(observed, "source_lag_bytes"))
			p->lag = strtoll(get(observed, "source_lag_bytes"), NULL, 10);
	}
	MemoryContextSwitchTo(old);
}

static void
load_pipeline(CdcWorld *world, const char *words)
{
	struct json_object *row = json_tokener_parse(words);
	struct json_object *spec;
	struct json_object *options;
	CdcPipeline *p;
	int			n;

	if (row == NULL)
		return;
	spec = get_object(row, "spec");
	p = cdc_world_pipeline(world, get(spec, "id"));
	if (p == NULL)
	{
		p = cdc_world_add_pipeline(world, get(spec, "id"));
		load_new_pipeline(p, row, spec);
	}
	cdc_findings_load_pipeline(p, get_array(row, "findings", &n));
	if (p->options)
		json_object_put(p->options);
	options = get_object(spec, "options");
	p->options = options ? json_object_get(options) : NULL;
	p->want_deleted = cdc_same(get(spec, "desired_state"), "deleted");
	p->force = get_bool(spec, "force_delete", false);
	p->wanted_generation = get_int(spec, "password_generation", 1);
	p->source_since = p->connect_since = p->network_since = cdc_loop_now();
	p->next_visit = 0;
	p->attempts = 0;
	cdc_world_ready(p);
	json_object_put(row);
}

void
cdc_store_apply(CdcWorld *world, CdcLoaded *loaded)
{
	int			i;

	if (loaded->all)
	{
		while (world->pipelines != NIL)
			cdc_world_remove_pipeline(linitial(world->pipelines));
		while (world->services != NIL)
			cdc_world_remove_service(linitial(world->services));
		while (world->pairs != NIL)
			cdc_pair_forget(linitial(world->pairs));
		world->next_round = cdc_loop_now();
	}
	for (i = 0; i < loaded->nservices; i++)
		load_service(world, loaded->services[i]);
	for (i = 0; i < loaded->npipelines; i++)
		load_pipeline(world, loaded->pipelines[i]);
	for (i = 0; i < loaded->npairs; i++)
		cdc_store_load_pair(world, loaded->pairs[i]);
	for (i = 0; i < loaded->nregions; i++)
	{
		CdcService *s = cdc_world_service(world, loaded->regions[2 * i]);

		if (s && !cdc_same(s->region, loaded->regions[2 * i + 1]))
		{
			cdc_set_string(s->context, &s->region, loaded->regions[2 * i + 1]);
			cdc_world_ready_all(s);
		}
	}
	for (i = 0; i < loaded->nended; i++)
	{
		CdcService *s = cdc_world_service(world, loaded->ended[i]);

		if (s)
			cdc_world_remove_service(s);
	}
	if (loaded->round || loaded->nservices > 0)
		world->next_round = cdc_loop_now();
	world->round_asked = world->round_asked || loaded->round;
	world->loaded = true;
}

static void
free_rows(char **rows, int n)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		if (rows[i])
			pfree(rows[i]);
	}
	if (rows)
		pfree(rows);
}

void
cdc_store_loaded_free(CdcLoaded *loaded)
{
	free_rows(loaded->services, loaded->nservices);
	free_rows(loaded->pipelines, loaded->npipelines);
	free_rows(loaded->pairs, loaded->npairs);
	free_rows(loaded->ended, loaded->nended);
	free_rows(loaded->regions, 2 * loaded->nregions);
}
