/*
 * client.c
 *	  See client.h.
 *
 * There are few connections, so they are one list, oldest first, and looked
 * through.
 */
#include "agent/client.h"
#include "common/clock.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/ilist.h"

typedef struct Client
{
	dlist_node	in_list;
	int			fd;
	unsigned char address[9];	/* family, then IPv4 or the first 64 bits of IPv6 */
	AgentClientDoes does;
	time_t		deadline;		/* 0: none */
	bool		known;
	bool		ended;			/* shut down; the library will close it */
} Client;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static dlist_head clients = DLIST_STATIC_INIT(clients); /* under the lock */
static const AgentConfig *config;

static time_t
seconds(void)
{
	return (time_t) (cdc_clock_ms() / 1000);
}

static void
end(Client *client)
{
	client->ended = true;
	client->deadline = 0;
	(void) shutdown(client->fd, SHUT_RDWR);
}

static void
set(Client *client, AgentClientDoes does)
{
	client->does = does;
	/* whole seconds: not less than there are */
	client->deadline = does == AGENT_CLIENT_IS_SERVED || client->ended ? 0 : seconds() + config->request_timeout + 1;
}

/* Every deadline that is set while this sleeps is later than its next look. */
static void *
watch(void *arg)
{
	(void) arg;
	for (;;)
	{
		time_t		now = seconds();
		struct timespec pause = {config->request_timeout, 0};
		dlist_iter	iter;

		pthread_mutex_lock(&lock);
		dlist_foreach(iter, &clients)
		{
			Client	   *client = dlist_container(Client, in_list, iter.cur);

			if (client->deadline != 0 && client->deadline <= now)
				end(client);
			else if (client->deadline != 0)
				pause.tv_sec = Min(pause.tv_sec, client->deadline - now);
		}
		pthread_mutex_unlock(&lock);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

bool
agent_client_init(const AgentConfig *c, char **error)
{
	pthread_t	thread;

	config = c;
	if (pthread_create(&thread, NULL, watch, NULL) != 0)
	{
		*error = pstrdup("a thread does not start");
		return false;
	}
	pthread_detach(thread);
	return true;
}

static void
read_address(Client *client, const struct sockaddr *address)
{
	const struct in6_addr *in6 = &((const struct sockaddr_in6 *) address)->sin6_addr;

	client->address[0] = 4;
	if (address->sa_family == AF_INET)
		memcpy(client->address + 1, &((const struct sockaddr_in *) address)->sin_addr, 4);
	else if (IN6_IS_ADDR_V4MAPPED(in6))
		memcpy(client->address + 1, in6->s6_addr + 12, 4);
	else
	{
		client->address[0] = 6;
		memcpy(client->address + 1, in6->s6_addr, 8);
	}
}

/*
 * Ends the oldest stranger where there are too many connections, of all or of
 * this one's address; itself, where there is no stranger.
 */
static void
make_room(Client *fresh)
{
	Client	   *oldest = NULL;
	Client	   *oldest_of_address = NULL;
	int			all = 0;
	int			of_address = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &clients)
	{
		Client	   *client = dlist_container(Client, in_list, iter.cur);
		bool		same = memcmp(client->address, fresh->address, sizeof(fresh->address)) == 0;

		if (client->ended)
			continue;
		all++;
		of_address += same;
		if (client->known)
			continue;
		if (oldest == NULL)
			oldest = client;
		if (same && oldest_of_address == NULL)
			oldest_of_address = client;
	}
	/* the new one is the last in the list: there is always a stranger */
	if (of_address > config->address_connections && oldest_of_address)
		end(oldest_of_address);
	else if (all > config->max_connections && oldest)
		end(oldest);
}

void
agent_client_notify(void *arg, struct MHD_Connection *connection, void **context,
					enum MHD_ConnectionNotificationCode code)
{
	Client	   *client = *context;

	(void) arg;
	pthread_mutex_lock(&lock);
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
	{
		*context = client = pg_malloc0(sizeof(Client));
		client->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		read_address(client, MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
		set(client, AGENT_CLIENT_WAITS);
		dlist_push_tail(&clients, &client->in_list);
		make_room(client);
	}
	else if (client)
	{
		dlist_delete(&client->in_list);
		pg_free(client);
		*context = NULL;
	}
	pthread_mutex_unlock(&lock);
}

static Client *
client_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

void
agent_client_does(struct MHD_Connection *connection, AgentClientDoes does)
{
	Client	   *client = client_of(connection);

	pthread_mutex_lock(&lock);
	set(client, does);
	pthread_mutex_unlock(&lock);
}

void
agent_client_known(struct MHD_Connection *connection)
{
	Client	   *client = client_of(connection);

	pthread_mutex_lock(&lock);
	client->known = true;
	pthread_mutex_unlock(&lock);
}
