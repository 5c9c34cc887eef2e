/*
 * load.h
 *	  Reading of rows into the world, and the rows of pairs; used by the store
 *	  alone.
 */
#ifndef CDC_STORE_LOAD_H
#define CDC_STORE_LOAD_H

#include "worker/world/world.h"

/* Rows that a turn read, kept over its commit. */
typedef struct CdcLoaded
{
	bool		all;			/* everything was read: forget what is not here */
	bool		round;			/* a health round was asked for */
	int			nservices;
	char	  **services;		/* one JSON text a row */
	int			npipelines;
	char	  **pipelines;
	int			npairs;
	char	  **pairs;
	int			nended;			/* services that ended in this turn */
	char	  **ended;
	int			nregions;		/* id, region pairs */
	char	  **regions;
} CdcLoaded;

/* Inside the turn, SPI connected: empties the queue, reads what it names. */
extern void cdc_store_read_work(CdcWorld *world, CdcLoaded *loaded);

/* Inside the turn, after the statement that ended services. */
extern void cdc_store_note_ended(CdcWorld *world, CdcLoaded *loaded);

/* After the commit: brings the rows into the world. */
extern void cdc_store_apply(CdcWorld *world, CdcLoaded *loaded);

extern void cdc_store_loaded_free(CdcLoaded *loaded);

/* In store/provider.c: inside the turn.  Ends services that nothing holds. */
extern void cdc_store_write_provided(CdcWorld *world);
extern void cdc_store_end_services(CdcWorld *world);

/*
 * In store/findings.c: inside the turn.  False: a row that a user's transaction
 * holds was left, all stay dirty.  The other one takes away those of what was deleted.
 */
extern bool cdc_store_write_findings(CdcWorld *world);
extern void cdc_store_forget_findings(void);

/* ISO 8601 text as to_jsonb writes it; 0 for NULL. */
extern TimestampTz cdc_store_time(const char *words);

/* Its opposite: a member of a row to write, null for 0. */
extern void cdc_store_add_time(struct json_object *row, const char *key, TimestampTz value);

/*
 * In store.c: an empty array for rows to write, which goes with the transaction,
 * however that ends: json-c's memory is none of PostgreSQL's, and a turn that
 * fails is tried again and again.
 */
extern struct json_object *cdc_store_rows(void);

/* In store.c: runs sql with the rows of an array as its one parameter. */
extern void cdc_store_write_rows(const char *sql, int expected, struct json_object *rows);

/* In store/network.c: inside the turn; after the commit; one row of the load. */
extern const char cdc_store_pairs_sql[];
extern void cdc_store_write_pairs(CdcWorld *world);
extern void cdc_store_forget_written_pairs(CdcWorld *world);
extern void cdc_store_load_pair(CdcWorld *world, const char *words);

#endif							/* CDC_STORE_LOAD_H */
