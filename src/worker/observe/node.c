/*
 * node.c
 *	  Looks at the servers of a source by themselves: are they there, which one
 *	  is the primary, what is in their pg_hba.conf; and asks the primary now and
 *	  then whether it still is.
 *
 * See observe.h.  Changes nothing on a source.  What pipelines want to know of a
 * database is asked in observe/source.c.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "utils/memutils.h"

#include "common/json.h"
#include "common/lsn.h"
#include "common/object_names.h"
#include "common/quote.h"
#include "extension/settings.h"
#include "remote/pg_hba.h"
#include "worker/observe/observe.h"
#include "worker/observe/observe_parts.h"
#include "worker/observe/peer_said.h"
#include "worker/observe/registered.h"
#include "worker/world/node_hba.h"
#include "worker/world/node_look.h"
#include "worker/world/checks.h"
#include "worker/world/index.h"
#include "worker/world/plan.h"
#include "worker/world/asked.h"
#include "worker/world/facts.h"
#include "worker/world/reach.h"
#include "worker/world/service_kept.h"
#include "worker/world/streamed.h"
#include "worker/world/tend.h"
#include "worker/world/wanted.h"
#include "worker/world/shapes.h"

/* Standbys are seen to when nothing is being built on the source, or after this. */
#define STANDBYS_WAIT_MS 2000
#define STANDBYS_LOOK_MS 50		/* whether it is */

/*
 * While a source has no primary its nodes are asked this often: at first, since
 * a promotion takes about a second, then more and more patiently.
 */
#define SEARCH_FIRST_MS 100
#define SEARCH_FIRST_FOR_MS 60000
#define SEARCH_LAST_MS 1000

/* A source is busy when a slot moves by so much between two pings. */
#define FLOWING_MS 500
#define FLOWING_BYTES (64 * 1024)

static void
set_source_status(CdcService *s)
{
	const char *message = NULL;
	const char *status = s->status;
	int			i;

	/* whether it runs its provider says, and more of it while we reach it */
	if (cdc_provided(s) && (s->pg.primary || !cdc_same(s->status, "running")))
		return;
	if (s->pg.primary)
	{
		if (!s->deleting)
			status = "running";
	}
	else
	{
		StringInfoData words;

		initStringInfo(&words);
		for (i = 0; i < s->pg.nnodes; i++)
		{
			CdcNode    *n = &s->pg.nodes[i];

			appendStringInfo(&words, "%s%s:%d %s", i ? "; " : "", n->address, n->port,
							 n->error ? n->error : n->in_recovery ? "is a standby" : "was not asked yet");
		}
		message = s->error ? s->error : words.data;
	}
	cdc_service_keep_status(s, status, s->kafka.addon_status, message);
}

static bool
is_claimant(const CdcService *s, const CdcNode *n)
{
	return n->reachable && !n->in_recovery &&
		(s->pg.system_identifier == 0 || n->system_identifier == s->pg.system_identifier);
}

/*
 * The node that is to be followed, or NULL: of those that claim to be primary
 * and belong to the cluster that we know the one with the highest timeline,
 * the present one among equals.  A node that is away and was seen on a higher
 * timeline holds all others back: they are what was failed over from.
 */
static CdcNode *
find_primary(CdcService *s)
{
	CdcNode    *primary = NULL;
	int			i;

	for (i = 0; i < s->pg.nnodes; i++)
	{
		CdcNode    *n = &s->pg.nodes[i];

		if (is_claimant(s, n) &&
			(primary == NULL || n->timeline > primary->timeline ||
			 (n->timeline == primary->timeline && n == s->pg.primary)))
			primary = n;
	}
	s->pg.other_primary = NULL;
	for (i = 0; primary && i < s->pg.nnodes; i++)
	{
		CdcNode    *n = &s->pg.nodes[i];

		if (n != primary && is_claimant(s, n))
			s->pg.other_primary = n;
		if (!n->reachable && s->pg.system_identifier != 0 && n->timeline > primary->timeline &&
			n->system_identifier == s->pg.system_identifier)
			return NULL;
	}
	return primary;
}

/*
 * Follows the primary that there is: connections of the databases go to it,
 * and what was seen before counts for no pipeline any more.
 */
