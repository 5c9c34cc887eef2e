/*
 * json_pieces.c
 *	  See json_pieces.h.
 *
 * Only brackets, commas and strings are looked at here; whether a member, and
 * what is around the list, is JSON is said by the parser, to which each is given
 * when it is whole, unless its text is known.
 */
#include "common/json_pieces.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"

/* What is around the list: keys that nobody asks for. */
#define FRAME_MAX (64 * 1024)

typedef struct Text
{
	char	   *words;
	size_t		length;
	size_t		size;
} Text;

struct CdcJsonPieces
{
	const CdcJsonPiecesOf *of;
	void	   *arg;
	int			list_depth;		/* brackets that are open within the list */
	bool		failed;
	bool		begun;
	bool		ended;
	bool		listed;			/* the list was there */
	bool		in_list;
	bool		skipping;		/* the present member is too long or too deep: piece has its beginning */
	bool		in_string;
	bool		escaped;
	int			depth;			/* brackets that are open */
	bool		on_path[CDC_JSON_PATH_MAX + 2]; /* by depth: leads to the list */
	bool		key_fits;		/* the last string at this depth is the path's next key */
	size_t		string_at;		/* where in the frame it begins */
	int			n;				/* members taken */
	Text		frame;
	Text		piece;
};

CdcJsonPieces *
cdc_json_pieces_new(const CdcJsonPiecesOf *of, void *arg)
{
	CdcJsonPieces *pieces = calloc(1, sizeof(CdcJsonPieces));

	if (pieces == NULL)
		return NULL;
	pieces->of = of;
	pieces->arg = arg;
	pieces->list_depth = 1;
	while (pieces->list_depth <= CDC_JSON_PATH_MAX && of->path[pieces->list_depth - 1] != NULL)
		pieces->list_depth++;
	return pieces;
}

void
cdc_json_pieces_free(CdcJsonPieces *pieces)
{
	if (pieces == NULL)
		return;
	free(pieces->frame.words);
	free(pieces->piece.words);
	free(pieces);
}

static bool
append(Text *to, const char *run, size_t length, size_t most)
{
	if (to->length > most || length > most - to->length)
		return false;
	if (to->length + length >= to->size)
	{
		size_t		size = Max(Max(to->size * 2, 4096), to->length + length + 1);
		char	   *grown = realloc(to->words, size);

		if (grown == NULL)
			return false;
		to->words = grown;
		to->size = size;
	}
	memcpy(to->words + to->length, run, length);
	to->length += length;
	to->words[to->length] = '\0';
	return true;
}

/* Is what is wrong with the present member its own matter? */
static bool
skip(CdcJsonPieces *pieces)
{
	pieces->skipping = pieces->in_list && pieces->of->skipped != NULL;
	return pieces->skipping;
}

static bool
keep_run(CdcJsonPieces *pieces, const char *run, size_t length)
{
	size_t		most = Min(pieces->of->piece_max, CDC_JSON_PIECE_MAX);
	size_t		room = most - Min(pieces->piece.length, most);

	if (!pieces->in_list)
		return append(&pieces->frame, run, length, FRAME_MAX);
	if (pieces->skipping)
		return true;
	if (length <= room)
		return append(&pieces->piece, run, length, most);
	return skip(pieces) && append(&pieces->piece, run, room, most);
}

static bool
keep(CdcJsonPieces *pieces, char c)
{
	return keep_run(pieces, &c, 1);
}

static bool
of_object(const CdcJsonPieces *pieces)
{
	return pieces->of->open == '{';
}

