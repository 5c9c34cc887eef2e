/*
 * pair.h
 *	  Records of pairs of networks: found, made, forgotten.
 */
#ifndef CDC_PAIR_H
#define CDC_PAIR_H

#include "worker/world/world.h"

/*
 * A pair of networks that are, or were, to be joined by two peerings: one row
 * of cdc.network_peering, shared by all pipelines between them.
 */
typedef struct CdcPair
{
	/* as its row has it.  Writer: worker/world */
	CdcWorld   *world;
	char		a[CDC_UUID_LEN + 1];	/* a < b */
	char		b[CDC_UUID_LEN + 1];
	char		peering_ab[CDC_UUID_LEN + 1];	/* as last seen; "" none */
	char		peering_ba[CDC_UUID_LEN + 1];
	char	   *state_ab;
	char	   *state_ba;
	char	   *installation;	/* whose label makes a peering ours */
	char	   *error;			/* of what was last tried, for the row */
	TimestampTz waiting_since;	/* not active since, 0: it is or was not seen yet */
	TimestampTz mutated_at;		/* the last change was sent, 0: never */
	CdcDirty	dirty;			/* to be written */
	bool		stored;			/* has a row */
	int64		changed_at;		/* lists begun before do not count */
	int			conflicts;		/* creates in a row that met a peering not listed */
	CdcTurn		turn;			/* of who acts on it */

	/* what is being done about it.  Writer: worker/execute/network.c */
	bool		removing;		/* nobody needs it any more */
	bool		gone;			/* its row is to be deleted, then it is forgotten */
	int64		refused_until;	/* what was refused is not tried again before */
	char	   *refused;		/* why */
	CdcSdnRemoval removal;		/* the step that is under way, or planned */
	bool		removal_planned;	/* its intent is written with the next turn */
	uint64		removal_serial; /* of the request under way, 0: none */
	bool		parted;			/* removing: nothing of ours was listed */
	char		removal_uuid[CDC_UUID_LEN + 1];
	int64		next_try;
	int			attempts;
} CdcPair;

/*
 * The pair of two different networks, whichever is named first; made in the
 * world's context where there is none.
 */
extern CdcPair *cdc_pair_make(CdcWorld *world, const char *one, const char *other);

/*
 * A service, whose network_id is known now, needs its network; it does not any
 * more, since it is forgotten; or since its provider takes it back.  What is not
 * needed any more is parted.
 */
extern void cdc_network_join(CdcService *service);
extern void cdc_network_leave(CdcService *service);
extern void cdc_world_take_back(CdcService *service, bool taken);

/* Of a world that is being made. */
extern void cdc_pairs_create(CdcWorld *world);

/* Takes a pair out of the world and frees it (its row is gone, or everything is forgotten). */
extern void cdc_pair_forget(CdcPair *pair);

/* Is there an SDN API to ask? */
extern bool cdc_network_configured(void);

/* Do the sink's pg_hba lines take the ranges of its network? */
extern bool cdc_network_gives_ranges(const CdcService *sink);

/*
 * Has the service a network of which nobody here has said that it is its
 * organization's?  Then the network's label at the cloud must say so.
 */
extern bool cdc_network_needs_label(const CdcService *service);

/* Is its network the organization's, by a word or by its label? */
extern bool cdc_network_is_owned(const CdcService *service);

/* In words, palloc'd: whose word is missing for a service's network. */
extern char *cdc_network_owner_missing(const CdcService *service);

/* Is there something to wire between the pipeline's source and sink? */
extern bool cdc_network_to_wire(const CdcPipeline *pipeline);

/* The pipeline's pair; NULL when there is nothing to wire, or nobody has looked at it yet. */
extern CdcPair *cdc_pair_of(const CdcPipeline *pipeline);

/* Both directions by the last good list, if it was begun after the last change. */
extern bool cdc_pair_seen(const CdcPair *pair, const CdcSdnPeering **ab, const CdcSdnPeering **ba);

/* Why the list does not tell them; NULL: it does, or there is none to tell. */
extern const char *cdc_pair_unread(const CdcPair *pair);

/*
 * Is the pair needed, while a service has each of its networks?  A deleted one
 * has, until the teardown of its last pipeline is over; one that its provider is
 * about to take back, its network with it, has it no more.
 */
extern bool cdc_pair_is_needed(const CdcPair *pair);

/*
 * Is the network of a service that is taken back still joined to another one,
 * as far as is known?  It is being parted.
 */
extern bool cdc_pair_joined(const CdcService *service);

/* Lists are asked for, soon and densely for a while: a change was sent. */
extern void cdc_pair_changed(CdcPair *pair);

/* As its row has it, when it is made; texts are copied and may be NULL, times 0.  Nothing is marked. */
extern void cdc_pair_fill(CdcPair *pair, const char *installation, const char *peering_ab, const char *peering_ba, const char *state_ab,
						  const char *state_ba, const char *error, TimestampTz waiting_since, TimestampTz mutated_at);

/* What is remembered of it is changed by these alone, which mark its row, where it has one: what was seen of a direction (NULL: nothing); */
extern void cdc_pair_keep_directions(CdcPair *pair, const CdcSdnPeering *ab, const CdcSdnPeering *ba);

/* what was last tried and failed, copied (NULL: nothing has); since when it is waited for, or that it is not. */
extern void cdc_pair_keep_error(CdcPair *pair, const char *words);
extern void cdc_pair_keep_waiting(CdcPair *pair, bool waiting);

/* A change is about to be sent: it gets a row, if it has none. */
extern void cdc_pair_keep_mutated(CdcPair *pair);

/* A create met a peering that is not listed: how often so far, in a row; or that is over. */
extern int	cdc_pair_met_conflict(CdcPair *pair);
extern void cdc_pair_end_conflicts(CdcPair *pair);

/* After a commit: its row is as it is; it is forgotten when it is gone. */
extern void cdc_pair_written(CdcPair *pair);

/* When all pairs are seen to next, PG_INT64_MAX: when something is new. */
extern void cdc_pairs_see(CdcWorld *world, int64 at);

/* Is a row waiting to be written? */
extern bool cdc_pair_any_dirty(CdcWorld *world);

/* A list of all peerings is wanted as soon as it may be asked for again; or it is asked for. */
extern void cdc_sdn_want_list(CdcWorld *world, bool wanted);

/* Something is expected to change there: it is asked often again. */
extern void cdc_sdn_changed(CdcWorld *world);

#endif							/* CDC_PAIR_H */
