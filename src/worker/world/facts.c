/*
 * facts.c
 *	  See facts.h.
 */
#include "postgres.h"

#include "common/json.h"
#include "extension/settings.h"
#include "worker/world/facts.h"

/*
 * Connect flushes offsets every 60 s unless told otherwise, and Debezium moves
 * the slot only after that: the longest silence that means nothing before an
 * interval has been observed.
 */
#define FIRST_FLUSH_INTERVAL_MS 65000
#define STILL_ROUNDS 3

/* What a new task did not help is tried again after this. */
#define TASK_AGAIN_MS 600000

const CdcKcConnector *
cdc_connector_of(const CdcPipeline *p)
{
	const CdcKcConnector *c = p->sink && p->sink->kafka.list ? cdc_kc_find(p->sink->kafka.list, p->connector_name) : NULL;

	return c && cdc_same(c->mark, p->id) ? c : NULL;
}

/* Is there a look at its connector alone that is younger than the list? */
static bool
seen_alone(const CdcPipeline *p)
{
	return p->sink && p->sink->kafka.list && p->look.connector_at > p->sink->kafka.listed_at;
}

int64
cdc_connect_seen_at(const CdcPipeline *p)
{
	return seen_alone(p) ? p->look.connector_at : p->sink ? p->sink->kafka.listed_at : 0;
}

int64
cdc_connect_seen_by(const CdcPipeline *p)
{
	return seen_alone(p) ? p->look.connector_ended : p->sink ? p->sink->kafka.list_ended : 0;
}

const char *
cdc_connect_url(const CdcService *sink)
{
	return sink->kafka.nurls > 0 ? sink->kafka.connect_urls[sink->kafka.url % sink->kafka.nurls] : NULL;
}

int64
cdc_flow_patience(const CdcPipeline *p)
{
	return Max((int64) STILL_ROUNDS * cdc_health_interval,
			   2 * Max(p->learned.flush_interval, (int64) FIRST_FLUSH_INTERVAL_MS));
}

static bool
no_key_is(const CdcPipeline *p, const char *word)
{
	return cdc_same(cdc_json_string(p->wanted.options, "no_key"), word);
}

bool
cdc_no_key_full(const CdcPipeline *p)
{
	return no_key_is(p, "full");
}

bool
cdc_no_key_inserts(const CdcPipeline *p)
{
	return no_key_is(p, "insert_only");
}

bool
cdc_wants_trigger(const CdcPipeline *p)
{
	return p->wanted.ntables == 0 && cdc_no_key_full(p) && p->world->installation;
}

bool
cdc_trigger_due(const CdcPipeline *p)
{
	return cdc_wants_trigger(p) && !p->wanted.want_deleted && p->look.seen && p->look.server.is_superuser &&
		(p->look.seen->trigger == CDC_TRIGGER_ABSENT || p->look.seen->trigger == CDC_TRIGGER_WRONG);
}

const char *
cdc_place_of(const CdcPipeline *p)
{
	return p->look.elsewhere ? p->look.elsewhere : p->wanted.database;
}

const char *
cdc_database_now(const CdcPipeline *p)
{
	const CdcNode *primary = p->source ? p->source->pg.primary : NULL;
	const CdcNodeSlot *slot = primary && primary->conf.known && p->kept.slot_absent_before ?
		cdc_source_node_slot(&primary->conf, p->object_name) : NULL;

	return slot && slot->fits && !cdc_same(slot->database, p->wanted.database) ? slot->database : NULL;
}

/* Of a JSON {oid: ...}, 0: there is none. */
static int64
highest_oid(const char *tables)
{
	struct json_object *all = tables ? cdc_json_parse(tables) : NULL;
	int64		highest = 0;

	if (all)
	{
		json_object_object_foreach(all, oid, was)
			highest = Max(highest, was ? strtoll(oid, NULL, 10) : 0);
	}
	json_object_put(all);
	return highest;
}

CdcSourceAsk
cdc_source_ask_of(const CdcPipeline *p)
{
	CdcSourceAsk ask;

	ask.pipeline_id = p->id;
	ask.name = p->object_name;
	ask.title = p->wanted.name;
	ask.database = cdc_place_of(p);
	ask.ntables = p->wanted.ntables;
	ask.tables = p->wanted.tables;
	ask.txid = cdc_failover_open_txid(p);
	ask.inserts_only = cdc_no_key_inserts(p);
	ask.lists_bare = cdc_no_key_full(p) && !p->wanted.want_deleted;
	ask.lists_relations = p->plan.round_due && !p->wanted.want_deleted && !cdc_initial_only(p);
	ask.unlogged = p->kept.unlogged;
	ask.login = p->source && !p->source->pg.manage_role ? p->source->pg.connector_user : NULL;
	ask.options = p->wanted.options;
	ask.installation = cdc_wants_trigger(p) ? p->world->installation : NULL;
	ask.given_after = ask.installation && ask.lists_relations ? highest_oid(p->kept.identities) : 0;
	return ask;
}

const char *
cdc_option_of(const CdcPipeline *p, const char *key)
{
	struct json_object *value = cdc_json_get(p->wanted.options, key);

	return value ? json_object_get_string(value) : NULL;
}

bool
cdc_columns_as_double(const CdcPipeline *p)
{
	const char *mode = cdc_option_of(p, "decimal.handling.mode");

	return mode == NULL || strcmp(mode, "double") == 0;
}

bool
cdc_source_known(const CdcPipeline *p)
{
	return p->source && p->source->pg.primary && p->look.seen && !p->look.seen_failed &&
		p->look.look_at >= p->plan.source_since;
}

