/* link: src/common/redact.c */
/* libs: -lpgcommon -lpgport */
/* flags: -DFRONTEND */
/*
 * redact_test.c
 *	  Secrets go, everything else stays.
 */
#include "common/redact.h"

#include <stdlib.h>

#include "tap.h"

/* Text and what is left of it without knowing any secret. */
static const struct
{
	const char *in;
	const char *out;
}			patterns[] = {
	{"nothing to hide: 42", "nothing to hide: 42"},
	{"", ""},
	{"password=hunter2 user=x", "password=[redacted] user=x"},
	{"database.password=a,b", "database.password=[redacted],b"},
	{"{\"database.password\":\"a\\\"b c\",\"x\":1}", "{\"database.password\":\"[redacted]\",\"x\":1}"},
	{"{\"database.password\" : \"p\"}", "{\"database.password\" : \"[redacted]\"}"},
	{"{database.hostname=h, database.password=p w, tasks.max=1}", "{database.hostname=h, database.password=[redacted] w, tasks.max=1}"},
	{"Password: secret1", "Password: [redacted]"},
	{"PASSWORD 'it''s'", "PASSWORD '[redacted]'"},
	{"ALTER ROLE x PASSWORD E'a\\'b' VALID", "ALTER ROLE x PASSWORD E'[redacted]' VALID"},
	{"PASSWORD NULL", "PASSWORD NULL"},
	{"FATAL: password authentication failed for user \"x\"", "FATAL: password authentication failed for user \"x\""},
	{"Authorization: Bearer abc.def", "Authorization: [redacted]"},
	{"Authorization: Basic dXNlcjpwYXNz, next", "Authorization: [redacted], next"},
	{"sent Bearer eyJhbGciOi end", "sent Bearer [redacted] end"},
	{"Basic auth failed", "Basic auth failed"},
	{"http://u:p%40ss@host:8083/x", "http://u:[redacted]@host:8083/x"},
	{"postgresql://u@host/db and http://host:80/a@b", "postgresql://u@host/db and http://host:80/a@b"},
	{"hash SCRAM-SHA-256$4096:c2FsdA==$a=:b= end", "hash SCRAM-SHA-256$[redacted] end"},
	{"\"token\":\"abc\"", "\"token\":\"[redacted]\""},
	{"database.password=${dir:/etc/x:pw}", "database.password=${dir:/etc/x:pw}"},
	{"password_encryption=scram", "password_encryption=scram"},
	{"sasl.jaas.config=x required username=\"u\" password=\"p;q\";", "sasl.jaas.config=x required username=\"u\" password=\"[redacted]\";"},
	{"{\"a\":\"x password=\\\"s s\\\";\"}", "{\"a\":\"x password=\\\"[redacted]\\\";\"}"},
};

int
main(void)
{
	size_t		i;
	int			round;
	const char *one[1];
	const char *several[3];
	bool		kept = false;

	for (i = 0; i < lengthof(patterns); i++)
		is(cdc_redact(patterns[i].in, NULL, 0), patterns[i].out, patterns[i].in);
	is(cdc_redact(NULL, NULL, 0), "", "no text");

	one[0] = "a'b\"c\\d@/";
	is(cdc_redact("<a'b\"c\\d@/>", one, 1), "<[redacted]>", "a known secret");
	is(cdc_redact("<a'b\\\"c\\\\d@/>", one, 1), "<[redacted]>", "... in JSON");
	is(cdc_redact("<a''b\"c\\d@/>", one, 1), "<[redacted]>", "... in an SQL literal");
	is(cdc_redact("<a''b\"c\\\\d@/>", one, 1), "<[redacted]>", "... in an E'' literal");
	is(cdc_redact("<a%27b%22c%5Cd%40%2F>", one, 1), "<[redacted]>", "... in a URL");
	several[0] = NULL;
	several[1] = "";
	several[2] = "zz";
	is(cdc_redact("zzz and zz", several, 3), "[redacted]z and [redacted]", "NULL and empty secrets are skipped");

	/* No random secret survives, whatever surrounds it. */
	srandom(20);
	for (round = 0; round < 20000 && !kept; round++)
	{
		static const char alphabet[] = "ab'\"\\ =:%${}@,;\xc3\xa9";
		char		secret[12];
		char		input[100];
		int			length = 3 + (int) (random() % 8);
		int			k;

		for (k = 0; k < length; k++)
			secret[k] = alphabet[random() % (sizeof(alphabet) - 1)];
		secret[length] = '\0';
		for (k = 0; k < 20; k++)
			input[k] = alphabet[random() % (sizeof(alphabet) - 1)];
		strcpy(input + 20, secret);
		for (k = 20 + length; k < 50; k++)
			input[k] = alphabet[random() % (sizeof(alphabet) - 1)];
		input[50] = '\0';
		one[0] = secret;
		kept = strstr(cdc_redact(input, one, 1), secret) != NULL;
		if (kept)
			printf("# secret %s in %s\n", secret, input);
	}
	ok(!kept, "no known secret survives");
	return done_testing();
}