static void
elect(CdcService *s)
{
	CdcNode    *primary = find_primary(s);
	CdcPipeline *p;
	ListCell   *cell;

	if (primary && s->pg.system_identifier == 0)
		cdc_service_keep_system(s, primary->system_identifier);
	if (primary)
		s->pg.lost_at = 0;
	else if (s->pg.lost_at == 0)
		s->pg.lost_at = cdc_loop_now();
	if (primary != s->pg.primary)
	{
		s->pg.primary = primary;
		cdc_each_of_source(p, s)
		{
			p->look.primary_lsn = 0;
			cdc_world_anew(p, CDC_ANEW_SOURCE | CDC_ANEW_NO_BACKOFF);
		}
		foreach(cell, s->pg.databases)
		{
			CdcSourceDb *db = lfirst(cell);

			if (db->node != primary && primary != NULL)
				cdc_world_hang_up(db);
			cdc_asks_again(db);
		}
	}
	set_source_status(s);
}

/* Does the file lack lines of a pipeline that it had?  What we added ourselves is none. */
static bool
lines_are_out(CdcNode *n, const char *words)
{
	const CdcHbaOurs *now = cdc_hba_ours(words);
	CdcPipeline *p;

	cdc_each_of_source(p, n->service)
	{
		if (!p->wanted.want_deleted && cdc_hba_left(n->hba_ours, p->id) && !cdc_hba_left(now, p->id))
			return true;
	}
	return false;
}

static void
note_hba(CdcNode *n, const char *words, bool cut, const char *error)
{
	char	   *hash = words ? cdc_wanted_hba_hash(n->service, words) : NULL;

	/*
	 * What a reload made active is no longer in the file: somebody took our
	 * lines out.  Twice within ten minutes is a manager of the file at work,
	 * not a slip.
	 */
	if (n->hba_loaded && hash && strcmp(n->hba_loaded, hash) != 0 &&
		n->hba_text && !n->hba_busy &&
		strcmp(cdc_wanted_hba_hash(n->service, n->hba_text), n->hba_loaded) == 0 && lines_are_out(n, words))
	{
		int64		now = cdc_loop_now();

		n->hba_vanished = (n->hba_vanished_at && now - n->hba_vanished_at < 600000) ? n->hba_vanished + 1 : 1;
		n->hba_vanished_at = now;
	}
	cdc_node_keep_hba(n, words);
	cdc_set_string(n->service->context, &n->hba_error, error);
	n->hba_cut = cut;
	cdc_registered_hba(n);
}

/*
 * Is what a node turned out to be the cluster that holds the metadata, without a
 * superuser's word that it may be a source?  It is the one server that trusts
 * this process, and its files have everybody's secrets.  A service that was
 * followed there by version 0.1 is followed on, and told.
 */
static bool
is_forbidden_metadata(CdcNode *n, uint64 system_identifier)
{
	CdcService *s = n->service;
	bool		is_ours = system_identifier == GetSystemIdentifier() && !s->pg.metadata_server;
	bool		forbidden = is_ours && s->pg.system_identifier != system_identifier;
	CdcFinding	finding = cdc_check(CDC_CHECK_METADATA_IS_SOURCE);

	finding.severity = forbidden ? CDC_SEVERITY_BLOCKER : CDC_SEVERITY_WARNING;
	finding.node = cdc_node_words(n);
	finding.observed = "this node belongs to the server that holds the metadata";
	finding.fix_sql = cdc_quote_format("SELECT cdc.update_service(%L, '{\"metadata_server\": true}')", s->id);
	cdc_finding_service(s, &finding, is_ours);
	return forbidden;
}

/* What a node answered, in its context in place of the last answer; NULL: it makes no sense. */
static CdcSourceObs *
read_answer(CdcNode *n, const CdcPgResult *result)
{
	CdcSourceObs *obs;
	MemoryContext old;
	CdcTri		spares = n->conf.patroni.spares;

	if (n->obs_context == NULL)
		n->obs_context = AllocSetContextCreate(n->service->context, "cdc_pipeline node", ALLOCSET_SMALL_SIZES);
	MemoryContextReset(n->obs_context);
	memset(&n->conf, 0, sizeof(n->conf));
	old = MemoryContextSwitchTo(n->obs_context);
	obs = cdc_probe_answer(result);
	MemoryContextSwitchTo(old);
	/* what Patroni asked just now may tell nothing */
	if (obs && obs->node.patroni.there && obs->node.patroni.spares == CDC_UNKNOWN)
		obs->node.patroni.spares = spares;
	return obs;
}

