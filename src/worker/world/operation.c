/*
 * operation.c
 *	  See operation.h.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/world/operation.h"

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

void
cdc_op_end(CdcOpRef ref, CdcOpEnd end, const char *words)
{
	CdcOp	   *op = cdc_op_of(&ref);
	MemoryContext old;

	if (op == NULL)
		return;
	op->ended = true;
	op->end = end;
	op->words = words ? MemoryContextStrdup(op->pipeline->doing.op_context, words) : NULL;
	old = MemoryContextSwitchTo(ref.world->context);
	ref.world->ended = lappend(ref.world->ended, op);
	MemoryContextSwitchTo(old);
}

CdcOp *
cdc_op_next_ended(CdcWorld *world)
{
	CdcOp	   *op;
	CdcOp	  **at;

	if (world->ended == NIL)
		return NULL;
	op = linitial(world->ended);
	world->ended = list_delete_first(world->ended);
	for (at = &op->pipeline->doing.op; *at != op; at = &(*at)->beside)
		;
	*at = op->beside;
	return op;
}

void
cdc_op_forget(CdcPipeline *p)
{
	CdcOp	   *op;

	for (op = p->doing.op; op; op = op->beside)
		p->world->ended = list_delete_ptr(p->world->ended, op);
}
