/*
 * assess.c
 *	  One pipeline's world as a value that decide() can read.
 *
 * See assess.h.  Everything that depends on the clock becomes a flag here.
 */
#include "postgres.h"

#include <json-c/json.h>

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "utils/timestamp.h"

#include "extension/settings.h"
#include "worker/assess.h"
#include "worker/observe.h"

/* Restarts of what FAILED, after the first, second ... failure (ms). */
static const int restart_delays[] = {0, 5000, 15000, 45000};

#define FAILURE_WINDOW_US (INT64CONST(600) * 1000000)
#define FAILED_RETRY_MS 60000
#define SETTLE_MS 120000
#define WALSENDER_DEADLINE_MS 10000
#define NEIGHBOUR_DEADLINE_MS 120000

/*
 * Connect flushes offsets every 60 s unless told otherwise, and Debezium moves
 * the slot only after that: the longest silence that means nothing before an
 * interval has been observed.
 */
#define FIRST_FLUSH_INTERVAL_MS 65000
#define STILL_ROUNDS 3

static void
set_detail(CdcPipeline *p, CdcDetail which, const char *words)
{
	p->details[which] = words;
}

static const CdcKcConnector *
connector_of(const CdcPipeline *p)
{
	if (p->sink == NULL || p->sink->list == NULL)
		return NULL;
	return cdc_kc_find(p->sink->list, p->connector_name);
}

static bool
connect_known(const CdcPipeline *p)
{
	return p->sink && p->sink->is_kafka && p->sink->connect_reachable == CDC_YES &&
		p->sink->list && p->sink->listed_at >= p->stale_before;
}

static bool
source_known(const CdcPipeline *p)
{
	return p->source && p->source->primary && p->seen && !p->seen_failed &&
		p->look_at >= p->stale_before;
}

static bool
initial_only(const CdcPipeline *p)
{
	return strcmp(p->snapshot_mode, "initial_only") == 0;
}

int
cdc_assess_needs(const CdcPipeline *p)
{
	const CdcKcConnector *c;
	int			needs;

	if (p->source == NULL || p->sink == NULL || !p->source->is_postgresql ||
		!p->sink->is_kafka || !p->sink->has_addon)
	{
		/* nothing can have been made on what is of the wrong kind */
		needs = 0;
		if (p->want_deleted && p->source && p->source->is_postgresql)
			needs |= CDC_NEED_SOURCE;
		if (p->want_deleted && p->sink && p->sink->is_kafka && p->sink->has_addon)
			needs |= CDC_NEED_CONNECT | CDC_NEED_OFFSETS;
		return needs;
	}
	needs = CDC_NEED_SOURCE | CDC_NEED_CONNECT;
	if (p->want_deleted || p->discarding || initial_only(p))
		return needs | CDC_NEED_OFFSETS;
	needs |= CDC_NEED_PLUGIN;
	c = connector_of(p);
	if (!p->was_running &&
		((c && (c->state == CDC_CS_FAILED || c->task_state == CDC_CS_FAILED)) ||
		 (c == NULL && p->seen && p->seen->slot_exists)))
		needs |= CDC_NEED_OFFSETS;
	return needs;
}

static bool
has_mark(const char *comment, const char *id)
{
	const char *prefix = "cdc_pipeline ";
	size_t		n = strlen(prefix);

	return comment && strncmp(comment, prefix, n) == 0 &&
		strncmp(comment + n, id, CDC_UUID_LEN) == 0;
}

/* The epoch in a publication's mark, 0 when there is none. */
static uint64
mark_epoch(const char *comment)
{
	const char *where = comment ? strstr(comment, " epoch ") : NULL;

	return where ? strtoull(where + 7, NULL, 10) : 0;
}

/* A higher epoch than ours on anything of ours: somebody else acts. */
static void
note_epoch(CdcPipeline *p, uint64 epoch)
{
	if (epoch > (uint64) p->world->epoch && epoch > p->world->fenced_by)
		p->world->fenced_by = epoch;
}

