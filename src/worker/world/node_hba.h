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

#endif							/* CDC_NODE_HBA_H */
