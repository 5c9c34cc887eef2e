/*
 * client.c
 *	  Deadlines of the clients' connections, and room for them.
 *
 * A list for each state: its time is the same for all, so each list is in the
 * order of deadlines.  The first byte of a request is seen by an edge-triggered
 * event beside the library's own, which may read it first: what tells is how
 * many bytes ever came.  Bytes that the library read together with the end of
 * the request before are seen when they make a request line.
 */
#include "gateway/client.h"

#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "gateway/config.h"
#include "gateway/guard.h"
#include "gateway/linger.h"
#include "gateway/rate.h"

#define MS 1000
#define TURNED_OF_ADDRESS 16	/* of one address that are told 429 at a time */
#define SLOW (1 * 1000 * MS)	/* a request that comes for so long makes room for others */
#define LOOK_AT 64				/* of them at most */

static dlist_head states[CLIENT_STATES] = {
	DLIST_STATIC_INIT(states[0]), DLIST_STATIC_INIT(states[1]), DLIST_STATIC_INIT(states[2]),
	DLIST_STATIC_INIT(states[3]), DLIST_STATIC_INIT(states[4]), DLIST_STATIC_INIT(states[5])
};
static dlist_head turned = DLIST_STATIC_INIT(turned);	/* those that are turned away, oldest first */
static int	nclients;
static int	nturned;
static int	nended;				/* that the library has still to close */
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

static bool
is_idle(const Client *client)
{
	return client->state == CLIENT_IDLE || client->state == CLIENT_KNOWN;
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
	if (!is_idle(client) || (unread(client) == 0 && received(client) <= client->bytes))
		return;
	client_set(client, CLIENT_RECEIVING);
	if (!begins_well(client))
	{
		client_refuse(client, 400, "Bad Request", "{\"error\":\"the request line is malformed\",\"code\":\"bad_request\"}");
		(void) shutdown(client->fd, SHUT_RDWR);
	}
}

static void
too_slow(Client *client)
{
	client_refuse(client, 408, "Request Timeout", "{\"error\":\"the request did not come in time\",\"code\":\"request_timeout\"}");
	(void) shutdown(client->fd, SHUT_RDWR);
}

/* --- room ------------------------------------------------------------------- */

int
client_lobby(void)
{
	return Max(16, config.max_connections / 8);
}

enum MHD_Result
client_accept(void *cls, const struct sockaddr *address, socklen_t size)
{
	if (config_trusts(address))
		return MHD_YES;
	if (peer_connections(address) >= config.address_connections + TURNED_OF_ADDRESS)
		return MHD_NO;
	return config.tls_certificate == NULL || rate_take(address, config.address_handshakes) ? MHD_YES : MHD_NO;
}

/*
 * Ends one connection for another: who has been idle longest, strangers first;
 * else a stranger whose request takes its time.
 */
static bool
make_room(void)
{
	static const ClientState idle[] = {CLIENT_IDLE, CLIENT_KNOWN};
	dlist_iter	iter;
	int			seen = 0;
	size_t		i;

	for (i = 0; i < lengthof(idle); i++)
	{
		while (!dlist_is_empty(&states[idle[i]]))
		{
			Client	   *client = dlist_head_element(Client, in_state, &states[idle[i]]);

			if (unread(client) == 0)
			{
				end(client);
				return true;
			}
			client_set(client, CLIENT_RECEIVING);	/* its request came in this turn of the loop */
		}
	}
	dlist_foreach(iter, &states[CLIENT_RECEIVING])
	{
		Client	   *client = dlist_container(Client, in_state, iter.cur);

		if (client->deadline + SLOW > loop_now + (uint64) config.request_timeout * MS || ++seen > LOOK_AT)
			break;
		if (client->turned_away == 0 && !client->known)
		{
			too_slow(client);
			return true;
		}
	}
	return false;
}