char *
cdc_assess_verifier_hash(const CdcPipeline *p)
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
cdc_assess_hba_lines(const CdcPipeline *p, int *n)
{
	CdcHbaLine *lines;
	int			i;

	*n = p->sink ? p->sink->ncidrs : 0;
	lines = palloc0(sizeof(CdcHbaLine) * Max(*n, 1));
	for (i = 0; i < *n; i++)
	{
		lines[i].pipeline_id = p->id;
		lines[i].database = p->database;
		lines[i].role = p->object_name;
		lines[i].cidr = p->sink->cidrs[i];
	}
	return lines;
}

struct json_object *
cdc_assess_config(CdcPipeline *p)
{
	CdcConnectorSpec spec;

	if (p->source == NULL || p->source->primary == NULL || p->password == NULL)
		return NULL;
	memset(&spec, 0, sizeof(spec));
	spec.pipeline_id = p->id;
	spec.epoch = p->world->epoch;
	spec.name = p->connector_name;
	spec.hostname = p->source->primary->address;
	spec.port = p->source->primary->port;
	spec.database = p->database;
	spec.user = p->object_name;
	spec.password = p->password;
	spec.sslmode = p->source->sslmode;
	spec.publication = p->object_name;
	spec.slot = p->object_name;
	spec.topic_prefix = p->topic_prefix;
	spec.snapshot_mode = p->snapshot_mode;
	spec.ntables = p->ntables;
	spec.tables = p->tables;
	spec.options = p->options;
	return cdc_kc_config(&spec);
}

static void
assess_gate(CdcPipeline *p, CdcSnapshot *s)
{
	CdcService *source = p->source;
	CdcService *sink = p->sink;

	s->source_is_postgresql = source && source->is_postgresql;
	s->sink_has_addon = sink && sink->is_kafka && sink->has_addon;
	s->same_region = source && sink && cdc_same(source->region, sink->region);
	s->source_running = source && cdc_same(source->status, "running");
	s->sink_running = sink && cdc_same(sink->status, "running");
	s->addon_running = sink && cdc_same(sink->addon_status, "running");
	set_detail(p, CDC_DETAIL_SOURCE_ZONE, source ? source->zone : NULL);
	set_detail(p, CDC_DETAIL_SINK_ZONE, sink ? sink->zone : NULL);
	if (source && sink)
	{
		s->network_ids = source->network_id && sink->network_id ? CDC_NET_BOTH :
			source->network_id || sink->network_id ? CDC_NET_ONE_SIDE : CDC_NET_NONE;
		set_detail(p, CDC_DETAIL_NETWORK_SIDE, source->network_id ? "source" : "sink");
		if (!s->source_running)
			set_detail(p, CDC_DETAIL_PENDING,
					   psprintf("source service \"%s\" is %s%s%s", source->name, source->status,
								source->status_message ? ": " : "",
								source->status_message ? source->status_message : ""));
		else if (!s->sink_running)
			set_detail(p, CDC_DETAIL_PENDING,
					   psprintf("sink service \"%s\" is %s%s%s", sink->name, sink->status,
								sink->status_message ? ": " : "",
								sink->status_message ? sink->status_message : ""));
		else if (!s->addon_running)
			set_detail(p, CDC_DETAIL_PENDING,
					   psprintf("addon kafka-connect of sink service \"%s\" is %s", sink->name,
								sink->addon_status ? sink->addon_status : "pending"));
	}
	/* no SDN configured, or nothing to wire: there is nothing to wait for */
	s->network_ready = (s->network_ids != CDC_NET_BOTH || cdc_sdn_url == NULL || cdc_sdn_url[0] == '\0') ?
		CDC_YES : CDC_UNKNOWN;
	s->allow_password = sink && (sink->plaintext_password || sink->nagents > 0);
}

