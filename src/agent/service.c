/*
 * service.c
 *	  What the two kinds of services have in common: what is said of one, the
 *	  start of its processes.
 *
 * See service.h.  Runs in the service's own thread.
 */
#include "agent/service.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/limits.h"
#include "agent/service_user.h"
#include "common/backoff.h"
#include "common/clock.h"

#define FIRST_PAUSE_MS 250
#define MAX_PAUSE_MS 10000
#define QUICK_MS 10000			/* a process that ended sooner did not really start */
#define QUICK_MAX 3

void
agent_service_publish(AgentService *s)
{
	pthread_mutex_lock(&s->lock);
	if (strcmp(s->said.message, s->seen.message) != 0 && s->seen.message[0])
		fprintf(stderr, "cdc_agent: service %s: %s\n", s->id, s->seen.message);
	s->said = s->seen;
	if (s->deleted)
		s->said.state = AGENT_SERVICE_DELETING;
	pthread_mutex_unlock(&s->lock);
}

int
agent_service_fault(AgentService *s, char *words)
{
	s->failures++;
	s->seen.state = AGENT_SERVICE_ERROR;
	strlcpy(s->seen.message, words ? words : "unknown fault", sizeof(s->seen.message));
	if (words)
		pfree(words);
	return (int) cdc_backoff_ms(s->failures, FIRST_PAUSE_MS, MAX_PAUSE_MS);
}

void
agent_service_note(AgentService *s, const char *format,...)
{
	va_list		args;

	/* what failed and is tried again stays said until it is done */
	if (s->failures > 0)
		return;
	va_start(args, format);
	vsnprintf(s->seen.message, sizeof(s->seen.message), format, args);
	va_end(args);
	s->seen.state = s->made ? AGENT_SERVICE_ERROR : AGENT_SERVICE_PROVISIONING;
	agent_service_publish(s);
}

bool
agent_service_fetch(AgentService *s, const char *name, char **error)
{
	char	  **command = s->config->fetch_command;
	AgentLaunch launch = {.dir = s->dir, .name = "fetch", .cwd = "/", .uid = geteuid(), .gid = getegid()};
	const char **argv;
	char	   *words = NULL;
	bool		ok;
	int			n = 0;

	if (command == NULL)
		return false;
	while (command[n])
		n++;
	argv = palloc0(sizeof(char *) * (n + 3));
	memcpy(argv, command, sizeof(char *) * n);
	argv[n] = s->order.kafka ? "kafka" : "postgresql";
	argv[n + 1] = s->order.version;
	launch.argv = argv;
	pfree(*error);
	*error = NULL;
	agent_service_note(s, "%s %s is being fetched", name, s->order.version);
	ok = agent_process_end(s->dir, "fetch", geteuid(), NULL, SIGKILL, 5);
	if (!ok)
		words = pstrdup("a fetch of before does not end");
	else
		ok = agent_process_run(&launch, s->config->fetch_timeout, &words);
	if (!ok)
		*error = psprintf("%s %s cannot be had here: %s", name, s->order.version, words ? words : "unknown fault");
	if (words)
		pfree(words);
	pfree(argv);
	return ok;
}

int
agent_service_start(AgentService *s, int n, const AgentLaunch *launch)
{
	struct AgentStart *start = &s->starts[n];
	int64		now = cdc_clock_ms();
	char	   *error = NULL;

	if (start->at != 0)
		start->quick = now - start->at < QUICK_MS ? start->quick + 1 : 0;
	if (start->quick > 0)
	{
		char	   *words = agent_process_last_words(launch->dir, launch->name);
		char	   *fault = psprintf("%s has ended right after its start, %d times: %s", launch->name, start->quick, words);

		pfree(words);
		if (start->quick >= QUICK_MAX)
		{
			int			pause = agent_service_fault(s, fault);

			/* tried once more each time the pause is over */
			if (now < s->wait_until)
				return (int) (s->wait_until - now);
			s->wait_until = now + pause;
		}
		else
			pfree(fault);
	}
	start->at = now;
	if (!agent_process_start(launch, &error))
		return agent_service_fault(s, error);
	fprintf(stderr, "cdc_agent: service %s: started %s\n", s->id, launch->name);
	if (start->quick == 0)
		s->failures = 0;
	return 20;
}

AgentLaunch
agent_service_launch(const AgentService *s, const char *name, const char *cwd, const char *const *argv)
{
	AgentPlan	plan = agent_limits_of(s->config, s->order.plan);
	AgentLaunch launch = {.dir = s->dir, .name = name, .cwd = cwd, .uid = s->uid, .gid = s->gid, .argv = argv,
		.cgroups = s->cgroups, .processes = geteuid() == 0 && agent_user_is_own(s->config, s->uid) ? plan.processes : 0};

	return launch;
}

bool
agent_service_stop(const AgentService *s, const char *name, const char *cwd, int sig, int seconds)
{
	return agent_process_end(s->dir, name, s->uid, cwd, sig, seconds);
}

void
agent_service_made(AgentService *s)
{
	char	   *error = NULL;

	if (!s->made && agent_service_keep(s, AGENT_MADE_FILE, "", &error))
	{
		s->made = true;
		fprintf(stderr, "cdc_agent: service %s: runs\n", s->id);
	}
	if (error)
		pfree(error);
}

bool
agent_port_taken(const char *address, int port)
{
	struct sockaddr_in to;
	int			fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int			yes = 1;
	bool		taken;

	memset(&to, 0, sizeof(to));
	to.sin_family = AF_INET;
	to.sin_port = htons((uint16_t) port);
	inet_pton(AF_INET, address, &to.sin_addr);
	if (fd < 0)
		return true;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	taken = bind(fd, (struct sockaddr *) &to, sizeof(to)) != 0;
	close(fd);
	return taken;
}