/* It is there, and so it is now.  Result: has it another pg_hba.conf? */
static bool
note_there(CdcNode *n, const CdcSourceObs *obs)
{
	bool		hba_changed = false;

	n->reachable = true;
	n->in_recovery = obs->in_recovery;
	cdc_node_keep_history(n, obs->system_identifier, obs->timeline);
	n->version = obs->version;
	n->is_superuser = obs->is_superuser;
	n->conf = obs->node;
	n->wal_lsn = obs->wal_lsn;
	n->free_slots = obs->free_slots;
	if (!n->hba_busy)
	{
		hba_changed = !cdc_same(n->hba_text, obs->hba_text) || !cdc_same(n->hba_error, obs->hba_error);
		note_hba(n, obs->hba_text, obs->hba_cut, obs->hba_error);
	}
	return hba_changed;
}

/* All is known of a look that has ended: obs, or NULL and error, why there is none.  Frees the probe. */
static void
note_node(CdcProbe *probe, CdcNode *n, CdcSourceObs *obs, char *error)
{
	CdcService *s = n->service;
	CdcPipeline *p;
	bool		changed = false;
	bool		hba_changed = false;

	n->probing = false;
	cdc_node_looked(n, probe->started);
	if (!n->reachable)
		n->pinged_at = cdc_loop_now();
	if (obs)
	{
		changed = !n->reachable || n->in_recovery != obs->in_recovery || n->timeline != obs->timeline;
		hba_changed = note_there(n, obs);
		if (s->pg.system_identifier != 0 && n->system_identifier != s->pg.system_identifier)
			error = psprintf("belongs to another cluster (system identifier " UINT64_FORMAT ")",
							 n->system_identifier);
		if (changed || !cdc_same(n->error, error))
		{
			cdc_dirty_node(n);
			n->last_seen = GetCurrentTimestamp();
		}
	}
	else
	{
		if (n->reachable || !cdc_same(n->error, error))
			cdc_dirty_node(n);
		n->reachable = false;
		cdc_history_forget(n);
	}
	cdc_set_string(s->context, &n->error, error);
	if (n->reachable && s->before_rules)
		cdc_registered_seen(s);
	elect(s);
	cdc_tend(s, CDC_TEND_LOOKS);
	cdc_each_of_source(p, s)
	{
		if (obs && n == s->pg.primary)
			cdc_failover_note_wal(p, obs, probe->started);
		/* a round does not wait for the nodes: what it finds in pg_hba.conf is judged now */
		if (p->look.waiting || hba_changed)
			cdc_world_ready(p);
		/* its connector goes on as soon as it can log in: before a promotion it is to be stopped */
		if (changed && cdc_failover_is_demoted(p))
			cdc_world_anew(p, CDC_ANEW_CONNECT | CDC_ANEW_NO_BACKOFF);
	}
	cdc_probe_free(probe);
}

/* Whatever came of it, its history is as known as it gets. */
static void
history_done(CdcProbe *probe, CdcNode *n)
{
	(void) cdc_history_complete(n, probe->obs);
	note_node(probe, n, probe->obs, NULL);
}

static void
node_done(const CdcPgResult *result, void *arg)
{
	CdcProbe   *probe = arg;
	CdcService *s = cdc_world_service(probe->world, probe->service_id);
	CdcNode    *n;
	CdcSourceObs *obs = NULL;
	char	   *error = NULL;

	if (s == NULL || probe->node >= s->pg.nnodes || result->outcome == CDC_PG_CANCELLED)
	{
		cdc_probe_free(probe);
		return;
	}
	n = &s->pg.nodes[probe->node];
	if (result->outcome == CDC_PG_OK)
		obs = read_answer(n, result);
	if (obs && is_forbidden_metadata(n, obs->system_identifier))
	{
		obs = NULL;
		error = pstrdup("is the server that holds the metadata, which is a source by a superuser's word only (metadata_server)");
	}
	else if (obs == NULL)
		error = pstrdup(result->error ? result->error : "the answer makes no sense");
	cdc_peer_said(s, cdc_node_words(n), result->said);
	probe->obs = obs;
	if (obs && (!cdc_history_complete(n, obs) || cdc_history_again(n)))
		cdc_history_ask(n, probe, history_done);
	else
		note_node(probe, n, obs, error);
}

