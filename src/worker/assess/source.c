/*
 * source.c
 *	  The source's side of a snapshot: pg_hba, role, tables, publication,
 *	  slot, and how the slot moves.
 *
 * See assess.h.
 */
#include "postgres.h"

#include "common/lsn.h"
#include "common/object_names.h"
#include "extension/settings.h"
#include "remote/source_columns.h"
#include "worker/assess/assess_parts.h"
#include "worker/world/facts.h"
#include "worker/world/fence.h"
#include "worker/world/index.h"
#include "worker/world/node_hba.h"
#include "worker/world/slot_starts.h"
#include "worker/world/streamed.h"
#include "worker/world/wanted.h"

/* A neighbour that is at the source and makes its slot holds the others up no longer than this. */
#define NEIGHBOUR_DEADLINE_MS 120000

/*
 * One whose snapshot takes but a moment holds nobody up: most of its turn its
 * task is only starting, and the next one's may start meanwhile.
 */
#define SMALL_NEIGHBOUR_MS 120
#define NEIGHBOUR_LOOK_MS 100	/* its end wakes who waits; who holds it up may be another by then */

/* Where which line is missing, as its owner types it. */
static char *
line_to_add(const CdcNode *n, const CdcHbaLine *line)
{
	char	   *words = line == NULL ? NULL : n->hba_manager ? cdc_hba_line_for_manager(line, n->version) : cdc_hba_line(line);

	return psprintf("%s:%d, add %s%s", n->address, n->port,
					n->hba_manager ? "to postgresql.pg_hba in Patroni's dynamic configuration (patronictl edit-config): - " : "there: ",
					words ? words : "no line can be made for this database and network");
}

static void
assess_hba(const CdcPipeline *p, CdcAssessment *a)
{
	CdcSnapshot *s = &a->snapshot;
	const CdcService *source = p->source;
	CdcHbaLine *lines;
	int			nlines;
	int			i;
	CdcHba		worst = CDC_HBA_UNKNOWN;
	bool		left = false;
	bool		left_known = false;

	s->unreachable_standby = CDC_NO;
	lines = cdc_wanted_hba_lines(p, &nlines);
	for (i = 0; i < source->pg.nnodes; i++)
	{
		const CdcNode *n = &source->pg.nodes[i];
		CdcHba		state;

		if (!n->reachable || (source->pg.system_identifier && n->system_identifier != source->pg.system_identifier))
		{
			s->unreachable_standby = CDC_YES;
			continue;
		}
		if (n->hba_text == NULL)
			state = source->pg.manage_hba ? CDC_HBA_UNKNOWN : CDC_HBA_OK;
		else
		{
			bool		here = cdc_hba_left(n->hba_ours, p->id);

			left_known = true;
			left = left || here;
			if (nlines == 0)
				state = CDC_HBA_UNKNOWN;	/* where Connect comes from is not known yet */
			else if (!cdc_node_writes_hba(n))
				state = cdc_node_refuses_hba(n, lines, nlines) ? CDC_HBA_UNMANAGED : CDC_HBA_OK;
			else if (cdc_hba_has(n->hba_ours, lines, nlines))
				state = cdc_same(n->hba_loaded, n->hba_hash) ?
					CDC_HBA_OK : CDC_HBA_NOT_LOADED;
			else
				state = CDC_HBA_MISSING;
			/* who takes our lines out may have let us in himself */
			if (state == CDC_HBA_MISSING && n->hba_vanished >= 2)
				state = cdc_node_refuses_hba(n, lines, nlines) ? CDC_HBA_UNMANAGED : CDC_HBA_OK;
			if (state == CDC_HBA_UNMANAGED)
			{
				state = source->pg.manage_hba ? CDC_HBA_FOUGHT : CDC_HBA_UNMANAGED;
				cdc_set_detail(a, CDC_DETAIL_HBA, line_to_add(n, nlines > 0 ? &lines[0] : NULL));
			}
			else if (state != CDC_HBA_OK && n->hba_error)
			{
				state = CDC_HBA_BROKEN;
				cdc_set_detail(a, CDC_DETAIL_HBA, psprintf("%s:%d, %s", n->address, n->port, n->hba_error));
			}
			else if (state != CDC_HBA_OK && a->details[CDC_DETAIL_HBA] == NULL)
				cdc_set_detail(a, CDC_DETAIL_HBA, cdc_node_words(n));
		}
		/* the worst known state wins; a node that needs work before one that is well */
		if (worst == CDC_HBA_UNKNOWN || worst == CDC_HBA_OK ||
			(state != CDC_HBA_OK && state > worst))
			worst = state == CDC_HBA_UNKNOWN ? worst : state;
	}
	s->hba = worst;
	s->hba_line_left = !source->pg.manage_hba ? CDC_NO :
		!left_known ? CDC_UNKNOWN : left ? CDC_YES : CDC_NO;
}