static void
assess_hba(CdcPipeline *p, CdcSnapshot *s)
{
	CdcService *source = p->source;
	CdcHbaLine *lines;
	int			nlines;
	int			i;
	CdcHba		worst = CDC_HBA_UNKNOWN;
	bool		left = false;
	bool		left_known = false;

	s->unreachable_standby = CDC_NO;
	lines = cdc_assess_hba_lines(p, &nlines);
	for (i = 0; i < source->nnodes; i++)
	{
		CdcNode    *n = &source->nodes[i];
		CdcHba		state;

		if (!n->reachable || (source->system_identifier && n->system_identifier != source->system_identifier))
		{
			s->unreachable_standby = CDC_YES;
			continue;
		}
		if (n->hba_text == NULL)
			state = source->manage_hba ? CDC_HBA_UNKNOWN : CDC_HBA_OK;
		else
		{
			bool		here = cdc_hba_left(n->hba_text, p->id);

			left_known = true;
			left = left || here;
			if (!source->manage_hba)
				state = CDC_HBA_OK;
			else if (cdc_hba_has(n->hba_text, lines, nlines))
				state = cdc_same(n->hba_loaded, cdc_hba_block_hash(n->hba_text)) ?
					CDC_HBA_OK : CDC_HBA_NOT_LOADED;
			else
				state = CDC_HBA_MISSING;
			if (state != CDC_HBA_OK && n->hba_vanished >= 2)
			{
				state = CDC_HBA_FOUGHT;
				set_detail(p, CDC_DETAIL_HBA,
						   psprintf("%s:%d, add there: %s", n->address, n->port,
									nlines > 0 ? cdc_hba_line(&lines[0]) : ""));
			}
			else if (state != CDC_HBA_OK && n->hba_error)
			{
				state = CDC_HBA_BROKEN;
				set_detail(p, CDC_DETAIL_HBA, psprintf("%s:%d, %s", n->address, n->port, n->hba_error));
			}
			else if (state != CDC_HBA_OK && p->details[CDC_DETAIL_HBA] == NULL)
				set_detail(p, CDC_DETAIL_HBA, psprintf("%s:%d", n->address, n->port));
		}
		/* the worst known state wins; a node that needs work before one that is well */
		if (worst == CDC_HBA_UNKNOWN || worst == CDC_HBA_OK ||
			(state != CDC_HBA_OK && state > worst))
			worst = state == CDC_HBA_UNKNOWN ? worst : state;
	}
	s->hba = worst;
	s->hba_line_left = !left_known ? CDC_UNKNOWN : left && source->manage_hba ? CDC_YES : CDC_NO;
}

