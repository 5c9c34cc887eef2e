/*
 * service_kept.h
 *	  What a service and its nodes remember over a restart is changed by these
 *	  functions alone: each marks the row for the turn, in which the store writes it.
 *
 * As kept.h is for pipelines.  The store fills it in from the rows when a service
 * is made, and marks nothing by that.  Strings are copied.  No errors but those
 * of memory.
 */
#ifndef CDC_SERVICE_KEPT_H
#define CDC_SERVICE_KEPT_H

#include "worker/world/world.h"

/* As its row has it; texts may be NULL, system_identifier 0: not seen yet. */
extern void cdc_service_fill(CdcService *service, const char *status, const char *message, const char *addon_status,
							 uint64 system_identifier, const char *secret_path);
extern void cdc_service_fill_claimed(CdcService *service, char *const *peers, int n);
extern void cdc_service_fill_ranges(CdcService *service, char *const *ranges, int n);
extern void cdc_node_fill(CdcNode *node, uint64 system_identifier, uint32 timeline, const char *hba_loaded);

/*
 * What it is, and its sentence for users (NULL: none); each may be the string that
 * it has.  Other states wake all its pipelines.  Result: was anything changed?
 */
extern bool cdc_service_keep_status(CdcService *service, const char *status, const char *addon_status, const char *message);

/* The cluster that it is, as its first primary said. */
extern void cdc_service_keep_system(CdcService *service, uint64 system_identifier);

/* The Connect at this address ("ip port") is its organization's. */
extern void cdc_service_keep_claim(CdcService *service, const char *peer);

/* The ranges of its network.  Result: are they others than before? */
extern bool cdc_service_keep_ranges(CdcService *service, char *const *ranges, int n);

/* The directory of secrets that its agents named first. */
extern void cdc_service_keep_secret_path(CdcService *service, const char *path);

/* Which cluster a node belongs to, and its history. */
extern void cdc_node_keep_history(CdcNode *node, uint64 system_identifier, uint32 timeline);

/* The pg_hba.conf that it has now (node_hba.h) is known to be loaded. */
extern void cdc_node_keep_hba_loaded(CdcNode *node);

/* A write of pg_hba.conf has ended unknown: neither is known what was loaded. */
extern void cdc_node_forget_hba_loaded(CdcNode *node);

/* After a commit: what was to be written once is. */
extern void cdc_service_written(CdcService *service);

#endif							/* CDC_SERVICE_KEPT_H */
