/*
 * pg_hba_match.c
 *	  Does somebody else's pg_hba.conf let Kafka Connect in?
 *
 * Pure text.  For sources whose file is not ours to write: reads rules as
 * PostgreSQL does, first match wins, and answers only what the text alone
 * tells: groups, host names, regular expressions and included files may match
 * or not.  Source: hba.c, next_token() and check_hba().
 */
#include "remote/pg_hba.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* What is longer is no name and no keyword: its end is not kept. */
#define TOKEN_MAX 256

typedef struct Token
{
	char		text[TOKEN_MAX];
	bool		quoted;			/* a keyword in quotes is a name */
} Token;

typedef struct Connection
{
	const char *database;
	const char *role;
	const char *sslmode;
	int			family;
	unsigned char address[16];
	int			bits;
} Connection;

/* What a list of rules may come to. */
#define MAY_ADMIT 1
#define MAY_REFUSE 2

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next token of a line, its end at *p; false at the end of the line. */
static bool
next_token(const char **p, Token *token, bool *comma)
{
	size_t		length = 0;
	const char *c = *p;
	bool		in_quote = false;
	bool		was_quote = false;
	bool		saw_quote = false;

	token->quoted = false;
	*comma = false;
	while (is_blank(*c) || *c == ',')
		c++;
	for (; *c != '\0' && *c != '\n' && (!is_blank(*c) || in_quote); c++)
	{
		if (*c == '#' && !in_quote)
		{
			c += strcspn(c, "\n");
			break;
		}
		if (*c == ',' && !in_quote)
		{
			*comma = true;
			c++;
			break;
		}
		if ((*c != '"' || was_quote) && length < TOKEN_MAX - 1)
			token->text[length++] = *c;
		was_quote = in_quote && *c == '"' && !was_quote;
		if (*c == '"')
		{
			in_quote = !in_quote;
			saw_quote = true;
			token->quoted = token->quoted || length == 0;
		}
	}
	*p = c;
	token->text[length] = '\0';
	return saw_quote || length > 0;
}

static bool
keyword(const Token *token, const char *word)
{
	return !token->quoted && strcmp(token->text, word) == 0;
}

/* One token of the field of databases, or of roles. */
static CdcTri
match_name(const Token *token, const char *name, const Connection *c, bool is_role)
{
	if (keyword(token, "all"))
		return CDC_YES;
	if (!is_role && keyword(token, "sameuser"))
		return strcmp(c->database, c->role) == 0 ? CDC_YES : CDC_NO;
	/* of physical replication; Debezium's connections name their database */
	if (!is_role && keyword(token, "replication"))
		return CDC_NO;
	if (!is_role && (keyword(token, "samerole") || keyword(token, "samegroup")))
		return CDC_UNKNOWN;
	if (!token->quoted && (token->text[0] == '@' || (is_role && token->text[0] == '+')))
		return CDC_UNKNOWN;
	if (token->text[0] == '/')
		return strcmp(token->text, name) == 0 ? CDC_YES : CDC_UNKNOWN;
	return strcmp(token->text, name) == 0 ? CDC_YES : CDC_NO;
}

/* A field is a list: any of it. */
static CdcTri
match_names(const char **p, const char *name, const Connection *c, bool is_role)
{
	CdcTri		result = CDC_NO;
	Token		token;
	bool		comma;

	do
	{
		CdcTri		one;

		if (!next_token(p, &token, &comma))
			break;
		one = match_name(&token, name, c, is_role);
		if (one == CDC_YES || result == CDC_NO)
			result = one;
	} while (comma);
	return result;
}

/* "10.0.0.0/8", or an address alone: all of its bits.  False: neither. */
static bool
read_network(const char *words, int *family, unsigned char *address, int *bits)
{
	char		host[64];
	size_t		length = strcspn(words, "/");

	if (length >= sizeof(host))
		return false;
	memcpy(host, words, length);
	host[length] = '\0';
	*family = strchr(host, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(*family, host, address) != 1)
		return false;
	*bits = *family == AF_INET ? 32 : 128;
	if (words[length] == '/')
	{
		const char *digits = words + length + 1;

		if (strspn(digits, "0123456789") != strlen(digits) || strlen(digits) < 1 || strlen(digits) > 3)
			return false;
		*bits = atoi(digits);
	}
	return *bits >= 0 && *bits <= (*family == AF_INET ? 32 : 128);
}

static bool
same_bits(const unsigned char *a, const unsigned char *b, int bits)
{
	int			whole = bits / 8;
	int			rest = bits % 8;

	return memcmp(a, b, (size_t) whole) == 0 &&
		(rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0);
}

