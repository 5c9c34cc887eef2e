/*
 * store_parts.h
 *	  What the files of the store share; for them alone.
 *
 * statement.c and rows.c are what all may call, and secret.c what loads may.
 * Above them is a file for each matter, which calls no other one: load_services.c
 * and load_pipelines.c read, write_services.c, write_pipelines.c, provider.c and
 * findings.c write, network.c and interlock.c do both.  write.c knows what is to be written and
 * work.c what is to be read; tables.c, holder.c and held.c know who stands in the
 * way; store.c is the turn, chores.c what is done beside it, by apart.c's transactions.
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

/* Adds an empty row of owner number n. */
extern struct json_object *cdc_row_add(struct json_object *rows, int n);

/* Runs sql, a SELECT that may change rows, with the rows of an array as its one parameter. */
extern void cdc_rows_write(const char *sql, struct json_object *rows);

/*
 * The first ncolumns of all rows that the last statement gave, row by row, in
 * TopMemoryContext: they outlive the commit.  *n: how many rows.  To be freed by
 * cdc_rows_free() with the number of all values.
 */
extern char **cdc_rows_keep(int ncolumns, int *n);
extern void cdc_rows_free(char **rows, int n);

/* The first column of a query with one text argument, kept as above; last, unless NULL, becomes the second column of its last row. */
extern char **cdc_rows_by(const char *sql, const char *argument, char *last, int *n);

/* Rows of services or pipelines that are read in one transaction, when all are. */
#define CDC_PAGE 200
#define CDC_PAGE_SQL "200"

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

/* Ids of owners of rows. */
extern const char *cdc_key_of_service(const void *owner);
extern const char *cdc_key_of_pipeline(const void *owner);

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

/* --- tables.c --------------------------------------------------------------- */

typedef enum CdcTable
{
	CDC_TABLE_CONTROL_PLANE,
	CDC_TABLE_WORK,
	CDC_TABLE_ORGANIZATION,
	CDC_TABLE_ORGANIZATION_LIMIT,
	CDC_TABLE_SERVICE,
	CDC_TABLE_SERVICE_NODE,
	CDC_TABLE_SERVICE_SECRET,
	CDC_TABLE_ZONE,
	CDC_TABLE_NETWORK_OWNER,
	CDC_TABLE_CONNECT_SHARE,
	CDC_TABLE_SPEC,
	CDC_TABLE_SECRET,
	CDC_TABLE_OBSERVED,
	CDC_TABLE_STANDBY,
	CDC_TABLE_EVENT,
	CDC_TABLE_FINDING,
	CDC_TABLE_PEERING,
	CDC_NUM_TABLES
} CdcTable;

/* A set of tables. */
#define CDC_TABLE(table) ((uint32) 1 << (table))

/* Those that no row of the queue is read from. */
#define CDC_TABLES_NOT_READ (CDC_TABLE(CDC_TABLE_ORGANIZATION) | CDC_TABLE(CDC_TABLE_EVENT))

/*
 * DROP EXTENSION locks the extension before any of its tables.  What locks several
 * of these in another order would be the end of one of the two.  False: somebody
 * drops it, or is about to.
 */
extern bool cdc_tables_lock_extension(void);

/* Takes the locks that statements of a turn need, of all tables that can be had at once; gives those that cannot. */
extern uint32 cdc_tables_lock(void);

/* Which of them is locked by whom, palloc'd; NULL: by nobody any more. */
extern char *cdc_tables_holder(uint32 held);

/* --- apart.c ---------------------------------------------------------------- */

typedef enum CdcApart
{
	CDC_APART_DONE,
	CDC_APART_IN_THE_WAY,		/* somebody has what is to be locked: nothing was run */
	CDC_APART_FAILED			/* by an ERROR, which is logged: nothing of it holds */
} CdcApart;

/*
 * Runs what(arg) in a transaction of its own, SPI connected, with the extension
 * locked, and all tables when it writes to some.  None is open before or after.
 */
extern CdcApart cdc_store_apart(bool tables, void (*what) (void *arg), void *arg);