static bool
lists_wanted(const CdcService *sink, int worker)
{
	return cdc_kc_has_version(sink->kafka.workers[worker].plugin_versions, cdc_debezium_plugin_version);
}

int
cdc_agents_target(const CdcService *sink)
{
	int			i;

	for (i = 0; i < sink->kafka.nurls && i < sink->kafka.nagents; i++)
	{
		if (sink->kafka.workers[i].plugin_versions && !lists_wanted(sink, i))
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

	for (i = 0; i < sink->kafka.nagents; i++)
	{
		if (sink->kafka.agents[i].state && path == NULL)
			path = sink->kafka.agents[i].state->secret_path;
	}
	return path;
}

bool
cdc_password_due(const CdcPipeline *p)
{
	return p->source && p->source->pg.manage_role && (p->secret.password == NULL || p->secret.generation < p->wanted.wanted_generation);
}

char *
cdc_agents_secret_name(const CdcPipeline *p)
{
	return cdc_agent_secret_name(p->connector_name, Max(p->secret.generation, 1));
}

bool
cdc_agents_fresh(const CdcService *sink, int64 since)
{
	int			i;

	for (i = 0; i < sink->kafka.nagents; i++)
	{
		if (sink->kafka.agents[i].looked_at < since || sink->kafka.agents[i].looked_at == 0)
			return false;
	}
	return true;
}

bool
cdc_agents_unchanged(const CdcService *sink)
{
	return cdc_agents_fresh(sink, sink->kafka.plugin_changed_at + 1);
}

bool
cdc_offsets_are_last(const CdcPipeline *p)
{
	return p->look.offsets_known == CDC_YES && p->learned.stopped_seen != 0 && p->look.offsets_at >= p->learned.stopped_seen;
}

int64
cdc_failover_open_txid(const CdcPipeline *p)
{
	return cdc_offsets_are_last(p) && p->look.offsets.commit_lsn != 0 && p->look.offsets.highest_lsn > p->look.offsets.commit_lsn ?
		p->look.offsets.txid : 0;
}

bool
cdc_has_mark(const char *comment, const char *id)
{
	const char *prefix = "cdc_pipeline ";
	size_t		n = strlen(prefix);

	return comment && strncmp(comment, prefix, n) == 0 &&
		strncmp(comment + n, id, CDC_UUID_LEN) == 0;
}

bool
cdc_connect_known(const CdcPipeline *p)
{
	return p->sink && p->sink->is_kafka && p->sink->kafka.connect_reachable == CDC_YES &&
		p->sink->kafka.list && cdc_connect_seen_at(p) >= p->plan.connect_since;
}

bool
cdc_offsets_say_completed(const CdcPipeline *p)
{
	return p->look.offsets_known == CDC_YES && p->look.offsets_at >= p->plan.connect_since && p->look.offsets.snapshot_completed;
}

bool
cdc_offsets_stored_before(const CdcPipeline *p, int64 began_us)
{
	return cdc_offsets_say_completed(p) && p->look.offsets.ts_us != 0 && p->look.offsets.ts_us < began_us;
}

bool
cdc_another_walsender(const CdcPipeline *p)
{
	return cdc_source_known(p) && p->look.seen->slot_active && cdc_same(p->look.seen->slot_user, "role") &&
		p->look.seen->slot_since_us != 0 && p->look.seen->slot_since_us != p->kept.snapshot_run;
}

const CdcKcConnector *
cdc_connector_now(const CdcPipeline *p)
{
	return cdc_connect_known(p) && (!p->sink->kafka.connect_foreign || p->wanted.want_deleted) ? cdc_connector_of(p) : NULL;
}

/* A connector that was PUT is listed once it has a status: within this. */
#define PUT_SHOWS_MS 5000

bool
cdc_connector_is_coming(const CdcPipeline *p)
{
	return p->doing.put_at && cdc_loop_now() - p->doing.put_at < PUT_SHOWS_MS;
}

bool
cdc_connector_failed(const CdcKcConnector *c)
{
	return c && (c->state == CDC_CS_FAILED || c->task_state == CDC_CS_FAILED);
}

bool
cdc_connector_is_idle(const CdcKcConnector *c)
{
	return c && c->state == CDC_CS_STOPPED && c->task_state == CDC_CS_NONE;
}

bool
cdc_agents_job_failed(const CdcAgentState *state)
{
	return state && state->job == CDC_AGENT_JOB_FAILED && state->job_sha512 && cdc_debezium_plugin_sha512 &&
		pg_strcasecmp(state->job_sha512, cdc_debezium_plugin_sha512) == 0 &&
		cdc_same(state->job_version, cdc_debezium_plugin_version);
}

bool
cdc_stands_still(const CdcPipeline *p)
{
	return p->plan.rounds_running >= 2 && p->learned.flushed_at != 0 && !cdc_initial_only(p) &&
		cdc_loop_now() - p->learned.flushed_at > cdc_flow_patience(p);
}

bool
cdc_new_task_may_help(const CdcPipeline *p)
{
	const CdcPipelinePending *pending = &p->look.pending;

	return p->learned.stream.stuck_since != 0 && pending->of == p->learned.stream.stuck_since && pending->read && pending->tables &&
		cdc_stands_still(p) &&
		(p->doing.restarted_at < pending->of || cdc_loop_now() - p->doing.restarted_at > TASK_AGAIN_MS);
}

bool
cdc_is_up(const CdcPipeline *p)
{
	return p->kept.status == CDC_RUNNING || p->kept.status == CDC_PAUSED;
}
