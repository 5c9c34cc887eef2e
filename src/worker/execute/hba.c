/*
 * hba.c
 *	  Our block of pg_hba.conf on every reachable node of a source.
 *
 * A chain of statements a node: lock, read, write beside and rename, check
 * before the reload, reload or put back, unlock.  The lock is an advisory one
 * in one fixed database (they are per database); another control plane's
 * writer waits its turn.  The text is pg_hba.c's business.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "extension/settings.h"
#include "remote/pg_hba.h"
#include "worker/execute/execute_parts.h"
#include "worker/world/index.h"
#include "worker/world/wanted.h"
#include "worker/world/shapes.h"

#define HBA_TIMEOUT_MS 15000

/* "cdc_hba" as a number; every control plane uses the same. */
#define LOCK_SQL "SELECT pg_catalog.pg_advisory_lock(7161110432058466)"
#define UNLOCK_SQL "SELECT pg_catalog.pg_advisory_unlock(7161110432058466)"
#define RELOAD_SQL "SELECT pg_catalog.pg_reload_conf()"

typedef enum CdcHbaPhase
{
	HBA_LOCK,
	HBA_READ,
	HBA_CHECK_BEFORE,
	HBA_WRITE,
	HBA_CHECK,
	HBA_RESTORE,
	HBA_RELOAD,
	HBA_UNLOCK
} CdcHbaPhase;

/* One pg_hba operation of one pipeline over all nodes. */
typedef struct CdcHbaJob
{
	CdcOpRef	ref;
	char		service_id[CDC_UUID_LEN + 1];
	MemoryContext context;
	bool		removing;
	int			left;			/* nodes that are not done */
	CdcOpEnd	end;			/* worst so far */
	char	   *words;
} CdcHbaJob;

typedef struct CdcHbaNode
{
	CdcHbaJob  *job;
	int			node;
	CdcHbaPhase phase;
	char	   *path;
	char	   *old;			/* file as read */
	char	   *new;			/* file as wanted */
	char	   *old_sha;
	int			old_errors;		/* errors that were the user's before */
	char	   *failure;		/* why, when putting back or giving up */
	bool		unknown;
} CdcHbaNode;

static CdcNode *
node_of(CdcHbaNode *h)
{
	CdcService *s = cdc_world_service(h->job->ref.world, h->job->service_id);

	return s && h->node < s->pg.nnodes ? &s->pg.nodes[h->node] : NULL;
}

static void
finish_node(CdcHbaNode *h)
{
	CdcHbaJob  *job = h->job;
	CdcNode    *n = node_of(h);

	if (n)
	{
		n->hba_busy = false;
		if (h->failure == NULL)
		{
			cdc_set_string(n->service->context, &n->hba_text, h->new);
			cdc_set_string(n->service->context, &n->hba_hash, cdc_wanted_hba_hash(n->service, h->new));
			cdc_set_string(n->service->context, &n->hba_loaded, n->hba_hash);
			cdc_dirty_node(n);
		}
		else
		{
			/* what is in the file now is not known: look again */
			n->probed_at = 0;
		}
	}
	if (h->failure)
	{
		job->end = h->unknown ? CDC_OP_UNKNOWN : job->end == CDC_OP_DONE ? CDC_OP_FAILED : job->end;
		if (job->words == NULL)
			job->words = MemoryContextStrdup(job->context,
											 psprintf("%s:%d: %s", n ? n->address : "?", n ? n->port : 0, h->failure));
	}
	if (--job->left == 0)
	{
		CdcService *s = cdc_world_service(job->ref.world, job->service_id);

		if (s && job->end != CDC_OP_DONE)
			cdc_world_want_nodes(s);
		cdc_op_end(job->ref, job->end, job->words);
		MemoryContextDelete(job->context);
	}
}

/* All lines that pipelines of this source want, so that many need one write. */
static char *
wanted_text(CdcHbaNode *h, CdcService *s)
{
	CdcHbaJob  *job = h->job;
	CdcHbaLine *all = NULL;
	const char **removed;
	int			nall = 0;
	int			nremoved = 0;
	CdcPipeline *p;

	removed = palloc(sizeof(char *) * (cdc_count_of_source(s) + 1));
	cdc_each_of_source(p, s)
	{
		CdcHbaLine *lines;
		int			n;

		if (p->wanted.want_deleted)
		{
			if (strcmp(p->id, job->ref.id) == 0)
				removed[nremoved++] = p->id;
			continue;
		}
		if (strcmp(p->id, job->ref.id) != 0 && p->kept.status == CDC_PENDING)
			continue;
		lines = cdc_wanted_hba_lines(p, &n);
		all = all ? repalloc(all, sizeof(CdcHbaLine) * (nall + n + 1)) : palloc(sizeof(CdcHbaLine) * (n + 1));
		memcpy(all + nall, lines, sizeof(CdcHbaLine) * n);
		nall += n;
	}
	return cdc_hba_apply(h->old, all, nall, removed, nremoved);
}

static void step_done(const CdcPgResult *result, void *arg);

static void
send(CdcHbaNode *h, CdcHbaPhase phase, const char *sql)
{
	CdcNode    *n = node_of(h);

	h->phase = phase;
	if (n == NULL || n->admin == NULL)
	{
		h->failure = "the service is gone";
		finish_node(h);
		return;
	}
	cdc_pg_exec(n->admin, sql, 0, NULL, phase == HBA_READ ? &cdc_shape_hba : phase == HBA_CHECK || phase == HBA_CHECK_BEFORE ? &cdc_shape_hba_errors : NULL,
				HBA_TIMEOUT_MS, step_done, h);
}

