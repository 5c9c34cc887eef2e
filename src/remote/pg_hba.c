/*
 * pg_hba.c
 *	  Our managed block at the top of a pg_hba.conf.
 *
 * Pure text in, text out, and the SQL that carries it.  Never touches a byte
 * outside of the block, and refuses when it cannot tell where the block is.
 */
#include "remote/pg_hba.h"

#include <ctype.h>
#include <string.h>

#include "common/cryptohash.h"
#include "common/quote.h"
#include "common/sha2.h"

#define BEGIN_MARK "# BEGIN cdc_pipeline (managed: lines up to END are written by the control plane)"
#define END_MARK "# END cdc_pipeline"

/* A marker is known by its first words, so that its comment may be reworded. */
#define BEGIN_WORDS "# BEGIN cdc_pipeline"
#define END_WORDS "# END cdc_pipeline"

/* What stands before the id in a line of ours. */
#define LINE_MARK " # cdc_pipeline "

#define ID_LENGTH 36			/* a uuid */

/* A piece of the file; the line's end is not part of it. */
typedef struct Line
{
	const char *start;
	size_t		length;
	const char *next;			/* behind the line's end; NULL: nothing follows */
} Line;

/* Where our block is: from the start of BEGIN to behind the end of END's line. */
typedef struct Block
{
	bool		found;
	const char *broken;			/* why it is not whole, or NULL */
	const char *start;
	const char *inside;
	const char *inside_end;
	const char *end;
} Block;

static bool
read_line(const char *p, Line *line)
{
	if (p == NULL || *p == '\0')
		return false;
	line->start = p;
	line->length = strcspn(p, "\n");
	line->next = p[line->length] == '\n' ? p + line->length + 1 : p + line->length;

	/* An editor may have given our lines the ends of the rest of the file. */
	if (line->length > 0 && p[line->length - 1] == '\r')
		line->length--;
	return true;
}

static bool
starts_with_words(const Line *line, const char *words)
{
	size_t		length = strlen(words);

	return line->length >= length && strncmp(line->start, words, length) == 0 &&
		(line->length == length || line->start[length] == ' ');
}

static void
find_block(const char *file, Block *block)
{
	const char *p = file;
	Line		line;

	memset(block, 0, sizeof(*block));
	while (read_line(p, &line))
	{
		if (starts_with_words(&line, BEGIN_WORDS))
		{
			if (block->start != NULL)
				block->broken = "the line \"" BEGIN_WORDS "\" is there twice";
			else
			{
				block->start = line.start;
				block->inside = line.next;
			}
		}
		else if (starts_with_words(&line, END_WORDS))
		{
			if (block->start == NULL)
				block->broken = "the line \"" BEGIN_WORDS "\" is missing before \"" END_WORDS "\"";
			else if (block->end != NULL)
				block->broken = "the line \"" END_WORDS "\" is there twice";
			else
			{
				block->inside_end = line.start;
				block->end = line.next;
			}
		}
		if (block->broken != NULL)
			return;
		p = line.next;
	}
	if (block->start != NULL && block->end == NULL)
		block->broken = "the line \"" END_WORDS "\" is missing";
	else
		block->found = block->start != NULL;
}

/*
 * The pipeline id in a line of ours, NULL when the line is not ours: a host
 * line that ends in our comment.
 */
static const char *
line_id(const Line *line)
{
	size_t		mark = sizeof(LINE_MARK) - 1;
	const char *id;

	if (line->length < 5 + mark + ID_LENGTH || strncmp(line->start, "host ", 5) != 0)
		return NULL;
	id = line->start + line->length - ID_LENGTH;
	if (strncmp(id - mark, LINE_MARK, mark) != 0 ||
		strspn(id, "0123456789abcdef-") < ID_LENGTH)
		return NULL;
	return id;
}

static bool
same_id(const char *id, const char *pipeline_id)
{
	return strlen(pipeline_id) == ID_LENGTH && strncmp(id, pipeline_id, ID_LENGTH) == 0;
}

/* Appends a name as a quoted token; false when it has a control character. */
static bool
append_token(StringInfo buf, const char *name)
{
	const char *p;

	appendStringInfoChar(buf, '"');
	for (p = name; *p != '\0'; p++)
	{
		if ((unsigned char) *p < ' ' || *p == 0x7f)
			return false;
		if (*p == '"')
			appendStringInfoChar(buf, '"');
		appendStringInfoChar(buf, *p);
	}
	appendStringInfoChar(buf, '"');
	return p > name;
}

