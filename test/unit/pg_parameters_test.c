/* link: src/common/pg_parameters.c src/common/pg_auth.c */
/* libs: -lpq -lpgcommon -lpgport */
/* flags: -DFRONTEND -I/usr/include/postgresql */
/*
 * pg_parameters_test.c
 *	  libpq takes nothing from outside: every parameter that it has is one that we
 *	  have thought about, and none comes from the environment.
 */
#include "common/pg_parameters.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

static const char *
value_of(const char **keys, const char **values, const char *keyword)
{
	int			i;

	for (i = 0; keys[i]; i++)
	{
		if (strcmp(keys[i], keyword) == 0)
			return values[i];
	}
	return NULL;
}

static bool
knows(const char *keyword)
{
	PQconninfoOption *all = PQconndefaults();
	PQconninfoOption *o;
	bool		found = false;

	for (o = all; o->keyword; o++)
		found = found || strcmp(o->keyword, keyword) == 0;
	PQconninfoFree(all);
	return found;
}

int
main(void)
{
	const char *keys[CDC_PG_PARAMETERS_MAX];
	const char *values[CDC_PG_PARAMETERS_MAX];
	CdcPgParameters p = {.host = "h.example", .hostaddr = "10.0.0.5", .port = "5432", .database = "d", .user = "u", .password = "p", .application_name = "test"};
	PQconninfoOption *all = PQconndefaults();
	PQconninfoOption *o;
	PQconninfoOption *used;
	PGconn	   *conn;
	char		path[64];
	struct stat st;
	char		byte;
	int			fd;
	int			again;
	bool		unset = true;

	for (o = all; o->keyword; o++)
	{
		char		words[100];

		snprintf(words, sizeof(words), "libpq's parameter %s is one that was thought about", o->keyword);
		ok(cdc_pg_parameter_known(o->keyword), words);
		if (o->envvar)
			setenv(o->envvar, strcmp(o->envvar, "PGPORT") == 0 ? "1" : strcmp(o->envvar, "PGSSLMODE") == 0 ? "disable" : "from-outside", 1);
	}
	setenv("PGTZ", "from-outside", 1);
	setenv("PGDATESTYLE", "from-outside", 1);
	setenv("PGSERVICEFILE", "/from-outside", 1);

	cdc_pg_parameters_init();
	for (o = all; o->keyword; o++)
		unset = unset && (o->envvar == NULL || getenv(o->envvar) == NULL);
	ok(unset && !getenv("PGTZ") && !getenv("PGDATESTYLE") && !getenv("PGSERVICEFILE"), "what libpq would read in the environment is gone");
	PQconninfoFree(all);

	cdc_pg_parameters(&p, keys, values);
	is(value_of(keys, values, "passfile"), CDC_NO_FILE, "no password file");
	is(value_of(keys, values, "sslcert"), CDC_NO_FILE, "no certificate of the operating system's user");
	is(value_of(keys, values, "sslkey"), CDC_NO_FILE, "nor its key");
	is(value_of(keys, values, "sslrootcert"), CDC_NO_FILE, "nor its root.crt");
	is(value_of(keys, values, "sslcrl"), CDC_NO_FILE, "nor its list of revoked ones");
	is(value_of(keys, values, "gssencmode"), "disable", "no Kerberos");
	is(value_of(keys, values, "sslmode"), "prefer", "sslmode's default stays");
	is(value_of(keys, values, "channel_binding"), "prefer", "binding is seen to by the watch where TLS is open");
	is(value_of(keys, values, "require_auth"), knows("require_auth") ? "scram-sha-256" : NULL, "a libpq that can is told to do SCRAM only");
	ok(stat(CDC_NO_FILE, &st) != 0, "the file that does not exist does not");
	p.policy.any_method = true;
	cdc_pg_parameters(&p, keys, values);
	is(value_of(keys, values, "sslrootcert"), NULL, "a service from before the rules is verified as it was, by root.crt where it names no ca");
	is(value_of(keys, values, "sslcert"), CDC_NO_FILE, "... and shown no certificate of the operating system's user either");
	p.policy.any_method = false;

	/* what libpq makes of it, with nothing to connect to */
	p.hostaddr = "127.0.0.1";
	p.port = "1";
	cdc_pg_parameters(&p, keys, values);
	conn = PQconnectStartParams(keys, values, 0);
	used = PQconninfo(conn);
	unset = used != NULL;
	for (o = used; o && o->keyword; o++)
	{
		if (o->val && (strstr(o->val, "from-outside") || (getenv("HOME") && strncmp(o->val, getenv("HOME"), strlen(getenv("HOME"))) == 0 && getenv("HOME")[1])))
			unset = false;
		if (o->val && o->val[0] && value_of(keys, values, o->keyword) == NULL)
		{
			printf("# %s = %s was not given\n", o->keyword, o->val);
			unset = false;
		}
	}
	ok(unset, "every value that libpq has is one that it was given");
	PQconninfoFree(used);
	PQfinish(conn);

	p.sslmode = "require";
	cdc_pg_parameters(&p, keys, values);
	is(value_of(keys, values, "channel_binding"), "require", "TLS that is not verified is bound");
	p.sslmode = "verify-ca";
	cdc_pg_parameters(&p, keys, values);
	is(value_of(keys, values, "channel_binding"), "require", "... verify-ca too: the name is not");
	p.sslmode = "verify-full";
	p.ca = "/ca";
	p.policy.verified = p.policy.cleartext = true;
	cdc_pg_parameters(&p, keys, values);
	is(value_of(keys, values, "sslrootcert"), "/ca", "the service's ca");
	is(value_of(keys, values, "channel_binding"), "prefer", "verify-full needs no binding");
	is(value_of(keys, values, "require_auth"), knows("require_auth") ? "scram-sha-256,password" : NULL, "cleartext where the service says so");
	p.cert = "/cert";
	p.key = "/key";
	p.policy.certificate = true;
	cdc_pg_parameters(&p, keys, values);
	ok(strcmp(value_of(keys, values, "sslcert"), "/cert") == 0 && strcmp(value_of(keys, values, "sslkey"), "/key") == 0, "the service's certificate");
	ok(cdc_pg_tls_needed("require") && cdc_pg_tls_needed("verify-ca") && cdc_pg_tls_needed("verify-full") && !cdc_pg_tls_needed("prefer") &&
	   !cdc_pg_tls_needed(NULL) && cdc_pg_verified("verify-full") && !cdc_pg_verified("verify-ca") && !cdc_pg_verified(NULL), "what the words of sslmode mean");

	fd = cdc_memory_file("test", "text");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDONLY);
	ok(again >= 0 && read(again, &byte, 1) == 1 && byte == 't' && fstat(again, &st) == 0 && (st.st_mode & 077) == 0 && S_ISREG(st.st_mode),
	   "a memory file is a file that others may not read");
	close(again);
	close(fd);
	return done_testing();
}
