/*
 * sdn_hook.c
 *	  Makes peerings true: a command is told which pairs of networks are
 *	  active, as the cloud's routers are.
 *
 *	 PROGRAM up|down NETWORK_A NETWORK_B RANGES_A RANGES_B
 *
 * RANGES are "10.71.0.0/24", several with commas between.  "up" runs when both
 * peerings of a pair have become active, "down" when one of them is not any
 * more, and for every active pair at the end.  One at a time, in order.  The
 * lock is not held while it runs.
 */
#include "sdn_sim.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define LOOK_MS 20

extern char **environ;

typedef struct Pair
{
	char	   *words[4];		/* networks a and b, their ranges */
	bool		active;			/* by the last look */
	struct Pair *next;
} Pair;

static const char *program;
static Pair *pairs;				/* those that are up; one thread at a time */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static void
run(const char *what, Pair *pair)
{
	char	   *argv[] = {(char *) program, (char *) what, pair->words[0], pair->words[1], pair->words[2], pair->words[3], NULL};
	pid_t		pid;
	int			status;

	if (posix_spawn(&pid, program, NULL, NULL, argv, environ) != 0 || waitpid(pid, &status, 0) != pid || status != 0)
		fprintf(stderr, "sdn_sim: the hook failed: %s %s %s %s\n", program, what, pair->words[0], pair->words[1]);
}

/* "cidr,cidr" of a network; malloc'd. */
static char *
ranges_of(const char *uuid)
{
	struct json_object *network = sdn_find(sdn_networks, uuid, NULL);
	struct json_object *ranges = sdn_get(sdn_get(network, "ip_networks"), "ip_network");
	char	   *words = strdup("");
	size_t		i;

	for (i = 0; ranges && i < json_object_array_length(ranges); i++)
	{
		char	   *longer;

		if (asprintf(&longer, "%s%s%s", words, i > 0 ? "," : "", sdn_string(json_object_array_get_idx(ranges, i), "address")) < 0)
			abort();
		free(words);
		words = longer;
	}
	return words;
}

static Pair *
find(Pair *list, const char *a, const char *b)
{
	while (list != NULL && (strcmp(list->words[0], a) != 0 || strcmp(list->words[1], b) != 0))
		list = list->next;
	return list;
}

/* Marks what is active still; gives back what became so. */
static Pair *
look(void)
{
	Pair	   *fresh = NULL;
	size_t		i;

	pthread_mutex_lock(&sim_lock);
	for (i = 0; i < json_object_array_length(sdn_peerings); i++)
	{
		struct json_object *peering = json_object_array_get_idx(sdn_peerings, i);
		const char *a = sdn_string(sdn_get(peering, "network"), "uuid");
		const char *b = sdn_string(sdn_get(peering, "peer_network"), "uuid");
		struct json_object *opposite = sdn_peering_between(b, a);
		Pair	   *pair;

		if (strcmp(a, b) > 0 || opposite == NULL || strcmp(sdn_peering_state(peering), "active") != 0 ||
			strcmp(sdn_peering_state(opposite), "active") != 0)
			continue;
		pair = find(pairs, a, b);
		if (pair == NULL)
		{
			pair = calloc(1, sizeof(Pair));
			pair->words[0] = strdup(a);
			pair->words[1] = strdup(b);
			pair->words[2] = ranges_of(a);
			pair->words[3] = ranges_of(b);
			pair->next = fresh;
			fresh = pair;
		}
		pair->active = true;
	}
	pthread_mutex_unlock(&sim_lock);
	return fresh;
}

static void
take_down(Pair **where)
{
	Pair	   *pair = *where;
	int			i;

	run("down", pair);
	*where = pair->next;
	for (i = 0; i < 4; i++)
		free(pair->words[i]);
	free(pair);
}

static void
follow(void)
{
	Pair	  **at;
	Pair	   *pair;
	Pair	   *fresh;

	for (pair = pairs; pair != NULL; pair = pair->next)
		pair->active = false;
	fresh = look();
	for (at = &pairs; *at != NULL;)
	{
		if (!(*at)->active)
			take_down(at);
		else
			at = &(*at)->next;
	}
	while ((pair = fresh) != NULL)
	{
		fresh = pair->next;
		run("up", pair);
		pair->next = pairs;
		pairs = pair;
	}
}

static void *
watch(void *arg)
{
	for (;;)
	{
		pthread_mutex_lock(&turn);
		follow();
		pthread_mutex_unlock(&turn);
		sim_sleep(LOOK_MS);
	}
	return arg;
}

void
sdn_hook_start(const char *command)
{
	program = command;
	sim_detach(watch, NULL);
}

void
sdn_hook_stop(void)
{
	pthread_mutex_lock(&turn);
	while (pairs != NULL)
		take_down(&pairs);
	/* the turn is kept: nothing comes up any more */
}
