/*
 * client.c
 *	  Deadlines of the clients' connections.
 *
 * A list for each state: its time is the same for all, so each list is in the
 * order of deadlines.  The first byte of a request is seen by an edge-triggered
 * event beside the library's own; bytes that the library read together with
 * the end of the request before are seen when they make a request line.
 */
#include "gateway/client.h"

#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "gateway/config.h"
#include "gateway/guard.h"

#define MS 1000

static dlist_head states[CLIENT_STATES] = {
	DLIST_STATIC_INIT(states[0]), DLIST_STATIC_INIT(states[1]), DLIST_STATIC_INIT(states[2]),
	DLIST_STATIC_INIT(states[3]), DLIST_STATIC_INIT(states[4])
};
static int	nclients;
static bool stopping;

/* Bytes that came and that the library has not read yet. */
static int
unread(const Client *client)
{
	int			n = 0;

	return ioctl(client->fd, FIONREAD, &n) == 0 ? n : 0;
}

/* Bytes that ever came. */
static uint64
received(const Client *client)
{
	struct tcp_info info;
	socklen_t	size = sizeof(info);

	memset(&info, 0, sizeof(info));
	return getsockopt(client->fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_bytes_received : 0;
}

static void
end(Client *client)
{
	client_set(client, CLIENT_ENDED);
	(void) shutdown(client->fd, SHUT_RDWR);
}

/*
 * Do a connection's first bytes make the beginning of a request line?  The
 * library closes without a word where there is no method and a blank.  Of later
 * requests a part may be in its hands already.
 */
static bool
begins_well(const Client *client)
{
	char		first[40];
	ssize_t		n;
	ssize_t		i = 0;
	ssize_t		start;

	if (config.tls_certificate != NULL || client->bytes > 0 || received(client) != (uint64) unread(client))
		return true;
	n = recv(client->fd, first, sizeof(first), MSG_PEEK | MSG_DONTWAIT);
	while (i < n && (first[i] == '\r' || first[i] == '\n'))
		i++;
	for (start = i; i < n; i++)
	{
		if (first[i] == ' ')
			return i > start;
		if (!guard_is_token(&first[i], 1))
			return false;
	}
	return i - start < 30;
}

static void
bytes_came(LoopSource *source, uint32 events)
{
	Client	   *client = (Client *) source;

	/* The event may be about bytes of a request that is answered already. */
	if (client->state != CLIENT_IDLE || (unread(client) == 0 && received(client) <= client->bytes))
		return;
	client_set(client, CLIENT_RECEIVING);
	if (!begins_well(client))
		client_refuse(client, 400, "Bad Request", "{\"error\":\"the request line is malformed\",\"code\":\"bad_request\"}");
}

void
client_notify(void *cls, struct MHD_Connection *connection, void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	Client	   *client;

	if (code == MHD_CONNECTION_NOTIFY_STARTED)
	{
		client = pg_malloc0(sizeof(Client));
		client->connection = connection;
		client->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		client->source.ready = bytes_came;
		loop_add(&client->source, client->fd, EPOLLIN | EPOLLET);
		*socket_context = client;
		nclients++;
		dlist_push_tail(&states[CLIENT_IDLE], &client->in_state);
		client->state = CLIENT_IDLE;
		client->deadline = loop_now + (uint64) config.idle_timeout * MS;

		/* Nearly full: whoever has been idle longest makes room. */
		if (nclients > config.max_connections - config.max_connections / 10)
			end(dlist_head_element(Client, in_state, &states[CLIENT_IDLE]));
		return;
	}
	client = *socket_context;
	loop_remove(&client->source);
	dlist_delete(&client->in_state);
	nclients--;
	*socket_context = NULL;
	pg_free(client);
}

Client *
client_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

void
client_set(Client *client, ClientState state)
{
	if (client->state == CLIENT_ENDED || (client->state == CLIENT_RECEIVING && state == CLIENT_RECEIVING))
		return;
	if (state == CLIENT_IDLE)
	{
		/* the next request may be here already */
		if (unread(client) > 0)
			state = CLIENT_RECEIVING;
		else
			client->bytes = received(client);
	}
	client->state = state;
	client->deadline = loop_now + (uint64) (state == CLIENT_RECEIVING ? config.request_timeout : config.idle_timeout) * MS;
	dlist_delete(&client->in_state);
	dlist_push_tail(&states[state], &client->in_state);
	if (state == CLIENT_IDLE && stopping)
		end(client);
}

void
client_refuse(Client *client, int status, const char *reason, const char *json)
{
	char		str[1024];
	int			length;
	const union MHD_ConnectionInfo *tls;

	if (client->state == CLIENT_ENDED)
		return;
	length = snprintf(str, sizeof(str),
					  "HTTP/1.1 %d %s\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
					  status, reason, strlen(json), json);
	tls = MHD_get_connection_info(client->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	/* What does not fit the socket's buffer now is not worth waiting for. */
	if (tls != NULL && tls->tls_session != NULL)
		(void) gnutls_record_send(tls->tls_session, str, length);
	else
		(void) send(client->fd, str, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	end(client);
}

uint64
client_expire(void)
{
	static const ClientState timed[] = {CLIENT_IDLE, CLIENT_RECEIVING, CLIENT_SENDING};
	uint64		next = 0;
	size_t		i;

	for (i = 0; i < lengthof(timed); i++)
	{
		while (!dlist_is_empty(&states[timed[i]]))
		{
			Client	   *client = dlist_head_element(Client, in_state, &states[timed[i]]);

			if (client->deadline > loop_now)
			{
				next = next == 0 ? client->deadline : Min(next, client->deadline);
				break;
			}
			if (timed[i] == CLIENT_RECEIVING)
			{
				client->timed_out = true;
				client_refuse(client, 408, "Request Timeout", "{\"error\":\"the request did not come in time\",\"code\":\"request_timeout\"}");
			}
			else
				end(client);
		}
	}
	return next;
}

void
client_stop(void)
{
	stopping = true;
	while (!dlist_is_empty(&states[CLIENT_IDLE]))
		end(dlist_head_element(Client, in_state, &states[CLIENT_IDLE]));
}

int
client_count(void)
{
	return nclients;
}