static void
assess_objects(CdcPipeline *p, CdcSnapshot *s)
{
	const CdcSourcePipeline *seen = p->seen;
	CdcService *source = p->source;

	/* role */
	if (!seen->role_exists)
		s->role = CDC_OBJ_ABSENT;
	else if (!has_mark(seen->role_mark, p->id))
	{
		s->role = CDC_OBJ_FOREIGN;
		set_detail(p, CDC_DETAIL_ROLE,
				   psprintf("a role named \"%s\" exists that this pipeline did not make", p->object_name));
	}
	else
	{
		char	   *hash = cdc_assess_verifier_hash(p);
		const char *wrong = !seen->role_login ? "it may not log in" :
			!seen->role_replication ? "it lacks REPLICATION" :
			!cdc_same(hash, seen->role_password_hash) ? "its password was changed" :
			!seen->grants_ok ? "it lacks SELECT on a table, USAGE on a schema or CONNECT" : NULL;

		s->role = wrong ? CDC_OBJ_WRONG : CDC_OBJ_OK;
		set_detail(p, CDC_DETAIL_ROLE, wrong);
	}
	s->role_has_dependents = seen->role_has_dependents ? CDC_YES : CDC_NO;
	s->role_disarmed = seen->role_exists && !seen->role_login && !seen->role_replication ? CDC_YES : CDC_NO;
	if (!source->manage_role)
	{
		s->role = !seen->role_exists ? CDC_OBJ_ABSENT :
			seen->role_login && seen->role_replication && seen->grants_ok ? CDC_OBJ_OK : CDC_OBJ_WRONG;
		set_detail(p, CDC_DETAIL_ROLE,
				   psprintf("role \"%s\" needs LOGIN, REPLICATION, CONNECT, USAGE and SELECT", p->object_name));
	}

	/* tables */
	if (seen->tables_missing)
	{
		s->tables = CDC_TABLES_MISSING;
		set_detail(p, CDC_DETAIL_TABLES, seen->tables_missing);
	}
	else if (seen->tables_bad_kind)
	{
		s->tables = CDC_TABLES_BAD_KIND;
		set_detail(p, CDC_DETAIL_TABLES, seen->tables_bad_kind);
	}
	else if (p->ntables == 0 && seen->tables_no_identity)
	{
		s->tables = CDC_TABLES_NO_IDENTITY;
		set_detail(p, CDC_DETAIL_TABLES, seen->tables_no_identity);
		set_detail(p, CDC_DETAIL_TABLES_FIX, seen->tables_fix);
	}
	else
		s->tables = CDC_TABLES_OK;

	/* publication */
	if (!seen->pub_exists)
		s->publication = CDC_OBJ_ABSENT;
	else if (!has_mark(seen->pub_mark, p->id))
	{
		s->publication = CDC_OBJ_FOREIGN;
		set_detail(p, CDC_DETAIL_PUBLICATION,
				   psprintf("a publication named \"%s\" exists that this pipeline did not make", p->object_name));
	}
	else
	{
		uint64		epoch = mark_epoch(seen->pub_mark);

		note_epoch(p, epoch);
		if (!p->has_publication_name)
		{
			p->has_publication_name = true;
			p->spec_dirty = true;
		}
		if (!seen->pub_ok)
		{
			s->publication = CDC_OBJ_WRONG;
			set_detail(p, CDC_DETAIL_PUBLICATION, seen->pub_wrong);
		}
		else if (epoch < (uint64) p->world->epoch)
		{
			/* raising the mark fences whoever acted before us */
			s->publication = CDC_OBJ_WRONG;
			set_detail(p, CDC_DETAIL_PUBLICATION, "its mark carries the epoch of a former control plane");
		}
		else
			s->publication = CDC_OBJ_OK;
	}

	/* slot */
	if (!seen->slot_exists)
		s->slot = CDC_SLOT_ABSENT;
	else if (!seen->slot_fits || !p->slot_absent_before)
	{
		s->slot = CDC_SLOT_FOREIGN;
		set_detail(p, CDC_DETAIL_SLOT,
				   psprintf("a replication slot named \"%s\" exists that this pipeline did not make", p->object_name));
	}
	else
	{
		if (!p->has_slot_name)
		{
			p->has_slot_name = true;
			p->spec_dirty = true;
		}
		if (seen->slot_lost)
		{
			s->slot = CDC_SLOT_LOST;
			set_detail(p, CDC_DETAIL_SLOT, seen->slot_lost_why);
		}
		else
			s->slot = seen->slot_streaming ? CDC_SLOT_STREAMING :
				seen->slot_active ? CDC_SLOT_ACTIVE : CDC_SLOT_INACTIVE;
	}

	/* who may make a slot now */
	if (source->slot_creator == p &&
		((seen->slot_exists && seen->slot_consistent) || p->want_deleted))
		source->slot_creator = NULL;
	if (source->slot_creator && source->slot_creator != p &&
		cdc_loop_now() - source->slot_creator_since > NEIGHBOUR_DEADLINE_MS)
		source->slot_creator = NULL;
	if (p->server.free_slots < 1 || p->server.free_senders < 1)
	{
		s->slot_turn = CDC_TURN_NO_FREE_SLOT;
		set_detail(p, CDC_DETAIL_BLOCKER,
				   psprintf("%d replication slots and %d WAL senders are free",
							p->server.free_slots, p->server.free_senders));
	}
	else if (source->slot_creator && source->slot_creator != p)
	{
		s->slot_turn = CDC_TURN_NEIGHBOUR;
		set_detail(p, CDC_DETAIL_BLOCKER,
				   psprintf("pipeline \"%s\" is creating its slot%s%s", source->slot_creator->name,
							p->server.blocker ? ", which waits for " : "",
							p->server.blocker ? p->server.blocker : ""));
	}
	else if (p->server.blocker)
	{
		s->slot_turn = CDC_TURN_BLOCKED;
		set_detail(p, CDC_DETAIL_BLOCKER, p->server.blocker);
	}
	else
		s->slot_turn = CDC_TURN_OK;
}

