/* link: src/agent/sql.c src/common/pg_login.c src/common/pg_parameters.c src/common/pg_auth.c */
/* libs: -lpq -lssl -lcrypto -lpgcommon -lpgport */
/* flags: -DFRONTEND -I/usr/include/postgresql */
/*
 * agent_sql_test.c
 *	  Whoever listens at the address of a server that the agent made, while that is
 *	  down, does not hear its superuser's password.
 */
#include "agent/sql.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/pg_parameters.h"

#include "tap.h"

#define PASSWORD "the-superusers-password"

static const struct
{
	const char *name;
	const char *says;
	size_t		length;
	const char *error;
}			cases[] =
{
	{"clear text", "R\0\0\0\10\0\0\0\3", 9, "clear text; it was not sent"},
	{"md5", "R\0\0\0\14\0\0\0\5salt", 13, "MD5 hash"},
	{"SCRAM and clear text at once", "R\0\0\0\27\0\0\0\12SCRAM-SHA-256\0\0R\0\0\0\10\0\0\0\3", 33, "clear text; it was not sent"},
	{"let in at once", "R\0\0\0\10\0\0\0\0Z\0\0\0\5I", 15, "without asking for a password"},
	{"something else", "HTTP/1.1 200 OK\r\n\r\n", 19, "not PostgreSQL"},
};

/* Serves one client: says it, and gives all that it hears to the pipe. */
static void
serve(int listener, int ear, const char *says, size_t length)
{
	char		heard[2000];
	int			client = accept(listener, NULL, NULL);
	ssize_t		n = recv(client, heard, sizeof(heard), 0);

	while (n > 0)
	{
		if (write(ear, heard, n) != n)
			break;
		if (length > 0 && write(client, says, length) != (ssize_t) length)
			break;
		length = 0;
		n = recv(client, heard, sizeof(heard), 0);
	}
	_exit(0);
}

int
main(void)
{
	size_t		i;

	cdc_pg_parameters_init();
	for (i = 0; i < lengthof(cases); i++)
	{
		struct sockaddr_in here = {.sin_family = AF_INET};
		socklen_t	size = sizeof(here);
		int			listener = socket(AF_INET, SOCK_STREAM, 0);
		int			ear[2];
		char		heard[4000] = "";
		char		words[200];
		ssize_t		n;
		size_t		total = 0;
		char	   *error = NULL;
		PGconn	   *conn;
		pid_t		child;

		here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		if (bind(listener, (struct sockaddr *) &here, sizeof(here)) != 0 || listen(listener, 1) != 0 || pipe(ear) != 0)
			return 1;
		getsockname(listener, (struct sockaddr *) &here, &size);
		child = fork();
		if (child == 0)
			serve(listener, ear[1], cases[i].says, cases[i].length);
		close(ear[1]);
		close(listener);
		conn = agent_sql_connect("127.0.0.1", ntohs(here.sin_port), "postgres", PASSWORD, "postgres", 3000, &error);
		snprintf(words, sizeof(words), "%s: %s", cases[i].name, error ? error : "it is let in");
		ok(conn == NULL && error && strstr(error, cases[i].error), words);
		PQfinish(conn);
		while ((n = read(ear[0], heard + total, sizeof(heard) - 1 - total)) > 0)
			total += n;
		waitpid(child, NULL, 0);
		close(ear[0]);
		ok(total > 0 && memmem(heard, total, PASSWORD, strlen(PASSWORD)) == NULL && memmem(heard, total, "p\0\0\0\50md5", 8) == NULL,
		   "... and nothing of the password is heard");
	}
	return done_testing();
}
