/*
 * pg_login.c
 *	  See pg_login.h.
 *
 * libpq reads what its socket has, up to 16 kB in a go, and answers all messages
 * in it within that call.  So a look at the socket before the call would not do:
 * more may come in between the look and the read.  It must not be able to read
 * what was not seen:
 *
 * In plain text libpq is given one end of a pair of sockets in place of its
 * socket (dup3 onto the same number), and what the server sent is handed on when
 * it was seen, no byte before.  Under TLS SSL_peek() shows the record that libpq's
 * next SSL_read() returns; libpq calls that once a poll, and it returns bytes
 * of one record only.  A TLS handshake reads no message of PostgreSQL: the byte
 * with which a server agrees to TLS is handed on alone, and then libpq has its
 * socket again.
 *
 * When libpq begins anew (sslmode prefer) it has another socket: it is told by
 * its inode, and everything begins anew here.
 */
#include "common/pg_login.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Polls without a wait; each has read something of the CDC_PG_AUTH_MAX bytes. */
#define CHUNK 4096

typedef enum Fed
{
	FED_NOTHING,				/* nothing has come in */
	FED_SOME,					/* libpq has something to read */
	FED_END,					/* the connection has ended, or cannot be looked at */
	FED_REFUSED
} Fed;

static uint64
inode_of(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? (uint64) st.st_ino : 0;
}

void
cdc_pg_login_begin(CdcPgLogin *login, PGconn *pg, const CdcPgAuthPolicy *policy)
{
	memset(login, 0, sizeof(*login));
	login->pg = pg;
	login->real = login->relay = -1;
	cdc_pg_auth_begin(&login->auth, policy, false);
}

/* Closes our two descriptors. */
static void
drop_relay(CdcPgLogin *login)
{
	if (login->real < 0)
		return;
	close(login->real);
	close(login->relay);
	login->real = login->relay = -1;
}

/* Puts the pair between libpq and the server; false: out of descriptors. */
static bool
put_relay(CdcPgLogin *login)
{
	int			fd = PQsocket(login->pg);
	int			pair[2];

	login->real = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (login->real >= 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0)
	{
		if (dup3(pair[0], fd, O_CLOEXEC) == fd)
		{
			close(pair[0]);
			login->relay = pair[1];
			login->inode = inode_of(fd);
			return true;
		}
		close(pair[0]);
		close(pair[1]);
	}
	login->error = errno;
	if (login->real >= 0)
		close(login->real);
	login->real = -1;
	return false;
}

/* What libpq has sent goes to the server; false: it could not, all of it. */
static bool
hand_out(CdcPgLogin *login)
{
	char		chunk[CHUNK];
	ssize_t		n;

	if (login->real < 0)
		return true;
	while ((n = recv(login->relay, chunk, sizeof(chunk), 0)) > 0)
	{
		/* a login is far smaller than the buffer of a new socket */
		ssize_t		sent = send(login->real, chunk, n, MSG_NOSIGNAL);

		explicit_bzero(chunk, n);
		if (sent != n)
		{
			login->error = sent < 0 ? errno : ENOBUFS;
			return false;
		}
	}
	return true;
}

/* Gives libpq its socket back. */
static bool
take_relay_away(CdcPgLogin *login)
{
	int			fd = PQsocket(login->pg);

	if (login->real < 0)
		return true;
	if (!hand_out(login) || dup3(login->real, fd, O_CLOEXEC) != fd)
		return false;
	drop_relay(login);
	login->inode = inode_of(fd);
	return true;
}

static Fed
feed_plain(CdcPgLogin *login)
{
	char		chunk[CHUNK];
	ssize_t		n = recv(login->real, chunk, sizeof(chunk), MSG_PEEK | MSG_DONTWAIT);
	size_t		used;

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return FED_NOTHING;
	if (n <= 0)
	{
		login->error = n < 0 ? errno : 0;
		return FED_END;
	}
	switch (cdc_pg_auth_see(&login->auth, chunk, n, &used))
	{
		case CDC_PG_AUTH_REFUSED:
			login->answered = true;
			return FED_REFUSED;
		case CDC_PG_AUTH_TLS:
			login->handshake = true;
			break;
		default:
			login->answered = true;
			break;
	}
	/* what was seen is what is handed on, whatever has come in meanwhile */
	if (recv(login->real, chunk, used, MSG_DONTWAIT) != (ssize_t) used ||
		send(login->relay, chunk, used, MSG_NOSIGNAL) != (ssize_t) used)
	{
		login->error = errno;
		return FED_END;
	}
	return FED_SOME;
}

static Fed
feed_tls(CdcPgLogin *login, SSL *ssl, bool *write)
{
	char		record[SSL3_RT_MAX_PLAIN_LENGTH];
	size_t		used;
	int			n;
	Fed			fed = FED_SOME;

	ERR_clear_error();
	n = SSL_peek(ssl, record, sizeof(record));
	if (n <= 0)
	{
		int			error = SSL_get_error(ssl, n);

		*write = error == SSL_ERROR_WANT_WRITE;
		return error == SSL_ERROR_WANT_READ || *write ? FED_NOTHING : FED_END;
	}
	login->answered = true;

	/*
	 * Of a record that libpq has read in part the rest is peeked at again.  The
	 * verdict READY lets the rest of its record through: a server that is ready
	 * asks for no login any more, and libpq would not answer one.
	 */
	if (n > login->seen &&
		cdc_pg_auth_see(&login->auth, record + login->seen, n - login->seen, &used) == CDC_PG_AUTH_REFUSED)
		fed = FED_REFUSED;
	login->seen = n;
	explicit_bzero(record, n);
	return fed;
}

