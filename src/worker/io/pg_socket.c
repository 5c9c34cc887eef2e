/*
 * pg_socket.c
 *	  The socket of a connection: what it is watched for, what has come, its end.
 *
 * See pg_parts.h.  libpq reads as much as a server sends, and a single row may be
 * anything: so the bytes that the socket has received are counted before libpq is
 * let to them, whatever they are: rows, notices, notifications.  Once libpq has
 * seen the head of a message it reads as long as something comes, within one call,
 * and it parses by copying: so sockets have a small buffer, which a sender does not
 * fill as fast as it is read, and what came meanwhile is counted before it is parsed.
 */
#include "postgres.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/io/pg_parts.h"

/* What a server may send while one logs in (certificates, a few hundred settings), and unasked. */
#define GREETING_MAX (256 * 1024)
#define UNASKED_MAX (64 * 1024)
/* The answer to a statement of which nothing is read: what it says of itself. */
#define UNREAD_MAX (256 * 1024)
#define SOCKET_BUFFER (128 * 1024)

uint64
cdc_pg_socket_received(const CdcPgConn *conn)
{
	struct tcp_info info;
	socklen_t	length = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (conn->pg == NULL || getsockopt(PQsocket(conn->pg), IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
		return 0;
	return info.tcpi_bytes_received;
}

int
cdc_pg_socket_too_much(const CdcPgConn *conn)
{
	const CdcPgShape *shape = conn->state == PG_BUSY ? conn->first->shape : NULL;
	int			most = conn->state == PG_CONNECTING ? GREETING_MAX : conn->state == PG_READY ? UNASKED_MAX :
		shape == NULL ? UNREAD_MAX : CDC_PG_ANSWER_MAX;

	return cdc_pg_socket_received(conn) > conn->counted + (uint64) most ? most : 0;
}

void
cdc_pg_socket_forget(CdcPgConn *conn)
{
	if (conn->fd >= 0)
		cdc_loop_forget(conn->loop, conn->fd);
	conn->fd = -1;
}

void
cdc_pg_socket_watch(CdcPgConn *conn, int fd, int events)
{
	int			size = SOCKET_BUFFER;

	if (fd != conn->fd)
	{
		cdc_pg_socket_forget(conn);
		if (fd >= 0)
			setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	}
	conn->fd = fd;
	if (fd >= 0)
		cdc_loop_watch(conn->loop, fd, events, conn->on_io, conn);
}

void
cdc_pg_forget_prepared(CdcPgConn *conn)
{
	int			i;

	for (i = 0; i < CDC_PG_PREPARED_MAX; i++)
	{
		if (conn->prepared[i])
			pfree(conn->prepared[i]);
		conn->prepared[i] = NULL;
	}
}

static void
forget_file(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void
cdc_pg_forget_files(CdcPgConn *conn)
{
	forget_file(&conn->ca_fd);
	forget_file(&conn->cert_fd);
	forget_file(&conn->key_fd);
}

void
cdc_pg_hang_up(CdcPgConn *conn)
{
	cdc_pg_socket_forget(conn);
	if (conn->pg)
	{
		cdc_pg_login_end(&conn->login);
		PQfinish(conn->pg);
	}
	conn->pg = NULL;
}

void
cdc_pg_disconnect(CdcPgConn *conn)
{
	cdc_timer_cancel(conn->timer);
	if (conn->result)
		PQclear(conn->result);
	conn->result = NULL;
	conn->copy = false;
	conn->preparing = 0;
	conn->settled = conn->settling = false;
	conn->errors = 0;
	cdc_pg_forget_prepared(conn);
	if (conn->resolving)
		conn->resolving->conn = NULL;
	conn->resolving = NULL;
	if (conn->why)
		pfree(conn->why);
	conn->why = NULL;
	cdc_pg_hang_up(conn);
	cdc_pg_forget_files(conn);
	conn->state = PG_IDLE;
	cdc_descriptors_give(&conn->descriptors);
}
