/*
 * pg_hba.h
 *	  Our managed block at the top of a pg_hba.conf: pure text, and the SQL
 *	  that reads and writes the file on its server.
 *
 * The block is marked, sorted, and the only part of the file that is ever
 * changed.  Every byte outside of it stays.  Results are palloc'd.
 * Source: PostgreSQL manual, 21.1 "The pg_hba.conf File"; hba.c next_token().
 */
#ifndef CDC_PG_HBA_H
#define CDC_PG_HBA_H

#include "common/base.h"
#include "reconciler/snapshot.h"

/* One line of ours: host <database> <role> <cidr> scram-sha-256, with its
 * pipeline's full id in the comment. */
typedef struct CdcHbaLine
{
	const char *pipeline_id;
	const char *database;
	const char *role;
	const char *cidr;
} CdcHbaLine;

/*
 * The line's text, names quoted so that keywords (all, replication) and
 * specials are literal; no newline.  NULL when it cannot be written as one
 * line that means these names alone: a control character in one, a slash at its
 * beginning, a cidr that is none (what a user chose
 * must not become a second line).
 */
extern char *cdc_hba_line(const CdcHbaLine *line);

/*
 * Why our block in this file may not be touched ("the line ... is missing"),
 * NULL when there is none or it is whole.  A human edited the markers: nobody
 * can tell which lines are whose.
 */
extern char *cdc_hba_broken(const char *file);

/*
 * file with our block set to exactly these lines, plus the lines of other
 * pipelines found in the block (another control plane's are kept; those of a
 * pipeline that lines name are replaced).  Lines in the block that do not
 * carry our comment are the user's and stay, below ours.  No lines left: the
 * block and its markers go, and the file is byte for byte what it was before
 * the first write.  Puts the block at the top if somebody moved it.
 * remove_ids: pipelines whose lines go.
 * NULL when cdc_hba_broken(file), or a line cannot be written.
 */
extern char *cdc_hba_apply(const char *file, const CdcHbaLine *lines, int nlines,
						   const char *const *remove_ids, int nremove);

/*
 * What of a file is ours, found once for many questions: it may have the lines of
 * thousands of pipelines.  One palloc'd chunk; it points into file, which must
 * outlive it.
 */
typedef struct CdcHbaOurs CdcHbaOurs;
extern CdcHbaOurs *cdc_hba_ours(const char *file);

/* Are all the lines there, in our block, before any other rule? */
extern bool cdc_hba_has(const CdcHbaOurs *ours, const CdcHbaLine *lines, int nlines);

/*
 * Is any line of this pipeline left in our block (or in the rest of a broken
 * one)?
 */
extern bool cdc_hba_left(const CdcHbaOurs *ours, const char *pipeline_id);

/*
 * SHA-256 (hex) of the lines of these pipelines in our block, "" when there is
 * none: what a reload made active.  Lines of others come and go beside them.
 */
extern char *cdc_hba_lines_hash(const char *file, const char *const *ids, int nids);

/* SHA-256 (hex) of a whole text, as cdc_hba_write_sql compares it. */
extern char *cdc_hba_sha256(const char *content);

/*
 * Of a file that is not ours to write (pg_hba_match.c): does it let the role
 * into the database from all of each line's network, with a password?  The
 * lines are one pipeline's: of one role and one database; the file is read once
 * for all of them.  sslmode: libpq's word, NULL: prefer.  NO: one of them is
 * refused; UNKNOWN when that depends on what the text does not tell (groups,
 * host names, included files, regular expressions), or when it is true of a
 * part of a network only.
 */
extern CdcTri cdc_hba_admits(const char *file, const CdcHbaLine *lines, int nlines, const char *sslmode);

/*
 * Who writes this whole file anew at will, by its own words in it ("Patroni"), or
 * NULL.  Source: patroni/postgresql/config.py, ConfigHandler._config_file_writer.
 */
extern const char *cdc_hba_manager(const char *file);

/*
 * The line for such a manager's own configuration: of a role of any pipeline where
 * the server's version knows expressions (16), since nobody adds one line a
 * pipeline there by hand.  NULL as cdc_hba_line().
 */
extern char *cdc_hba_line_for_manager(const CdcHbaLine *line, int version);

/*
 * A larger file is not read, nor written: 512 kB of bytea's "escape" format (a
 * byte beyond ASCII takes four).  Of one that is, CDC_HBA_HEAD bytes are looked
 * at, which is where our block is.
 */