/* Will PQconnectPoll read messages of the server, and is there something that it may read? */
static Fed
feed(CdcPgLogin *login, bool *write)
{
	*write = false;
	switch (PQstatus(login->pg))
	{
		case CONNECTION_STARTED:
		case CONNECTION_MADE:
		case CONNECTION_NEEDED:
			return FED_SOME;
		case CONNECTION_SSL_STARTUP:
			if (PQsslInUse(login->pg))
				return FED_SOME;
			break;
		default:
			if (PQsslInUse(login->pg))
			{
				SSL		   *ssl = PQsslStruct(login->pg, "OpenSSL");

				if (ssl == NULL)
					return FED_END;
				if (!login->auth.tls)
				{
					int			signature;

					/* who has signed the handshake was asked for its certificate */
					cdc_pg_auth_tls(&login->auth, SSL_get_signature_type_nid(ssl, &signature) == 1);
				}
				return feed_tls(login, ssl, write);
			}
			break;
	}
	return login->real < 0 ? FED_END : feed_plain(login);
}

/* libpq has polled: has it another socket, has TLS begun, does it wait for a message in plain text? */
static bool
after_poll(CdcPgLogin *login)
{
	int			fd = PQsocket(login->pg);
	ConnStatusType status = PQstatus(login->pg);

	if (fd >= 0 && login->inode != 0 && inode_of(fd) != login->inode)
	{
		CdcPgAuthPolicy policy = login->auth.policy;

		drop_relay(login);
		login->inode = 0;
		login->seen = 0;
		login->handshake = false;
		cdc_pg_auth_begin(&login->auth, &policy, false);
	}
	if (fd >= 0 && login->inode == 0)
		login->inode = inode_of(fd);
	if (PQsslInUse(login->pg))
		return take_relay_away(login);
	if (login->real < 0 && (status == CONNECTION_SSL_STARTUP || status == CONNECTION_AWAITING_RESPONSE))
	{
		CdcPgAuthPolicy policy = login->auth.policy;

		login->established = true;
		cdc_pg_auth_begin(&login->auth, &policy, status == CONNECTION_SSL_STARTUP);
		return put_relay(login);
	}
	return hand_out(login);
}

/*
 * Has TCP come about?  libpq must not be asked before: it takes "not yet" for
 * yes.  *ready: it has, or the reason is in login->error, before libpq takes it.
 */
static bool
tcp_failed(CdcPgLogin *login, bool *ready)
{
	struct pollfd p = {PQsocket(login->pg), POLLOUT, 0};
	socklen_t	len = sizeof(login->error);

	*ready = true;
	if (PQstatus(login->pg) != CONNECTION_STARTED)
		return false;
	*ready = poll(&p, 1, 0) > 0;
	return (p.revents & (POLLERR | POLLHUP)) && getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &login->error, &len) == 0 && login->error != 0;
}

CdcPgLoginState
cdc_pg_login_poll(CdcPgLogin *login, int *fd, bool *write)
{
	PostgresPollingStatusType polled;
	bool		ready;

	for (;;)
	{
		switch (feed(login, write))
		{
			case FED_REFUSED:
				return CDC_LOGIN_REFUSED;
			case FED_END:
				return CDC_LOGIN_FAILED;
			case FED_NOTHING:
				*fd = login->real >= 0 ? login->real : PQsocket(login->pg);
				return CDC_LOGIN_WAIT;
			default:
				break;
		}
		if (tcp_failed(login, &ready))
			return CDC_LOGIN_FAILED;
		if (!ready)
		{
			*fd = PQsocket(login->pg);
			*write = true;
			return CDC_LOGIN_WAIT;
		}
		polled = PQconnectPoll(login->pg);
		if (login->seen > 0 && PQsslInUse(login->pg))
			login->seen = SSL_pending(PQsslStruct(login->pg, "OpenSSL"));
		if (polled == PGRES_POLLING_FAILED)
			return CDC_LOGIN_FAILED;
		if (polled == PGRES_POLLING_OK)
		{
			if (!take_relay_away(login))
				return CDC_LOGIN_FAILED;
			/* nobody may be let in whom the machine has not let in */
			return login->auth.phase == CDC_PG_PHASE_IN ? CDC_LOGIN_DONE : CDC_LOGIN_FAILED;
		}
		if (!after_poll(login))
			return CDC_LOGIN_FAILED;
		if (polled == PGRES_POLLING_WRITING && login->real < 0)
		{
			*fd = PQsocket(login->pg);
			*write = true;
			return CDC_LOGIN_WAIT;
		}
		if (PQstatus(login->pg) == CONNECTION_SSL_STARTUP && PQsslInUse(login->pg))
		{
			*fd = PQsocket(login->pg);
			return CDC_LOGIN_WAIT;
		}
	}
}

void
cdc_pg_login_end(CdcPgLogin *login)
{
	drop_relay(login);
	login->pg = NULL;
}