/* --- holder.c --------------------------------------------------------------- */

/* Who holds something, and the statement that ends his transaction; palloc'd. */
typedef struct CdcHolder
{
	char	   *words;
	char	   *fix_sql;
} CdcHolder;

/* Both, of a session a and a prepared transaction x, of which one is null. */
#define CDC_HOLDER_COLUMNS \
	"CASE WHEN x.gid IS NOT NULL THEN pg_catalog.format('prepared transaction %L of role %I, of %s', x.gid, x.owner, pg_catalog.date_trunc('second', x.prepared))" \
	" ELSE pg_catalog.format('pid %s (role %I), in a transaction since %s', a.pid, a.usename, pg_catalog.date_trunc('second', a.xact_start)) END," \
	" CASE WHEN x.gid IS NOT NULL THEN pg_catalog.format('ROLLBACK PREPARED %L', x.gid) ELSE pg_catalog.format('SELECT pg_catalog.pg_terminate_backend(%s)', a.pid) END"

/* Those, from the first row of the last statement's result. */
extern void cdc_holder_read(int column, CdcHolder *holder);

/*
 * Who holds one of the rows of which sql gives tableoid and ctid by key, its one
 * argument, a text.  False: nobody does any more.
 */
extern bool cdc_holder_of_rows(const char *sql, const char *key, CdcHolder *holder);

/* --- write.c ---------------------------------------------------------------- */

/*
 * How one kind of what is dirty is written.  The statement waits for no row that
 * somebody's transaction holds: its one argument is an array of rows, each with
 * "n", the number of its owner in the batch, and its result are the n of owners
 * of which a row is held; of these it may have written others.
 */
typedef struct CdcRowWriter
{
	const char *sql;
	uint32		tables;			/* that it needs, by CDC_TABLE() */
	void		(*add) (struct json_object *rows, const void *owner, int n);
	void		(*written) (void *owner);	/* after the commit; NULL: nothing is to be done */
	const char *rows_sql;		/* tableoid and ctid of an owner's rows, by */
	const char *(*key) (const void *owner);
} CdcRowWriter;

/* write_pipelines.c, write_services.c, provider.c, findings.c, network.c */
extern const CdcRowWriter cdc_spec_writer;
extern const CdcRowWriter cdc_secret_writer;
extern const CdcRowWriter cdc_observed_writer;
extern const CdcRowWriter cdc_standbys_writer;
extern const CdcRowWriter cdc_pipeline_findings_writer;
extern const CdcRowWriter cdc_service_writer;
extern const CdcRowWriter cdc_checked_writer;
extern const CdcRowWriter cdc_provided_writer;
extern const CdcRowWriter cdc_service_findings_writer;
extern const CdcRowWriter cdc_node_writer;
extern const CdcRowWriter cdc_pair_writer;

/* writers.c: all of them, in the order in which they write. */
typedef struct CdcRowKind
{
	CdcRow		row;
	const CdcRowWriter *writer;
} CdcRowKind;

extern const CdcRowKind cdc_row_writers[CDC_NUM_ROWS];
extern const CdcRowWriter *cdc_row_writer(CdcRow row);

/* Some of what is to be written.  In the memory of the turn; records outlive it. */
typedef struct CdcBatch
{
	List	   *rows[CDC_NUM_ROWS]; /* CdcDirty */
	List	   *events;			/* struct json_object */
	bool		tried;			/* in the transaction that is, or was, open */
	char	   *why;			/* NULL; or why nothing of it could be written */
	bool		waited;			/* ... which is that a lock was not to be had in time */
	List	   *held_events;	/* of events, those whose pipeline's row somebody holds */
	List	   *held;			/* after it was settled: CdcDirty that were not written */
} CdcBatch;


/* All that is due now; events are taken out of the world, and are the batch's. */
extern CdcBatch *cdc_batch_take(CdcWorld *world);

/* The same as a list of batches, one a service (a pipeline is its source's). */
extern List *cdc_batch_split(CdcWorld *world, CdcBatch *batch);

