/*
 * operation.c
 *	  See operation.h.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/world/index.h"
#include "worker/world/operation.h"
#include "worker/world/plan.h"

CdcOpRef
cdc_op_ref(const CdcOp *op)
{
	CdcOpRef	ref;

	ref.world = op->pipeline->world;
	strlcpy(ref.id, op->pipeline->id, sizeof(ref.id));
	ref.serial = op->serial;
	return ref;
}

CdcOp *
cdc_op_of(const CdcOpRef *ref)
{
	CdcPipeline *p = cdc_world_pipeline(ref->world, ref->id);
	CdcOp	   *op = p ? p->doing.op : NULL;

	while (op && op->serial != ref->serial)
		op = op->beside;
	return op && !op->ended ? op : NULL;
}

CdcOp *
cdc_op_begin(CdcPipeline *p, CdcAction action, const CdcRule *rule)
{
	CdcOp	  **last = &p->doing.op;
	CdcOp	   *op;

	if (p->doing.op_context == NULL)
		p->doing.op_context = AllocSetContextCreate(p->context, "cdc_pipeline operation", ALLOCSET_SMALL_SIZES);
	op = MemoryContextAllocZero(p->doing.op_context, sizeof(CdcOp));
	while (*last)
		last = &(*last)->beside;
	*last = op;
	op->pipeline = p;
	op->action = action;
	op->rule = rule;
	op->serial = cdc_world_serial(p->world);
	dlist_push_tail(&p->world->starting, &op->node);
	cdc_plan_doing_changed(p);
	return op;
}

CdcOp *
cdc_op_next_begun(CdcWorld *world)
{
	CdcOp	   *op;

	if (dlist_is_empty(&world->starting))
		return NULL;
	op = dlist_container(CdcOp, node, dlist_pop_head_node(&world->starting));
	op->started = cdc_loop_now();
	return op;
}

void
cdc_op_end(CdcOpRef ref, CdcOpEnd end, const char *words)
{
	CdcOp	   *op = cdc_op_of(&ref);

	if (op == NULL)
		return;
	/* one may end before it was started */
	if (op->started == 0)
		dlist_delete(&op->node);
	op->ended = true;
	op->end = end;
	op->words = words ? MemoryContextStrdup(op->pipeline->doing.op_context, words) : NULL;
	dlist_push_tail(&ref.world->ended, &op->node);
}

CdcOp *
cdc_op_next_ended(CdcWorld *world)
{
	CdcOp	   *op;
	CdcOp	  **at;

	if (dlist_is_empty(&world->ended))
		return NULL;
	op = dlist_container(CdcOp, node, dlist_pop_head_node(&world->ended));
	for (at = &op->pipeline->doing.op; *at != op; at = &(*at)->beside)
		;
	*at = op->beside;
	cdc_plan_doing_changed(op->pipeline);
	return op;
}

void
cdc_op_clear(CdcPipeline *p)
{
	Assert(p->doing.op == NULL);
	if (p->doing.op_context)
		MemoryContextDelete(p->doing.op_context);
	p->doing.op_context = NULL;
}

void
cdc_op_forget(CdcPipeline *p)
{
	CdcOp	   *op;

	for (op = p->doing.op; op; op = op->beside)
	{
		if (op->started == 0 || op->ended)
			dlist_delete(&op->node);
	}
	p->doing.op = NULL;
	cdc_plan_doing_changed(p);
}
