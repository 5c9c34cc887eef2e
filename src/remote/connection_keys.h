/*
 * connection_keys.h
 *	  The keys of a service's connection: one table a peer, which every door
 *	  and the worker read.
 *
 * A key is a row: its JSON type, its rule, who may set it, whether it is a
 * secret, which secrets it directs, and what a change of it on a live service
 * sets off.  Nothing about a key is checked anywhere else.  No I/O, no state,
 * no ereport; results are palloc'd, JSON results are json_object_put by the
 * caller.
 */
#ifndef CDC_CONNECTION_KEYS_H
#define CDC_CONNECTION_KEYS_H

#include "common/base.h"
#include <json-c/json.h>

#include "remote/connection_rules.h"

typedef enum CdcSetBy
{
	CDC_BY_MEMBER,
	CDC_BY_ADMIN,				/* who registers; afterwards an admin */
	CDC_BY_SUPERUSER
} CdcSetBy;

/* Where a value is kept: in cdc.service.connection, or beside it. */
typedef enum CdcKeptIn
{
	CDC_KEPT_CONNECTION,
	CDC_KEPT_COLUMN,			/* a column of cdc.service, or cdc.service_node */
	CDC_KEPT_SECRET				/* cdc.service_secret, whole */
} CdcKeptIn;

typedef struct CdcConnectionKey
{
	const char *key;
	enum json_type type;
	const char *rule;			/* in words, for people */
	CdcConnectionRule check;	/* NULL: any value of the type */
	CdcSetBy	set_by;
	CdcKeptIn	kept;
	const char *inner_secret;	/* of an array's members: the one that is a secret, or NULL; */
	const char *inner_name;		/* the one that is kept; */
	const char *inner_purpose;	/* and what the secret is called: "agent_token/%d" by
								 * number, "user_password/%s" by inner_name */
	const char *directs;		/* secrets that go where this key says, words with
								 * blanks between, or NULL: purposes, "agent_token",
								 * "pipelines" for the passwords of their roles */
	const char *in_use;			/* why it stays while a pipeline uses the service, or NULL */
	const char *on_change;		/* what a change sets off */
} CdcConnectionKey;

typedef struct CdcConnectionPeer
{
	const char *database_type;
	const CdcConnectionKey *keys;	/* sorted, the last one's key is NULL */

	/*
	 * What no key can tell alone.  ranges_learned: the addresses of Kafka Connect
	 * can be asked of the SDN API.
	 */
	bool		(*whole) (struct json_object *connection, bool ranges_learned, CdcFault *fault);
} CdcConnectionPeer;

/* NULL: no such type, or key. */
extern const CdcConnectionPeer *cdc_connection_peer(const char *database_type);
extern const CdcConnectionPeer *const *cdc_connection_peers(void);	/* ends with NULL */
extern const CdcConnectionKey *cdc_connection_key(const CdcConnectionPeer *peer, const char *key);

/*
 * Is each member of given known, of its type, and does its rule take it?  A
 * member that is null counts as absent.  stored: see CdcConnectionRule; keys
 * that the worker or a provider adds are let be then.
 */
extern bool cdc_connection_check(const CdcConnectionPeer *peer, struct json_object *given, bool stored, CdcFault *fault);

/*
 * Divides a connection that was checked: *kept is what cdc.service.connection
 * gets (objects by their inner_name alone), *secrets maps purposes to clear
 * texts.  Nulls are in neither.
 */
extern void cdc_connection_divide(const CdcConnectionPeer *peer, struct json_object *given,
								  struct json_object **kept, struct json_object **secrets);

/*
 * Is value one that a secret of this purpose takes?  (The purpose is of a key of
 * the peer, as cdc_connection_divide names them.)
 */
extern bool cdc_connection_check_secret(const CdcConnectionPeer *peer, const char *purpose, const char *value, CdcFault *fault);

extern const char *cdc_set_by_name(CdcSetBy by);

extern const CdcConnectionPeer cdc_connection_postgresql;
extern const CdcConnectionPeer cdc_connection_kafka;

#endif							/* CDC_CONNECTION_KEYS_H */
