/*
 * network.h
 *	  Networks between sources and sinks: pairs, what is seen of them, what is
 *	  done about them.
 *
 * observe/network.c asks the SDN API and holds the answers, assess/network.c
 * says what they mean for a pipeline, execute/network.c changes peerings.
 * Which change comes next is decided by the state table for pipelines, and by
 * cdc_sdn_removal() for pairs that nobody needs any more.
 */
#ifndef CDC_NETWORK_H
#define CDC_NETWORK_H

#include "worker/world/world.h"

/* Is there an SDN API to ask? */
extern bool cdc_network_configured(void);

/* Is there something to wire between the pipeline's source and sink? */
extern bool cdc_network_to_wire(const CdcPipeline *pipeline);

/* Do the sink's pg_hba lines take the ranges of its network? */
extern bool cdc_network_gives_ranges(const CdcService *sink);

/*
 * Has the service a network of which nobody here has said that it is its
 * organization's?  Then the network's label at the cloud must say so.
 */
extern bool cdc_network_needs_label(const CdcService *service);

/* The finding about a network that is nobody's. */
extern void cdc_network_tell_owner(CdcService *service);

/* The pipeline's pair; NULL when there is nothing to wire. */
extern CdcPair *cdc_network_pair_of(const CdcPipeline *pipeline);

/* Both directions by the last good list, if it was begun after the last change. */
extern bool cdc_network_seen(const CdcPair *pair, const CdcSdnPeering **ab, const CdcSdnPeering **ba);

/*
 * Is all known that the pipeline's network step needs?  If not, starts the
 * looks that are missing and returns false; the pipeline is made ready again
 * as they end.  Where the network was seen active nothing is waited for.
 */
extern bool cdc_network_observe(CdcPipeline *pipeline);

/* A health round: one list for all, and each network whose ranges or label are needed. */
extern void cdc_network_round(CdcWorld *world);

/* Fills peerings and its details. */
extern void cdc_network_assess(CdcPipeline *pipeline, CdcSnapshot *snapshot);

/* Is it an action on the network?  Such a one is no mutation of the pipeline's. */
extern bool cdc_network_is_action(CdcAction action);

/* As cdc_execute_reserve, _release, _prepare and cdc_execute, for such an action. */
extern bool cdc_network_reserve(CdcPipeline *pipeline);
extern void cdc_network_release(CdcPipeline *pipeline);
extern void cdc_network_prepare(CdcPipeline *pipeline);
extern void cdc_network_execute(CdcOp *op);

/*
 * Is the network of a service that is taken back still joined to another one,
 * as far as is known?  It is being parted.
 */
extern bool cdc_network_joined(const CdcService *service);

/* Starts looks whose time has come; plans the next step of every removal. */
extern void cdc_network_due(CdcWorld *world);

/* Monotonic ms of the next thing that cdc_network_due would do, 0 for none. */
extern int64 cdc_network_next(CdcWorld *world);

/* Is a row waiting to be written? */
extern bool cdc_network_dirty(CdcWorld *world);

/* After a turn: starts the removal steps whose intent is committed. */
extern void cdc_network_dispatch(CdcWorld *world);

/* In observe/network.c, for execute/network.c */

/*
 * Fills URL-independent parts of a request: credentials from their file, read
 * anew, and timeouts.  NULL: fine, else why not.  cdc_sdn_wipe() after the
 * request was started.
 */
extern const char *cdc_network_credentials(CdcHttpRequest *request, CdcSdnCredentials *credentials);

/* Lists are asked for, soon and densely for a while: a change was sent. */
extern void cdc_network_changed(CdcPair *pair);

/* Asks for a list as soon as the pace allows; when that is. */
extern void cdc_network_want_list(CdcWorld *world);
extern int64 cdc_network_list_due(const CdcWorld *world);

#endif							/* CDC_NETWORK_H */
