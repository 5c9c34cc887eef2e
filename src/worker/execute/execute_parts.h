/*
 * execute_parts.h
 *	  What execute.c has of the files beside it: the actions on one peer each.
 *	  Each starts an operation and ends it by cdc_op_end().
 */
#ifndef CDC_EXECUTE_PARTS_H
#define CDC_EXECUTE_PARTS_H

#include "worker/execute/execute.h"

/* INSTALL_PLUGIN, PUT_SECRET, DELETE_SECRET. */
extern void cdc_agents_execute(CdcOp *op);

/* WRITE_HBA, REMOVE_HBA. */
extern void cdc_execute_hba(CdcOp *op);

/* CREATE_ROLE, CREATE_PUBLICATION, ALTER_PUBLICATION, SET_IDENTITY, RESET_IDENTITY, DROP_SLOT, DROP_PUBLICATION, DROP_ROLE: begun by cdc_execute_batches. */
extern void cdc_ddl_execute(CdcOp *op);

/* DROP_SHADOWS. */
extern void cdc_execute_drop_shadows(CdcOp *op);

/* As cdc_execute_reserve, _release, _prepare and cdc_execute, for such an action. */
extern bool cdc_network_reserve(CdcPipeline *pipeline);
extern void cdc_network_release(CdcPipeline *pipeline);
extern void cdc_network_prepare(CdcPipeline *pipeline);
extern void cdc_network_execute(CdcOp *op);

/* The connection for actions in the pipeline's database on the primary, or NULL. */
extern CdcPgConn *cdc_execute_ddl_conn(CdcPipeline *pipeline);

/* A connection to a database on one node, whatever it is; opened when it is not. */
extern CdcPgConn *cdc_execute_node_conn(CdcNode *node, const char *database);

#endif							/* CDC_EXECUTE_PARTS_H */
