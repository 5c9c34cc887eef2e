/*
 * fence.h
 *	  Marks on what is ours outside: what they are to us, and ours.
 *
 * Says what an object is, by what the mark on it is bound to, so that a genuine
 * mark that is copied onto another one is none; common/mark.h does the rest.
 * Judges what is in memory; no I/O, changes nothing.
 */
#ifndef CDC_FENCE_H
#define CDC_FENCE_H

#include "worker/world/world.h"

/* What the mark is to us; *theirs when HIGHER.  Of the publication as it was seen last. */
extern CdcMarkIs cdc_fence_of_publication(const CdcPipeline *pipeline, CdcEpoch *theirs);
extern CdcMarkIs cdc_fence_of_connector(const CdcPipeline *pipeline, const CdcKcConnector *connector, CdcEpoch *theirs);
extern CdcMarkIs cdc_fence_of_agent(const CdcWorld *world, const char *url, CdcMarkSaid said, CdcEpoch *theirs);

/* Is the publication's mark, which is ours, to be written anew? */
extern bool cdc_fence_publication_is_old(const CdcPipeline *pipeline);

/* Ours, palloc'd; NULL: there is no key.  The comment on a publication, the word of a connector, of an agent. */
extern char *cdc_fence_comment(const CdcPipeline *pipeline);
extern char *cdc_fence_connector_word(const CdcPipeline *pipeline);
extern char *cdc_fence_agent_word(const CdcWorld *world, const char *url);

/*
 * Has a superuser said that what has our names is ours, whatever its mark is, and is
 * that not carried out yet?
 */
extern bool cdc_fence_adopting(const CdcPipeline *pipeline);

/* Was all that has our names seen with our mark, or seen absent? */
extern bool cdc_fence_adopted(const CdcPipeline *pipeline);

/*
 * Why an action may not be sent, by the marks that were seen last; NULL: it may.
 * *theirs is set where a higher one is the reason.
 */
extern const char *cdc_fence_refuses(const CdcPipeline *pipeline, CdcAction action, CdcEpoch *theirs);

#endif							/* CDC_FENCE_H */
