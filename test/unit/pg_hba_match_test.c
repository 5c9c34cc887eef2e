/* link: src/remote/pg_hba_match.c */
/* libs: -lpgcommon -lpgport */
/* flags: -DFRONTEND */
/*
 * pg_hba_match_test.c
 *	  What a pg_hba.conf that is not ours lets in: as the server would read it.
 */
#include "remote/pg_hba.h"

#include "tap.h"

/* database app, role r, from 10.0.1.0/24 unless a case says otherwise */
static const CdcHbaLine line = {"aaaaaaaa-0000-4000-8000-00000000000a", "app", "r", "10.0.1.0/24"};
static const CdcHbaLine single = {"aaaaaaaa-0000-4000-8000-00000000000a", "app", "r", "10.0.1.7/32"};
static const CdcHbaLine six = {"aaaaaaaa-0000-4000-8000-00000000000a", "app", "r", "fd00::/64"};
static const CdcHbaLine named = {"aaaaaaaa-0000-4000-8000-00000000000a", "all", "a \"b", "10.0.1.0/24"};

static const struct
{
	CdcTri		admits;
	const char *file;
	const CdcHbaLine *line;
	const char *sslmode;
}			cases[] =
{
	{CDC_NO, "", &line, NULL},
	{CDC_NO, "# host all all all md5\n\n", &line, NULL},
	{CDC_NO, "local all all trust\n", &line, NULL},
	{CDC_YES, "host all all all md5", &line, NULL},
	{CDC_YES, "host\tapp r 10.0.1.0/24 scram-sha-256 # ours\r\n", &line, NULL},
	{CDC_YES, "host app r 10.0.0.0/16 scram-sha-256\n", &line, NULL},
	{CDC_YES, "host app r 10.0.0.0 255.255.0.0 scram-sha-256\n", &line, NULL},
	{CDC_YES, "host app r 0.0.0.0/0 ldap ldapserver=x\n", &line, NULL},
	{CDC_NO, "host app r 10.0.2.0/24 md5\n", &line, NULL},
	{CDC_NO, "host app r 10.0.0.0 255.255.255.0 md5\n", &line, NULL},
	{CDC_NO, "host app r ::/0 md5\n", &line, NULL},
	{CDC_YES, "host app r ::/0 md5\n", &six, NULL},
	{CDC_YES, "host app r fd00:0::/60 md5\n", &six, NULL},
	{CDC_NO, "host app r fd00:0:0:1::/64 md5\n", &six, NULL},
	{CDC_YES, "host app r 10.0.1.7/32 md5\n", &single, NULL},
	{CDC_YES, "host app r 10.0.1.7 255.255.255.255 md5\n", &single, NULL},

	/* the first that matches counts */
	{CDC_NO, "host all all 10.0.0.0/8 reject\nhost app r 10.0.1.0/24 md5\n", &line, NULL},
	{CDC_YES, "host app r 10.0.1.0/24 md5\nhost all all 10.0.0.0/8 reject\n", &line, NULL},
	{CDC_YES, "host other all all reject\nhost all x all reject\nhost all all all md5\n", &line, NULL},
	{CDC_NO, "host all all all ident\n", &line, NULL},

	/* lists, quotes, keywords */
	{CDC_YES, "host one,app,two r all md5\n", &line, NULL},
	{CDC_YES, "host one, app  x, r all md5\n", &line, NULL},
	{CDC_NO, "host one,two r all md5\n", &line, NULL},
	{CDC_NO, "host replication all all md5\n", &line, NULL},
	{CDC_NO, "host sameuser all all md5\n", &line, NULL},
	{CDC_NO, "host \"all\" r all md5\n", &line, NULL},
	{CDC_YES, "host \"all\" \"a \"\"b\" all md5\n", &named, NULL},
	{CDC_NO, "host app \"R\" all md5\n", &line, NULL},
	{CDC_YES, "host app \"r\" all \"md5\"\n", &line, NULL},
	{CDC_YES, "host app \\\nr all md5\n", &line, NULL},
	{CDC_NO, "# comment \\\nhost app r all md5\n", &line, NULL},

	/* TLS */
	{CDC_YES, "hostssl app r all md5\n", &line, "verify-full"},
	{CDC_NO, "hostssl app r all md5\n", &line, "disable"},
	{CDC_UNKNOWN, "hostssl app r all md5\n", &line, NULL},
	{CDC_NO, "hostnossl app r all md5\n", &line, "require"},
	{CDC_YES, "hostnossl app r all reject\nhost app r all md5\n", &line, "require"},
	{CDC_NO, "hostgssenc all all all md5\n", &line, NULL},

	/* what the text does not tell */
	{CDC_UNKNOWN, "host app +team all md5\n", &line, NULL},
	{CDC_UNKNOWN, "host @dbs r all md5\n", &line, NULL},
	{CDC_UNKNOWN, "host samerole r all md5\n", &line, NULL},
	{CDC_UNKNOWN, "host app /^r all md5\n", &line, NULL},
	{CDC_UNKNOWN, "host app r .example.org md5\n", &line, NULL},
	{CDC_UNKNOWN, "host app r samenet md5\n", &line, NULL},
	{CDC_UNKNOWN, "host app r 10.0.1.7/32 md5\n", &line, NULL},
	{CDC_UNKNOWN, "host app r 10.0.1.7/32 reject\nhost app r all md5\n", &line, NULL},
	{CDC_UNKNOWN, "include other.conf\n", &line, NULL},
	{CDC_YES, "host app +team all md5\nhost app r all md5\n", &line, NULL},
	{CDC_NO, "host app +team all reject\n", &line, NULL},
	{CDC_UNKNOWN, "hostssl app r all cert\n", &line, "require"},

	/* what the server would refuse to read admits nobody */
	{CDC_NO, "host app r\nhost app\nhost\n", &line, NULL},
	{CDC_NO, "host app r 10.0.1.0\n", &line, NULL},
};

