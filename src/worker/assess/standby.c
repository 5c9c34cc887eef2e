/*
 * standby.c
 *	  Is a standby ready for a pipeline, and what is to be done there?
 *
 * See assess.h.  What is known of it, as facts for cdc_standby_decide(), and
 * what is said of it in cdc.failover_readiness.
 */
#include "postgres.h"

#include "extension/settings.h"
#include "reconciler/shadow.h"
#include "remote/pg_hba.h"
#include "worker/assess/assess.h"
#include "worker/world/index.h"
#include "worker/world/node_hba.h"
#include "worker/world/shadow.h"
#include "worker/world/wanted.h"

/* A slot there that has not moved for so long is moved, however little there is. */
#define QUIET_LONG_MS (5 * 60 * 1000)

/* So long after somebody else has moved a slot there he is believed to go on with it. */
#define KEPT_MS (5 * 60 * 1000)

/* So long a declared slot is left to Patroni, which moves it every loop_wait (10 s). */
#define WATCHED_MS (60 * 1000)

static bool
hba_ready(const CdcPipeline *p, const CdcNode *n)
{
	CdcHbaLine *lines;
	int			nlines;

	if (!n->service->pg.manage_hba || n->hba_text == NULL)
		return true;
	lines = cdc_wanted_hba_lines(p, &nlines);
	if (!cdc_node_writes_hba(n))
		return !cdc_node_refuses_hba(n, lines, nlines);
	return cdc_hba_has(n->hba_ours, lines, nlines) && cdc_same(n->hba_loaded, n->hba_hash);
}

/* The more pipelines a source has, the more often the same WAL is read. */
static uint64
step_of(const CdcService *s)
{
	return Min((uint64) cdc_count_of_source(s) * CDC_SHADOW_STEP, CDC_SHADOW_STEP_MOST);
}

/*
 * Does Patroni leave failover slots alone?  All of a cluster are of one version, but
 * while it is updated; what a standby's asks last seldom tells.
 */
static bool
patroni_spares(const CdcService *s)
{
	bool		spares = false;
	int			i;

	for (i = 0; i < s->pg.nnodes; i++)
	{
		CdcTri		seen = s->pg.nodes[i].conf.patroni.spares;

		if (seen == CDC_NO)
			return false;
		spares = spares || seen == CDC_YES;
	}
	return spares;
}

