/*
 * owner.h
 *	  For whom something outside is asked, and what kind of peer is asked.
 *
 * The wing io shares by these and knows no more of them: an owner is two words,
 * set by who asks, and what the first of them may have at once.  Zeroed: the
 * operator's own, without a bound.
 */
#ifndef CDC_OWNER_H
#define CDC_OWNER_H

#define CDC_OWNER_WORD 40

typedef struct CdcOwner
{
	char		organization[CDC_OWNER_WORD];
	char		service[CDC_OWNER_WORD];
	int			descriptors;	/* most of the organization's at once; 0: no bound */
	int			requests;		/* by HTTP */
	int64		bytes;			/* of answers that are being read */
} CdcOwner;

/* A share of descriptors is kept for each, so that none starves another. */
typedef enum CdcPeerKind
{
	CDC_PEER_SOURCE,			/* looks at a source and its nodes */
	CDC_PEER_PING,				/* is the primary there? */
	CDC_PEER_CHANGE,			/* DDL, pg_hba.conf, slots on standbys */
	CDC_PEER_CONNECT,
	CDC_PEER_AGENT,
	CDC_PEER_SDN,
	CDC_PEER_PROVIDER,
	CDC_PEER_KINDS
} CdcPeerKind;

#endif							/* CDC_OWNER_H */
