/*
 * facts.c
 *	  See facts.h.
 */
#include "postgres.h"

#include "extension/settings.h"
#include "worker/world/facts.h"

const CdcKcConnector *
cdc_connector_of(const CdcPipeline *p)
{
	const CdcKcConnector *c = p->sink && p->sink->list ? cdc_kc_find(p->sink->list, p->connector_name) : NULL;

	return c && cdc_same(c->mark, p->id) ? c : NULL;
}

const char *
cdc_connect_url(const CdcService *sink)
{
	return sink->nurls > 0 ? sink->connect_urls[sink->url % sink->nurls] : NULL;
}

CdcSourceAsk
cdc_source_ask_of(const CdcPipeline *p)
{
	CdcSourceAsk ask;

	ask.pipeline_id = p->id;
	ask.name = p->object_name;
	ask.database = p->database;
	ask.ntables = p->ntables;
	ask.tables = p->tables;
	ask.txid = cdc_failover_open_txid(p);
	ask.login = p->source && !p->source->manage_role ? p->source->connector_user : NULL;
	return ask;
}

bool
cdc_source_known(const CdcPipeline *p)
{
	return p->source && p->source->primary && p->seen && !p->seen_failed &&
		p->look_at >= p->source_since;
}

static bool
lists_wanted(const CdcService *sink, int worker)
{
	return cdc_kc_has_version(sink->plugin_versions[worker], cdc_debezium_plugin_version);
}

int
cdc_agents_target(const CdcService *sink)
{
	int			i;

	for (i = 0; i < sink->nurls && i < sink->nagents; i++)
	{
		if (sink->plugin_versions[i] && !lists_wanted(sink, i))
			return i;
	}
	return -1;
}

/* The agents' directories must be one name, or one reference cannot serve all workers. */
const char *
cdc_agents_secret_path(const CdcService *sink)
{
	const char *path = NULL;
	int			i;

	for (i = 0; i < sink->nagents; i++)
	{
		if (sink->agents[i].state && path == NULL)
			path = sink->agents[i].state->secret_path;
	}
	return path;
}

bool
cdc_password_due(const CdcPipeline *p)
{
	return p->source && p->source->manage_role && (p->password == NULL || p->generation < p->wanted_generation);
}

char *
cdc_agents_secret_name(const CdcPipeline *p)
{
	return cdc_agent_secret_name(p->connector_name, Max(p->generation, 1));
}

bool
cdc_agents_fresh(const CdcService *sink, int64 since)
{
	int			i;

	for (i = 0; i < sink->nagents; i++)
	{
		if (sink->agents[i].looked_at < since || sink->agents[i].looked_at == 0)
			return false;
	}
	return true;
}

bool
cdc_agents_unchanged(const CdcService *sink)
{
	return cdc_agents_fresh(sink, sink->plugin_changed_at + 1);
}

bool
cdc_offsets_are_last(const CdcPipeline *p)
{
	return p->offsets_known == CDC_YES && p->stopped_seen != 0 && p->offsets_at >= p->stopped_seen;
}

int64
cdc_failover_open_txid(const CdcPipeline *p)
{
	return cdc_offsets_are_last(p) && p->offsets.commit_lsn != 0 && p->offsets.highest_lsn > p->offsets.commit_lsn ?
		p->offsets.txid : 0;
}

bool
cdc_has_mark(const char *comment, const char *id)
{
	const char *prefix = "cdc_pipeline ";
	size_t		n = strlen(prefix);

	return comment && strncmp(comment, prefix, n) == 0 &&
		strncmp(comment + n, id, CDC_UUID_LEN) == 0;
}

uint64
cdc_mark_epoch(const char *comment)
{
	const char *where = comment ? strstr(comment, " epoch ") : NULL;

	return where ? strtoull(where + 7, NULL, 10) : 0;
}

bool
cdc_connect_known(const CdcPipeline *p)
{
	return p->sink && p->sink->is_kafka && p->sink->connect_reachable == CDC_YES &&
		p->sink->list && p->sink->listed_at >= p->connect_since;
}

bool
cdc_offsets_say_completed(const CdcPipeline *p)
{
	return p->offsets_known == CDC_YES && p->offsets_at >= p->connect_since && p->offsets.snapshot_completed;
}

bool
cdc_offsets_stored_before(const CdcPipeline *p, int64 began_us)
{
	return cdc_offsets_say_completed(p) && p->offsets.ts_us != 0 && p->offsets.ts_us < began_us;
}

bool
cdc_another_walsender(const CdcPipeline *p)
{
	return cdc_source_known(p) && p->seen->slot_active && cdc_same(p->seen->slot_user, "role") &&
		p->seen->slot_since_us != 0 && p->seen->slot_since_us != p->snapshot_run;
}

const CdcKcConnector *
cdc_connector_now(const CdcPipeline *p)
{
	return cdc_connect_known(p) && (!p->sink->connect_foreign || p->want_deleted) ? cdc_connector_of(p) : NULL;
}

/* A connector that was PUT is listed once it has a status: within this. */
#define PUT_SHOWS_MS 5000

bool
cdc_connector_is_coming(const CdcPipeline *p)
{
	return p->put_at && cdc_loop_now() - p->put_at < PUT_SHOWS_MS;
}

bool
cdc_connector_failed(const CdcKcConnector *c)
{
	return c && (c->state == CDC_CS_FAILED || c->task_state == CDC_CS_FAILED);
}

bool
cdc_agents_job_failed(const CdcAgentState *state)
{
	return state && state->job == CDC_AGENT_JOB_FAILED && state->job_sha512 && cdc_debezium_plugin_sha512 &&
		pg_strcasecmp(state->job_sha512, cdc_debezium_plugin_sha512) == 0 &&
		cdc_same(state->job_version, cdc_debezium_plugin_version);
}