/*
 * What 16 and later do with a database name that begins with a slash (a
 * regular expression, even in quotes) still matches that very name.
 */
char *
cdc_hba_line(const CdcHbaLine *line)
{
	StringInfoData buf;
	size_t		length = strlen(line->cidr);

	if (length == 0 || strspn(line->cidr, "0123456789abcdefABCDEF:./") != length ||
		strlen(line->pipeline_id) != ID_LENGTH ||
		strspn(line->pipeline_id, "0123456789abcdef-") != ID_LENGTH)
		return NULL;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "host ");
	if (!append_token(&buf, line->database))
		return NULL;
	appendStringInfoChar(&buf, ' ');
	if (!append_token(&buf, line->role))
		return NULL;
	appendStringInfo(&buf, " %s scram-sha-256" LINE_MARK "%s", line->cidr, line->pipeline_id);
	return buf.data;
}

char *
cdc_hba_broken(const char *file)
{
	Block		block;

	find_block(file, &block);
	return block.broken != NULL ? pstrdup(block.broken) : NULL;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Do lines or remove_ids speak about this pipeline? */
static bool
is_spoken_for(const char *id, const CdcHbaLine *lines, int nlines,
			  const char *const *remove_ids, int nremove)
{
	int			i;

	for (i = 0; i < nlines; i++)
	{
		if (same_id(id, lines[i].pipeline_id))
			return true;
	}
	for (i = 0; i < nremove; i++)
	{
		if (same_id(id, remove_ids[i]))
			return true;
	}
	return false;
}

static bool
is_removed(const char *pipeline_id, const char *const *remove_ids, int nremove)
{
	int			i;

	for (i = 0; i < nremove; i++)
	{
		if (strcmp(pipeline_id, remove_ids[i]) == 0)
			return true;
	}
	return false;
}

char *
cdc_hba_apply(const char *file, const CdcHbaLine *lines, int nlines,
			  const char *const *remove_ids, int nremove)
{
	StringInfoData result;
	StringInfoData theirs;
	Block		block;
	char	  **ours;
	int			nours = 0;
	int			capacity = nlines + 1;
	int			i;

	find_block(file, &block);
	if (block.broken != NULL)
		return NULL;

	if (block.found)
	{
		const char *p;

		for (p = block.inside; p < block.inside_end; p++)
			capacity += *p == '\n';
	}
	ours = palloc(sizeof(char *) * capacity);
	for (i = 0; i < nlines; i++)
	{
		char	   *line = cdc_hba_line(&lines[i]);

		if (line == NULL)
			return NULL;
		if (!is_removed(lines[i].pipeline_id, remove_ids, nremove))
			ours[nours++] = line;
	}

	/* What else is in the block: other pipelines' lines, and the user's. */
	initStringInfo(&theirs);
	if (block.found)
	{
		const char *p = block.inside;
		Line		line;

		while (p < block.inside_end && read_line(p, &line))
		{
			const char *id = line_id(&line);

			if (id == NULL)
				appendBinaryStringInfo(&theirs, line.start, (int) (line.next - line.start));
			else if (!is_spoken_for(id, lines, nlines, remove_ids, nremove))
				ours[nours++] = pnstrdup(line.start, line.length);
			p = line.next;
		}
	}
	qsort(ours, nours, sizeof(char *), by_text);

	initStringInfo(&result);
	if (nours > 0)
	{
		appendStringInfoString(&result, BEGIN_MARK "\n");
		for (i = 0; i < nours; i++)
		{
			if (i == 0 || strcmp(ours[i], ours[i - 1]) != 0)
				appendStringInfo(&result, "%s\n", ours[i]);
		}
		appendBinaryStringInfo(&result, theirs.data, theirs.len);
		appendStringInfoString(&result, END_MARK "\n");
	}

	/* The rest of the file; the user's lines stay where the block was. */
	if (block.found)
	{
		appendBinaryStringInfo(&result, file, (int) (block.start - file));
		if (nours == 0)
			appendBinaryStringInfo(&result, theirs.data, theirs.len);
		appendStringInfoString(&result, block.end);
	}
	else
		appendStringInfoString(&result, file);
	return result.data;
}

/* Is there anything but comments and blank lines from p up to end? */
static bool
has_rule(const char *p, const char *end)
{
	Line		line;

	while (p < end && read_line(p, &line))
	{
		size_t		i = 0;

		while (i < line.length && isspace((unsigned char) line.start[i]))
			i++;
		if (i < line.length && line.start[i] != '#')
			return true;

		/* A comment that is continued swallows the next line. */
		if (line.length > 0 && line.start[line.length - 1] == '\\')
			return true;
		p = line.next;
	}
	return false;
}

bool
cdc_hba_has(const char *file, const CdcHbaLine *lines, int nlines)
{
	Block		block;
	int			i;

	find_block(file, &block);
	if (block.broken != NULL)
		return false;
	if (nlines == 0)
		return true;
	if (!block.found || has_rule(file, block.start))
		return false;

	for (i = 0; i < nlines; i++)
	{
		char	   *wanted = cdc_hba_line(&lines[i]);
		size_t		length = wanted ? strlen(wanted) : 0;
		const char *p = block.inside;
		bool		found = false;
		Line		line;

		if (wanted == NULL)
			return false;
		while (!found && p < block.inside_end && read_line(p, &line))
		{
			/* Ours come first: behind a line of somebody else's it does not count. */
			if (line_id(&line) == NULL && has_rule(line.start, line.next))
				break;
			found = line.length == length && memcmp(line.start, wanted, length) == 0;
			p = line.next;
		}
		pfree(wanted);
		if (!found)
			return false;
	}
	return true;
}

bool
cdc_hba_left(const char *file, const char *pipeline_id)
{
	const char *p = file;
	const char *end = NULL;
	Block		block;
	Line		line;

	find_block(file, &block);
	if (block.broken == NULL)
	{
		if (!block.found)
			return false;
		p = block.inside;
		end = block.inside_end;
	}

	/* Where the markers are gone a line of ours is still one. */
	while ((end == NULL || p < end) && read_line(p, &line))
	{
		const char *id = line_id(&line);

		if (id != NULL && same_id(id, pipeline_id))
			return true;
		p = line.next;
	}
	return false;
}

/* SHA-256 in hex. */
static char *
sha256_hex(const char *data, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	char	   *hex = palloc(2 * PG_SHA256_DIGEST_LENGTH + 1);
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
	bool		done;
	int			i;

	done = context != NULL &&
		pg_cryptohash_init(context) >= 0 &&
		pg_cryptohash_update(context, (const uint8 *) data, length) >= 0 &&
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
cdc_hba_block_hash(const char *file)
{
	Block		block;

	find_block(file, &block);
	if (!block.found)
		return pstrdup("");
	return sha256_hex(block.start, block.end - block.start);
}

char *
cdc_hba_sha256(const char *content)
{
	return sha256_hex(content, strlen(content));
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
	size_t		length = strlen(content);
	size_t		i;

	/*
	 * Standard input is read to its end before anything can fail, so that the
	 * server never writes into a closed pipe.  The new file's digest guards
	 * against a session that ends in the middle of the COPY.  mktemp makes the
	 * file 0600; only then it gets content, only then the attributes.  What a
	 * power cut left of an earlier one is removed first: writers hold a lock.
	 */
	initStringInfo(&program);
	appendStringInfo(&program, "LC_ALL=C; export LC_ALL; b=$(cat) || exit 4; "
					 "f=$(readlink -e -- %s) || exit 4; ", shell_quote(path));
	appendStringInfoString(&program,
						   "rm -f -- \"$f\".cdc_????????; "
						   "t=$(mktemp -- \"$f.cdc_XXXXXXXX\") || exit 4; "
						   "trap 'rm -f -- \"$t\"' EXIT; trap 'exit 4' HUP INT PIPE TERM; "
						   "printf %s \"$b\" | base64 -d > \"$t\" || exit 4; ");
	appendStringInfo(&program, "[ \"$(sha256sum < \"$t\")\" = '%s  -' ] || exit 4; ",
					 cdc_hba_sha256(content));
	appendStringInfoString(&program,
						   "cp --attributes-only --preserve=all -- \"$f\" \"$t\" || exit 5; "
						   "[ \"$(stat -c %u:%g:%a -- \"$f\")\" = \"$(stat -c %u:%g:%a -- \"$t\")\" ] || exit 5; "
						   "touch -- \"$t\" && sync -- \"$t\" || exit 4; ");
	appendStringInfo(&program, "[ \"$(sha256sum < \"$f\")\" = %s ] || exit 3; ",
					 shell_quote(psprintf("%s  -", old_sha256)));
	appendStringInfoString(&program,
						   "mv -f -- \"$t\" \"$f\" || exit 4; "
						   "sync -- \"$(dirname -- \"$f\")\"; exit 0");

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
