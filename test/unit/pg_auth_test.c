/* link: src/common/pg_auth.c */
/* libs: -lpgcommon -lpgport */
/* flags: -DFRONTEND */
/*
 * pg_auth_test.c
 *	  What a server may ask before a secret leaves: each conversation in one piece,
 *	  byte by byte, and cut at random; the verdict is the same, and of a conversation
 *	  that is refused libpq never gets the request that it would answer.
 */
#include "common/pg_auth.h"

#include <stdlib.h>

#include "tap.h"

#define R(code, rest) "R", code, rest, sizeof(rest) - 1

typedef struct Message
{
	const char *type;			/* NULL: the end; "raw": rest as it is */
	int			code;			/* of R, else not written */
	const char *rest;
	size_t		len;
} Message;

#define OK {R(0, "")}
#define CLEARTEXT {R(3, "")}
#define MD5 {R(5, "salt")}
#define GSS {R(7, "")}
#define SSPI {R(9, "")}
#define SASL {R(10, "SCRAM-SHA-256\0\0")}
#define PLUS {R(10, "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")}
#define OTHER_SASL {R(10, "PLAIN\0OAUTHBEARER\0\0")}
#define CONTINUE {R(11, "r=abc,s=c2FsdA==,i=4096")}
#define MANY {R(11, "r=abc,s=c2FsdA==,i=600000")}
#define COSTLY {R(11, "r=abc,s=c2FsdA==,i=2000000000")}
#define FINAL {R(12, "v=c2lnbmF0dXJl")}
#define STATUS {"S", -1, "server_version\00015.4\0", 20}
#define READY {"Z", -1, "I", 1}
#define DENIED {"E", -1, "SFATAL\0VFATAL\0C28P01\0Mno\0\0", 26}
#define RAW(bytes) {"raw", -1, bytes, sizeof(bytes) - 1}
#define END {NULL, 0, NULL, 0}

static const CdcPgAuthPolicy strict = {0};
static const CdcPgAuthPolicy needs_tls = {.tls_needed = true};
static const CdcPgAuthPolicy verified = {.tls_needed = true, .verified = true};
static const CdcPgAuthPolicy cleartext = {.tls_needed = true, .verified = true, .cleartext = true};
static const CdcPgAuthPolicy cleartext_unverified = {.cleartext = true};
static const CdcPgAuthPolicy certificate = {.certificate = true};
static const CdcPgAuthPolicy certificate_kept = {.certificate = true};	/* the server did not ask for it */
static const CdcPgAuthPolicy before = {.any_method = true};

