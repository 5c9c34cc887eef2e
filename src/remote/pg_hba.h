/*
 * pg_hba.h
 *	  Our managed block at the top of a pg_hba.conf: pure text, and the SQL
 *	  that reads and writes the file on its server.
 *
 * The block is marked, sorted, and the only part of the file that is ever
 * changed.  Every byte outside of it stays.  Results are palloc'd.
 */
#ifndef CDC_PG_HBA_H
#define CDC_PG_HBA_H

#include "common/base.h"

/* One line of ours: host <database> <role> <cidr> scram-sha-256, with its
 * pipeline's full id in the comment. */
typedef struct CdcHbaLine
{
	const char *pipeline_id;
	const char *database;
	const char *role;
	const char *cidr;
} CdcHbaLine;

/* The line's text, names quoted so that keywords (all, replication) and
 * specials are literal; no newline. */
extern char *cdc_hba_line(const CdcHbaLine *line);

/*
 * file with our block set to exactly these lines, plus the lines of other
 * pipelines found in the block that keep_ids does not own (another control
 * plane's are kept).  No lines left: the block and its markers go, and the
 * file is byte for byte what it was before the first write.
 * remove_ids: pipelines whose lines go.
 */
extern char *cdc_hba_apply(const char *file, const CdcHbaLine *lines, int nlines,
						   const char *const *remove_ids, int nremove);

/* Are all the lines there, in our block, before any other rule? */
extern bool cdc_hba_has(const char *file, const CdcHbaLine *lines, int nlines);

/* Is any line of this pipeline left in our block? */
extern bool cdc_hba_left(const char *file, const char *pipeline_id);

/* SHA-256 (hex) of our block, "" when there is none: what a reload made active. */
extern char *cdc_hba_block_hash(const char *file);

/* SHA-256 (hex) of a whole text, as cdc_hba_write_sql compares it. */
extern char *cdc_hba_sha256(const char *text);

/* Reads the file: one row (path text, content text, sha256 hex text). */
#define CDC_HBA_READ_SQL \
	"SELECT pg_catalog.current_setting('hba_file'), f, " \
	"pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(f, 'UTF8')), 'hex') " \
	"FROM pg_catalog.pg_read_file(pg_catalog.current_setting('hba_file')) AS f"

/*
 * COPY ... TO PROGRAM that replaces the file at path by content: base64 on
 * standard input, decoded by the program, which first compares the SHA-256 of
 * the present file with old_sha256 (exit status 3 when it differs: somebody
 * else wrote), writes beside it with the same owner and mode, syncs, renames.
 * Needs sh, base64, sha256sum, sync of coreutils on that server.
 */
extern char *cdc_hba_write_sql(const char *path, const char *old_sha256, const char *content);

/* Errors in the file as the server reads it now: rows (line_number, error). */
#define CDC_HBA_ERRORS_SQL \
	"SELECT line_number, error FROM pg_catalog.pg_hba_file_rules WHERE error IS NOT NULL ORDER BY 1"

#endif							/* CDC_PG_HBA_H */
