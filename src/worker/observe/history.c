/*
 * history.c
 *	  The history of a primary's timeline, where the administrator may not read
 *	  files: a walsender tells it to whoever has REPLICATION.
 *
 * See observe_parts.h.  Changes nothing on a source.  A superuser has it with each
 * look, which costs no session (source_observe.c); others ask once for each timeline
 * of a node, and again where that failed.  The session names the database, since
 * pg_hba.conf lets such a one in where it lets in every other session of that user;
 * one without would need a line for "replication".
 */
#include "postgres.h"

#include <stdlib.h>

#include "utils/memutils.h"

#include "common/quote.h"
#include "worker/observe/observe_parts.h"
#include "worker/world/checks.h"
#include "worker/world/facts.h"
#include "worker/world/index.h"
#include "worker/world/reach.h"
#include "worker/world/shapes.h"

/* Who waits for it is a failover. */
#define HISTORY_TIMEOUT_MS 3000

/* What could not be learned is asked again. */
#define HISTORY_AGAIN_MS 60000

typedef struct CdcHistoryAsk
{
	CdcProbe   *probe;
	CdcHistoryDone done;
} CdcHistoryAsk;

static void
tell(CdcNode *n, const char *why)
{
	CdcFinding	finding = cdc_check(CDC_CHECK_HISTORY_UNREAD);

	finding.node = cdc_node_words(n);
	finding.observed = why;
	finding.fix_sql = cdc_quote_format("ALTER ROLE %I REPLICATION", n->service->pg.admin_user);
	cdc_finding_service(n->service, &finding, why != NULL);
}

static bool
is_asked(const CdcNode *n, const CdcSourceObs *obs)
{
	return n->history.asked_at != 0 && n->history.system_identifier == obs->system_identifier && n->history.timeline == obs->timeline;
}

bool
cdc_history_complete(CdcNode *n, CdcSourceObs *obs)
{
	if (obs->is_superuser || obs->in_recovery)
	{
		tell(n, NULL);
		return true;
	}
	if (!obs->may_replicate)
	{
		tell(n, psprintf("admin_user \"%s\" is no superuser and lacks REPLICATION", n->service->pg.admin_user));
		return true;
	}
	/* the first has none */
	if (obs->timeline == 1)
	{
		tell(n, NULL);
		return true;
	}
	if (!is_asked(n, obs))
		return false;
	if (n->history.known)
		tell(n, NULL);
	obs->history_known = n->history.known;
	obs->history = n->history.switches;
	obs->nhistory = n->history.n;
	return true;
}

bool
cdc_history_again(const CdcNode *n)
{
	return n->history.asked_at != 0 && !n->history.known && cdc_loop_now() - n->history.asked_at >= HISTORY_AGAIN_MS;
}

void
cdc_history_forget(CdcNode *n)
{
	if (n->history.switches)
		pfree(n->history.switches);
	n->history.switches = NULL;
	n->history.n = 0;
	n->history.known = false;
	n->history.asked_at = 0;
}

/* The node that is asked, or NULL: it has gone, and the ask with it. */
static CdcNode *
asked_node(CdcHistoryAsk *ask, const CdcPgResult *result)
{
	CdcService *s = cdc_world_service(ask->probe->world, ask->probe->service_id);

	if (s && ask->probe->node < s->pg.nnodes && result->outcome != CDC_PG_CANCELLED)
		return &s->pg.nodes[ask->probe->node];
	cdc_probe_free(ask->probe);
	pfree(ask);
	return NULL;
}

/* It is over: as it went is remembered.  why NULL: the history is known. */
static void
ended(CdcHistoryAsk *ask, CdcNode *n, const char *why)
{
	CdcPgConn  *conn;

	n->history.asked_at = cdc_loop_now();
	n->history.system_identifier = ask->probe->obs->system_identifier;
	n->history.timeline = ask->probe->obs->timeline;
	n->history.known = why == NULL;
	tell(n, why);
	ask->done(ask->probe, n);
	conn = n->history.conn;
	n->history.conn = NULL;
	pfree(ask);
	cdc_pg_close(conn);
}

static void
history_told(const CdcPgResult *result, void *arg)
{
	CdcHistoryAsk *ask = arg;
	CdcNode    *n = asked_node(ask, result);
	MemoryContext old;

	if (n == NULL)
		return;
	if (result->outcome != CDC_PG_OK)
	{
		ended(ask, n, psprintf("TIMELINE_HISTORY failed: %s", result->error));
		return;
	}
	old = MemoryContextSwitchTo(n->service->context);
	n->history.switches = cdc_source_read_history(cdc_pg_value(result, 0, 1), &n->history.n);
	MemoryContextSwitchTo(old);
	ended(ask, n, NULL);
}

/* Is it the server that was looked at, and as it was then? */
static void
identified(const CdcPgResult *result, void *arg)
{
	CdcHistoryAsk *ask = arg;
	CdcNode    *n = asked_node(ask, result);
	char	   *sql;

	if (n == NULL)
		return;
	if (result->outcome != CDC_PG_OK)
	{
		ended(ask, n, psprintf("a replication session failed: %s", result->error));
		return;
	}
	if (strtoull(cdc_pg_value(result, 0, 0), NULL, 10) != ask->probe->obs->system_identifier ||
		strtoull(cdc_pg_value(result, 0, 1), NULL, 10) != ask->probe->obs->timeline)
	{
		ended(ask, n, "a replication session came to another server, or to another timeline of it");
		return;
	}
	sql = cdc_source_history_sql(ask->probe->obs->timeline);
	cdc_pg_exec(n->history.conn, sql, 0, NULL, &cdc_shape_history, HISTORY_TIMEOUT_MS, history_told, ask);
	pfree(sql);
}

void
cdc_history_ask(CdcNode *n, CdcProbe *probe, CdcHistoryDone done)
{
	CdcHistoryAsk *ask = MemoryContextAlloc(TopMemoryContext, sizeof(CdcHistoryAsk));
	CdcPgTarget target;

	ask->probe = probe;
	ask->done = done;
	cdc_history_forget(n);
	/* of an ask that ended by an ERROR of ours */
	if (n->history.conn)
		cdc_pg_close(n->history.conn);
	cdc_reach_node(n, n->service->pg.admin_database, CDC_PEER_SOURCE, &target);
	target.replication = true;
	n->history.conn = cdc_pg_open(&target);
	cdc_pg_exec(n->history.conn, "IDENTIFY_SYSTEM", 0, NULL, &cdc_shape_identity, HISTORY_TIMEOUT_MS, identified, ask);
}
