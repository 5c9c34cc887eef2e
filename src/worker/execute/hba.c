/*
 * hba.c
 *	  Our block of pg_hba.conf on every reachable node of a source.
 *
 * Two statements a node: read; write beside and rename, check and load; a third
 * where what came of that is to be put back, or who has the lock is asked for.  The
 * lock is held by the program that writes, and by nothing else: no session of any
 * role can hold it.  Whoever writes between our two statements is seen by the
 * file's digest, and it is read again.  The text is pg_hba.c's business.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "common/text.h"
#include "remote/pg_hba.h"
#include "worker/execute/execute_parts.h"
#include "worker/world/index.h"
#include "worker/world/node_hba.h"
#include "worker/world/node_look.h"
#include "worker/world/service_kept.h"
#include "worker/world/shapes.h"
#include "worker/world/wanted.h"

#define HBA_TIMEOUT_MS 15000

/* So often it is read again because somebody else wrote meanwhile: a moment of another control plane. */
#define READ_AGAIN 20

/*
 * A control plane of 0.1 writes under this advisory lock ("cdc_hba" as a number): it
 * waits for who has it.  Any role can take it, so nobody waits for it here.  The
 * status of the program is in a DETAIL, which is not to be translated.
 */
#define BEFORE_WRITE_SQL \
	"SELECT pg_catalog.pg_try_advisory_xact_lock(7161110432058466); " \
	"SELECT pg_catalog.set_config('lc_messages', 'C', true) WHERE pg_catalog.current_setting('is_superuser') = 'on'; "

typedef enum CdcHbaPhase
{
	HBA_READ,
	HBA_WRITE,
	HBA_LOAD,
	HBA_RESTORE,
	HBA_HOLDER
} CdcHbaPhase;

/* One pg_hba operation of one pipeline over all nodes. */
typedef struct CdcHbaJob
{
	CdcOpRef	ref;
	char		service_id[CDC_UUID_LEN + 1];
	MemoryContext context;
	int			left;			/* nodes that are not done */
	bool		passed;			/* one was passed over, whose file is a manager's */
	CdcOpEnd	end;			/* worst so far */
	char	   *words;
} CdcHbaJob;

typedef struct CdcHbaNode
{
	CdcHbaJob  *job;
	int			node;
	CdcHbaPhase phase;
	MemoryContext context;		/* holds what follows, until it is read again */
	char	   *path;
	char	   *old;			/* file as read */
	char	   *new;			/* file as wanted */
	int			old_errors;		/* errors that were the user's before */
	int			reads;			/* how often it was read */
	char	   *failure;		/* why, when putting back or giving up; of the job's context */
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
			cdc_node_keep_hba(n, h->new);
			cdc_node_keep_hba_loaded(n);
		}
		else
		{
			/* what is in the file now is not known: look again; what is there may be ours, and is nobody else's doing */
			cdc_node_forget_look(n);
			if (h->unknown)
				cdc_node_forget_hba_loaded(n);
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
			cdc_nodes_want_look(s);
		cdc_op_end(job->ref, job->end, job->words);
		MemoryContextDelete(job->context);
	}
}

/*
 * All lines that pipelines of this source want, so that many need one write; and
 * those go of whom nothing else is left to do.
 */
