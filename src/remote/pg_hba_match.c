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
	char text[	TOKEN_MAX];
	bool		quoted;			/* a keyword in quotes is a name */
} Token;

/* Addresses: those of Connect, or of a rule. */
typedef struct Network
{
	int			family;
	unsigned char address[16];
	int			bits;
} Network;

/* What a rule's field of addresses is. */
typedef enum Kind
{
	NOBODY,						/* the server reads no such line */
	ANYBODY,
	UNTOLD,						/* samehost, samenet, a host's name */
	A_NETWORK
} Kind;

/* Who comes: one role to one database, from each of some networks. */
typedef struct Who
{
	const char *database;
	const char *role;
	const char *sslmode;
} Who;

/* One of the networks, and what the rules so far come to for it. */
typedef struct From
{
	Network		network;
	int			may;
	bool		over;			/* no later rule counts */
} From;

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
match_name(const Token *token, const char *name, const Who *c, bool is_role)
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
match_names(const char **p, const char *name, const Who *c, bool is_role)
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
read_network(const char *words, Network *network)
{
	char		host[64];
	size_t		length = strcspn(words, "/");

	if (length >= sizeof(host))
		return false;
	memcpy(host, words, length);
	host[length] = '\0';
	network->family = strchr(host, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(network->family, host, network->address) != 1)
		return false;
	network->bits = network->family == AF_INET ? 32 : 128;
	if (words[length] == '/')
	{
		const char *digits = words + length + 1;

		if (strspn(digits, "0123456789") != strlen(digits) || strlen(digits) < 1 || strlen(digits) > 3)
			return false;
		network->bits = atoi(digits);
	}
	return network->bits <= (network->family == AF_INET ? 32 : 128);
}

static bool
same_bits(const unsigned char *a, const unsigned char *b, int bits)
{
	int			whole = bits / 8;
	int			rest = bits % 8;

	return memcmp(a, b, (size_t) whole) == 0 &&
		(rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0);
}

/* The rule's field of addresses, one or two tokens. */
static Kind
read_addresses(const char **p, Network *rule)
{
	Network		mask;
	Token		token;
	bool		comma;
	int			bits;

	memset(rule, 0, sizeof(*rule));
	memset(&mask, 0, sizeof(mask));
	if (!next_token(p, &token, &comma))
		return NOBODY;
	if (keyword(&token, "all"))
		return ANYBODY;
	if (!read_network(token.text, rule))
		return UNTOLD;
	if (strchr(token.text, '/') == NULL)
	{
		if (!next_token(p, &token, &comma) || !read_network(token.text, &mask) || mask.family != rule->family)
			return NOBODY;
		for (bits = 0; bits < (rule->family == AF_INET ? 32 : 128) && (mask.address[bits / 8] >> (7 - bits % 8)) & 1;)
			bits++;
		rule->bits = bits;
	}
	return A_NETWORK;
}

static CdcTri
match_addresses(Kind kind, const Network *rule, const Network *from)
{
	if (kind != A_NETWORK)
		return kind == ANYBODY ? CDC_YES : kind == UNTOLD ? CDC_UNKNOWN : CDC_NO;
	if (rule->family != from->family || !same_bits(rule->address, from->address, rule->bits < from->bits ? rule->bits : from->bits))
		return CDC_NO;
	return rule->bits <= from->bits ? CDC_YES : CDC_UNKNOWN;	/* only a part of them */
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

/* Who of from a rule is for, and what it comes to for them. */
typedef struct Rule
{
	CdcTri		who;			/* type, database and role: YES, or UNKNOWN */
	Kind		kind;
	Network		network;
	int			outcome;
} Rule;

/* One line; false: it is for none of them, or none that the server reads. */
static bool
read_rule(const char *line, const Who *c, Rule *rule)
{
	const char *p = line;
	CdcTri		parts[3];
	Token		token;
	bool		comma;

	memset(rule, 0, sizeof(*rule));
	if (!next_token(&p, &token, &comma))
		return false;
	if (strncmp(token.text, "include", 7) == 0)
	{
		rule->who = CDC_UNKNOWN;
		rule->kind = UNTOLD;
		rule->outcome = MAY_ADMIT | MAY_REFUSE;
		return true;
	}
	parts[0] = match_type(&token, c->sslmode);
	parts[1] = match_names(&p, c->database, c, false);
	parts[2] = match_names(&p, c->role, c, true);
	rule->kind = read_addresses(&p, &rule->network);
	if (!next_token(&p, &token, &comma) || parts[0] == CDC_NO || parts[1] == CDC_NO || parts[2] == CDC_NO)
		return false;
	rule->who = parts[0] == CDC_YES && parts[1] == CDC_YES && parts[2] == CDC_YES ? CDC_YES : CDC_UNKNOWN;
	rule->outcome = outcome(&token);
	return true;
}

/* Adds what a rule may come to; true: for none of from a later one counts. */
static bool
apply_rule(const Rule *rule, From *from, int n)
{
	bool		all = true;
	int			i;

	for (i = 0; i < n; i++)
	{
		CdcTri		address = from[i].over ? CDC_NO : match_addresses(rule->kind, &rule->network, &from[i].network);

		if (address != CDC_NO)
			from[i].may |= rule->outcome;
		from[i].over = from[i].over || (address == CDC_YES && rule->who == CDC_YES);
		all = all && from[i].over;
	}
	return all;
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
cdc_hba_admits(const char *file, const CdcHbaLine *lines, int nlines, const char *sslmode)
{
	Who			c = {NULL, NULL, NULL};
	From	   *from = palloc0(sizeof(From) * (nlines + 1));
	CdcTri		result = nlines > 0 ? CDC_YES : CDC_UNKNOWN;
	char	   *whole;
	const char *p;
	Rule		rule;
	int			n = 0;
	int			i;

	for (i = 0; i < nlines; i++)
	{
		if (read_network(lines[i].cidr, &from[n].network))
			n++;
		else
			result = CDC_UNKNOWN;
	}
	if (n == 0)
		return CDC_UNKNOWN;
	c.database = lines[0].database;
	c.role = lines[0].role;
	c.sslmode = sslmode;
	whole = joined(file);
	p = whole;
	while (*p != '\0' && !(read_rule(p, &c, &rule) && apply_rule(&rule, from, n)))
	{
		p += strcspn(p, "\n");
		p += *p == '\n';
	}
	pfree(whole);
	for (i = 0; i < n; i++)
	{
		/* behind the last rule everybody is refused */
		int			may = from[i].may | (from[i].over ? 0 : MAY_REFUSE);

		if (may == MAY_REFUSE)
			return CDC_NO;
		if (may != MAY_ADMIT)
			result = CDC_UNKNOWN;
	}
	pfree(from);
	return result;
}
