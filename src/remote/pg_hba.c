/*
 * pg_hba.c
 *	  Our managed block at the top of a pg_hba.conf.
 *
 * Pure text in, text out: how the file gets here and back is pg_hba_file.c.
 * Never touches a byte outside of the block, and refuses when it cannot tell
 * where the block is.
 */
#include "remote/pg_hba.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/object_names.h"

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

/*
 * Appends a name as a quoted token; false when it has a control character, or
 * begins with a slash: 16 and later take that for a regular expression, even in
 * quotes, which lets in more than the name.
 */
static bool
append_token(StringInfo buf, const char *name)
{
	const char *p;

	if (name[0] == '/')
		return false;
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

/* The rule alone; role NULL: of every pipeline's role, as an expression.  false: it cannot be written. */
static bool
append_rule(StringInfo buf, const CdcHbaLine *line, const char *role)
{
	size_t		length = strlen(line->cidr);

	if (length == 0 || strspn(line->cidr, "0123456789abcdefABCDEF:./") != length)
		return false;
	appendStringInfoString(buf, "host ");
	if (!append_token(buf, line->database))
		return false;
	appendStringInfoChar(buf, ' ');
	if (role == NULL)
		appendStringInfoString(buf, "/^" CDC_OBJECT_PREFIX);
	else if (!append_token(buf, role))
		return false;
	appendStringInfo(buf, " %s scram-sha-256", line->cidr);
	return true;
}

char *
cdc_hba_line(const CdcHbaLine *line)
{
	StringInfoData buf;

	if (strlen(line->pipeline_id) != ID_LENGTH ||
		strspn(line->pipeline_id, "0123456789abcdef-") != ID_LENGTH)
		return NULL;
	initStringInfo(&buf);
	if (!append_rule(&buf, line, line->role))
		return NULL;
	appendStringInfo(&buf, LINE_MARK "%s", line->pipeline_id);
	return buf.data;
}

char *
cdc_hba_line_for_manager(const CdcHbaLine *line, int version)
{
	bool		any = version >= 160000 && strncmp(line->role, CDC_OBJECT_PREFIX, strlen(CDC_OBJECT_PREFIX)) == 0;
	StringInfoData buf;

	initStringInfo(&buf);
	return append_rule(&buf, line, any ? NULL : line->role) ? buf.data : NULL;
}

const char *
cdc_hba_manager(const char *file)
{
	static const char words[] = "# It will be overwritten by Patroni!";
	const char *at = file;

	while (at && (at = strstr(at, words)) != NULL)
	{
		const char *end = at + strlen(words);

		if ((at == file || at[-1] == '\n') && (*end == '\0' || *end == '\n' || *end == '\r'))
			return "Patroni";
		at = end;
	}
	return NULL;
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

/* Pipelines' ids, sorted: a file may have thousands of lines. */
typedef struct Ids
{
	const char **ids;
	int			n;
} Ids;

static int
by_id(const void *a, const void *b)
{
	return strncmp(*(const char *const *) a, *(const char *const *) b, ID_LENGTH);
}

/* Those of the lines, then these. */
static Ids
ids_of(const CdcHbaLine *lines, int nlines, const char *const *more, int nmore)
{
	Ids			result = {palloc(sizeof(char *) * (nlines + nmore + 1)), 0};
	int			i;

	for (i = 0; i < nlines; i++)
		result.ids[result.n++] = lines[i].pipeline_id;
	for (i = 0; i < nmore; i++)
	{
		/* a text of another length is nobody's id */
		if (strlen(more[i]) == ID_LENGTH)
			result.ids[result.n++] = more[i];
	}
	qsort(result.ids, result.n, sizeof(char *), by_id);
	return result;
}

static bool
is_among(const char *id, const Ids *ids)
{
	return ids->n > 0 && bsearch(&id, ids->ids, ids->n, sizeof(char *), by_id) != NULL;
}

char *
cdc_hba_apply(const char *file, const CdcHbaLine *lines, int nlines,
			  const char *const *remove_ids, int nremove)
{
	StringInfoData result;
	StringInfoData theirs;
	Block		block;
	Ids			removed = ids_of(NULL, 0, remove_ids, nremove);
	Ids			spoken_for = ids_of(lines, nlines, remove_ids, nremove);
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
		if (!is_among(lines[i].pipeline_id, &removed))
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
			else if (!is_among(id, &spoken_for))
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

typedef struct OurLine
{
	const char *start;			/* in the file */
	int			length;
	bool		first;			/* no rule of somebody else's is before it */
} OurLine;

struct CdcHbaOurs
{
	bool		broken;			/* lines are those of the whole file */
	bool		first;			/* our block is there, before any other rule */
	int			n;
	OurLine		lines[FLEXIBLE_ARRAY_MEMBER];	/* by id, then first, then text */
};

static int
by_our_id(const void *a, const void *b)
{
	const OurLine *x = a;
	const OurLine *y = b;

	return memcmp(x->start + x->length - ID_LENGTH, y->start + y->length - ID_LENGTH, ID_LENGTH);
}

static int
by_our_text(const void *a, const void *b)
{
	const OurLine *x = a;
	const OurLine *y = b;
	int			order = by_our_id(a, b);

	if (order == 0)
		order = (int) y->first - (int) x->first;
	if (order == 0)
		order = memcmp(x->start, y->start, Min(x->length, y->length));
	return order != 0 ? order : x->length - y->length;
}

CdcHbaOurs *
cdc_hba_ours(const char *file)
{
	CdcHbaOurs *ours;
	const char *p = file;
	const char *end = file + strlen(file);
	Block		block;
	Line		line;
	bool		first = true;
	int			capacity = 1;

	find_block(file, &block);
	/* Where the markers are gone a line of ours is still one. */
	if (block.broken == NULL)
	{
		p = block.found ? block.inside : end;
		end = block.found ? block.inside_end : end;
	}
	for (const char *at = p; at < end; at++)
		capacity += *at == '\n';
	ours = palloc0(offsetof(CdcHbaOurs, lines) + sizeof(OurLine) * capacity);
	ours->broken = block.broken != NULL;
	ours->first = block.found && !has_rule(file, block.start);
	for (; p < end && read_line(p, &line); p = line.next)
	{
		if (line_id(&line) != NULL)
		{
			ours->lines[ours->n].start = line.start;
			ours->lines[ours->n].length = (int) line.length;
			ours->lines[ours->n++].first = first;
		}
		else
			first = first && !has_rule(line.start, line.next);
	}
	qsort(ours->lines, ours->n, sizeof(OurLine), by_our_text);
	return ours;
}

bool
cdc_hba_has(const CdcHbaOurs *ours, const CdcHbaLine *lines, int nlines)
{
	int			i;

	if (ours->broken || (nlines > 0 && !ours->first))
		return false;
	for (i = 0; i < nlines; i++)
	{
		OurLine		wanted = {cdc_hba_line(&lines[i]), 0, true};

		if (wanted.start == NULL)
			return false;
		wanted.length = (int) strlen(wanted.start);
		if (bsearch(&wanted, ours->lines, ours->n, sizeof(OurLine), by_our_text) == NULL)
			return false;
	}
	return true;
}

bool
cdc_hba_left(const CdcHbaOurs *ours, const char *pipeline_id)
{
	OurLine		wanted = {pipeline_id, ID_LENGTH, false};

	return strlen(pipeline_id) == ID_LENGTH && bsearch(&wanted, ours->lines, ours->n, sizeof(OurLine), by_our_id) != NULL;
}

char *
cdc_hba_lines_hash(const char *file, const char *const *ids, int nids)
{
	StringInfoData lines;
	Block		block;
	Ids			wanted;
	const char *p;
	Line		line;

	find_block(file, &block);
	if (!block.found)
		return pstrdup("");
	wanted = ids_of(NULL, 0, ids, nids);
	initStringInfo(&lines);
	for (p = block.inside; p < block.inside_end && read_line(p, &line); p = line.next)
	{
		const char *id = line_id(&line);

		if (id != NULL && is_among(id, &wanted))
		{
			appendBinaryStringInfo(&lines, line.start, (int) line.length);
			appendStringInfoChar(&lines, '\n');
		}
	}
	return lines.len > 0 ? cdc_hba_sha256(lines.data) : pstrdup("");
}