static char *
wanted_text(CdcHbaNode *h, CdcService *s)
{
	CdcHbaJob  *job = h->job;
	CdcHbaLine *all = NULL;
	const char **removed;
	int			nall = 0;
	int			nremoved = 0;
	bool		theirs = cdc_hba_manager(h->old) != NULL;
	CdcPipeline *p;

	removed = palloc(sizeof(char *) * (cdc_count_of_source(s) + 1));
	cdc_each_of_source(p, s)
	{
		CdcHbaLine *lines;
		int			n;

		if (p->wanted.want_deleted)
		{
			if (strcmp(p->id, job->ref.id) == 0 || p->plan.decision.action == CDC_ACT_REMOVE_HBA)
				removed[nremoved++] = p->id;
			continue;
		}
		if (theirs || (strcmp(p->id, job->ref.id) != 0 && p->kept.status == CDC_PENDING))
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
	static const CdcPgShape *const shapes[] =
	{
		[HBA_READ] = &cdc_shape_hba,
		[HBA_WRITE] = &cdc_shape_hba_load,
		[HBA_LOAD] = &cdc_shape_hba_load,
		[HBA_HOLDER] = &cdc_shape_hba_holder,
		[HBA_RESTORE] = NULL
	};
	CdcNode    *n = node_of(h);

	h->phase = phase;
	if (n == NULL || n->admin == NULL)
	{
		h->failure = "the service is gone";
		finish_node(h);
		return;
	}
	cdc_pg_exec(n->admin, sql, 0, NULL, shapes[phase], HBA_TIMEOUT_MS, step_done, h);
}

static char *
keep(CdcHbaNode *h, const char *words)
{
	return words ? MemoryContextStrdup(h->context, words) : NULL;
}

static void
give_up(CdcHbaNode *h, const char *why)
{
	h->failure = MemoryContextStrdup(h->job->context, why);
	finish_node(h);
}

static void
read_file(CdcHbaNode *h)
{
	MemoryContextReset(h->context);
	h->reads++;
	send(h, HBA_READ, CDC_HBA_READ_SQL);
}

/* Who we are, for another control plane that waits for us. */
static char *
writer_words(const CdcHbaNode *h)
{
	const char *installation = h->job->ref.world->installation;

	return psprintf("cdc_pipeline installation %s,", installation ? installation : "unknown");
}

static char *
write_sql(CdcHbaNode *h, const char *from_sha, const char *to, const char *after)
{
	return psprintf(BEFORE_WRITE_SQL "%s; %s", cdc_hba_write_sql(h->path, from_sha, to, writer_words(h)), after);
}

/*
 * The program that writes goes on when its session is ended, or its statement is
 * (57014, 57P01, 25P04: by an administrator, a timeout), whatever the server said of it.
 */
static bool
may_have_written(const CdcPgResult *result)
{
	return result->outcome == CDC_PG_LOST || result->outcome == CDC_PG_CANCELLED ||
		(result->outcome == CDC_PG_ERROR && (strncmp(result->sqlstate, "57", 2) == 0 || strcmp(result->sqlstate, "25P04") == 0));
}

static void
step_failed(CdcHbaNode *h, const CdcPgResult *result)
{
	const char *why = result->error ? result->error : "connection closed";
	bool		program = result->outcome == CDC_PG_ERROR && strcmp(result->sqlstate, "38000") == 0;
	int			status = program ? cdc_hba_exit_status(result->detail) : 0;

	if (h->phase == HBA_WRITE && status == CDC_HBA_CHANGED && h->reads < READ_AGAIN)
	{
		read_file(h);
		return;
	}
	if (h->phase == HBA_WRITE && status == CDC_HBA_LOCKED)
	{
		h->failure = MemoryContextStrdup(h->job->context, cdc_hba_write_failed(result->detail));
		send(h, HBA_HOLDER, CDC_HBA_HOLDER_SQL);
		return;
	}
	h->unknown = h->unknown || (may_have_written(result) && (h->phase == HBA_WRITE || h->phase == HBA_RESTORE));
	if (program && cdc_hba_write_failed(result->detail))
		why = cdc_hba_write_failed(result->detail);
	/* what was to be told anyway says more than what failed behind it */
	if (h->failure)
		finish_node(h);
	else
		give_up(h, why);
}

/* The file is here: is there anything to write? */
static void
file_read(CdcHbaNode *h, const CdcPgResult *result, CdcService *s)
{
	if (cdc_pg_isnull(result, 0, 1))
	{
		give_up(h, "pg_hba.conf is larger than 512 kB, which is more than is read and written: shorten it, or write the lines yourself and set manage_hba to false");
		return;
	}
	h->path = keep(h, cdc_pg_value(result, 0, 0));
	h->old = keep(h, cdc_hba_decode(cdc_pg_value(result, 0, 1)));
	h->old_errors = atoi(cdc_pg_value(result, 0, 3));
	if (h->old == NULL)
	{
		give_up(h, "pg_hba.conf cannot be read");
		return;
	}
	h->new = keep(h, wanted_text(h, s));
	if (h->new == NULL)
	{
		char	   *why = cdc_hba_broken(h->old);

		give_up(h, why ? psprintf("the managed block of pg_hba.conf was edited by hand: %s: mend or remove its marker lines", why) :
				"no line of pg_hba.conf can be written for this database and network");
	}
	else if (strcmp(h->old, h->new) == 0)
		send(h, HBA_LOAD, CDC_HBA_LOAD_SQL);
	else
		send(h, HBA_WRITE, write_sql(h, cdc_pg_value(result, 0, 2), h->new, CDC_HBA_LOAD_SQL));
}

/* The file is as it should be: does the server load it? */
static void
file_loaded(CdcHbaNode *h, const CdcPgResult *result)
{
	int			errors = cdc_pg_ntuples(result);

	if (errors == 1 && cdc_pg_isnull(result, 0, 1))
		finish_node(h);
	else if (errors == 0)
		give_up(h, "the server could not be told to load pg_hba.conf");
	else if (h->phase == HBA_WRITE && errors > h->old_errors)
	{
		/* our lines broke the file: put back what was there */
		h->failure = MemoryContextStrdup(h->job->context, psprintf("the server refuses our line: %s", cdc_pg_value(result, 0, 1)));
		send(h, HBA_RESTORE, write_sql(h, cdc_hba_sha256(h->new), h->old, ""));
	}
	else
		give_up(h, psprintf("line %s: %s: no reload works until it is mended", cdc_pg_value(result, 0, 0), cdc_pg_value(result, 0, 1)));
}

static void
step_done(const CdcPgResult *result, void *arg)
{
	CdcHbaNode *h = arg;
	CdcNode    *n = node_of(h);
	char	   *holder;

	if (n == NULL)
	{
		h->failure = "the service is gone";
		finish_node(h);
		return;
	}
	if (result->outcome != CDC_PG_OK)
	{
		step_failed(h, result);
		return;
	}
	switch (h->phase)
	{
		case HBA_READ:
			file_read(h, result, n->service);
			break;
		case HBA_WRITE:
		case HBA_LOAD:
			file_loaded(h, result);
			break;
		case HBA_RESTORE:
			finish_node(h);
			break;
		case HBA_HOLDER:
			holder = cdc_hba_holder(cdc_pg_value(result, 0, 0));
			if (holder)
			{
				char		line[256];

				cdc_text_line(line, sizeof(line), holder);
				give_up(h, psprintf("%s: %s", h->failure, line));
			}
			else
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
	job->end = CDC_OP_DONE;
	job->left = 1;				/* this function's own, so that none ends it early */
	for (i = 0; i < s->pg.nnodes; i++)
	{
		CdcNode    *n = &s->pg.nodes[i];
		CdcHbaNode *h;

		if (!n->reachable || n->admin == NULL)
			continue;
		/* into a file that somebody writes anew at will no line goes; what is left there is taken out */
		if (!cdc_node_writes_hba(n) && !op->pipeline->wanted.want_deleted)
		{
			job->passed = true;
			continue;
		}
		h = MemoryContextAllocZero(context, sizeof(CdcHbaNode));
		h->job = job;
		h->node = i;
		h->context = AllocSetContextCreate(context, "cdc_pipeline pg_hba of a node", ALLOCSET_SMALL_SIZES);
		job->left++;
		n->hba_busy = true;
		read_file(h);
	}
	if (--job->left == 0)
	{
		cdc_op_end(job->ref, job->passed ? CDC_OP_DONE : CDC_OP_FAILED,
				   job->passed ? NULL : "no node of the source is reachable");
		MemoryContextDelete(context);
	}
}
