/*
 * node_hba.h
 *	  A node's pg_hba.conf as it is now, and what of it is ours.
 */
#ifndef CDC_NODE_HBA_H
#define CDC_NODE_HBA_H

#include "worker/world/world.h"

/* It was read, or written by us: file is copied, NULL: it may not be read. */
extern void cdc_node_keep_hba(CdcNode *node, const char *file);

/* Is it ours to write lines into? */
extern bool cdc_node_writes_hba(const CdcNode *node);

/*
 * Does it, as it was read, refuse any of these lines?  What the text does not tell
 * is no refusal: Connect will say; a finding tells of a file that is too large to be read.
 */
extern bool cdc_node_refuses_hba(const CdcNode *node, const CdcHbaLine *lines, int nlines);

#endif							/* CDC_NODE_HBA_H */