/* Writes it, but for what is in tables that are held; ERROR when it fails. */
extern void cdc_batch_write(CdcWorld *world, CdcBatch *batch, uint32 tables_held);

/*
 * After the commit of a transaction in which it was written or, with why set, could
 * not be: what is written is clean, what somebody holds is tried again later, a
 * pipeline that has ended is forgotten.
 */
extern void cdc_batch_settle(CdcWorld *world, CdcBatch *batch);

/* What nothing was said of is due as before, and its events are the world's again. */
extern void cdc_batch_give_back(CdcWorld *world, CdcBatch *batch);

/* --- held.c ----------------------------------------------------------------- */

/*
 * After batches were settled: tells of rows that are held for long by a finding of
 * their owner and in the log.  Opens a short transaction of its own when there are some.
 */
extern void cdc_held_tell(CdcWorld *world, List *batches);

/* A row is written, before that is said of it: the finding goes. */
extern void cdc_held_written(CdcDirty *dirty);

/* --- chores.c --------------------------------------------------------------- */

/* Before a turn: what it writes may be the end of something. */
extern void cdc_chores_expect(const CdcBatch *batch);

/* After a turn: does what is due; read: services were read in it. */
extern void cdc_chores_run(CdcWorld *world, bool read);

/* --- a file a matter -------------------------------------------------------- */

/*
 * load_services.c; ids: "{uuid,...}"; NULL: a page of all, after the one with the id
 * after, which becomes that of the last.  What is kept is freed by cdc_rows_free().
 */
extern char **cdc_store_read_services(const char *ids, char *after, int *n);
extern void cdc_store_load_service(CdcWorld *world, const char *words);

/* Pairs of id and region of all services, *n of them; one of them. */
extern char **cdc_store_read_regions(int *n);
extern void cdc_store_load_region(CdcWorld *world, const char *id, const char *region);

/* load_pipelines.c; the same */
extern char **cdc_store_read_pipelines(const char *ids, char *after, int *n);
extern void cdc_store_load_pipeline(CdcWorld *world, const char *words);

/* network.c; the same, of all pairs */
extern char **cdc_store_read_pairs(int *n);
extern void cdc_store_load_pair(CdcWorld *world, const char *words);

/*
 * interlock.c: may this server act?  Sets world->acting, idle_reason and what is the
 * store's in world->fence.  False when there is nothing to read at all.
 */
extern bool cdc_store_interlock(CdcWorld *world);

/* --- work.c ----------------------------------------------------------------- */

/* Of all there is, page by page: services, then pipelines, then pairs. */
typedef enum CdcLoadStage
{
	CDC_LOAD_SERVICES = 0,
	CDC_LOAD_PIPELINES,
	CDC_LOAD_PAIRS
} CdcLoadStage;

/* Rows that a turn read, kept over its commit. */
typedef struct CdcLoaded
{
	bool		all;			/* a page of all there is: */
	CdcLoadStage stage;
	char		after[CDC_UUID_LEN + 1];	/* id of its last row */
	bool		first;			/* forget what there was */
	bool		more;			/* the queue holds more */
	bool		round;			/* a health round of all was asked for */
	List	   *rounds;			/* and of these organizations, by id */
	List	   *reloads;		/* ids of services and pipelines that were read, those that are gone too */
	int			nservices;
	char	  **services;		/* one JSON text a row */
	int			npipelines;
	char	  **pipelines;
	int			npairs;
	char	  **pairs;
	int			nregions;		/* id, region pairs */
	char	  **regions;
	bool		limits_read;	/* those of organizations were */
	int			nlimits;		/* organization, kind, figure */
	char	  **limits;
} CdcLoaded;

/* Takes from the queue what nobody holds, and reads what it names; or a page of all. */
extern void cdc_store_read_work(CdcWorld *world, CdcLoaded *loaded);

/* After the commit: brings the rows into the world. */
extern void cdc_store_apply(CdcWorld *world, CdcLoaded *loaded);

extern void cdc_store_loaded_free(CdcLoaded *loaded);

#endif							/* CDC_STORE_PARTS_H */
