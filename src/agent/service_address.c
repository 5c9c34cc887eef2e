/*
 * service_address.c
 *	  The addresses of a service: a block of its own out of service_addresses.
 *
 * See service.h.  Which blocks other services have is the caller's to say.
 */
#include "agent/service.h"

#include <arpa/inet.h>

static bool
is_free(const AgentService *s, const char *address)
{
	static const int pg_ports[] = {5432, 0};
	static const int kafka_ports[] = {9093, 9094, 8083, 8085, 0};
	const int  *ports = s->order.kafka ? kafka_ports : pg_ports;

	for (; *ports; ports++)
	{
		if (agent_port_taken(address, *ports))
			return false;
	}
	return true;
}

bool
agent_address_find(AgentService *s, bool (*used) (uint32 first), char **error)
{
	const AgentConfig *config = s->config;
	char		found[AGENT_MAX_NODES][INET_ADDRSTRLEN];
	int			wanted = s->order.kafka ? 1 : s->order.nodes;
	int			n = 0;
	uint32		block;
	uint32		i;

	for (block = 0; n < wanted && block < config->address_count; block += AGENT_BLOCK)
	{
		if (used(config->address_first + block))
			continue;
		/* neither the network's address nor that of broadcasts */
		for (i = 1, n = 0; n < wanted && i < AGENT_BLOCK - 1; i++)
		{
			struct in_addr address = {htonl(config->address_first + block + i)};

			inet_ntop(AF_INET, &address, found[n], INET_ADDRSTRLEN);
			if (is_free(s, found[n]))
				n++;
		}
	}
	if (n == wanted)
	{
		memcpy(s->addresses, found, sizeof(s->addresses));
		s->naddresses = n;
	}
	else
		*error = psprintf("no address of %s has its ports free (%s): set service_addresses of the agent to a larger range", config->service_addresses,
						  s->order.kafka ? "9093, 9094, 8083 and 8085" : "5432");
	return n == wanted;
}
