/*
 * redact.c
 *	  Takes secrets out of text that others wrote.
 *
 * Two passes: the secrets that the caller knows, longest spelling first, then
 * the patterns by which servers and clients print one that we do not know.
 * Prefers to take out too much.
 */
#include "common/redact.h"

#include <ctype.h>
#include <string.h>

#include "common/text.h"

#define MASK "[redacted]"

/* Of what a peer says of itself no more is looked at: redacting has its cost. */
#define SAID_MAX (16 * 1024)

/*
 * Words that announce a secret when "=" or ":" follows, in any case, also as
 * the end of a longer key (database.password, ssl.key_password).
 */
static const char *const announcing[] = {
	"password", "passwd", "passphrase", "secret", "token", "api_key", "apikey",
	"credentials", "credential", "authorization", "rolpassword"
};

/* Schemes of an Authorization header: one word of the secret follows. */
static const char *const schemes[] = {"Bearer", "Basic"};

static bool
word_char(char c)
{
	return isalnum((unsigned char) c) || c == '_';
}

/* Replaces every occurrence of needle; returns a new string. */
static char *
replace_all(const char *str, const char *needle)
{
	StringInfoData buf;
	size_t		length = strlen(needle);
	const char *hit;

	initStringInfo(&buf);
	while ((hit = strstr(str, needle)) != NULL)
	{
		appendBinaryStringInfo(&buf, str, (int) (hit - str));
		appendStringInfoString(&buf, MASK);
		str = hit + length;
	}
	appendStringInfoString(&buf, str);
	return buf.data;
}

/* The secret as JSON prints it within a string. */
static char *
as_json(const char *secret)
{
	StringInfoData buf;
	const char *p;

	initStringInfo(&buf);
	for (p = secret; *p != '\0'; p++)
	{
		if (*p == '"' || *p == '\\')
			appendStringInfoChar(&buf, '\\');
		appendStringInfoChar(&buf, *p);
	}
	return buf.data;
}

/* The secret with every occurrence of one character doubled. */
static char *
doubled(const char *secret, const char *which)
{
	StringInfoData buf;
	const char *p;

	initStringInfo(&buf);
	for (p = secret; *p != '\0'; p++)
	{
		if (strchr(which, *p) != NULL)
			appendStringInfoChar(&buf, *p);
		appendStringInfoChar(&buf, *p);
	}
	return buf.data;
}

/* The secret percent-encoded, as curl and Java write it in a URL. */
static char *
as_url(const char *secret)
{
	StringInfoData buf;
	const char *p;

	initStringInfo(&buf);
	for (p = secret; *p != '\0'; p++)
	{
		if (isalnum((unsigned char) *p) || strchr("-._~", *p) != NULL)
			appendStringInfoChar(&buf, *p);
		else
			appendStringInfo(&buf, "%%%02X", (unsigned char) *p);
	}
	return buf.data;
}

static char *
mask_known(char *str, const char *secret)
{
	const char *spellings[5];
	int			i;

	spellings[0] = doubled(secret, "'\\");
	spellings[1] = doubled(secret, "'");
	spellings[2] = as_json(secret);
	spellings[3] = as_url(secret);
	spellings[4] = secret;
	for (i = 0; i < (int) lengthof(spellings); i++)
	{
		if (i == 4 || strcmp(spellings[i], secret) != 0)
			str = replace_all(str, spellings[i]);
	}
	return str;
}

/* Length of an announcing word that ends a key at p, 0 when there is none. */
static size_t
announced(const char *p)
{
	size_t		i;

	for (i = 0; i < lengthof(announcing); i++)
	{
		size_t		length = strlen(announcing[i]);

		if (pg_strncasecmp(p, announcing[i], length) == 0 && !word_char(p[length]))
			return length;
	}
	return 0;
}

/*
 * p is behind an announcing word: length of what belongs to the announcement
 * (closing quote of the key, blanks, "=" or ":", "PASSWORD '" of SQL), 0 when
 * no value is announced.  *closing is the quote that ends the value, or 0.
 */
static size_t
value_starts(const char *p, char *closing)
{
	const char *start = p;
	bool		separated = false;

	*closing = '\0';
	if (*p == '\\' && (p[1] == '"' || p[1] == '\''))
		p += 2;
	else if (*p == '"' || *p == '\'')
		p++;
	while (*p == ' ')
		p++;
	if (*p == '=' || *p == ':')
	{
		separated = true;
		p++;
		while (*p == ' ')
			p++;
	}
	if (*p == '\\' && (p[1] == '"' || p[1] == '\''))
		p++;
	else if (!separated && (*p == 'E' || *p == 'e') && p[1] == '\'')
		p++;
	if (*p == '"' || *p == '\'')
	{
		/* Without a separator only SQL's PASSWORD '...' is one. */
		if (!separated && *p != '\'')
			return 0;
		*closing = *p++;
		separated = true;
	}
	return separated ? (size_t) (p - start) : 0;
}

