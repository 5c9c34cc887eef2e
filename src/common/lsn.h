/*
 * lsn.h
 *	  Positions in WAL as text: the form of type pg_lsn ("16/B374D848").
 *
 * Nothing here ereports.  0 is no position, as for the server
 * (InvalidXLogRecPtr).
 */
#ifndef CDC_LSN_H
#define CDC_LSN_H

#include "common/base.h"
#include <json-c/json.h>

/* The position as text; palloc'd. */
extern char *cdc_lsn_words(uint64 lsn);

/* The position that a text is; 0 when words is NULL or something else, or more. */
extern uint64 cdc_lsn_parse(const char *words);

/* The position that a member of an object has as text; 0 when it is none, or object is no object. */
extern uint64 cdc_lsn_member(struct json_object *object, const char *key);

/* Sets a member of an object: the position as text, null for 0. */
extern void cdc_lsn_json(struct json_object *object, const char *key, uint64 lsn);

#endif							/* CDC_LSN_H */