static void
fill_facts(const CdcPipeline *p, const CdcNode *n, const CdcShadow *shadow, CdcStandbyFacts *f)
{
	const CdcService *s = n->service;
	const CdcNode *primary = s->pg.primary;
	const CdcSourcePipeline *seen = p->look.seen;
	const CdcNodeSlot *slot = cdc_source_node_slot(&n->conf, p->object_name);

	memset(f, 0, sizeof(*f));
	f->wanted = p->kept.was_running && !cdc_initial_only(p);
	f->leaving = p->kept.discarding || p->wanted.want_deleted;
	/* what was seen must be of the primary that there is now */
	f->primary_known = primary && seen && !p->look.seen_failed && seen->slot_exists && seen->slot_consistent &&
		!seen->slot_lost && p->look.server.timeline == primary->timeline;
	f->primary_lsn = f->primary_known ? Max(seen->confirmed_flush_lsn, p->look.primary_lsn) : 0;
	f->native = seen && seen->slot_exists && seen->slot_failover;
	f->blocked = p->look.server.blocker != NULL;

	f->reachable = n->reachable;
	f->other_cluster = s->pg.system_identifier != 0 && n->reachable && n->system_identifier != s->pg.system_identifier;
	f->in_recovery = n->in_recovery;
	f->conf_known = n->conf.known;
	f->version = n->version;
	f->follows = primary && n->timeline == primary->timeline;
	f->hba_ready = hba_ready(p, n);
	f->decodes = n->conf.decodes;
	f->feedback = n->conf.feedback;
	f->has_primary_slot = n->conf.primary_slot && (n->conf.receiver == NULL || n->conf.receiver_slot);
	f->streams = cdc_same(n->conf.receiver, "streaming");
	f->syncs_slots = n->conf.syncs_slots;
	f->has_dbname = n->conf.has_dbname;
	f->sync_missing = n->conf.sync_missing != NULL;
	f->free_slot = n->free_slots > 0;
	f->patroni_spares = patroni_spares(s);
	f->patroni_keeps = cdc_patroni_keeps(&n->conf.patroni, p->object_name, p->wanted.database);

	if (slot == NULL || shadow->making)
		return;
	f->slot_exists = true;
	f->slot_ours = shadow->timeline != 0 || p->kept.slot_absent_before;
	f->slot_fits = slot->fits && cdc_same(slot->database, p->wanted.database);
	f->slot_temporary = slot->temporary;
	f->slot_synced = slot->synced;
	f->slot_active = slot->active;
	f->slot_lost = slot->lost != NULL;
	f->slot_lsn = Max(slot->flush_lsn, shadow->lsn);
	f->slot_kept = shadow->kept_at != 0 && cdc_loop_now() - shadow->kept_at < KEPT_MS;
	f->slot_declared = cdc_patroni_declares(&n->conf.patroni, p->object_name);
	f->slot_watched = shadow->timeline == 0 && !slot->synced && (f->slot_declared || n->conf.copies_slots) &&
		cdc_loop_now() - shadow->found_at < WATCHED_MS;
	f->step = step_of(s);
	f->slot_stale = !slot->synced && shadow->timeline != n->timeline &&
		(shadow->timeline == 0 || !p->look.server.history_known ||
		 !cdc_history_contains(p->look.server.timeline, p->look.server.history, p->look.server.nhistory,
							   shadow->timeline, slot->flush_lsn));
	f->slot_too_old = cdc_max_slot_wal > 0 && slot->restart_lsn != 0 && n->wal_lsn > slot->restart_lsn &&
		n->wal_lsn - slot->restart_lsn > (uint64) cdc_max_slot_wal * 1024 * 1024;
	f->quiet_long = cdc_loop_now() - shadow->moved_at > QUIET_LONG_MS;
}

/* What is missing there and what to type, in words. */
static void
put_in_words(const CdcPipeline *p, const CdcNode *n, const CdcShadow *shadow, const CdcStandbyRule *rule, CdcStandbyView *view)
{
	const CdcNodeSlot *slot = cdc_source_node_slot(&n->conf, p->object_name);
	char		missing[4000];
	char		fix[1000];
	char		physical[NAMEDATALEN];
	CdcStandbyWords words;
	char	   *c;

	if (rule == NULL)
		return;
	missing[0] = fix[0] = '\0';
	snprintf(physical, sizeof(physical), "standby_%s_%d", n->address, n->port);
	for (c = physical; *c; c++)
	{
		*c = pg_tolower((unsigned char) *c);
		if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9')))
			*c = '_';
	}
	words.error = !n->reachable ? n->error : slot && slot->lost ? slot->lost : p->look.server.blocker;
	words.slot = p->object_name;
	words.names = n->conf.sync_missing;
	words.physical = physical;
	words.database = p->wanted.database;
	cdc_standby_expand(missing, sizeof(missing), rule->missing, &words);
	if (shadow->error && slot == NULL && n->reachable)
		snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing), " (last try: %s)", shadow->error);
	if (rule->fix_sql)
		cdc_standby_expand(fix, sizeof(fix), rule->fix_sql, &words);
	view->missing = pstrdup(missing);
	if (fix[0])
		view->fix_sql = pstrdup(fix);
}

CdcStandbyView
cdc_assess_standby(const CdcPipeline *p, const CdcNode *n, const CdcShadow *shadow)
{
	CdcStandbyFacts facts;
	CdcStandbyDecision d;
	CdcStandbyView view;

	memset(&view, 0, sizeof(view));
	fill_facts(p, n, shadow, &facts);
	d = cdc_standby_decide(&facts);
	view.ready = d.missing == NULL;
	put_in_words(p, n, shadow, d.missing, &view);
	/* it followed the new primary, and its slot with it */
	view.followed = facts.slot_exists && !facts.slot_stale && shadow->timeline != 0 && shadow->timeline != n->timeline &&
		facts.follows;
	view.action = d.action;
	view.target = cdc_shadow_target(&facts);
	return view;
}