/* The rule's network, one or two tokens, against the connection's. */
static CdcTri
match_address(const char **p, const Connection *c)
{
	unsigned char address[16] = {0};
	unsigned char mask[16] = {0};
	Token		token;
	bool		comma;
	int			family;
	int			bits;

	if (!next_token(p, &token, &comma))
		return CDC_NO;
	if (keyword(&token, "all"))
		return CDC_YES;
	if (!read_network(token.text, &family, address, &bits))
		return CDC_UNKNOWN;		/* samehost, samenet, a host's name */
	if (strchr(token.text, '/') == NULL)
	{
		int			ignored;

		if (!next_token(p, &token, &comma) || !read_network(token.text, &ignored, mask, &bits) || ignored != family)
			return CDC_NO;		/* the server reads no such line */
		for (bits = 0; bits < (family == AF_INET ? 32 : 128) && (mask[bits / 8] >> (7 - bits % 8)) & 1;)
			bits++;
	}
	if (family != c->family || !same_bits(address, c->address, bits < c->bits ? bits : c->bits))
		return CDC_NO;
	return bits <= c->bits ? CDC_YES : CDC_UNKNOWN; /* only a part of them */
}

static CdcTri
match_type(const Token *token, const char *sslmode)
{
	bool		never = sslmode && strcmp(sslmode, "disable") == 0;
	bool		always = sslmode && (strcmp(sslmode, "require") == 0 || strncmp(sslmode, "verify-", 7) == 0);

	if (strcmp(token->text, "host") == 0 || strcmp(token->text, "hostnogssenc") == 0)
		return CDC_YES;
	if (strcmp(token->text, "hostssl") == 0)
		return never ? CDC_NO : always ? CDC_YES : CDC_UNKNOWN;
	if (strcmp(token->text, "hostnossl") == 0)
		return always ? CDC_NO : never ? CDC_YES : CDC_UNKNOWN;
	return CDC_NO;				/* local, hostgssenc */
}

/* What a rule that matches comes to for a client that has a password. */
static int
outcome(const Token *method)
{
	static const char *const refusing[] = {"reject", "peer", "ident", "gss", "sspi"};
	int			i;

	for (i = 0; i < (int) lengthof(refusing); i++)
	{
		if (strcmp(method->text, refusing[i]) == 0)
			return MAY_REFUSE;
	}
	return strcmp(method->text, "cert") == 0 ? MAY_ADMIT | MAY_REFUSE : MAY_ADMIT;
}

/* One line; what it may come to is added to *may.  True: no later one counts. */
static bool
read_rule(const char *line, const Connection *c, int *may)
{
	const char *p = line;
	CdcTri		parts[4];
	Token		token;
	bool		comma;
	bool		certain = true;
	int			i;

	if (!next_token(&p, &token, &comma))
		return false;
	if (strncmp(token.text, "include", 7) == 0)
	{
		*may |= MAY_ADMIT | MAY_REFUSE;
		return false;
	}
	parts[0] = match_type(&token, c->sslmode);
	if (parts[0] == CDC_NO)
		return false;
	parts[1] = match_names(&p, c->database, c, false);
	parts[2] = match_names(&p, c->role, c, true);
	parts[3] = match_address(&p, c);
	if (!next_token(&p, &token, &comma))
		return false;
	for (i = 0; i < 4; i++)
	{
		if (parts[i] == CDC_NO)
			return false;
		certain = certain && parts[i] == CDC_YES;
	}
	*may |= outcome(&token);
	return certain;
}

/* The file with lines that a backslash continues put together. */
static char *
joined(const char *file)
{
	StringInfoData buf;
	const char *p;

	initStringInfo(&buf);
	for (p = file; *p != '\0'; p++)
	{
		if (p[0] == '\\' && p[1] == '\n')
			p++;
		else if (p[0] == '\\' && p[1] == '\r' && p[2] == '\n')
			p += 2;
		else
			appendStringInfoChar(&buf, *p);
	}
	return buf.data;
}

CdcTri
cdc_hba_admits(const char *file, const CdcHbaLine *line, const char *sslmode)
{
	Connection	c = {0};
	char	   *whole = joined(file);
	const char *p = whole;
	int			may = 0;
	bool		over = false;

	c.database = line->database;
	c.role = line->role;
	c.sslmode = sslmode;
	if (!read_network(line->cidr, &c.family, c.address, &c.bits))
		return CDC_UNKNOWN;
	while (!over && *p != '\0')
	{
		over = read_rule(p, &c, &may);
		p += strcspn(p, "\n");
		p += *p == '\n';
	}
	if (!over)
		may |= MAY_REFUSE;
	pfree(whole);
	return may == MAY_ADMIT ? CDC_YES : may == MAY_REFUSE ? CDC_NO : CDC_UNKNOWN;
}