/* Who holds up a new slot; a snapshot of a neighbour by that pipeline's name. */
static char *
blocker_words(const CdcPipeline *p)
{
	const char *words = p->look.server.blocker;
	CdcPipeline *other;

	/* mostly it is none of ours, and there may be many to compare with */
	if (strstr(words, " " CDC_OBJECT_PREFIX) == NULL)
		return pstrdup(words);
	/* those of this source alone: others' names are none of its owner's business */
	cdc_each_of_source(other, p->source)
	{
		const char *named = strstr(words, other->object_name);

		if (named && (named[strlen(other->object_name)] == ',' || named[strlen(other->object_name)] == ')'))
			return psprintf("the snapshot of pipeline \"%s\", %s", other->wanted.name, words);
	}
	return pstrdup(words);
}

/* The role that the source was registered with, which is its owner's. */
static void
assess_given_role(const CdcPipeline *p, CdcAssessment *a)
{
	CdcSnapshot *s = &a->snapshot;
	const CdcSourcePipeline *seen = p->look.seen;
	const char *wrong = !seen->role_exists ? "does not exist" :
		!seen->role_login ? "may not log in" :
		!seen->role_replication ? "lacks REPLICATION" :
		!seen->grants_ok ? "lacks SELECT on a table, USAGE on a schema, CONNECT, or EXECUTE on pg_logical_emit_message" : NULL;

	s->role = !seen->role_exists ? CDC_OBJ_ABSENT : wrong ? CDC_OBJ_WRONG : CDC_OBJ_OK;
	cdc_set_detail(a, CDC_DETAIL_ROLE, wrong ? psprintf("\"%s\" %s", cdc_wanted_role(p), wrong) : NULL);
}

/* Is the snapshot of a pipeline a matter of a moment? */
static bool
is_small(const CdcPipeline *p)
{
	return p->look.seen && !p->look.seen_failed && p->look.seen->tables_small;
}

/* Does nobody else need the event triggers that are there, and can we take them away? */
static bool
trigger_left(const CdcPipeline *p)
{
	CdcSourceTrigger trigger = p->look.seen->trigger;

	/* once all was seen gone, what is there is another service's of the same server */
	return cdc_wants_trigger(p) && p->wanted.want_deleted && !p->kept.absent && !p->look.gone && p->look.server.is_superuser &&
		trigger != CDC_TRIGGER_ABSENT && trigger != CDC_TRIGGER_FOREIGN && cdc_wanted_trigger_sharers(p, true) == NIL;
}

static void
assess_publication(const CdcPipeline *p, CdcAssessment *a)
{
	CdcSnapshot *s = &a->snapshot;
	const CdcSourcePipeline *seen = p->look.seen;
	bool		named = seen->pub_exists && cdc_has_mark(seen->pub_mark, p->id);
	CdcEpoch	theirs;
	CdcMarkIs	mark = cdc_fence_of_publication(p, &theirs);

	if (!seen->pub_exists)
		s->publication = trigger_left(p) || (p->wanted.want_deleted && seen->pub_beside) ? CDC_OBJ_WRONG : CDC_OBJ_ABSENT;
	else if (cdc_fence_adopting(p) && p->kept.has_publication_name && (!named || mark == CDC_MARK_UNVERIFIABLE))
	{
		s->publication = CDC_OBJ_WRONG;
		cdc_set_detail(a, CDC_DETAIL_PUBLICATION, "it is adopted, and marked anew");
	}
	else if (!named)
	{
		s->publication = CDC_OBJ_FOREIGN;
		cdc_set_detail(a, CDC_DETAIL_PUBLICATION,
					   psprintf("a publication named \"%s\" exists that this pipeline did not make", p->object_name));
	}
	else if (mark == CDC_MARK_UNVERIFIABLE)
	{
		s->publication = CDC_OBJ_UNVERIFIED;
		cdc_set_detail(a, CDC_DETAIL_PUBLICATION,
					   psprintf("the mark on publication \"%s\" is not one that this installation put there: SELECT cdc.adopt('%s') if it is its own", p->object_name, p->id));
	}
	else if (mark != CDC_MARK_OURS)
		s->publication = CDC_OBJ_UNKNOWN;
	else if (!seen->pub_ok)
	{
		s->publication = CDC_OBJ_WRONG;
		cdc_set_detail(a, CDC_DETAIL_PUBLICATION, seen->pub_wrong);
	}
	else if (cdc_fence_publication_is_old(p))
	{
		/* raising the mark fences whoever acted before us; it locks nothing of the user's */
		s->publication = CDC_OBJ_WRONG;
		cdc_set_detail(a, CDC_DETAIL_PUBLICATION, "its mark is of a former control plane");
	}
	else if (cdc_trigger_due(p))
	{
		s->publication = CDC_OBJ_WRONG;
		cdc_set_detail(a, CDC_DETAIL_PUBLICATION,
					   psprintf("the event triggers that give new tables a replica identity %s",
								seen->trigger == CDC_TRIGGER_ABSENT ? "are missing" : "are not as they were made"));
	}
	else
		s->publication = CDC_OBJ_OK;
}

