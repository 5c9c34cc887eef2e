/*
 * node_look.c
 *	  See node_look.h.
 */
#include "postgres.h"

#include "worker/world/node_look.h"
#include "worker/world/tend.h"

void
cdc_node_want_look(CdcNode *n)
{
	n->look_wanted = true;
	cdc_tend(n->service, CDC_TEND_STANDBYS);
}

void
cdc_nodes_want_look(CdcService *source)
{
	int			i;

	for (i = 0; i < source->pg.nnodes; i++)
		cdc_node_want_look(&source->pg.nodes[i]);
}

void
cdc_node_looked(CdcNode *n, int64 began)
{
	n->probed_at = began;
	n->looked = true;
	cdc_tend(n->service, CDC_TEND_STANDBYS);
}

void
cdc_node_forget_look(CdcNode *n)
{
	n->probed_at = 0;
}

static bool
take(bool *mark)
{
	bool		was = *mark;

	*mark = false;
	return was;
}

bool
cdc_node_take_wanted(CdcNode *n)
{
	return take(&n->look_wanted);
}

bool
cdc_node_take_looked(CdcNode *n)
{
	return take(&n->looked);
}

void
cdc_source_may_follow(CdcService *s, bool may)
{
	s->pg.followed = may;
	if (may)
		cdc_tend(s, CDC_TEND_STANDBYS);
}

void
cdc_source_want_standbys(CdcService *s, bool wanted)
{
	s->pg.standbys_since = wanted ? cdc_loop_now() : 0;
	if (wanted)
		cdc_tend(s, CDC_TEND_LOOKS);
}