static char *
keep(CdcHbaNode *h, const char *words)
{
	return words ? MemoryContextStrdup(h->job->context, words) : NULL;
}

static void
step_failed(CdcHbaNode *h, const CdcPgResult *result)
{
	bool		lost = result->outcome != CDC_PG_ERROR;

	if (h->failure == NULL)
		h->failure = keep(h, result->error ? result->error : "connection closed");
	h->unknown = h->unknown || (lost && h->phase == HBA_WRITE);
	if (lost || h->phase == HBA_UNLOCK)
	{
		CdcNode    *n = node_of(h);

		if (n && n->admin)
			cdc_pg_reset(n->admin); /* a session's lock goes with it */
		finish_node(h);
	}
	else
		send(h, HBA_UNLOCK, UNLOCK_SQL);
}

static void
step_done(const CdcPgResult *result, void *arg)
{
	CdcHbaNode *h = arg;
	CdcNode    *n = node_of(h);

	if (result->outcome != CDC_PG_OK || n == NULL)
	{
		if (n == NULL)
		{
			h->failure = "the service is gone";
			finish_node(h);
		}
		else
			step_failed(h, result);
		return;
	}
	switch (h->phase)
	{
		case HBA_LOCK:
			send(h, HBA_READ, CDC_HBA_READ_SQL);
			break;
		case HBA_READ:
			if (cdc_pg_isnull(result, 0, 1))
			{
				h->failure = "pg_hba.conf is larger than 512 kB, which is more than is read and written: shorten it, or write the lines yourself and set manage_hba to false";
				send(h, HBA_UNLOCK, UNLOCK_SQL);
				break;
			}
			h->path = keep(h, cdc_pg_value(result, 0, 0));
			h->old = keep(h, cdc_hba_decode(cdc_pg_value(result, 0, 1)));
			h->old_sha = keep(h, cdc_pg_value(result, 0, 2));
			if (h->old == NULL)
			{
				h->failure = "pg_hba.conf cannot be read";
				send(h, HBA_UNLOCK, UNLOCK_SQL);
				break;
			}
			h->new = keep(h, wanted_text(h, n->service));
			if (h->new == NULL)
			{
				char	   *why = cdc_hba_broken(h->old);

				h->failure = why ? keep(h, psprintf("the managed block of pg_hba.conf was edited by hand: %s: mend or remove its marker lines", why)) :
					"no line of pg_hba.conf can be written for this database and network";
				send(h, HBA_UNLOCK, UNLOCK_SQL);
			}
			else if (strcmp(h->old, h->new) == 0)
				send(h, HBA_RELOAD, RELOAD_SQL);
			else
				send(h, HBA_CHECK_BEFORE, CDC_HBA_ERRORS_SQL);
			break;
		case HBA_CHECK_BEFORE:
			h->old_errors = cdc_pg_ntuples(result);
			send(h, HBA_WRITE, cdc_hba_write_sql(h->path, h->old_sha, h->new));
			break;
		case HBA_WRITE:
			send(h, HBA_CHECK, CDC_HBA_ERRORS_SQL);
			break;
		case HBA_CHECK:
			if (cdc_pg_ntuples(result) > h->old_errors)
			{
				/* our lines broke the file: put back what was there */
				h->failure = keep(h, psprintf("the server refuses our line: %s", cdc_pg_value(result, 0, 1)));
				send(h, HBA_RESTORE, cdc_hba_write_sql(h->path, cdc_hba_sha256(h->new), h->old));
			}
			else if (cdc_pg_ntuples(result) > 0)
			{
				h->failure = keep(h, psprintf("line %s: %s: no reload works until it is mended",
											  cdc_pg_value(result, 0, 0), cdc_pg_value(result, 0, 1)));
				send(h, HBA_UNLOCK, UNLOCK_SQL);
			}
			else
				send(h, HBA_RELOAD, RELOAD_SQL);
			break;
		case HBA_RESTORE:
		case HBA_RELOAD:
			send(h, HBA_UNLOCK, UNLOCK_SQL);
			break;
		case HBA_UNLOCK:
			finish_node(h);
			break;
	}
}

void
cdc_execute_hba(CdcOp *op)
{
	CdcService *s = op->pipeline->source;
	MemoryContext context;
	CdcHbaJob  *job;
	int			i;

	context = AllocSetContextCreate(TopMemoryContext, "cdc_pipeline pg_hba", ALLOCSET_SMALL_SIZES);
	job = MemoryContextAllocZero(context, sizeof(CdcHbaJob));
	job->ref = cdc_op_ref(op);
	strlcpy(job->service_id, s->id, sizeof(job->service_id));
	job->context = context;
	job->removing = op->action == CDC_ACT_REMOVE_HBA;
	job->end = CDC_OP_DONE;
	job->left = 1;				/* this function's own, so that none ends it early */
	for (i = 0; i < s->pg.nnodes; i++)
	{
		CdcNode    *n = &s->pg.nodes[i];
		CdcHbaNode *h;

		if (!n->reachable || n->admin == NULL)
			continue;
		h = MemoryContextAllocZero(context, sizeof(CdcHbaNode));
		h->job = job;
		h->node = i;
		job->left++;
		n->hba_busy = true;
		send(h, HBA_LOCK, LOCK_SQL);
	}
	if (--job->left == 0)
	{
		cdc_op_end(job->ref, CDC_OP_FAILED,
				   "no node of the source is reachable");
		MemoryContextDelete(context);
	}
}
