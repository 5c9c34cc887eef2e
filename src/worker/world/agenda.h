/*
 * agenda.h
 *	  What the worker as a whole is to do next: whether it may act, what is to be
 *	  read, when a round begins.
 *
 * Who comes upon it says it here; store's turn, round.c and main.c look at the
 * fields of the world and do it.  See agenda.c.
 */
#ifndef CDC_AGENDA_H
#define CDC_AGENDA_H

#include "worker/world/world.h"

/* May it mutate outside?  reason: why not, copied, NULL: it may.  True: that is another reason than before. */
extern bool cdc_agenda_judge(CdcWorld *world, const char *reason);

/* It may not, until the next turn has judged anew. */
extern void cdc_agenda_stop(CdcWorld *world);

/*
 * An authentic mark above ours was seen: another control plane acts, and this one
 * sends nothing from now on.  The next turn writes it.
 */
extern void cdc_world_note_higher(CdcWorld *world, const CdcEpoch *theirs);

/* The highest epoch that was seen, as the row has it; and the key of marks (copied, NULL: none), the former overwritten. */
extern void cdc_world_set_highest(CdcWorld *world, const CdcEpoch *highest);
extern void cdc_world_set_key(CdcWorld *world, const char *key);

/* A turn is due: the queue may hold something.  One begins, and takes what is there; or what it could not take is tried at that time. */
extern void cdc_agenda_turn(CdcWorld *world);
extern void cdc_agenda_turn_begins(CdcWorld *world);
extern void cdc_agenda_turn_at(CdcWorld *world, int64 at);

/* Who has locked a table, so that nothing is written there; copied, NULL: nobody. */
extern void cdc_agenda_held(CdcWorld *world, const char *words);

/* All rows are there: a round is due; or they are to be read anew. */
extern void cdc_agenda_all_read(CdcWorld *world);
extern void cdc_agenda_read_all(CdcWorld *world);

/* Zones and limits, which are read again with the first turn of a round, are. */
extern void cdc_agenda_shared_read(CdcWorld *world);

/* A round begins by then at the latest. */
extern void cdc_agenda_round_by(CdcWorld *world, int64 at);

/* Somebody waits for one: it begins at once, and Failed ones are looked at too. */
extern void cdc_agenda_round_asked(CdcWorld *world);

/* One begins, the next one at that time.  True: somebody waits for it. */
extern bool cdc_agenda_round_begins(CdcWorld *world, int64 next);

/* An agent that was adopted keeps another epoch: it is to be told; true: one is, and that is taken. */
extern void cdc_agenda_adopt(CdcWorld *world);
extern bool cdc_agenda_adopts(CdcWorld *world);

/* Actions by SQL wait for a batch of this source; who is next, NULL: nobody; or it does not wait any more. */
extern void cdc_agenda_batch(CdcService *source);
extern CdcService *cdc_agenda_next_batch(CdcWorld *world);
extern void cdc_agenda_no_batch(CdcService *source);

#endif							/* CDC_AGENDA_H */