/* Length of the value at p. */
static size_t
value_length(const char *p, char closing)
{
	const char *start = p;

	if (closing != '\0')
	{
		while (*p != '\0' && *p != '\n')
		{
			/* A backslash that escapes the closing quote of an outer string ends it. */
			if (*p == '\\' && p[1] == closing && p > start && strchr(",;}] \n", p[2]) != NULL)
				break;
			if (*p == '\\' && p[1] != '\0')
				p += 2;
			else if (*p == closing && p[1] == closing && closing == '\'')
				p += 2;
			else if (*p == closing)
				break;
			else
				p++;
		}
		return (size_t) (p - start);
	}

	while (*p != '\0' && strchr(" \t\r\n,;&}\")]", *p) == NULL)
		p++;
	return (size_t) (p - start);
}

static char *
mask_patterns(const char *str)
{
	StringInfoData buf;
	const char *p = str;

	initStringInfo(&buf);
	while (*p != '\0')
	{
		size_t		length = announced(p);
		size_t		i;
		char		closing;

		if (length > 0)
		{
			size_t		skip = value_starts(p + length, &closing);
			size_t		value = skip > 0 ? value_length(p + length + skip, closing) : 0;

			if (value > 0)
			{
				const char *v = p + length + skip;

				appendBinaryStringInfo(&buf, p, (int) (length + skip));

				/*
				 * A reference to a config provider is no secret, and says
				 * much.  A known secret is already gone.
				 */
				if ((strncmp(v, "${", 2) == 0 && memchr(v, '}', value + 1) != NULL) ||
					strncmp(v, MASK, sizeof(MASK) - 1) == 0)
				{
					appendBinaryStringInfo(&buf, v, (int) value);
					p = v + value;
					continue;
				}
				/* "Authorization: Bearer x": both words go. */
				for (i = 0; closing == '\0' && i < lengthof(schemes); i++)
				{
					size_t		word = strlen(schemes[i]);

					if (value == word && pg_strncasecmp(v, schemes[i], word) == 0 && v[word] == ' ')
						value += 1 + value_length(v + word + 1, '\0');
				}
				appendStringInfoString(&buf, MASK);
				p = v + value;
				continue;
			}
		}

		/* Bearer eyJ..., outside of a header too */
		if (p == str || !word_char(p[-1]))
		{
			bool		masked = false;

			for (i = 0; i < lengthof(schemes) && !masked; i++)
			{
				size_t		word = strlen(schemes[i]);

				if (pg_strncasecmp(p, schemes[i], word) == 0 && p[word] == ' ')
				{
					size_t		value = value_length(p + word + 1, '\0');

					/* "Basic auth failed" is prose: a credential is longer. */
					if (value >= 8)
					{
						appendBinaryStringInfo(&buf, p, (int) word + 1);
						appendStringInfoString(&buf, MASK);
						p += word + 1 + value;
						masked = true;
					}
				}
			}
			if (masked)
				continue;
		}

		/* scheme://user:password@host */
		if (strncmp(p, "://", 3) == 0)
		{
			size_t		user = strcspn(p + 3, " \t\r\n/@:?#\"'");

			if (p[3 + user] == ':')
			{
				size_t		value = strcspn(p + 3 + user + 1, " \t\r\n/@?#\"'");

				if (value > 0 && p[3 + user + 1 + value] == '@')
				{
					appendBinaryStringInfo(&buf, p, (int) (3 + user + 1));
					appendStringInfoString(&buf, MASK);
					p += 3 + user + 1 + value;
					continue;
				}
			}
		}

		/* SCRAM-SHA-256$4096:salt$keys */
		if (strncmp(p, "SCRAM-SHA-256$", 14) == 0)
		{
			appendStringInfoString(&buf, "SCRAM-SHA-256$" MASK);
			p += 14 + strcspn(p + 14, " \t\r\n'\",;)");
			continue;
		}

		appendStringInfoChar(&buf, *p++);
	}
	return buf.data;
}

char *
cdc_redact_said(const char *said, const char *const *secrets, int nsecrets)
{
	size_t		length = said ? strlen(said) : 0;
	char	   *cut = pnstrdup(said ? said : "", length <= SAID_MAX ? length : cdc_text_clip(said, SAID_MAX));
	char	   *p;

	/* redacted before it is cut to what is shown: half a secret is one too */
	cut = cdc_redact(cut, secrets, nsecrets);
	length = strlen(cut);
	if (length > CDC_TEXT_MAX)
		cut[cdc_text_clip(cut, CDC_TEXT_MAX)] = '\0';
	for (p = cut; *p; p++)
	{
		if ((unsigned char) *p < ' ')
			*p = ' ';
	}
	return cut;
}

char *
cdc_redact(const char *str, const char *const *secrets, int nsecrets)
{
	char	   *result;
	char	   *masked;
	int			i;

	if (str == NULL)
		return pstrdup("");
	result = pstrdup(str);
	for (i = 0; i < nsecrets; i++)
	{
		if (secrets[i] != NULL && secrets[i][0] != '\0')
			result = mask_known(result, secrets[i]);
	}
	masked = mask_patterns(result);
	pfree(result);
	return masked;
}