/* Lag and movement of the slot; three rounds without movement are too many. */
static void
assess_flow(CdcPipeline *p, CdcSnapshot *s)
{
	const CdcSourcePipeline *seen = p->seen;
	int64		now = cdc_loop_now();
	int64		lag = -1;
	int64		patience;

	if (seen->slot_exists && seen->slot_consistent)
		lag = p->server.wal_lsn > seen->confirmed_flush_lsn ?
			(int64) (p->server.wal_lsn - seen->confirmed_flush_lsn) : 0;
	if (lag >= 0)
		p->lag = lag;
	if (seen->confirmed_flush_lsn != p->flushed)
	{
		if (p->flushed_at)
			p->flush_interval = Max(p->flush_interval, now - p->flushed_at);
		p->flushed = seen->confirmed_flush_lsn;
		p->flushed_at = now;
	}
	else if (p->flushed_at == 0)
		p->flushed_at = now;

	patience = Max((int64) STILL_ROUNDS * cdc_health_interval,
				   2 * Max(p->flush_interval, (int64) FIRST_FLUSH_INTERVAL_MS));
	if (p->rounds_running < 2)
		s->moving = CDC_UNKNOWN;
	else if (now - p->flushed_at > patience && !initial_only(p))
	{
		s->moving = CDC_NO;
		set_detail(p, CDC_DETAIL_MOVING,
				   psprintf("%d s at %X/%X", (int) ((now - p->flushed_at) / 1000),
							(uint32) (p->flushed >> 32), (uint32) p->flushed));
	}
	else
		s->moving = CDC_YES;
}

static void
assess_source(CdcPipeline *p, CdcSnapshot *s)
{
	CdcService *source = p->source;

	if (source == NULL || !source->is_postgresql)
		return;
	if (source->primary == NULL)
	{
		s->source_reachable = CDC_NO;
		set_detail(p, CDC_DETAIL_SOURCE_ERROR, source->status_message);
		return;
	}
	assess_hba(p, s);
	if (p->seen_failed && strcmp(p->seen_sqlstate, "3D000") == 0)
	{
		s->source_reachable = CDC_YES;
		s->source_capable = CDC_NO;
		set_detail(p, CDC_DETAIL_SOURCE_CAPABILITY,
				   psprintf("database \"%s\" does not exist", p->database));
		return;
	}
	if (!source_known(p))
	{
		s->source_reachable = CDC_NO;
		set_detail(p, CDC_DETAIL_SOURCE_ERROR,
				   psprintf("%s:%d %s", source->primary->address, source->primary->port,
							p->seen_error ? p->seen_error : "was not asked yet"));
		s->hba = CDC_HBA_UNKNOWN;
		return;
	}
	s->source_reachable = CDC_YES;
	s->source_capable = CDC_YES;
	if (p->server.version < 140000)
	{
		s->source_capable = CDC_NO;
		set_detail(p, CDC_DETAIL_SOURCE_CAPABILITY,
				   psprintf("its version is %d, 14 or later is needed", p->server.version / 10000));
	}
	else if (p->server.wal_level && strcmp(p->server.wal_level, "logical") != 0)
	{
		s->source_capable = CDC_NO;
		set_detail(p, CDC_DETAIL_SOURCE_CAPABILITY,
				   psprintf("wal_level is %s: run ALTER SYSTEM SET wal_level = 'logical' and restart it",
							p->server.wal_level));
	}
	assess_objects(p, s);
	assess_flow(p, s);
}

static void
drop_old_failures(CdcPipeline *p)
{
	TimestampTz now = GetCurrentTimestamp();
	int			keep = 0;
	int			i;

	for (i = 0; i < p->nfailures; i++)
	{
		if (now - p->failures[i] < FAILURE_WINDOW_US)
			p->failures[keep++] = p->failures[i];
	}
	if (keep != p->nfailures)
		p->spec_dirty = true;
	p->nfailures = keep;
}

