/*
 * sdn_api.h
 *	  What every caller of UpCloud's API needs: addresses, credentials, errors.
 *
 * Peerings are remote/sdn.c's (the worker's), networks agent/network.c's.  No
 * I/O, no state; results are palloc'd.  Nothing here ereports on what a peer
 * sent: a body that does not parse is an answer too.
 */
#ifndef CDC_SDN_API_H
#define CDC_SDN_API_H

#include "common/base.h"
#include <json-c/json.h>

/* base + "/1.3/" + collection [+ "/" + id]; collection e.g. "network-peering". */
extern char *cdc_sdn_url_of(const char *base, const char *collection, const char *id);

/*
 * The message of an error's body, as one redacted line; NULL when it has none.
 * Both shapes are read: {"error":{"error_code","error_message"}} and
 * problem+json, whose code is the fragment of the type without ERROR_.
 * *code: palloc'd, or NULL.
 */
extern char *cdc_sdn_error(const char *body, char **code);

/* Credentials, from the text of their file; strings palloc'd. */
typedef struct CdcSdnCredentials
{
	char	   *user;			/* Basic: both ... */
	char	   *password;
	char	   *token;			/* ... or Bearer: this alone */
} CdcSdnCredentials;

/*
 * Lines "username = ...", "password = ..." or "token = ..."; empty lines and
 * lines that begin with # do not count, white space around a value neither.
 * NULL: fine, else why not (never quoting a value).
 */
extern const char *cdc_sdn_parse_credentials(const char *words, CdcSdnCredentials *credentials);

/* Overwrites them. */
extern void cdc_sdn_wipe(CdcSdnCredentials *credentials);

/* The value of an object's label, the object's; NULL without one.  Keys have no case. */
extern const char *cdc_sdn_label(struct json_object *object, const char *key);

/* [{"key": key, "value": value}], to put. */
extern struct json_object *cdc_sdn_labels(const char *key, const char *value);

/* {kind: inner} as text; puts inner. */
extern char *cdc_sdn_enveloped(const char *kind, struct json_object *inner);

#endif							/* CDC_SDN_API_H */