static const struct
{
	const char *name;
	const CdcPgAuthPolicy *policy;
	bool		tls;			/* TLS was established before */
	CdcPgAuthFault fault;		/* NONE: in, or refused by the server */
	Message		messages[9];
}			cases[] =
{
	{"SCRAM", &strict, false, CDC_PG_FAULT_NONE, {SASL, CONTINUE, FINAL, OK, STATUS, READY, END}},
	{"SCRAM in verified TLS", &verified, true, CDC_PG_FAULT_NONE, {SASL, CONTINUE, FINAL, OK, STATUS, READY, END}},
	{"SCRAM with channel binding in TLS", &strict, true, CDC_PG_FAULT_NONE, {PLUS, CONTINUE, FINAL, OK, READY, END}},
	{"SCRAM without it in TLS that is not verified", &strict, true, CDC_PG_FAULT_UNBOUND, {SASL, CONTINUE, FINAL, OK, READY, END}},
	{"a password that is denied is the server's matter", &strict, false, CDC_PG_FAULT_NONE, {SASL, CONTINUE, DENIED, END}},
	{"and so is one before any request", &strict, false, CDC_PG_FAULT_NONE, {DENIED, END}},
	{"cleartext", &strict, false, CDC_PG_FAULT_CLEARTEXT, {CLEARTEXT, OK, READY, END}},
	{"cleartext in TLS", &verified, true, CDC_PG_FAULT_CLEARTEXT, {CLEARTEXT, OK, READY, END}},
	{"cleartext that the service allows, in verified TLS", &cleartext, true, CDC_PG_FAULT_NONE, {CLEARTEXT, OK, READY, END}},
	{"... not in TLS that is not verified", &cleartext_unverified, true, CDC_PG_FAULT_CLEARTEXT, {CLEARTEXT, OK, READY, END}},
	{"... not without TLS", &cleartext_unverified, false, CDC_PG_FAULT_CLEARTEXT, {CLEARTEXT, OK, READY, END}},
	{"... and once", &cleartext, true, CDC_PG_FAULT_CLEARTEXT, {CLEARTEXT, CLEARTEXT, OK, READY, END}},
	{"md5", &strict, false, CDC_PG_FAULT_MD5, {MD5, OK, READY, END}},
	{"md5 in verified TLS", &cleartext, true, CDC_PG_FAULT_MD5, {MD5, OK, READY, END}},
	{"GSS", &strict, false, CDC_PG_FAULT_METHOD, {GSS, OK, READY, END}},
	{"SSPI", &strict, false, CDC_PG_FAULT_METHOD, {SSPI, OK, READY, END}},
	{"Kerberos 5", &strict, false, CDC_PG_FAULT_METHOD, {{R(2, "")}, OK, READY, END}},
	{"credentials of the socket", &strict, false, CDC_PG_FAULT_METHOD, {{R(6, "")}, OK, READY, END}},
	{"other SASL", &strict, false, CDC_PG_FAULT_METHOD, {OTHER_SASL, END}},
	{"a list of SASL without an end", &strict, false, CDC_PG_FAULT_METHOD, {{R(10, "SCRAM-SHA-25")}, END}},
	{"let in at once", &strict, false, CDC_PG_FAULT_NO_LOGIN, {OK, STATUS, READY, END}},
	{"let in at once in verified TLS", &verified, true, CDC_PG_FAULT_NO_LOGIN, {OK, READY, END}},
	{"our certificate is a login", &certificate, true, CDC_PG_FAULT_NONE, {OK, STATUS, READY, END}},
	{"... not without TLS", &certificate, false, CDC_PG_FAULT_NO_LOGIN, {OK, READY, END}},
	{"... not when nobody has asked for it", &certificate_kept, true, CDC_PG_FAULT_NO_LOGIN, {OK, READY, END}},
	{"... SCRAM beside it", &certificate, true, CDC_PG_FAULT_NONE, {PLUS, CONTINUE, FINAL, OK, READY, END}},
	{"SCRAM, then cleartext", &strict, false, CDC_PG_FAULT_CLEARTEXT, {SASL, CLEARTEXT, OK, READY, END}},
	{"... later", &strict, false, CDC_PG_FAULT_CLEARTEXT, {SASL, CONTINUE, CLEARTEXT, OK, READY, END}},
	{"... at the end", &strict, false, CDC_PG_FAULT_CLEARTEXT, {SASL, CONTINUE, FINAL, CLEARTEXT, OK, READY, END}},
	{"... where cleartext is allowed", &cleartext, true, CDC_PG_FAULT_CLEARTEXT, {SASL, CONTINUE, CLEARTEXT, OK, READY, END}},
	{"SCRAM, then md5", &strict, false, CDC_PG_FAULT_ORDER, {SASL, MD5, END}},
	{"SCRAM twice", &strict, false, CDC_PG_FAULT_ORDER, {SASL, CONTINUE, FINAL, SASL, END}},
	{"no SCRAM, then its continuation", &strict, false, CDC_PG_FAULT_ORDER, {CONTINUE, END}},
	{"its end before its continuation", &strict, false, CDC_PG_FAULT_ORDER, {SASL, FINAL, END}},
	{"its continuation twice", &strict, false, CDC_PG_FAULT_ORDER, {SASL, CONTINUE, CONTINUE, END}},
	{"let in without the final signature", &strict, false, CDC_PG_FAULT_NO_SIGNATURE, {SASL, CONTINUE, OK, READY, END}},
	{"let in after SCRAM was begun", &strict, false, CDC_PG_FAULT_NO_SIGNATURE, {SASL, OK, READY, END}},
	{"600,000 iterations", &strict, false, CDC_PG_FAULT_ITERATIONS, {SASL, MANY, FINAL, OK, READY, END}},
	{"... of a service from before, which keeps its way", &before, false, CDC_PG_FAULT_NONE, {SASL, MANY, FINAL, OK, READY, END}},
	{"... two billion of it", &before, false, CDC_PG_FAULT_ITERATIONS, {SASL, COSTLY, FINAL, OK, END}},
	{"two billion iterations", &strict, false, CDC_PG_FAULT_ITERATIONS, {SASL, COSTLY, FINAL, OK, END}},
	{"... whatever is before them", &strict, false, CDC_PG_FAULT_ITERATIONS, {SASL, {R(11, "m=x,r=abc,i=4294967297,s=c2FsdA==,i=1")}, END}},
	{"less than none", &strict, false, CDC_PG_FAULT_ITERATIONS, {SASL, {R(11, "r=abc,s=c2FsdA==,i=-4294963200")}, END}},
	{"no TLS where it is needed", &needs_tls, false, CDC_PG_FAULT_NO_TLS, {SASL, CONTINUE, FINAL, OK, READY, END}},
	{"HTTP", &strict, false, CDC_PG_FAULT_NOT_POSTGRESQL, {RAW("HTTP/1.1 400 Bad Request\r\n\r\n"), END}},
	{"SSH", &strict, false, CDC_PG_FAULT_NOT_POSTGRESQL, {RAW("SSH-2.0-OpenSSH_9.2\r\n"), END}},
	{"a request too short for its code", &strict, false, CDC_PG_FAULT_NOT_POSTGRESQL, {RAW("R\0\0\0\7\0\0\0"), END}},
	{"a request longer than libpq takes", &strict, false, CDC_PG_FAULT_NOT_POSTGRESQL, {RAW("R\0\0\7\321\0\0\0\3"), END}},
	{"a negative length", &strict, false, CDC_PG_FAULT_NOT_POSTGRESQL, {RAW("R\377\377\377\377\0\0\0\3"), END}},
	{"an error of an old server", &strict, false, CDC_PG_FAULT_NOT_POSTGRESQL, {RAW("E\0\0\0\4"), END}},
	{"an error of 1 MB", &strict, false, CDC_PG_FAULT_TOO_LONG, {RAW("E\0\20\0\0SFATAL"), END}},
	{"a notice before the login", &strict, false, CDC_PG_FAULT_NOT_POSTGRESQL, {{"N", -1, "M\0", 3}, OK, END}},
	{"a row before it is ready", &strict, false, CDC_PG_FAULT_NOT_POSTGRESQL, {SASL, CONTINUE, FINAL, OK, {"D", -1, "\0\0", 2}, END}},
	{"a request after it has let us in", &strict, false, CDC_PG_FAULT_NOT_POSTGRESQL, {SASL, CONTINUE, FINAL, OK, CLEARTEXT, END}},
	{"before: let in at once", &before, false, CDC_PG_FAULT_NONE, {OK, READY, END}},
	{"before: md5", &before, false, CDC_PG_FAULT_NONE, {MD5, OK, READY, END}},
	{"before: cleartext", &before, false, CDC_PG_FAULT_NONE, {CLEARTEXT, OK, READY, END}},
	{"before: TLS without binding", &before, true, CDC_PG_FAULT_NONE, {SASL, CONTINUE, FINAL, OK, READY, END}},
	{"before: not GSS", &before, false, CDC_PG_FAULT_METHOD, {GSS, OK, READY, END}},
	{"before: SCRAM, then cleartext", &before, false, CDC_PG_FAULT_CLEARTEXT, {SASL, CLEARTEXT, OK, READY, END}},
	{"before: without the final signature", &before, false, CDC_PG_FAULT_NO_SIGNATURE, {SASL, CONTINUE, OK, READY, END}},
};