/* It may ask, and is told this status; not for longer than a request takes. */
static void
turn_away(Client *client, int status)
{
	client->turned_away = status;
	dlist_push_tail(&turned, &client->in_turned);
	if (++nturned > client_lobby() / 2)
		end(dlist_head_element(Client, in_turned, &turned));
	client_set(client, CLIENT_RECEIVING);
}

static void
no_longer_turned(Client *client)
{
	if (client->turned_away == 0)
		return;
	dlist_delete(&client->in_turned);
	nturned--;
	client->turned_away = 0;
}

static void
begins(Client *client, const struct sockaddr *address)
{
	int			of_address;
	bool		full;

	client->peer = peer_get(address);
	of_address = peer_connect(client->peer);
	full = nclients - nended - nturned >= config.max_connections && !make_room();
	nclients++;
	dlist_push_tail(&states[CLIENT_IDLE], &client->in_state);
	client->state = CLIENT_IDLE;
	client->deadline = loop_now + (uint64) config.idle_timeout * MS;
	if (of_address > config.address_connections && !config_trusts(address))
		turn_away(client, 429);
	else if (full)
		turn_away(client, 503);
}

/*
 * The library has ended it.  A client that was still sending is let finish, or
 * the kernel's reset takes the answer from it.
 */
static void
ends(Client *client)
{
	int			fd = client->unfinished || unread(client) > 0 ? fcntl(client->fd, F_DUPFD_CLOEXEC, 0) : -1;

	if (fd >= 0)
		linger(fd);
	loop_remove(&client->source);
	if (client->state == CLIENT_ENDED)
		nended--;
	no_longer_turned(client);
	dlist_delete(&client->in_state);
	nclients--;
	peer_disconnect(client->peer);
	peer_put(client->peer);
	pg_free(client);
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
		/*
		 * Also for writing: epoll drops an event when the bytes that made it
		 * have been read by the time it is asked for, and the library may do
		 * so first.  A socket that can be written to always has one to tell.
		 */
		loop_add(&client->source, client->fd, EPOLLIN | EPOLLOUT | EPOLLET);
		*socket_context = client;
		begins(client, MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
		return;
	}
	ends(*socket_context);
	*socket_context = NULL;
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
		/* the next request may be here already; what comes after the count makes an event */
		client->bytes = received(client);
		if (unread(client) > 0)
			state = CLIENT_RECEIVING;
		else if (client->known)
			state = CLIENT_KNOWN;
	}
	if (state == CLIENT_ENDED)
	{
		no_longer_turned(client);
		nended++;
	}
	client->state = state;
	client->deadline = loop_now + (uint64) (state == CLIENT_RECEIVING ? config.request_timeout : config.idle_timeout) * MS;
	dlist_delete(&client->in_state);
	dlist_push_tail(&states[state], &client->in_state);
	if (is_idle(client) && stopping)
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
	client->refused = status;
	client->unfinished = true;
	length = snprintf(str, sizeof(str),
					  "HTTP/1.1 %d %s\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %zu\r\n%sConnection: close\r\n\r\n%s",
					  status, reason, strlen(json), status == 503 ? "Retry-After: 1\r\n" : "", json);
	tls = MHD_get_connection_info(client->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	/* What does not fit the socket's buffer now is not worth waiting for. */
	if (tls != NULL && tls->tls_session != NULL)
		(void) gnutls_record_send(tls->tls_session, str, length);
	else
		(void) send(client->fd, str, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	client_set(client, CLIENT_ENDED);
}

uint64
client_expire(void)
{
	static const ClientState timed[] = {CLIENT_IDLE, CLIENT_KNOWN, CLIENT_RECEIVING, CLIENT_SENDING};
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
				too_slow(client);
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
	while (!dlist_is_empty(&states[CLIENT_KNOWN]))
		end(dlist_head_element(Client, in_state, &states[CLIENT_KNOWN]));
}

int
client_count(void)
{
	return nclients;
}
