/*
 * sdn.h
 *	  The vocabulary of UpCloud's API of network peerings: build a request,
 *	  read an answer, judge a pair of networks.  No I/O, no state, no clock.
 *
 * A peering is one side's wish: two networks are joined when both directions
 * exist and are active.  Results are palloc'd in the current context
 * (json_object results are json-c's).  Nothing here ereports on what a peer
 * sent: a body that does not parse is an answer too.
 */
#ifndef CDC_SDN_H
#define CDC_SDN_H

#include "common/sdn_api.h"
#include "reconciler/snapshot.h"

/* The label that says whose a peering is; its value is the installation's id. */
#define CDC_SDN_LABEL "cdc_pipeline_installation"

/* The label of a network whose value is the id of the organization that it belongs to. */
#define CDC_SDN_OWNER_LABEL "cdc_pipeline_organization"

/* What the backend reports; 0: a word that we do not know. */
typedef enum CdcSdnState
{
	CDC_SDN_OTHER = 0,
	CDC_SDN_PROVISIONING,
	CDC_SDN_PENDING_PEER,
	CDC_SDN_ACTIVE,
	CDC_SDN_DISABLED,
	CDC_SDN_PEER_DISABLED,
	CDC_SDN_CONFLICT_SUBNET,
	CDC_SDN_MISSING_LOCAL_ROUTER,
	CDC_SDN_MISSING_PEER_ROUTER,
	CDC_SDN_DELETED_PEER_NETWORK,
	CDC_SDN_ERROR
} CdcSdnState;

/* One peering; strings are the list's. */
typedef struct CdcSdnPeering
{
	const char *uuid;
	const char *local;			/* UUID of the network that is joined ... */
	const char *peer;			/* ... to this one */
	bool		wants_disabled; /* configured_status is disabled */
	CdcSdnState state;
	const char *state_name;		/* as sent */
	const char *owner;			/* value of our label, or NULL */
	bool		unread;			/* its uuid or its state is none: nothing is known but that it is there */
} CdcSdnPeering;

typedef struct CdcSdnList
{
	struct json_object *body;	/* owns the strings */
	int			n;
	int			unread;			/* members of which nothing is known at all */
	CdcSdnPeering *items;
} CdcSdnList;

/*
 * GET /network-peering as it comes, in pieces of any size.  feed (which fits
 * CdcHttpRequest.consume) is false when this is not that list, or more than one account's
 * can be: 20,000 peerings.  A member that is no peering, or has more than 64 kB, costs
 * itself: cdc_sdn_tells().  reader_new, feed and reader_free
 * neither palloc nor ereport; new is NULL without memory.  reader_list takes
 * what was read: NULL when it is not a whole list.  cdc_sdn_list_free, which accepts NULL.
 */
typedef struct CdcSdnReader CdcSdnReader;
extern CdcSdnReader *cdc_sdn_reader_new(void);
extern bool cdc_sdn_reader_feed(const char *data, size_t length, void *reader);
extern bool cdc_sdn_reader_failed(const CdcSdnReader *reader);
extern CdcSdnList *cdc_sdn_reader_list(CdcSdnReader *reader);
extern void cdc_sdn_reader_free(CdcSdnReader *reader);

/* The same of a whole body. */
extern CdcSdnList *cdc_sdn_parse_list(const char *body);
extern void cdc_sdn_list_free(CdcSdnList *list);

/*
 * Does the list tell what there is between two networks, by the two directions as
 * they were found in it (NULL: not)?  Not where one of them was not understood, and not
 * where one is not found while there is something that nobody understands: it may be
 * that one.  One that is active is enough.
 */
extern bool cdc_sdn_tells(const CdcSdnList *list, const CdcSdnPeering *ab, const CdcSdnPeering *ba);

/* The peering of one direction, NULL when it is not listed (or list is NULL). */
extern const CdcSdnPeering *cdc_sdn_find(const CdcSdnList *list, const char *local, const char *peer);

/*
 * The address ranges of GET /network/<id>, as *n CIDRs in the order sent; NULL
 * when the body is not that, or there is none.
 */
extern char **cdc_sdn_parse_ranges(const char *body, int *n);

/*
 * Has the network of GET /network/<id> the label that says that it is this
 * organization's?
 */
extern bool cdc_sdn_network_is_of(const char *body, const char *organization);

/* Bodies of POST and PATCH. */
extern char *cdc_sdn_create_body(const char *local, const char *peer, const char *installation);
extern char *cdc_sdn_status_body(bool active);

/* What an answer means. */
typedef enum CdcSdnMeaning
{
	CDC_SDN_DONE,				/* 2xx */
	CDC_SDN_EXISTS,				/* 409 PEERING_CONFLICT: look it up */
	CDC_SDN_ABSENT,				/* 404 of a peering */
	CDC_SDN_NOT_DISABLED,		/* 409 PEERING_NOT_DISABLED: wait */
	CDC_SDN_DENIED,				/* 401, 403 without a reason of its own */
	CDC_SDN_REFUSED,			/* 4xx: it did not take effect, the message says why */
	CDC_SDN_LATER,				/* 408, 429: it did not take effect, try again */
	CDC_SDN_MAYBE				/* 5xx, or nonsense: it may have taken or take effect */
} CdcSdnMeaning;

/*
 * Both shapes of error bodies are read.  *message: one redacted line that also
 * says what to do where that is known; NULL when DONE.
 */
extern CdcSdnMeaning cdc_sdn_meaning(int status, const char *body, char **message);

/* Does a 403 with this body refuse our credentials the right to it, rather than what was asked for?  The API has a code for the latter. */
extern bool cdc_sdn_forbids(const char *body);

/* Whether both directions work, and if not what is to be done. */
typedef struct CdcSdnVerdict
{
	CdcPeerings peerings;		/* BLOCKED, MISSING, DISABLED, WAITING or ACTIVE */
	const char *local;			/* MISSING, DISABLED: the direction to act on */
	const char *peer;
	const char *uuid;			/* DISABLED: the peering to enable */
	char	   *words;			/* NULL when ACTIVE: what is seen, what to do */
} CdcSdnVerdict;

/*
 * Judges the two directions between networks a and b; NULL: not listed.
 * installation: whose label makes a peering ours.  A direction that is active
 * is enough when the other one is not listed: it belongs to another account.
 */
extern CdcSdnVerdict cdc_sdn_judge(const char *a, const char *b, const CdcSdnPeering *ab,
								   const CdcSdnPeering *ba, const char *installation);

/* Is it ours by its label? */
extern bool cdc_sdn_ours(const CdcSdnPeering *peering, const char *installation);

/* The next thing to do to take our side of a pair away, a direction at a time. */
typedef enum CdcSdnRemoval
{
	CDC_SDN_REMOVED,			/* nothing of ours is listed */
	CDC_SDN_TO_DISABLE,
	CDC_SDN_TO_DELETE,
	CDC_SDN_TO_WAIT				/* disabling has not taken effect yet */
} CdcSdnRemoval;

/* *which: the peering to act on, NULL when there is nothing to act on. */
extern CdcSdnRemoval cdc_sdn_removal(const CdcSdnPeering *ab, const CdcSdnPeering *ba,
									 const char *installation, const CdcSdnPeering **which);

#endif							/* CDC_SDN_H */