/* An idle connection to a node has ended: whoever is primary now must be found. */
void
cdc_observe_lost(CdcPgConn *conn, void *arg)
{
	CdcService *s = arg;
	int			i;

	for (i = 0; i < s->pg.nnodes; i++)
		cdc_history_forget(&s->pg.nodes[i]);
	cdc_observe_nodes(s);
}

static void
open_admin(CdcNode *n)
{
	CdcPgTarget target;

	if (n->admin)
		return;
	cdc_reach_node(n, n->service->pg.admin_database, CDC_PEER_SOURCE, &target);
	n->admin = cdc_pg_open(&target);
	cdc_pg_watch(n->admin, cdc_observe_lost, n->service);
}

static void
probe_node(CdcService *s, int i)
{
	CdcNode    *n = &s->pg.nodes[i];
	CdcProbe   *probe;
	const char **slots;
	int			nslots = 0;
	CdcPipeline *p;
	char	   *ask;
	const char *params[1];

	if (n->probing)
		return;
	open_admin(n);
	slots = palloc(sizeof(char *) * (cdc_count_of_source(s) + 1));
	cdc_each_of_source(p, s)
		slots[nslots++] = p->object_name;
	ask = cdc_source_ask_node(slots, nslots);
	pfree(slots);
	params[0] = ask;
	probe = cdc_probe_make(s, NULL, 0);
	probe->node = i;
	n->probing = true;
	cdc_pg_exec(n->admin, cdc_source_observe_sql, 1, params, &cdc_shape_look, LOOK_TIMEOUT_MS, node_done, probe);
	pfree(ask);
}

void
cdc_observe_node(CdcNode *n)
{
	probe_node(n->service, (int) (n - n->service->pg.nodes));
}

void
cdc_observe_nodes(CdcService *s)
{
	int			i;

	for (i = 0; i < s->pg.nnodes; i++)
		probe_node(s, i);
}

bool
cdc_observe_nodes_since(CdcService *s, int64 when)
{
	int			i;

	for (i = 0; i < s->pg.nnodes; i++)
	{
		if (s->pg.nodes[i].probed_at < when)
			return false;
	}
	return true;
}

static bool
has_pipelines(const CdcService *s)
{
	CdcPipeline *p;

	cdc_each_of_source(p, s)
	{
		if (!p->kept.absent)
			return true;
	}
	return false;
}

/* Beside being there: how far the pipelines' slots are, for those on standbys, and who holds them. */
static const char *const ping_sql =
"SELECT pg_catalog.pg_is_in_recovery(), (SELECT pg_catalog.json_object_agg(s.slot_name,"
" pg_catalog.json_build_object('lsn', s.confirmed_flush_lsn, 'pid', s.active_pid))"
" FROM pg_catalog.pg_replication_slots AS s WHERE s.slot_type = 'logical' AND s.confirmed_flush_lsn IS NOT NULL"
" AND pg_catalog.starts_with(s.slot_name::text, '" CDC_OBJECT_PREFIX "'))";

/*
 * A slot of a Running pipeline that is gone, released or held by somebody else than when
 * it was looked at: what has happened is not left to the next round.
 */
static void
note_holder(CdcPipeline *p, struct json_object *slot)
{
	bool		there = p->look.seen && !p->look.seen_failed && p->look.seen->slot_exists && p->look.seen->slot_consistent;

	if (!cdc_is_up(p) || p->wanted.want_deleted || p->doing.op || p->look.waiting || p->plan.attempts > 0 || !there ||
		(slot && cdc_json_int64(slot, "pid", 0) == p->look.seen->slot_pid))
		return;
	cdc_world_anew(p, CDC_ANEW_SOURCE | CDC_ANEW_CONNECT);
}

