/*
 * wanted.c
 *	  What a pipeline wants outside: role, configuration, pg_hba lines, verifier.
 *
 * Reads the world, makes values; asks and changes nothing.
 */
#include "postgres.h"

#include <json-c/json.h>

#include "common/cryptohash.h"
#include "common/sha2.h"

#include "common/json.h"
#include "worker/agents.h"
#include "worker/network.h"
#include "worker/observe.h"
#include "worker/wanted.h"

const char *
cdc_wanted_role(const CdcPipeline *p)
{
	return p->source && !p->source->manage_role && p->source->connector_user ?
		p->source->connector_user : p->object_name;
}

const char *
cdc_wanted_password(const CdcPipeline *p)
{
	return p->source && !p->source->manage_role ? p->source->connector_password : p->password;
}

char *
cdc_wanted_verifier_hash(const CdcPipeline *p)
{
	pg_cryptohash_ctx *ctx;
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	char	   *hex;
	int			i;

	if (p->verifier == NULL)
		return NULL;
	ctx = pg_cryptohash_create(PG_SHA256);
	if (ctx == NULL || pg_cryptohash_init(ctx) < 0 ||
		pg_cryptohash_update(ctx, (const uint8 *) p->verifier, strlen(p->verifier)) < 0 ||
		pg_cryptohash_final(ctx, digest, sizeof(digest)) < 0)
	{
		pg_cryptohash_free(ctx);
		return NULL;
	}
	pg_cryptohash_free(ctx);
	hex = palloc(2 * sizeof(digest) + 1);
	for (i = 0; i < (int) sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return hex;
}

CdcHbaLine *
cdc_wanted_hba_lines(const CdcPipeline *p, int *n)
{
	CdcHbaLine *lines;
	int			i;

	bool		by_network = cdc_network_gives_ranges(p->sink);
	char	  **cidrs = by_network ? p->sink->ranges : p->sink ? p->sink->cidrs : NULL;

	*n = by_network ? p->sink->nranges : p->sink ? p->sink->ncidrs : 0;
	lines = palloc0(sizeof(CdcHbaLine) * Max(*n, 1));
	for (i = 0; i < *n; i++)
	{
		lines[i].pipeline_id = p->id;
		lines[i].database = p->database;
		lines[i].role = cdc_wanted_role(p);
		lines[i].cidr = cidrs[i];
	}
	return lines;
}

char *
cdc_wanted_hba_hash(const CdcService *s, const char *file)
{
	const char **ids = palloc(sizeof(char *) * Max(list_length(s->world->pipelines), 1));
	char	   *hash;
	int			nids = 0;
	ListCell   *cell;

	foreach(cell, s->world->pipelines)
	{
		CdcPipeline *p = lfirst(cell);

		if (p->source == s)
			ids[nids++] = p->id;
	}
	hash = cdc_hba_lines_hash(file, ids, nids);
	pfree(ids);
	return hash;
}

/* Are all standbys that answer set up to have slots synced by the server? */
static bool
syncs_slots(const CdcService *s)
{
	int			standbys = 0;
	int			i;

	if (s->primary->version < 170000)
		return false;
	for (i = 0; i < s->nnodes; i++)
	{
		const CdcNode *n = &s->nodes[i];

		if (n == s->primary || !n->reachable || !n->in_recovery)
			continue;
		standbys++;
		if (!n->conf.known || !n->conf.syncs_slots || !n->conf.feedback || n->conf.primary_slot == NULL ||
			n->conf.has_dbname == CDC_NO)
			return false;
	}
	return standbys > 0;
}

/*
 * A failover slot is one from its making on, and Debezium changes none: what
 * there is decides, then what the connector was told, and only for a new slot
 * the source's settings.
 */
static bool
wants_failover_slot(const CdcPipeline *p)
{
	const CdcKcConnector *c = p->sink && p->sink->list ? cdc_kc_find(p->sink->list, p->connector_name) : NULL;

	if (p->seen && p->seen->slot_exists)
		return p->seen->slot_failover;
	if (c && c->config && !p->discarding)
	{
		const char *value = cdc_json_string(c->config, "slot.failover");

		return value && strcmp(value, "true") == 0;
	}
	return syncs_slots(p->source);
}

/*
 * What database.password says: a reference to the file on the Connect hosts, or
 * the password itself where that is allowed.  Before an agent has answered the
 * directory is taken from the connector that is there.
 */
static CdcConnectValue
password_setting(const CdcPipeline *p)
{
	const CdcKcConnector *c;
	const char *path;

	if (p->sink == NULL || p->sink->nagents == 0)
		return cdc_connect_text(cdc_wanted_password(p));
	path = cdc_agents_secret_path(p->sink);
	if (path == NULL && (c = cdc_connector_of(p)) != NULL)
		path = cdc_connect_reference_directory(cdc_json_string(c->config, "database.password"));
	return cdc_connect_secret_file(path, cdc_agents_secret_name(p));
}

struct json_object *
cdc_wanted_config(CdcPipeline *p, char **fault)
{
	CdcConnectorSpec spec;

	if (fault)
		*fault = NULL;
	if (p->source == NULL || p->source->primary == NULL || cdc_wanted_password(p) == NULL)
		return NULL;
	memset(&spec, 0, sizeof(spec));
	spec.generation = p->config_generation;
	spec.pipeline_id = p->id;
	spec.epoch = p->world->epoch;
	spec.name = p->connector_name;
	spec.hostname = p->source->primary->address;
	spec.port = p->source->primary->port;
	spec.database = p->database;
	spec.user = cdc_wanted_role(p);
	spec.password = password_setting(p);
	if (spec.password.type == CDC_CONNECT_NOTHING)
		return NULL;
	if (!p->source->manage_role)
		spec.session_name = p->object_name;
	spec.sslmode = p->source->sslmode;
	spec.publication = p->object_name;
	spec.slot = p->object_name;
	spec.slot_failover = wants_failover_slot(p);
	spec.topic_prefix = p->topic_prefix;
	spec.snapshot_mode = p->snapshot_mode;
	spec.ntables = p->ntables;
	spec.tables = p->tables;
	spec.options = p->options;
	return cdc_kc_config(&spec, fault);
}
