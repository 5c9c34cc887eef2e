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

void
cdc_learn_tables(CdcPipeline *p)
{
	CdcFinding	to_come = cdc_check(CDC_CHECK_TABLES_TO_COME);

	cdc_finding_pipeline(p, &to_come, !p->wanted.want_deleted && p->wanted.ntables == 0 && !cdc_no_key_full(p));
	if (!cdc_source_known(p) || !p->source->is_postgresql)
		return;
	learn_identity(p);
	cdc_learn_relations(p);
}