static char stream[70000];
static size_t length;

static void
add(const char *bytes, size_t n)
{
	memcpy(stream + length, bytes, n);
	length += n;
}

static void
add_number(uint32 number)
{
	char		bytes[4] = {number >> 24, number >> 16, number >> 8, number};

	add(bytes, 4);
}

static void
add_message(const Message *m)
{
	if (strcmp(m->type, "raw") == 0)
	{
		add(m->rest, m->len);
		return;
	}
	add(m->type, 1);
	add_number(4 + (m->code >= 0 ? 4 : 0) + m->len);
	if (m->code >= 0)
		add_number(m->code);
	add(m->rest, m->len);
}

/* Shows the stream in pieces of at most most bytes (0: of any size): the verdict, and how much was let through. */
static CdcPgAuthVerdict
show(CdcPgAuth *auth, size_t most, size_t *through)
{
	CdcPgAuthVerdict verdict = CDC_PG_AUTH_MORE;
	size_t		used;

	*through = 0;
	while (*through < length && verdict == CDC_PG_AUTH_MORE)
	{
		size_t		piece = most ? most : (size_t) (1 + rand() % 40);
		size_t		n = Min(length - *through, piece);

		verdict = cdc_pg_auth_see(auth, stream + *through, n, &used);
		if (used > n || (verdict == CDC_PG_AUTH_MORE && used == 0))
			abort();
		*through += used;
	}
	return verdict;
}