/* Restarts at 0, 5, 15, 45 s with jitter; the fifth failure in 10 minutes is final for now. */
static void
assess_failure(CdcPipeline *p, CdcSnapshot *s, const CdcKcConnector *c)
{
	int64		now = cdc_loop_now();
	bool		incurable;
	char	   *failure;

	if (c == NULL || (c->state != CDC_CS_FAILED && c->task_state != CDC_CS_FAILED))
	{
		p->failure_seen = false;
		drop_old_failures(p);
		return;
	}
	failure = cdc_kc_failure(c->trace, (const char *const *) &p->password, p->password ? 1 : 0);
	cdc_set_string(p->context, &p->failure, failure);
	set_detail(p, CDC_DETAIL_FAILURE, p->failure);
	incurable = cdc_kc_incurable(c->trace);
	if (!p->failure_seen)
	{
		p->failure_seen = true;
		drop_old_failures(p);
		if (p->nfailures < (int) lengthof(p->failures))
			p->failures[p->nfailures++] = GetCurrentTimestamp();
		p->spec_dirty = true;
		if (p->nfailures <= (int) lengthof(restart_delays))
		{
			int			delay = restart_delays[p->nfailures - 1];

			p->restart_at = now + delay + (delay ? random() % (delay / 4) : 0);
		}
		cdc_world_event(p, "outcome", NULL, NULL, NULL, cdc_step_name(p->step),
						psprintf("connector task failed: %s", p->failure), NULL);
	}
	if (incurable || p->nfailures > (int) lengthof(restart_delays))
	{
		bool		again = p->status == CDC_FAILED &&
			(now - p->restarted_at >= FAILED_RETRY_MS || p->world->round_asked);

		s->restart = again ? CDC_RESTART_DUE : CDC_RESTART_EXHAUSTED;
	}
	else
		s->restart = now >= p->restart_at ? CDC_RESTART_DUE : CDC_RESTART_WAIT;
}

/*
 * The snapshot of a run that is no longer: every session of the connector is
 * younger than its slot, so none of them made it; or what made it has failed
 * before finishing.  Judged only until the snapshot has finished once.
 */
static CdcTri
assess_interrupted(CdcPipeline *p, const CdcKcConnector *c)
{
	const CdcSourcePipeline *seen = p->seen;

	if (p->was_running || !source_known(p) || !seen->slot_exists || !p->slot_absent_before)
		return CDC_NO;
	if (p->offsets_known == CDC_YES && p->offsets_at >= p->stale_before &&
		p->offsets.snapshot_completed)
		return CDC_NO;
	if (seen->slot_made_us && seen->sessions_since_us &&
		seen->sessions_since_us > seen->slot_made_us)
		return CDC_YES;
	if (c && (c->state == CDC_CS_FAILED || c->task_state == CDC_CS_FAILED) &&
		p->offsets_known != CDC_UNKNOWN && p->offsets_at >= p->stale_before)
		return CDC_YES;
	return CDC_NO;
}

static void
assess_older_writer(CdcPipeline *p, CdcSnapshot *s)
{
	ListCell   *cell;

	s->older_writer = CDC_WRITER_NONE;
	foreach(cell, p->world->pipelines)
	{
		CdcPipeline *other = lfirst(cell);
		const CdcKcConnector *c;

		if (other == p || other->sink != p->sink || !other->want_deleted ||
			strcmp(other->topic_prefix, p->topic_prefix) != 0)
			continue;
		c = connector_of(other);
		if (other->op && other->op->action == CDC_ACT_PUT_CONNECTOR)
			s->older_writer = CDC_WRITER_PRESENT;
		if (c && (c->state != CDC_CS_STOPPED || c->ntasks > 0))
			s->older_writer = CDC_WRITER_PRESENT;
		if (s->older_writer == CDC_WRITER_PRESENT)
		{
			set_detail(p, CDC_DETAIL_OLDER_WRITER, other->connector_name);
			return;
		}
	}
}