/* Of several networks each is told by itself, whichever the file names first. */
static void
many(void)
{
	CdcHbaLine	two[2] = {line, {line.pipeline_id, "app", "r", "10.0.2.0/24"}};
	CdcHbaLine	odd[2] = {line, {line.pipeline_id, "app", "r", "no network"}};

	ok(cdc_hba_admits("host app r 10.0.1.0/24 md5\nhost app r 10.0.2.0/24 md5\n", two, 2, NULL) == CDC_YES, "both networks are let in");
	ok(cdc_hba_admits("host app r 10.0.2.0/24 md5\nhost app r 10.0.1.0/24 md5\n", two, 2, NULL) == CDC_YES, "... in any order");
	ok(cdc_hba_admits("host app r 10.0.2.0/24 md5\n", two, 2, NULL) == CDC_NO, "the first is refused, the second not");
	ok(cdc_hba_admits("host app r 10.0.1.0/24 md5\nhost app r all reject\n", two, 2, NULL) == CDC_NO, "the second is refused, the first not");
	ok(cdc_hba_admits("host app r 10.0.1.0/24 md5\nhost app +team 10.0.2.0/24 md5\n", two, 2, NULL) == CDC_UNKNOWN, "of one it is not told");
	ok(cdc_hba_admits("host app r 10.0.1.0/24 md5\n", odd, 2, NULL) == CDC_UNKNOWN, "of what is no network nothing is told");
	ok(cdc_hba_admits("", odd, 2, NULL) == CDC_NO, "... but the other is refused");
}

int
main(void)
{
	many();
	for (int i = 0; i < (int) lengthof(cases); i++)
	{
		CdcTri		admits = cdc_hba_admits(cases[i].file, cases[i].line, 1, cases[i].sslmode);
		char	   *shown = pstrdup(cases[i].file);

		for (char *p = shown; *p; p++)
			*p = *p == '\n' || *p == '\r' ? '|' : *p;
		ok(admits == cases[i].admits, shown);
		if (admits != cases[i].admits)
			printf("# it is %d\n", admits);
	}
	return done_testing();
}