static void
converse(size_t c)
{
	static const size_t sizes[] = {100000, 1, 2, 3, 5, 7, 9, 13};
	char		name[200];
	size_t		i;
	bool		same = true;
	CdcPgAuthVerdict first = CDC_PG_AUTH_MORE;

	length = 0;
	for (i = 0; cases[c].messages[i].type; i++)
		add_message(&cases[c].messages[i]);
	for (i = 0; i < lengthof(sizes) + 300; i++)
	{
		CdcPgAuth	auth;
		size_t		through;
		CdcPgAuthVerdict verdict;

		cdc_pg_auth_begin(&auth, cases[c].policy, cases[c].tls);
		if (cases[c].tls)
		{
			size_t		used;

			if (cdc_pg_auth_see(&auth, "S", 1, &used) != CDC_PG_AUTH_TLS || used != 1)
				abort();
			cdc_pg_auth_tls(&auth, cases[c].policy != &certificate_kept);
		}
		verdict = show(&auth, i < lengthof(sizes) ? sizes[i] : 0, &through);
		if (i == 0)
			first = verdict;
		same = same && verdict == first && auth.fault == cases[c].fault;
		/* not a byte of the message that is refused completes it */
		if (verdict == CDC_PG_AUTH_REFUSED && through >= length)
			same = false;
		/* refused once is refused for good */
		if (verdict == CDC_PG_AUTH_REFUSED)
		{
			size_t		used;

			same = same && cdc_pg_auth_see(&auth, "Z", 1, &used) == CDC_PG_AUTH_REFUSED && used == 0;
		}
	}
	snprintf(name, sizeof(name), "%s: %s, in pieces of any size", cases[c].name, first == CDC_PG_AUTH_REFUSED ? cdc_pg_auth_fault(cases[c].fault) : "goes on");
	ok(same && (first == CDC_PG_AUTH_REFUSED) == (cases[c].fault != CDC_PG_FAULT_NONE), name);
}

/* A chain of good messages, then one that libpq would answer: it never gets its last byte. */
static void
answers_never_complete(void)
{
	static const Message good[] = {SASL, CONTINUE, FINAL};
	static const Message bad[] = {CLEARTEXT, MD5, GSS, SSPI};
	bool		held = true;
	int			before_it;
	size_t		b;
	int			i;

	for (before_it = 0; before_it <= 3; before_it++)
	{
		for (b = 0; b < lengthof(bad); b++)
		{
			length = 0;
			for (i = 0; i < before_it; i++)
				add_message(&good[i]);
			add_message(&bad[b]);
			for (i = 0; i < 200; i++)
			{
				CdcPgAuth	auth;
				size_t		through;

				cdc_pg_auth_begin(&auth, &strict, false);
				held = held && show(&auth, i ? 0 : 1, &through) == CDC_PG_AUTH_REFUSED && through < length && (i > 0 || through == length - 1);
			}
		}
	}
	ok(held, "of a request that must not be answered libpq never gets the last byte");
}

