/*
 * pg_hba_file.c
 *	  How a server's pg_hba.conf is read and replaced by SQL.
 *
 * No I/O: statements and their coding.  What stands in the file is pg_hba.c's.
 */
#include "remote/pg_hba.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/cryptohash.h"
#include "common/quote.h"
#include "common/sha2.h"

char *
cdc_hba_sha256(const char *content)
{
	static const char digits[] = "0123456789abcdef";
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	char	   *hex = palloc(2 * PG_SHA256_DIGEST_LENGTH + 1);
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
	bool		done;
	int			i;

	done = context != NULL &&
		pg_cryptohash_init(context) >= 0 &&
		pg_cryptohash_update(context, (const uint8 *) content, strlen(content)) >= 0 &&
		pg_cryptohash_final(context, digest, sizeof(digest)) >= 0;
	pg_cryptohash_free(context);
	if (!done)
	{
		/* No digest compares equal to nothing: callers then write nothing. */
		hex[0] = '\0';
		return hex;
	}
	for (i = 0; i < PG_SHA256_DIGEST_LENGTH; i++)
	{
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	hex[2 * i] = '\0';
	return hex;
}

char *
cdc_hba_decode(const char *escaped)
{
	StringInfoData buf;
	const char *p;

	initStringInfo(&buf);
	for (p = escaped; *p != '\0'; p++)
	{
		if (*p != '\\')
			appendStringInfoChar(&buf, *p);
		else if (p[1] == '\\')
		{
			appendStringInfoChar(&buf, '\\');
			p++;
		}
		else if (p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' &&
				 p[3] >= '0' && p[3] <= '7')
		{
			int			c = (p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0');

			if (c == 0)
				return NULL;
			appendStringInfoChar(&buf, (char) c);
			p += 3;
		}
		else
			return NULL;
	}
	return buf.data;
}

/* A word of sh, whatever is in it. */
static char *
shell_quote(const char *word)
{
	StringInfoData buf;
	const char *p;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '\'');
	for (p = word; *p != '\0'; p++)
	{
		if (*p == '\'')
			appendStringInfoString(&buf, "'\\''");
		else
			appendStringInfoChar(&buf, *p);
	}
	appendStringInfoChar(&buf, '\'');
	return buf.data;
}

/*
 * The lock of who writes: a file beside pg_hba.conf, which only the server's OS
 * user can open, under flock(), which ends with its holder however that ends.
 * Who has it stands in its last line.  It is removed before it is let go, so who
 * waited for it may have got one that is not there any more: then what he wrote
 * into it is not in the file of that name, and he begins again.
 *
 * A subshell has it, from its first moment to its end: dash closes what a
 * function or a group was given before it runs the EXIT trap, and the next one
 * would write while the file goes.
 */
#define LOCK_SH \
	"while ( flock -w " CDC_HBA_LOCK_S " 9 || no 6; printf '%s\\n' \"$me\" >&9; " \
	"grep -qxF -e \"$me\" -- \"$l\" || exit 7; trap 'rm -f -- \"$t\" \"$l\"' EXIT; "

/* Without flock(1) it is the comparison right before the rename that is left. */
#define NO_FLOCK_SH \
	"command -v flock > /dev/null || flock() { :; }; "

/*
 * Standard input is read to its end whatever fails, so that the server never
 * writes into a closed pipe.  The new file's digest guards against a session that
 * ends in the middle of the COPY.  It is made 0600 and by nobody else; only then
 * it gets content, only then the attributes.  What a power cut left of an earlier
 * one is removed first.  Each program of these costs a millisecond while a
 * connector waits.
 */
static char *
write_program(const char *path, const char *old_sha256, const char *digest, const char *writer)
{
	StringInfoData program;

	initStringInfo(&program);
	appendStringInfo(&program, "LC_ALL=C; export LC_ALL; umask 077; set -C; " NO_FLOCK_SH
					 "no() { cat > /dev/null; exit $1; }; "
					 "f=$(readlink -e -- %s) || no 4; l=\"$f\"" CDC_HBA_LOCK "; t=\"$f.cdc_%.8s\"; ", shell_quote(path), digest);
	appendStringInfo(&program, "me=%s\" pid $$, $(date -u '+%%Y-%%m-%%d %%H:%%M:%%S UTC')\"; ", shell_quote(writer));
	appendStringInfoString(&program,
						   LOCK_SH
						   "set -- \"$f\".cdc_????????; "
						   "[ ! -e \"$1\" ] || rm -f -- \"$@\" || no 4; "
						   "trap 'exit 4' HUP INT PIPE TERM; "
						   "base64 -d > \"$t\" || no 4; "
						   "cp --attributes-only --preserve=all --no-preserve=timestamps -- \"$f\" \"$t\" || exit 5; "
						   "set -- $(stat -c %u:%g:%a -- \"$f\" \"$t\"); [ $# = 2 ] && [ \"$1\" = \"$2\" ] || exit 5; "
						   "sync -- \"$t\" || exit 4; "
						   "s=$(sha256sum < \"$t\" && sha256sum < \"$f\") || exit 4; ");
	appendStringInfo(&program, "[ \"$s\" = %s ] || { [ \"${s%%%%-*-}\" = '%s  ' ] && exit 3; exit 4; }; ",
					 shell_quote(psprintf("%s  -\n%s  -", digest, old_sha256)), digest);
	appendStringInfoString(&program,
						   "mv -f -- \"$t\" \"$f\" || exit 4; "
						   "sync -- \"${f%/*}/\"; exit 0 ) 9>> \"$l\"; s=$?; [ $s = 7 ]; do :; done; "
						   "case $s in 0|[3-6]) exit $s; esac; no 4");
	return program.data;
}

char *
cdc_hba_write_sql(const char *path, const char *old_sha256, const char *content, const char *writer)
{
	StringInfoData sql;
	size_t		length = strlen(content);
	size_t		i;

	/* Hexadecimal in the statement, base64 (no line ends) on the way to the program. */
	initStringInfo(&sql);
	appendStringInfoString(&sql, "COPY (SELECT pg_catalog.replace(pg_catalog.encode("
						   "pg_catalog.decode('");
	for (i = 0; i < length; i++)
		appendStringInfo(&sql, "%02x", (unsigned char) content[i]);
	appendStringInfo(&sql, "', 'hex'), 'base64'), pg_catalog.chr(10), '')) TO PROGRAM %s",
					 cdc_quote_literal(write_program(path, old_sha256, cdc_hba_sha256(content), writer)));
	return sql.data;
}

const char *
cdc_hba_write_failed(const char *detail)
{
	static const struct
	{
		int			status;
		const char *words;
	}			failures[] =
	{
		{CDC_HBA_CHANGED, "somebody else writes pg_hba.conf again and again"},
		{4, "the program that writes pg_hba.conf failed there, the server's log says why: it needs sh, base64, sha256sum, stat, cp, mv, sync and grep, and room in the directory of the file"},
		{5, "the owner and mode of pg_hba.conf cannot be kept: make the server's OS user its owner, or write the lines yourself and set manage_hba to false"},
		{CDC_HBA_LOCKED, "another control plane is writing pg_hba.conf"}
	};
	int			status = cdc_hba_exit_status(detail);
	size_t		i;

	for (i = 0; i < lengthof(failures); i++)
	{
		if (failures[i].status == status)
			return failures[i].words;
	}
	return NULL;
}

int
cdc_hba_exit_status(const char *detail)
{
	size_t		length = detail ? strlen(detail) : 0;
	size_t		digits = 0;

	while (digits < length && digits < 4 && isdigit((unsigned char) detail[length - digits - 1]))
		digits++;
	return digits > 0 ? atoi(detail + length - digits) : 0;
}

char *
cdc_hba_holder(const char *escaped)
{
	char	   *words = cdc_hba_decode(escaped);
	size_t		length = words ? strlen(words) : 0;
	char	   *line;

	if (length > 0 && words[length - 1] == '\n')
		words[--length] = '\0';
	if (length == 0)
		return NULL;
	line = strrchr(words, '\n');
	return line ? line + 1 : words;
}