/*
 * Is it still waited for?  Who is at the source makes its slot in a moment, or waits
 * there for what everybody would wait for; whose task does not come has a Connect to
 * wait for, which is nobody else's matter.
 */
static bool
is_waited_for(const CdcPipeline *neighbour, int64 held)
{
	const CdcSourcePipeline *seen = neighbour->look.seen;
	bool		there = seen && !neighbour->look.seen_failed && (seen->slot_exists || seen->sessions_since_us != 0);

	if (is_small(neighbour) || (cdc_slots_late(neighbour) && !there))
		return held <= SMALL_NEIGHBOUR_MS;
	return held <= (there ? NEIGHBOUR_DEADLINE_MS : CDC_SLOT_COMES_MS);
}

static void
assess_objects(const CdcPipeline *p, CdcAssessment *a)
{
	CdcSnapshot *s = &a->snapshot;
	const CdcSourcePipeline *seen = p->look.seen;
	const CdcService *source = p->source;
	const CdcPipeline *neighbour = cdc_turn_other(&source->pg.slot_turn, p);
	int			coming;

	/* role */
	if (!source->pg.manage_role)
		assess_given_role(p, a);
	else if (!seen->role_exists)
		s->role = CDC_OBJ_ABSENT;
	else if (!cdc_has_mark(seen->role_mark, p->id))
	{
		s->role = CDC_OBJ_FOREIGN;
		cdc_set_detail(a, CDC_DETAIL_ROLE,
					   psprintf("a role named \"%s\" exists that this pipeline did not make", p->object_name));
	}
	else
	{
		const char *hash = cdc_wanted_verifier_hash(p);
		const char *wrong = !seen->role_login ? "it may not log in" :
			!seen->role_replication ? "it lacks REPLICATION" :
			seen->role_password_hash && !cdc_same(hash, seen->role_password_hash) ? "its password is not the present one" :
			seen->role_password_hash == NULL && p->look.server.is_superuser ? "it has no password" :
			seen->role_password_hash == NULL && p->secret.role_generation != p->secret.generation ? "its password may not be the present one" :
			cdc_password_due(p) && (p->sink == NULL || p->sink->kafka.nagents == 0) ? "a new password is due" :
			!seen->grants_ok ? "it lacks SELECT on a table, USAGE on a schema, CONNECT, or EXECUTE on pg_logical_emit_message" :
			p->wanted.config_generation >= 2 && seen->role_timeouts ? psprintf("its sessions are not kept from %s", seen->role_timeouts) : NULL;

		s->role = wrong ? CDC_OBJ_WRONG : CDC_OBJ_OK;
		cdc_set_detail(a, CDC_DETAIL_ROLE, wrong);
	}
	s->role_has_dependents = seen->role_has_dependents ? CDC_YES : CDC_NO;
	s->role_disarmed = seen->role_exists && !seen->role_login && !seen->role_replication ? CDC_YES : CDC_NO;

	/* tables; first what breaks the application */
	if (seen->tables_no_identity && !cdc_no_key_inserts(p))
	{
		s->tables = CDC_TABLES_NO_IDENTITY;
		cdc_set_detail(a, CDC_DETAIL_TABLES, seen->tables_no_identity);
		cdc_set_detail(a, CDC_DETAIL_TABLES_FIX, seen->tables_fix);
	}
	else if (seen->tables_missing)
	{
		s->tables = CDC_TABLES_MISSING;
		cdc_set_detail(a, CDC_DETAIL_TABLES, seen->tables_missing);
	}
	else if (seen->tables_bad_kind)
	{
		s->tables = CDC_TABLES_BAD_KIND;
		cdc_set_detail(a, CDC_DETAIL_TABLES, seen->tables_bad_kind);
	}
	else
		s->tables = CDC_TABLES_OK;

	assess_publication(p, a);

	/* slot */
	if (!seen->slot_exists)
		s->slot = CDC_SLOT_ABSENT;
	else if (!seen->slot_fits || !p->kept.slot_absent_before)
	{
		s->slot = CDC_SLOT_FOREIGN;
		cdc_set_detail(a, CDC_DETAIL_SLOT,
					   psprintf("a replication slot named \"%s\" exists that this pipeline did not make", p->object_name));
	}
	else
	{
		if (seen->slot_lost)
		{
			s->slot = CDC_SLOT_LOST;
			cdc_set_detail(a, CDC_DETAIL_SLOT, seen->slot_lost_why);
		}
		else
			s->slot = seen->slot_streaming ? CDC_SLOT_STREAMING :
				!seen->slot_active ? CDC_SLOT_INACTIVE :
				seen->slot_consistent ? CDC_SLOT_ACTIVE : CDC_SLOT_CREATING;
	}

	/* who may make a slot now */
	if (neighbour && !is_waited_for(neighbour, cdc_loop_now() - source->pg.slot_turn.since))
		neighbour = NULL;
	coming = seen->slot_exists || cdc_initial_only(p) ? 0 : cdc_slots_coming(p);
	if (cdc_initial_only(p))
		s->slot_turn = CDC_TURN_OK; /* Debezium makes none for it */
	else if (!seen->slot_exists && (p->look.server.free_slots < 1 || p->look.server.free_senders < 1))
	{
		s->slot_turn = CDC_TURN_NO_FREE_SLOT;
		cdc_set_detail(a, CDC_DETAIL_BLOCKER,
					   psprintf("%d replication slots and %d WAL senders are free",
								p->look.server.free_slots, p->look.server.free_senders));
	}
	else if (!seen->slot_exists && Min(p->look.server.free_slots, p->look.server.free_senders) <= coming)
	{
		s->slot_turn = CDC_TURN_SOON;
		a->turn_at = cdc_loop_now() + NEIGHBOUR_LOOK_MS;
		cdc_set_detail(a, CDC_DETAIL_BLOCKER,
					   psprintf("%d replication slots and %d WAL senders are free, and %d pipelines have begun that will make theirs",
								p->look.server.free_slots, p->look.server.free_senders, coming));
	}
	else if (neighbour)
	{
		s->slot_turn = is_small(neighbour) ? CDC_TURN_SOON : CDC_TURN_NEIGHBOUR;
		a->turn_at = s->slot_turn == CDC_TURN_SOON ? source->pg.slot_turn.since + SMALL_NEIGHBOUR_MS + 1 :
			cdc_loop_now() + NEIGHBOUR_LOOK_MS;
		cdc_set_detail(a, CDC_DETAIL_BLOCKER,
					   psprintf("pipeline \"%s\" is creating its slot%s%s", neighbour->wanted.name,
								p->look.server.blocker ? ", which waits for " : "",
								p->look.server.blocker ? blocker_words(p) : ""));
	}
	else if (p->look.server.blocker)
	{
		s->slot_turn = CDC_TURN_BLOCKED;
		cdc_set_detail(a, CDC_DETAIL_BLOCKER, blocker_words(p));
	}
	else
		s->slot_turn = CDC_TURN_OK;
}

