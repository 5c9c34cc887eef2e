/*
 * beside.c
 *	  See beside.h.
 *
 * Owns which actions are the preparation.  What one does is effect.c's, what
 * follows the table's.
 */
#include "reconciler/beside.h"
#include "reconciler/effect.h"

static bool
is_preparation(CdcAction action)
{
	return action == CDC_ACT_PUT_SECRET || action == CDC_ACT_CREATE_ROLE ||
		action == CDC_ACT_WRITE_HBA || action == CDC_ACT_CREATE_PUBLICATION;
}

bool
cdc_decide_beside(const CdcRule *rules, CdcSnapshot *s, const CdcDecision *d, CdcDecision *beside)
{
	if (d->status != CDC_PROVISIONING || s->connector != CDC_OBJ_ABSENT || !is_preparation(d->action) ||
		!cdc_effect(cdc_effects, s, d->action, s))
		return false;
	s->status = d->status;
	*beside = cdc_decide_rules(rules, s);
	return beside->status == CDC_PROVISIONING && is_preparation(beside->action);
}
