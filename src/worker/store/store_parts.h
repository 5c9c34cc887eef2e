/*
 * store_parts.h
 *	  What the files of the store share; for them alone.
 *
 * statement.c and rows.c are what all may call, and secret.c what loads may.
 * Above them is a file for each matter, which calls no other one: load_services.c
 * and load_pipelines.c read, write_services.c and write_pipelines.c write,
 * network.c, findings.c, provider.c and interlock.c do both.  work.c knows what is to
 * be read, store.c is the turn.
 *
 * What writes and reads rows is called inside a turn, SPI connected; what loads
 * them into the world, after its commit, when no transaction is open.
 */
#ifndef CDC_STORE_PARTS_H
#define CDC_STORE_PARTS_H

#include "common/pg_json.h"
#include "worker/world/world.h"

/* --- statement.c ------------------------------------------------------------ */

/*
 * Runs sql, which must be a constant that lives as long as the process, inside
 * SPI_connect() with an active snapshot: parsed and planned once a process, and
 * anew when what it uses has changed.  nulls as SPI_execute_plan() wants it, or
 * NULL.  The result is in SPI_processed and SPI_tuptable.  ERROR when it fails,
 * or ends otherwise than expected (an SPI_OK_ code).
 */
extern void cdc_statement_run(const char *sql, int expected, int nargs, const Oid *types, const Datum *values, const char *nulls);

/* --- rows.c ----------------------------------------------------------------- */

/*
 * An empty array for rows to write, which goes with the transaction, however
 * that ends: json-c's memory is none of PostgreSQL's, and a turn that fails is
 * tried again and again.
 */
extern struct json_object *cdc_rows(void);

/* Runs sql with the rows of an array as its one parameter, or not at all when there is none. */
extern void cdc_rows_write(const char *sql, int expected, struct json_object *rows);

/*
 * The first ncolumns of all rows that the last statement gave, row by row, in
 * TopMemoryContext: they outlive the commit.  *n: how many rows.  To be freed by
 * cdc_rows_free() with the number of all values.
 */
extern char **cdc_rows_keep(int ncolumns, int *n);
extern void cdc_rows_free(char **rows, int n);

/* The one column of a query of which the one argument is an array of ids as text (NULL: of all), kept as above. */
extern char **cdc_rows_of_ids(const char *sql, const char *ids, int *n);

/* Members of a row to write: null for 0. */
extern void cdc_row_add_time(struct json_object *row, const char *key, TimestampTz value);
extern void cdc_row_add_uint(struct json_object *row, const char *key, uint64 value);

/* Members of a row that was read; NULL, 0, missing or *n 0 where there is none, or of another type. */
extern const char *cdc_row_text(struct json_object *row, const char *key);
extern uint64 cdc_row_uint(struct json_object *row, const char *key);
extern bool cdc_row_bool(struct json_object *row, const char *key, bool missing);
extern int	cdc_row_int(struct json_object *row, const char *key, int missing);
extern struct json_object *cdc_row_array(struct json_object *row, const char *key, int *n);
extern struct json_object *cdc_row_object(struct json_object *row, const char *key);

/* A copy in context; NULL for NULL. */
extern char *cdc_row_copy(MemoryContext context, const char *value);

/* ISO 8601 text as to_jsonb writes it; 0 for NULL. */
extern TimestampTz cdc_row_time(const char *words);

/* --- secret.c --------------------------------------------------------------- */

/* The members of a statement that are an owner's secrets, for cdc_store_secret(). */
#define CDC_SECRETS_OF(table, owner) \
	"(SELECT pg_catalog.json_agg(pg_catalog.json_build_object('purpose', x.purpose, 'key_id', x.key_id," \
	"    'data', pg_catalog.translate(pg_catalog.encode(x.ciphertext, 'base64'), E'\\n', '')))" \
	"    FROM " table " x WHERE x." owner " OPERATOR(pg_catalog.=) s.id)"

/*
 * The clear secret of one purpose from a row's "secrets", in context; NULL: there
 * is none, or it cannot be decrypted: *error (if not set already) says why.  No
 * ERROR: one bad secret hurts only its owner.  Never logged.
 */
extern char *cdc_store_secret(MemoryContext context, struct json_object *row, const char *owner,
							  const char *purpose, char **error);

/* The same of one ciphertext. */
extern char *cdc_store_decrypt(MemoryContext context, const bytea *cipher, const char *key_id,
							   const char *owner, const char *purpose, char **error);

/* --- a file a matter -------------------------------------------------------- */

/* load_services.c; ids: "{uuid,...}", NULL: all.  What is kept is freed by cdc_rows_free(). */
extern char **cdc_store_read_services(const char *ids, int *n);
extern void cdc_store_load_service(CdcWorld *world, const char *words);

/* Pairs of id and region of all services, *n of them; one of them. */
extern char **cdc_store_read_regions(int *n);
extern void cdc_store_load_region(CdcWorld *world, const char *id, const char *region);

/* load_pipelines.c; the same */
extern char **cdc_store_read_pipelines(const char *ids, int *n);
extern void cdc_store_load_pipeline(CdcWorld *world, const char *words);

/* write_services.c: what is dirty; after the commit it is clean. */
extern void cdc_store_write_services(CdcWorld *world);
extern void cdc_store_services_written(CdcWorld *world);

/*
 * write_pipelines.c: what is dirty, and events; after the commit it is clean, but
 * for rows that a user's transaction held, which are tried again a little later.
 */
extern void cdc_store_write_pipelines(CdcWorld *world);
extern void cdc_store_write_events(CdcWorld *world);
extern void cdc_store_pipelines_written(CdcWorld *world);

/* Is it being written of a pipeline that it is deleted, or that it has settled? */
extern bool cdc_store_pipelines_ending(CdcWorld *world);

/* network.c */
extern void cdc_store_write_pairs(CdcWorld *world);
extern void cdc_store_pairs_written(CdcWorld *world);
extern char **cdc_store_read_pairs(int *n);
extern void cdc_store_load_pair(CdcWorld *world, const char *words);

/*
 * findings.c.  False: a row that a user's transaction holds was left, all stay
 * dirty and are tried again a little later.  The last one takes away those of
 * what was deleted.
 */
extern bool cdc_store_write_findings(CdcWorld *world);
extern void cdc_store_findings_written(CdcWorld *world, bool all);
extern void cdc_store_forget_findings(void);

/* provider.c: ends services that nothing holds; their ids, kept as above. */
extern void cdc_store_write_provided(CdcWorld *world);
extern char **cdc_store_end_services(CdcWorld *world, int *n);

/*
 * interlock.c: may this server act?  Sets world->acting, idle_reason and what is the
 * store's in world->fence.  False when there is nothing to read at all.
 */
extern bool cdc_store_interlock(CdcWorld *world);

/* --- work.c ----------------------------------------------------------------- */

/* Rows that a turn read, kept over its commit. */
typedef struct CdcLoaded
{
	bool		all;			/* everything was read: forget what is not here */
	bool		round;			/* a health round of all was asked for */
	List	   *rounds;			/* and of these organizations, by id */
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
	bool		limits_read;	/* those of organizations were */
	int			nlimits;		/* organization, kind, figure */
	char	  **limits;
} CdcLoaded;

/* Empties the queue, reads what it names. */
extern void cdc_store_read_work(CdcWorld *world, CdcLoaded *loaded);

/* After the commit: brings the rows into the world. */
extern void cdc_store_apply(CdcWorld *world, CdcLoaded *loaded);

extern void cdc_store_loaded_free(CdcLoaded *loaded);

#endif							/* CDC_STORE_PARTS_H */
