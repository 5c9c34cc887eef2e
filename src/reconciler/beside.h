/*
 * beside.h
 *	  What may be done side by side with an action.
 *
 * Pure: decide() and the effects (effect.h), one after the other.
 */
#ifndef CDC_BESIDE_H
#define CDC_BESIDE_H

#include "reconciler/decide.h"

/*
 * What may be done side by side with the action of d, which was decided on s:
 * true when the action that would follow if that one were done needs nothing
 * of it.  So it is with what prepares the source for a connector that does not
 * exist yet: password's file, role, pg_hba.conf, publication; nobody uses them
 * before all of them are seen.  s becomes the world in which d's action is done
 * (to be asked about next), and *beside is decided on it.
 */
extern bool cdc_decide_beside(const CdcRule *rules, CdcSnapshot *s, const CdcDecision *d, CdcDecision *beside);

#endif							/* CDC_BESIDE_H */