/* Why the connector cannot be told which tables' snapshots have rows of others; NULL: it can. */
static const char *
parents_fault(const CdcPipeline *p)
{
	int			nonly;
	const char **only = cdc_wanted_only(p, &nonly);

	return nonly > CDC_SOURCE_PARENTS_MAX ? psprintf("more than %d tables have others that inherit from them", CDC_SOURCE_PARENTS_MAX) :
		cdc_kc_only_fault(only, nonly, p->wanted.options);
}

/* What of the columns a new pipeline waits for. */
static void
assess_columns(const CdcPipeline *p, CdcAssessment *a)
{
	CdcSnapshot *s = &a->snapshot;
	const CdcSourceColumns *columns = p->look.columns.told;
	const char *fault;

	if (!p->look.columns.known)
		return;
	s->columns = CDC_COLUMNS_OK;
	if (columns == NULL)
		return;
	if (columns->key_numbers && cdc_columns_as_double(p))
	{
		s->columns = CDC_COLUMNS_KEYS;
		cdc_set_detail(a, CDC_DETAIL_COLUMNS,
					   psprintf("%s, as a double, is one for two numbers beyond 15 digits; create the pipeline with option decimal.handling.mode: string or precise", columns->key_numbers));
	}
	else if (columns->key_lost)
	{
		s->columns = CDC_COLUMNS_KEYS;
		cdc_set_detail(a, CDC_DETAIL_COLUMNS,
					   psprintf("%s, which Debezium leaves empty or out; give the table a key of another type, or name one by option message.key.columns", columns->key_lost));
	}
	else if (columns->unreadable && !cdc_option_of(p, "column.exclude.list") && strcmp(p->wanted.snapshot_mode, "no_data") != 0)
	{
		s->columns = CDC_COLUMNS_SNAPSHOT;
		cdc_set_detail(a, CDC_DETAIL_COLUMNS, psprintf("%s makes the snapshot fail; create the pipeline with it in option column.exclude.list", columns->unreadable));
	}
	else if ((fault = parents_fault(p)) != NULL)
	{
		s->columns = CDC_COLUMNS_SNAPSHOT;
		cdc_set_detail(a, CDC_DETAIL_COLUMNS, fault);
	}
}