static void
assess_connect(CdcPipeline *p, CdcSnapshot *s)
{
	CdcService *sink = p->sink;
	const CdcKcConnector *c;
	struct json_object *wanted;
	char	   *which = NULL;

	if (sink == NULL || !sink->is_kafka)
		return;
	s->plugin_present = sink->plugin_present;
	set_detail(p, CDC_DETAIL_PLUGIN_WORKERS, sink->plugin_missing);
	s->connect_reachable = sink->connect_reachable;
	if (!connect_known(p))
	{
		if (s->connect_reachable == CDC_YES)
			s->connect_reachable = CDC_UNKNOWN;
		set_detail(p, CDC_DETAIL_CONNECT_ERROR, sink->connect_error);
		return;
	}
	c = connector_of(p);
	assess_older_writer(p, s);
	s->snapshot_interrupted = assess_interrupted(p, c);
	if (p->offsets_at >= p->stale_before && p->offsets_known != CDC_UNKNOWN)
		s->offsets = p->offsets_known == CDC_YES ? p->offsets.state : CDC_OFFSETS_UNKNOWN;
	if (c == NULL)
	{
		/* offsets of an absent connector cannot be seen, only remembered */
		s->offsets = p->offsets_clean ? CDC_OFFSETS_NONE : CDC_OFFSETS_UNKNOWN;
		s->connector = CDC_OBJ_ABSENT;
		s->connector_state = s->task_state = CDC_CS_NONE;
		assess_failure(p, s, NULL);
		return;
	}
	if (c->mark == NULL || strcmp(c->mark, p->id) != 0)
	{
		s->connector = CDC_OBJ_FOREIGN;
		set_detail(p, CDC_DETAIL_CONNECTOR,
				   psprintf("a connector named \"%s\" exists that this pipeline did not make", c->name));
		return;
	}
	note_epoch(p, (uint64) c->epoch);
	if (!p->has_connector_name)
	{
		p->has_connector_name = true;
		p->spec_dirty = true;
	}
	wanted = cdc_assess_config(p);
	if (wanted && c->config)
	{
		s->connector = cdc_kc_config_equal(wanted, c->config, &which) ? CDC_OBJ_OK : CDC_OBJ_WRONG;
		if (which)
			set_detail(p, CDC_DETAIL_CONNECTOR, psprintf("it differs in %s", which));
	}
	else
		s->connector = c->config ? CDC_OBJ_OK : CDC_OBJ_UNKNOWN;
	if (wanted)
		json_object_put(wanted);
	s->connector_state = c->state;
	s->task_state = c->task_state;
	assess_failure(p, s, c);
	if (!cdc_same(p->connector_state, c->state_name) || !cdc_same(p->task_states, c->task_states))
	{
		cdc_set_string(p->context, &p->connector_state, c->state_name);
		cdc_set_string(p->context, &p->task_states, c->task_states);
		p->observed_dirty = true;
	}
}

static const struct
{
	CdcGap		gap;
	const char *name;
	const char *words;
}			gaps[] =
{
	{CDC_GAP_SLOT_GONE, "slot_gone", "the replication slot is gone"},
	{CDC_GAP_SLOT_LOST, "slot_lost", "the replication slot was invalidated by the server"},
	{CDC_GAP_PUBLICATION, "publication", "the publication was dropped or lacked tables"},
};

static CdcGap
detect_gap(CdcPipeline *p, CdcSnapshot *s)
{
	if (!p->was_running || p->want_deleted || s->source_reachable != CDC_YES ||
		s->source_capable != CDC_YES)
		return CDC_GAP_NONE;
	if (s->slot == CDC_SLOT_LOST)
		return CDC_GAP_SLOT_LOST;
	if (initial_only(p))
		return CDC_GAP_NONE;
	if (s->slot == CDC_SLOT_ABSENT)
		return CDC_GAP_SLOT_GONE;
	if (s->publication == CDC_OBJ_ABSENT ||
		(s->publication == CDC_OBJ_WRONG && p->seen->pub_lacks))
		return CDC_GAP_PUBLICATION;
	return CDC_GAP_NONE;
}

/* A gap is remembered from when it is first seen until its repair has ended. */
static void
remember_gap(CdcPipeline *p, int which)
{
	struct json_object *detail = json_object_new_object();
	struct json_object *tables = json_object_new_array();
	char		lsn[32];
	int			i;

	snprintf(lsn, sizeof(lsn), "%X/%X", (uint32) (p->flushed >> 32), (uint32) p->flushed);
	for (i = 0; i < p->ntables; i++)
		json_object_array_add(tables, json_object_new_string(p->tables[i]));
	json_object_object_add(detail, "kind", json_object_new_string(gaps[which].name));
	json_object_object_add(detail, "from_lsn", json_object_new_string(lsn));
	json_object_object_add(detail, "tables", tables);
	cdc_set_string(p->context, &p->gap, json_object_to_json_string_ext(detail, JSON_C_TO_STRING_PLAIN));
	p->spec_dirty = true;
	cdc_world_event(p, "gap", NULL, NULL, NULL, NULL,
					psprintf("%s: changes after %s may be missing from Kafka", gaps[which].words, lsn), detail);
}

