/*
 * tables.c
 *	  What is told of the tables that were seen on the source.
 *
 * See learn.h.  Findings alone: whether a pipeline waits for its tables is for
 * the rules.
 */
#include "postgres.h"

#include "worker/learn/learn_parts.h"
#include "worker/world/checks.h"
#include "worker/world/facts.h"
#include "worker/world/kept.h"

/* Tables that came and went are remembered too: no more than this, in bytes. */
#define GIVEN_MOST (256 * 1024)

/* Published without a replica identity: the application is failing now. */
static void
learn_identity(CdcPipeline *p)
{
	const CdcSourcePipeline *seen = p->look.seen;
	CdcFinding	finding = cdc_check(CDC_CHECK_TABLES_WITHOUT_KEY);

	finding.observed = seen->tables_no_identity;
	finding.fix_sql = seen->tables_fix;
	cdc_finding_pipeline(p, &finding, !p->wanted.want_deleted && seen->pub_exists && seen->tables_no_identity != NULL &&
						 !cdc_no_key_inserts(p));
}

/*
 * What new tables are given in the statement that makes them is our doing as well, and
 * remembered, once a look.  Where it is not given, that is told: we are no superuser
 * there, or its owner has other plans.
 */
static void
learn_trigger(CdcPipeline *p)
{
	const CdcSourcePipeline *seen = p->look.seen;
	const char *installation = p->world->installation;
	bool		ours = p->look.server.is_superuser;
	CdcFinding	finding = cdc_check(CDC_CHECK_EVENT_TRIGGER);

	if (cdc_wants_trigger(p) && seen->trigger == CDC_TRIGGER_OFF)
	{
		finding.observed = psprintf("event trigger %s or its other half is disabled there", cdc_source_trigger_name(installation));
		finding.fix_sql = cdc_source_trigger_on(installation);
	}
	else if (cdc_wants_trigger(p) && seen->trigger == CDC_TRIGGER_FOREIGN)
		finding.observed = psprintf("what is named %s there is not of this installation: rename or drop it", cdc_source_trigger_name(installation));
	else if (cdc_wants_trigger(p) && seen->trigger != CDC_TRIGGER_OK && !ours)
	{
		finding.observed = psprintf("there is none in database \"%s\", and the user of the service is no superuser, who could make it", p->wanted.database);
		finding.fix_sql = cdc_source_trigger_script(installation);
	}
	cdc_finding_pipeline(p, &finding, !p->wanted.want_deleted && finding.observed);
	if (seen->tables_given && p->learned.relations_at != p->look.seen_at && (p->kept.identities == NULL || strlen(p->kept.identities) < GIVEN_MOST))
		cdc_keep_identities(p, seen->tables_given);
}

void
cdc_learn_tables(CdcPipeline *p)
{
	CdcFinding	to_come = cdc_check(CDC_CHECK_TABLES_TO_COME);

	cdc_finding_pipeline(p, &to_come, !p->wanted.want_deleted && p->wanted.ntables == 0 && !cdc_no_key_full(p));
	if (!cdc_source_known(p) || !p->source->is_postgresql)
		return;
	learn_identity(p);
	learn_trigger(p);
	cdc_learn_relations(p);
}