static void
note_slots(CdcService *s, const char *words)
{
	struct json_object *slots = words ? cdc_json_parse(words) : NULL;
	CdcPipeline *p;

	s->pg.flowing = false;
	cdc_each_of_source(p, s)
	{
		struct json_object *slot = cdc_json_get(slots, p->object_name);
		uint64		lsn;

		note_holder(p, slot);
		lsn = cdc_lsn_member(slot, "lsn");
		s->pg.flowing = s->pg.flowing || (p->look.primary_lsn != 0 && lsn > p->look.primary_lsn + FLOWING_BYTES);
		p->look.primary_lsn = lsn;
	}
	json_object_put(slots);
	cdc_source_may_follow(s, true);
}

static void
ping_done(const CdcPgResult *result, void *arg)
{
	CdcProbe   *probe = arg;
	CdcService *s = cdc_world_service(probe->world, probe->service_id);
	CdcNode    *n;

	if (s == NULL || probe->node >= s->pg.nnodes || result->outcome == CDC_PG_CANCELLED)
	{
		cdc_probe_free(probe);
		return;
	}
	n = &s->pg.nodes[probe->node];
	n->pinging = false;
	cdc_tend(s, CDC_TEND_LOOKS);
	if (result->outcome == CDC_PG_OK)
	{
		/* demoted, or not the one that it was */
		if (strcmp(cdc_pg_value(result, 0, 0), n->in_recovery ? "t" : "f") != 0)
			cdc_observe_nodes(s);
		else if (n == s->pg.primary)
			note_slots(s, cdc_pg_isnull(result, 0, 1) ? NULL : cdc_pg_value(result, 0, 1));
	}
	else
	{
		n->reachable = false;
		cdc_history_forget(n);
		cdc_dirty_node(n);
		cdc_set_string(s->context, &n->error, result->error ? result->error : "the answer makes no sense");
		elect(s);
		cdc_observe_nodes(s);
	}
	cdc_probe_free(probe);
}

/*
 * A primary whose network is cut closes no connection: it is asked whether it
 * is there, so often that its silence is known within source_dead_after.
 */
static int64
ping_interval(const CdcService *s)
{
	int64		interval = Max(cdc_source_dead_after / 2, 50);

	/* while slots move, those on standbys are to move with them */
	return s->pg.flowing ? Min(interval, FLOWING_MS) : interval;
}

static void
ping(CdcService *s)
{
	CdcNode    *n = s->pg.primary;
	CdcProbe   *probe;

	if (n->pinging)
		return;
	if (n->pinger == NULL)
	{
		CdcPgTarget target;

		cdc_reach_node(n, n->service->pg.admin_database, CDC_PEER_PING, &target);
		n->pinger = cdc_pg_open(&target);
		cdc_pg_watch(n->pinger, cdc_observe_lost, s);
	}
	probe = cdc_probe_make(s, NULL, 0);
	probe->node = (int) (n - s->pg.nodes);
	n->pinging = true;
	n->pinged_at = probe->started;
	cdc_pg_exec(n->pinger, ping_sql, 0, NULL, &cdc_shape_ping, cdc_source_dead_after, ping_done, probe);
}

static int64
search_interval(const CdcService *s, int64 now)
{
	return now - s->pg.lost_at < SEARCH_FIRST_FOR_MS ? SEARCH_FIRST_MS : SEARCH_LAST_MS;
}

int64
cdc_observe_source_due(CdcService *s)
{
	int64		now = cdc_loop_now();
	int64		next;

	if (!s->is_postgresql || s->pg.nnodes == 0 || s->pg.system_identifier == 0 || !has_pipelines(s))
		return 0;
	if (s->pg.standbys_since != 0 && (s->pg.slot_turn.holder == NULL || now - s->pg.standbys_since > STANDBYS_WAIT_MS))
	{
		cdc_source_want_standbys(s, false);
		cdc_observe_nodes(s);
	}
	if (s->pg.primary)
	{
		if (now >= s->pg.primary->pinged_at + ping_interval(s))
			ping(s);
		next = Max(s->pg.primary->pinged_at + ping_interval(s), now + 50);
	}
	else
	{
		if (now >= s->pg.searched_at + search_interval(s, now))
		{
			s->pg.searched_at = now;
			cdc_observe_nodes(s);
		}
		next = s->pg.searched_at + search_interval(s, now);
	}
	return s->pg.standbys_since == 0 ? next : Min(next, now + STANDBYS_LOOK_MS);
}
