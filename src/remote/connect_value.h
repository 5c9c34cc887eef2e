/*
 * connect_value.h
 *	  The values of a connector's configuration, by their types.
 *
 * Kafka Connect replaces ${provider:path:key} wherever it stands in a value, by
 * a secret of its host, and tells what came of it in its errors.  So a
 * configuration is put together here and nowhere else: what a user, a source
 * or a peer gave is a text, in which no "${" may be; a reference is a type of
 * its own, made by us only, for the keys and in the forms of a closed list.
 * No I/O, no state, no ereport; results are palloc'd.
 */
#ifndef CDC_CONNECT_VALUE_H
#define CDC_CONNECT_VALUE_H

#include "common/base.h"
#include "common/connect_path.h"
#include <json-c/json.h>

typedef enum CdcConnectType
{
	CDC_CONNECT_NOTHING = 0,	/* not known yet */
	CDC_CONNECT_TEXT,			/* as it stands */
	CDC_CONNECT_SECRET_FILE		/* ${dir:<directory>:<name>} of the agents' secrets */
} CdcConnectType;

/* Strings are the caller's. */
typedef struct CdcConnectValue
{
	CdcConnectType type;
	const char *text;			/* TEXT */
	const char *directory;		/* SECRET_FILE */
	const char *name;
} CdcConnectValue;

extern CdcConnectValue cdc_connect_text(const char *words);
extern CdcConnectValue cdc_connect_secret_file(const char *directory, const char *name);

/*
 * Why a text may not be a value, or a part of one; NULL: it may.  what names it
 * in the sentence; the text itself, which may be a secret, is not shown.
 */
extern char *cdc_connect_text_fault(const char *what, const char *words);

/* Is path this directory, or below it?  Both without fault. */
extern bool cdc_connect_path_below(const char *path, const char *directory);

/*
 * The directory in a reference to a secret's file as cdc_connect_secret_file
 * makes it; NULL when text is none, or its directory has a fault.
 */
extern char *cdc_connect_reference_directory(const char *words);

/* A configuration that is being put together. */
typedef struct CdcConnectConfig
{
	struct json_object *map;
	char	   *fault;			/* the first one, NULL: none */
} CdcConnectConfig;

extern void cdc_connect_begin(CdcConnectConfig *config);

/* A later value of a key replaces the earlier one, at its place. */
extern void cdc_connect_put(CdcConnectConfig *config, const char *key, CdcConnectValue value);
extern void cdc_connect_put_text(CdcConnectConfig *config, const char *key, const char *words); /* NULL: "" */
extern void cdc_connect_put_number(CdcConnectConfig *config, const char *key, int64 number);

/* The configuration is refused for this (kept as it is), unless it was for another reason; NULL: it is not. */
extern void cdc_connect_refuse(CdcConnectConfig *config, char *fault);

/* The map, json_object_put by the caller; NULL, and *fault (may be NULL) says why, when a value was refused. */
extern struct json_object *cdc_connect_finish(CdcConnectConfig *config, char **fault);

#endif							/* CDC_CONNECT_VALUE_H */
