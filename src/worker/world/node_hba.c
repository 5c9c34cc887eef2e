/*
 * node_hba.c
 *	  See node_hba.h.
 *
 * Found once for each file that is read: every visit of every pipeline asks.
 */
#include "postgres.h"

#include "worker/world/node_hba.h"
#include "worker/world/wanted.h"

void
cdc_node_keep_hba(CdcNode *n, const char *file)
{
	MemoryContext old;
	char	   *hash = file ? cdc_wanted_hba_hash(n->service, file) : NULL;

	if (n->hba_ours)
		pfree(n->hba_ours);
	n->hba_ours = NULL;
	n->hba_manager = file ? cdc_hba_manager(file) : NULL;
	cdc_set_string(n->service->context, &n->hba_text, file);
	cdc_set_string(n->service->context, &n->hba_hash, hash);
	if (file == NULL)
		return;
	old = MemoryContextSwitchTo(n->service->context);
	n->hba_ours = cdc_hba_ours(n->hba_text);
	MemoryContextSwitchTo(old);
}

bool
cdc_node_writes_hba(const CdcNode *n)
{
	return n->service->pg.manage_hba && n->hba_manager == NULL;
}

bool
cdc_node_refuses_hba(const CdcNode *n, const CdcHbaLine *lines, int nlines)
{
	return !n->hba_cut && cdc_hba_admits(n->hba_text, lines, nlines, n->service->pg.sslmode) == CDC_NO;
}