/* A member of an object gets braces of its own. */
static bool
begin_member(CdcJsonPieces *pieces)
{
	pieces->piece.length = 0;
	pieces->skipping = false;
	return !of_object(pieces) || keep(pieces, '{');
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Is nothing but white space of the next member there? */
static bool
is_empty(const CdcJsonPieces *pieces)
{
	size_t		i;

	for (i = of_object(pieces) ? 1 : 0; i < pieces->piece.length; i++)
	{
		if (!is_blank(pieces->piece.words[i]))
			return false;
	}
	return true;
}

/* JSON's null, for which the parser has no object. */
static bool
is_null(const char *words)
{
	words += strspn(words, " \t\r\n");
	return strncmp(words, "null", 4) == 0 && words[4 + strspn(words + 4, " \t\r\n")] == '\0';
}

/* One member; false when it is none, or nobody wants it. */
static bool
take(CdcJsonPieces *pieces)
{
	Text	   *piece = &pieces->piece;
	CdcJsonKnown known = CDC_JSON_NEW;
	struct json_object *whole;
	bool		good;

	if (of_object(pieces) && !keep(pieces, '}'))
		return false;
	pieces->n++;
	if (pieces->skipping)
		return pieces->of->skipped(piece->words, piece->length, pieces->arg) && begin_member(pieces);
	if (pieces->of->known)
		known = pieces->of->known(piece->words, piece->length, pieces->arg);
	if (known != CDC_JSON_NEW)
		return known == CDC_JSON_KNOWN && begin_member(pieces);
	cdc_text_clean(piece->words, piece->length);
	if (pieces->of->skipped && !of_object(pieces) && is_null(piece->words))
		return pieces->of->skipped(piece->words, piece->length, pieces->arg) && begin_member(pieces);
	whole = cdc_json_parse(piece->words);
	good = of_object(pieces) ? json_object_is_type(whole, json_type_object) && json_object_object_length(whole) == 1 : whole != NULL;
	good = good && pieces->of->take(whole, piece->length, pieces->arg);
	json_object_put(whole);
	return good && begin_member(pieces);
}

/* The list's comma or end. */
static bool
end_member(CdcJsonPieces *pieces, char c)
{
	if (c == ',')
		return !is_empty(pieces) && take(pieces);
	/* an empty list, or its last member; a comma before the end is none of JSON's */
	if (c != (of_object(pieces) ? '}' : ']') || (is_empty(pieces) ? pieces->n > 0 : !take(pieces)))
		return false;
	pieces->in_list = false;
	pieces->listed = true;
	return true;
}

/* Is a comma the last of what is around the list?  json-c lets one stand before a bracket where it cannot be strict (json.c). */
static bool
after_comma(const CdcJsonPieces *pieces)
{
	size_t		n = pieces->frame.length;

	while (n > 0 && is_blank(pieces->frame.words[n - 1]))
		n--;
	return !pieces->in_list && n > 0 && pieces->frame.words[n - 1] == ',';
}

static bool
open_bracket(CdcJsonPieces *pieces, char c)
{
	bool		here;
	int			depth = pieces->depth + 1;

	if ((depth > pieces->of->depth_max && !skip(pieces)) || !keep(pieces, c))
		return false;
	pieces->depth = depth;
	if (pieces->in_list || depth > pieces->list_depth)
		return true;
	pieces->on_path[depth] = depth == 1 || (pieces->on_path[depth - 1] && pieces->key_fits);
	pieces->key_fits = false;
	here = depth == pieces->list_depth && pieces->on_path[depth] && c == pieces->of->open;
	if (here && pieces->listed)
		return false;
	pieces->in_list = here;
	return !here || begin_member(pieces);
}

static bool
close_bracket(CdcJsonPieces *pieces, char c)
{
	if (after_comma(pieces) || (pieces->in_list && pieces->depth == pieces->list_depth && !end_member(pieces, c)))
		return false;
	pieces->depth--;
	pieces->key_fits = false;
	if (!keep(pieces, c))
		return false;
	if (pieces->depth > 0)
		return true;

	/* brackets of different kinds, and all else that is no JSON around the list, are found by the parser */
	pieces->ended = true;
	cdc_text_clean(pieces->frame.words, pieces->frame.length);
	{
		struct json_object *frame = cdc_json_parse(pieces->frame.words);
		bool		good = frame != NULL && pieces->listed;

		json_object_put(frame);
		return good;
	}
}

/* A string has ended: is it the key that leads on? */
static void
note_key(CdcJsonPieces *pieces)
{
	const char *key = pieces->depth < pieces->list_depth ? pieces->of->path[pieces->depth - 1] : NULL;
	size_t		at = pieces->string_at + 1;

	pieces->key_fits = !pieces->in_list && key != NULL && pieces->frame.length == at + strlen(key) &&
		memcmp(pieces->frame.words + at, key, strlen(key)) == 0;
}

static bool
feed_one(CdcJsonPieces *pieces, char c)
{
	if (pieces->ended || !pieces->begun)
	{
		if (is_blank(c))
			return true;
		if (pieces->ended || (c != '{' && c != '['))
			return false;
		pieces->begun = true;
		return open_bracket(pieces, c);
	}
	if (pieces->in_string)
	{
		if (pieces->escaped)
			pieces->escaped = false;
		else if (c == '\\')
			pieces->escaped = true;
		else if (c == '"')
		{
			pieces->in_string = false;
			note_key(pieces);
		}
		return keep(pieces, c);
	}
	if (c == '{' || c == '[')
		return open_bracket(pieces, c);
	if (c == '}' || c == ']')
		return close_bracket(pieces, c);
	if (c == ',' && pieces->in_list && pieces->depth == pieces->list_depth)
		return end_member(pieces, c);
	if (c == ',')
		pieces->key_fits = false;
	else if (c == '"')
	{
		pieces->in_string = true;
		pieces->string_at = pieces->frame.length;
	}
	return keep(pieces, c);
}

/* How many characters from here on are nothing but kept: most are. */
static size_t
plain(const CdcJsonPieces *pieces, const char *data, size_t length)
{
	size_t		n = 0;

	if (!pieces->begun || pieces->ended || pieces->escaped)
		return 0;
	if (pieces->in_string)
	{
		while (n < length && data[n] != '"' && data[n] != '\\')
			n++;
	}
	else
	{
		while (n < length && data[n] != '"' && data[n] != ',' && data[n] != '{' && data[n] != '}' && data[n] != '[' && data[n] != ']')
			n++;
	}
	return n;
}

bool
cdc_json_pieces_feed(CdcJsonPieces *pieces, const char *data, size_t length)
{
	size_t		i = 0;

	while (i < length && !pieces->failed)
	{
		size_t		n = plain(pieces, data + i, length - i);

		pieces->failed = n > 0 ? !keep_run(pieces, data + i, n) : !feed_one(pieces, data[i]);
		i += Max(n, 1);
	}
	return !pieces->failed;
}

bool
cdc_json_pieces_failed(const CdcJsonPieces *pieces)
{
	return pieces->failed;
}

bool
cdc_json_pieces_whole(const CdcJsonPieces *pieces)
{
	return pieces->ended && !pieces->failed;
}