static void
assess_gap(CdcPipeline *p, CdcSnapshot *s)
{
	CdcGap		seen = p->gap ? CDC_GAP_NONE : detect_gap(p, s);
	struct json_object *detail;
	struct json_object *kind;
	struct json_object *lsn;
	int			i;

	s->gap = CDC_GAP_NONE;
	for (i = 0; i < (int) lengthof(gaps); i++)
	{
		if (seen == gaps[i].gap)
			remember_gap(p, i);
	}
	if (p->gap == NULL)
		return;
	detail = json_tokener_parse(p->gap);
	if (json_object_object_get_ex(detail, "kind", &kind) && json_object_object_get_ex(detail, "from_lsn", &lsn))
	{
		for (i = 0; i < (int) lengthof(gaps); i++)
		{
			if (strcmp(json_object_get_string(kind), gaps[i].name) != 0)
				continue;
			s->gap = p->was_running ? gaps[i].gap : CDC_GAP_NONE;
			set_detail(p, CDC_DETAIL_GAP,
					   psprintf("%s: changes after %s may be missing from Kafka", gaps[i].words,
								json_object_get_string(lsn)));
		}
	}
	json_object_put(detail);
}

/* Everything of ours is seen absent; since when, and is that long enough? */
static void
assess_settled(CdcPipeline *p, CdcSnapshot *s)
{
	bool		source_gone = !s->source_is_postgresql ||
		(s->source_reachable == CDC_YES && s->source_capable == CDC_NO) ||
		((s->slot == CDC_SLOT_ABSENT || s->slot == CDC_SLOT_FOREIGN) &&
		 (s->role == CDC_OBJ_ABSENT || s->role == CDC_OBJ_FOREIGN || s->role_has_dependents == CDC_YES) &&
		 (s->publication == CDC_OBJ_ABSENT || s->publication == CDC_OBJ_FOREIGN));
	bool		connect_gone = !s->sink_has_addon ||
		s->connector == CDC_OBJ_ABSENT || s->connector == CDC_OBJ_FOREIGN;
	bool		hba_gone = !s->source_is_postgresql || s->hba_line_left == CDC_NO ||
		(s->hba_line_left == CDC_UNKNOWN && !p->source->manage_hba);
	TimestampTz now = GetCurrentTimestamp();

	p->absent = p->want_deleted && source_gone && connect_gone && hba_gone &&
		(s->offsets == CDC_OFFSETS_NONE || !s->sink_has_addon);
	s->settled = source_gone && connect_gone &&
		(p->mutated_at == 0 || now - p->mutated_at >= (int64) SETTLE_MS * 1000) ? CDC_YES : CDC_NO;
	s->walsender_stuck = CDC_NO;
	if (s->slot == CDC_SLOT_ACTIVE || s->slot == CDC_SLOT_STREAMING)
	{
		if (p->slot_held_since == 0)
			p->slot_held_since = cdc_loop_now();
		if (cdc_loop_now() - p->slot_held_since > WALSENDER_DEADLINE_MS &&
			(s->task_state == CDC_CS_NONE || s->connector == CDC_OBJ_ABSENT))
			s->walsender_stuck = CDC_YES;
	}
	else
		p->slot_held_since = 0;
}

static bool
option_is(const CdcPipeline *p, const char *key, const char *value)
{
	struct json_object *found;

	return p->options && json_object_object_get_ex(p->options, key, &found) && found &&
		strcmp(json_object_get_string(found), value) == 0;
}

void
cdc_assess(CdcPipeline *p, CdcSnapshot *s)
{
	memset(s, 0, sizeof(*s));
	memset(p->details, 0, sizeof(p->details));
	s->status = p->status;
	s->want_deleted = p->want_deleted;
	s->force = p->force;
	s->initial_only = initial_only(p);
	s->all_tables = p->ntables == 0;
	s->manage_role = p->source ? p->source->manage_role : true;
	s->gap_halt = option_is(p, "on_gap", "halt");
	s->was_running = p->was_running;
	s->discarding = p->discarding;
	s->untouched = p->mutated_at == 0;
	assess_gate(p, s);
	assess_source(p, s);
	assess_connect(p, s);
	assess_gap(p, s);
	if (p->want_deleted || p->discarding)
		assess_settled(p, s);
}
