/*
 * pool.h
 *	  Who may have descriptors next, and who gives one back.
 *
 * One pool for all that the worker has open.  A claim says for whom, for what kind
 * of peer and how many; it waits until it is granted, and fails never.
 *
 * Of each kind a share is kept: what others cannot have, so that none starves
 * another.  What lies above the shares is for whoever comes, kind by kind.  Peers
 * that were silent when they were last asked are kinds of their own, with a quarter
 * of all at most: any number of them costs nobody else more.  Within a kind turns
 * go round robin over organizations and services (fair.h).  An organization has at
 * most its share while others wait who have less; when nobody does it may have all but a
 * reserve, by which the next one that comes is served at once.  Memory that answers
 * take is counted the same way: who has more than his share of it begins nothing.  What
 * an organization may have at most (owner.h) it has not more of, whether others wait or not.
 *
 * A connection on which nothing is under way is idle, and counts for nobody: it is given
 * back when somebody waits, the longest idle first.  Those that ping a primary are
 * given back to other pings alone, and not before they had IDLE_PING_MS: where sources are more
 * than descriptors they take turns.
 *
 * Pure: no I/O, no clock.
 */
#ifndef CDC_POOL_H
#define CDC_POOL_H

#include "worker/io/fair.h"

/* The kinds of peers, and the same when they were silent, by what is asked. */
#define CDC_POOL_SILENT_PG		CDC_PEER_KINDS
#define CDC_POOL_SILENT_HTTP	(CDC_PEER_KINDS + 1)
#define CDC_POOL_CLASSES		(CDC_PEER_KINDS + 2)

/* Most that one claim may be for: a login with three certificates. */
#define CDC_POOL_NEED_MAX		6

/* With fewer a pool cannot keep what each kind needs. */
#define CDC_POOL_LEAST			40

#define CDC_POOL_IDLE_PING_MS	1000

typedef struct CdcPoolOrganization CdcPoolOrganization;

typedef enum CdcClaimState
{
	CDC_CLAIM_NONE,
	CDC_CLAIM_WAITS,
	CDC_CLAIM_HELD,
	CDC_CLAIM_IDLE				/* held, and may be taken back */
} CdcClaimState;

/* Zeroed it is none.  The pool's while it is not NONE. */
typedef struct CdcClaim
{
	CdcFairItem item;
	CdcClaimState state;
	int			class;
	int			need;			/* descriptors */
	int64		bytes;			/* of an answer, so far */
	int64		since;			/* waits, or is idle, since then */
	dlist_node	link;			/* among those that wait, or the idle ones of its class */
	CdcPoolOrganization *organization;
	void	   *arg;			/* the caller's */
} CdcClaim;

typedef struct CdcPoolClass
{
	CdcFair		queue;
	int			kept;			/* what others cannot have */
	int			most;
	int			held;			/* idle ones too */
	dlist_head	idle;			/* CdcClaim, the longest idle first */
} CdcPoolClass;

typedef struct CdcPool
{
	int			limit;
	int			used;
	int			share;			/* of an organization, while others wait */
	int			reserve;		/* what it leaves when it has more */
	int64		bytes;
	int64		bytes_limit;
	int64		bytes_share;
	int			waiting;
	dlist_head	asked;			/* CdcClaim that wait, who has waited longest first */
	int			turn;			/* the class whose turn it is */
	CdcPoolClass classes[CDC_POOL_CLASSES];
} CdcPool;

/* limit descriptors, at least CDC_POOL_LEAST; bytes_limit for all answers that are being read. */
extern void cdc_pool_init(CdcPool *pool, int limit, int64 bytes_limit);

/* The class of a peer. */
extern int	cdc_pool_class(CdcPeerKind kind, bool silent);

/* Queues a claim that is NONE; the owner is copied.  ERROR: out of memory, and it is still NONE. */
extern void cdc_pool_ask(CdcPool *pool, CdcClaim *claim, const CdcOwner *owner, int class, int need, int64 now, void *arg);

/* Grants the next claim that may be granted: it is HELD.  NULL: none may. */
extern CdcClaim *cdc_pool_next(CdcPool *pool);

/*
 * After cdc_pool_next() gave none: the idle claim that is to be given back since
 * somebody waits; NULL: none, or none before *later (0: at no time).
 */
extern CdcClaim *cdc_pool_victim(CdcPool *pool, int64 now, int64 *later);

/* Does somebody wait for nothing but a descriptor?  After both gave none. */
extern bool cdc_pool_lacks(CdcPool *pool);

/* Since when the one waits that has waited longest; 0: nobody does. */
extern int64 cdc_pool_waits_since(const CdcPool *pool);

/* It needs no more than that many from now on. */
extern void cdc_pool_shrink(CdcPool *pool, CdcClaim *claim, int need);

/* Nothing is under way by it, or something is again.  It is held. */
extern void cdc_pool_idle(CdcPool *pool, CdcClaim *claim, int64 now);
extern void cdc_pool_busy(CdcPool *pool, CdcClaim *claim);

/* So many bytes of its answer are in memory; it is held.  Safe inside libcurl's callbacks. */
extern void cdc_pool_bytes(CdcPool *pool, CdcClaim *claim, int64 bytes);

/* Gives back what it has, or waits no more: it is NONE. */
extern void cdc_pool_give(CdcPool *pool, CdcClaim *claim);

#endif							/* CDC_POOL_H */