int
main(void)
{
	CdcPgAuth	auth;
	size_t		used;
	size_t		i;
	CdcPgAuthVerdict verdict = CDC_PG_AUTH_MORE;

	srand(1);
	for (i = 0; i < lengthof(cases); i++)
		converse(i);
	answers_never_complete();

	cdc_pg_auth_begin(&auth, &strict, true);
	ok(cdc_pg_auth_see(&auth, "SR\0\0\0\10\0\0\0\3", 10, &used) == CDC_PG_AUTH_TLS && used == 1, "of what comes with the word for TLS libpq gets that word");
	cdc_pg_auth_begin(&auth, &strict, true);
	ok(cdc_pg_auth_see(&auth, "NR\0\0\0\10\0\0\0\3", 10, &used) == CDC_PG_AUTH_MORE && used == 1, "and of what comes with the word against it, too");
	ok(cdc_pg_auth_see(&auth, "R\0\0\0\10\0\0\0\3", 9, &used) == CDC_PG_AUTH_REFUSED && used == 0 && auth.fault == CDC_PG_FAULT_CLEARTEXT, "... which is then looked at");
	cdc_pg_auth_begin(&auth, &needs_tls, true);
	ok(cdc_pg_auth_see(&auth, "N", 1, &used) == CDC_PG_AUTH_REFUSED && auth.fault == CDC_PG_FAULT_NO_TLS, "no TLS where it is needed: refused");
	cdc_pg_auth_begin(&auth, &strict, true);
	ok(cdc_pg_auth_see(&auth, "E\0\0\0\10", 5, &used) == CDC_PG_AUTH_REFUSED && auth.fault == CDC_PG_FAULT_NOT_POSTGRESQL, "an error in place of it: refused");

	cdc_pg_auth_begin(&auth, &strict, false);
	length = 0;
	add_message(&(Message) DENIED);
	ok(cdc_pg_auth_see(&auth, stream, length, &used) == CDC_PG_AUTH_MORE && used == length, "an error is libpq's to read");
	is(auth.sqlstate, "28P01", "... and its SQLSTATE ours");

	/* what it says before it is ready is bounded */
	cdc_pg_auth_begin(&auth, &before, false);
	length = 0;
	add_message(&(Message) OK);
	verdict = cdc_pg_auth_see(&auth, stream, length, &used);
	length = 0;
	add_message(&(Message) STATUS);
	for (i = 0; i < 10000 && verdict == CDC_PG_AUTH_MORE; i++)
		verdict = cdc_pg_auth_see(&auth, stream, length, &used);
	ok(verdict == CDC_PG_AUTH_REFUSED && auth.fault == CDC_PG_FAULT_TOO_LONG && i < CDC_PG_AUTH_MAX / 20, "settings without an end are cut off");

	/* what is behind the end of the login is not ours */
	cdc_pg_auth_begin(&auth, &before, false);
	length = 0;
	add_message(&(Message) OK);
	add_message(&(Message) READY);
	i = length;
	add_message(&(Message) CLEARTEXT);
	ok(cdc_pg_auth_see(&auth, stream, length, &used) == CDC_PG_AUTH_READY && used == i, "it ends with the server being ready");
	for (i = 1; i <= CDC_PG_FAULT_TOO_LONG; i++)
	{
		if (cdc_pg_auth_fault(i) == NULL || cdc_pg_auth_hint(i) == NULL)
			break;
	}
	ok(i == CDC_PG_FAULT_TOO_LONG + 1, "every fault has words and a hint");
	return done_testing();
}