void
cdc_assess_source(const CdcPipeline *p, CdcAssessment *a)
{
	CdcSnapshot *s = &a->snapshot;
	const CdcService *source = p->source;

	if (source == NULL || !source->is_postgresql)
		return;
	if (source->pg.primary == NULL)
	{
		s->source_reachable = CDC_NO;
		s->source_demoted = cdc_failover_is_demoted(p) ? CDC_YES : CDC_NO;
		cdc_set_detail(a, CDC_DETAIL_SOURCE_ERROR, source->status_message);
		return;
	}
	assess_hba(p, a);
	if (p->look.seen_failed && strcmp(p->look.seen_sqlstate, "3D000") == 0)
	{
		s->source_reachable = CDC_YES;
		s->source_capable = CDC_NO;
		cdc_set_detail(a, CDC_DETAIL_SOURCE_CAPABILITY,
					   cdc_database_now(p) ? psprintf("database \"%s\" does not exist; by its replication slot it is called \"%s\" now: rename it back, or delete the pipeline",
													  p->wanted.database, cdc_database_now(p)) :
					   psprintf("database \"%s\" does not exist", p->wanted.database));
		/* dropped after our teardown had ended there: nothing of ours can come back */
		if (p->kept.absent)
		{
			s->slot = CDC_SLOT_ABSENT;
			s->publication = s->role = CDC_OBJ_ABSENT;
		}
		return;
	}
	if (!cdc_source_known(p))
	{
		s->source_reachable = CDC_NO;
		cdc_set_detail(a, CDC_DETAIL_SOURCE_ERROR,
					   psprintf("%s:%d %s", source->pg.primary->address, source->pg.primary->port,
								p->look.seen_error ? p->look.seen_error : "was not asked yet"));
		s->hba = CDC_HBA_UNKNOWN;
		return;
	}
	s->source_reachable = CDC_YES;
	s->source_capable = CDC_YES;
	if (p->look.server.version < 140000)
	{
		s->source_capable = CDC_NO;
		cdc_set_detail(a, CDC_DETAIL_SOURCE_CAPABILITY,
					   psprintf("its version is %d, 14 or later is needed", p->look.server.version / 10000));
	}
	else if (p->look.server.wal_level && strcmp(p->look.server.wal_level, "logical") != 0)
	{
		s->source_capable = CDC_NO;
		cdc_set_detail(a, CDC_DETAIL_SOURCE_CAPABILITY,
					   psprintf("wal_level is %s: run ALTER SYSTEM SET wal_level = 'logical' and restart it",
								p->look.server.wal_level));
	}
	assess_objects(p, a);
	assess_columns(p, a);
	cdc_assess_flow(p, a);
}