#define CDC_HBA_MAX "524288"
#define CDC_HBA_HEAD "131072"

/*
 * Reads the file: one row (path text, content text, sha256 hex text, how many
 * errors the server finds in it).  The content is in bytea's "escape" format, since
 * a pg_hba.conf may hold bytes that are no text in the database's encoding:
 * cdc_hba_decode it.  NULL: the file is larger than CDC_HBA_MAX.
 */
#define CDC_HBA_READ_SQL \
	"SELECT pg_catalog.current_setting('hba_file'), " \
	"CASE WHEN pg_catalog.length(pg_catalog.encode(f, 'escape')) <= " CDC_HBA_MAX " THEN pg_catalog.encode(f, 'escape') END, " \
	"pg_catalog.encode(pg_catalog.sha256(f), 'hex'), " \
	"(SELECT count(*) FROM pg_catalog.pg_hba_file_rules WHERE error IS NOT NULL) " \
	"FROM pg_catalog.pg_read_binary_file(pg_catalog.current_setting('hba_file')) AS f"

/*
 * The file's bytes from CDC_HBA_READ_SQL's second column.  Idempotent for a
 * file of printable ASCII without backslashes.  NULL when it is not in that
 * format or the file holds a NUL byte (it would be cut there).
 */
extern char *cdc_hba_decode(const char *escaped);

/* What the lock's file has in its name beside pg_hba.conf's, and how many seconds are waited for it. */
#define CDC_HBA_LOCK ".cdc_lock"
#define CDC_HBA_LOCK_S "5"

/*
 * COPY ... TO PROGRAM that replaces the file at path by content: base64 on
 * standard input, decoded by the program, which first takes the lock (see
 * CDC_HBA_LOCK), compares the SHA-256 of the present file with old_sha256, writes
 * beside it with the same owner, mode and attributes, syncs, renames.  writer: one
 * line that says who that is, for those who wait.  A symbolic link is followed, not
 * replaced.  On any failure the file is untouched and nothing is left beside it; of
 * a program that was killed the next one removes what it left.  SQLSTATE of a failed
 * program is 38000, and the server's DETAIL ends in its status:
 */
#define CDC_HBA_CHANGED 3		/* somebody else wrote since it was read: read it again */
#define CDC_HBA_LOCKED 6		/* another writer has the lock: CDC_HBA_HOLDER_SQL says who */

/*
 * ... 4: what arrived is not what was sent, or a tool failed; 5: owner or mode cannot
 * be kept (the server may not manage this file).  Needs sh, base64, sha256sum, stat,
 * cp, sync of coreutils there, grep, and flock of util-linux.
 */
extern char *cdc_hba_write_sql(const char *path, const char *old_sha256, const char *content, const char *writer);

/* The status in the server's DETAIL (may be NULL), 0: there is none; and what it means, NULL: nothing known. */
extern int	cdc_hba_exit_status(const char *detail);
extern const char *cdc_hba_write_failed(const char *detail);

/* Who has the lock: one text, NULL when nobody has; cdc_hba_holder() reads it, NULL: nobody is named. */
#define CDC_HBA_HOLDER_SQL \
	"SELECT pg_catalog.encode(pg_catalog.pg_read_binary_file(pg_catalog.current_setting('hba_file') || '" CDC_HBA_LOCK "', 0, 65536, true), 'escape')"
extern char *cdc_hba_holder(const char *escaped);

/*
 * Has the server load the file, unless it finds errors in it, which would keep it
 * from doing so: rows (line_number, error), as ASCII, since they quote the file's
 * bytes, which need not be text; or one row (0, NULL): it was told to.
 */
#define CDC_HBA_LOAD_SQL \
	"WITH e AS MATERIALIZED (SELECT line_number, pg_catalog.encode(pg_catalog.replace(error, pg_catalog.chr(92)," \
	" pg_catalog.repeat(pg_catalog.chr(92), 2))::pg_catalog.bytea, 'escape') AS words FROM pg_catalog.pg_hba_file_rules WHERE error IS NOT NULL)" \
	" SELECT * FROM (SELECT e.line_number, e.words FROM e UNION ALL SELECT 0, NULL" \
	" WHERE CASE WHEN EXISTS (SELECT FROM e) THEN false ELSE pg_catalog.pg_reload_conf() END) AS x ORDER BY 1"

#endif							/* CDC_PG_HBA_H */
