/*
 * pg_hba_file.c
 *	  How a server's pg_hba.conf is read and replaced by SQL.
 *
 * No I/O: statements and their coding.  What stands in the file is pg_hba.c's.
 */
#include "remote/pg_hba.h"

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

char *
cdc_hba_write_sql(const char *path, const char *old_sha256, const char *content)
{
	StringInfoData program;
	StringInfoData sql;
	const char *digest;
	size_t		length = strlen(content);
	size_t		i;

	/*
	 * Standard input is read to its end whatever fails, so that the server
	 * never writes into a closed pipe.  The new file's digest guards against a
	 * session that ends in the middle of the COPY.  It is made 0600 and by
	 * nobody else; only then it gets content, only then the attributes.  What a
	 * power cut left of an earlier one is removed first: writers hold a lock.
	 * Each program of these costs a millisecond while a connector waits.
	 */
	digest = cdc_hba_sha256(content);
	initStringInfo(&program);
	appendStringInfo(&program, "LC_ALL=C; export LC_ALL; umask 077; set -C; "
					 "no() { cat > /dev/null; exit 4; }; "
					 "f=$(readlink -e -- %s) || no; t=\"$f.cdc_%.8s\"; ", shell_quote(path), digest);
	appendStringInfoString(&program,
						   "set -- \"$f\".cdc_????????; "
						   "[ ! -e \"$1\" ] || rm -f -- \"$@\" || no; "
						   "trap 'rm -f -- \"$t\"' EXIT; trap 'exit 4' HUP INT PIPE TERM; "
						   "base64 -d > \"$t\" || no; "
						   "cp --attributes-only --preserve=all --no-preserve=timestamps -- \"$f\" \"$t\" || exit 5; "
						   "set -- $(stat -c %u:%g:%a -- \"$f\" \"$t\"); [ $# = 2 ] && [ \"$1\" = \"$2\" ] || exit 5; "
						   "sync -- \"$t\" || exit 4; "
						   "s=$(sha256sum < \"$t\" && sha256sum < \"$f\") || exit 4; ");
	appendStringInfo(&program, "[ \"$s\" = %s ] || { [ \"${s%%%%-*-}\" = '%s  ' ] && exit 3; exit 4; }; ",
					 shell_quote(psprintf("%s  -\n%s  -", digest, old_sha256)), digest);
	appendStringInfoString(&program,
						   "mv -f -- \"$t\" \"$f\" || exit 4; trap - EXIT; "
						   "sync -- \"${f%/*}/\"; exit 0");

	/* Hexadecimal in the statement, base64 (no line ends) on the way to the program. */
	initStringInfo(&sql);
	appendStringInfoString(&sql, "COPY (SELECT pg_catalog.replace(pg_catalog.encode("
						   "pg_catalog.decode('");
	for (i = 0; i < length; i++)
		appendStringInfo(&sql, "%02x", (unsigned char) content[i]);
	appendStringInfo(&sql, "', 'hex'), 'base64'), pg_catalog.chr(10), '')) TO PROGRAM %s",
					 cdc_quote_literal(program.data));
	return sql.data;
}
