/*
 * service.c
 *	  What the two kinds of services have in common: what is said of one, its
 *	  files, the start of its processes.
 *
 * See service.h.  Runs in the service's own thread.  Which services there are is
 * provision.c's business.
 */
#include "agent/service.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/beneath.h"
#include "agent/files.h"
#include "agent/limits.h"
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
	int			pause = FIRST_PAUSE_MS << Min(s->failures, 6);

	s->failures++;
	s->seen.state = AGENT_SERVICE_ERROR;
	strlcpy(s->seen.message, words ? words : "unknown fault", sizeof(s->seen.message));
	if (words)
		pfree(words);
	return Min(pause, MAX_PAUSE_MS);
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

/* Is its user nobody else's? */
static bool
is_own_user(const AgentService *s)
{
	return s->uid - s->config->uid_first < s->config->uid_count;
}

/* A directory just made becomes its user's; one of before is. */
static bool
owns(const AgentService *s, int fd, bool fresh)
{
	struct stat st;

	if (geteuid() != 0)
		return true;
	/* one that was made and not given, by an agent that was killed, is root's */
	if (fstat(fd, &st) == 0 && (fresh || st.st_uid == 0))
		return fchown(fd, s->uid, s->gid) == 0;
	return st.st_uid == s->uid;
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
	.cgroups = s->cgroups, .processes = geteuid() == 0 && is_own_user(s) ? plan.processes : 0};

	return launch;
}

bool
agent_service_stop(const AgentService *s, const char *name, const char *cwd, int sig, int seconds)
{
	return agent_process_end(s->dir, name, s->uid, cwd, sig, seconds);
}

int
agent_service_open(const AgentService *s, char **error)
{
	return agent_open_dir(agent_provision_dir(), s->id, 0, false, error);
}

int
agent_service_open_as(const AgentService *s, const char *name, char **error)
{
	int			top = agent_service_open(s, error);
	int			fd = top < 0 ? -1 : agent_beneath_open_dir(top, name, error);

	if (top >= 0)
		close(top);
	if (fd >= 0 && !agent_beneath_enter(s->uid, s->gid, error))
	{
		close(fd);
		fd = -1;
	}
	return fd;
}

void
agent_service_close(int fd)
{
	agent_beneath_leave();
	close(fd);
}

bool
agent_service_has(const AgentService *s, const char *name)
{
	char	   *ignored = NULL;
	int			fd = agent_service_open(s, &ignored);
	bool		has = fd >= 0 && agent_beneath_has(fd, name);

	if (fd >= 0)
		close(fd);
	if (ignored)
		pfree(ignored);
	return has;
}

bool
agent_service_mkdir(AgentService *s, const char *name, char **error)
{
	int			top = agent_service_open(s, error);
	int			fd = -1;
	bool		fresh;
	bool		ok = false;

	if (top < 0)
		return false;
	fresh = mkdirat(top, name, 0700) == 0;
	if (!fresh && errno != EEXIST)
		*error = psprintf("could not make directory %s: %m", name);
	else if ((fd = agent_beneath_open_dir(top, name, error)) >= 0)
	{
		ok = owns(s, fd, fresh);
		if (!ok)
			*error = psprintf("could not give directory %s to its user: %m", name);
		close(fd);
	}
	close(top);
	return ok;
}

static bool
write_own(AgentService *s, const char *name, const char *words, bool readable, char **error)
{
	int			fd = agent_service_open(s, error);
	bool		ok;

	if (fd < 0)
		return false;
	ok = geteuid() == 0 && readable ? agent_write_file_for(fd, name, words, strlen(words), 0600, s->uid, s->gid, error) :
		agent_write_file(fd, name, words, strlen(words), 0600, error);
	close(fd);
	return ok;
}

bool
agent_service_write(AgentService *s, const char *name, const char *words, char **error)
{
	return write_own(s, name, words, true, error);
}

bool
agent_service_keep(AgentService *s, const char *name, const char *words, char **error)
{
	return write_own(s, name, words, false, error);
}

/* All that may run of one, what fetches its version aside. */
static const char *const processes[] = {"initdb", "node-0", "node-1", "format", "kafka", "connect", "connect-agent"};

/* Does any of its processes live? */
static bool
lives(const AgentService *s)
{
	pid_t		pid;
	size_t		i;

	for (i = 0; i < lengthof(processes); i++)
	{
		if (agent_process_lives(s->dir, processes[i], &pid))
			return true;
	}
	return false;
}

/* A file of root's alone, and not by another name. */
static void
let_group_read(int dirfd, const char *name)
{
	int			fd = agent_beneath_open(dirfd, name, O_RDONLY, 0);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 && st.st_nlink == 1)
		(void) fchmod(fd, 0640);
	if (fd >= 0)
		close(fd);
}

bool
agent_service_take_over(AgentService *s, char **error)
{
	static const char *const files[] = {AGENT_ORDER_FILE, AGENT_MADE_FILE, "primary", "node-0.streams", "node-1.streams", "log", "fetch.pid"};
	int			fd = geteuid() == 0 ? agent_service_open(s, error) : -1;
	struct stat st;
	bool		ok;
	size_t		i;

	if (geteuid() != 0)
		return true;
	ok = fd >= 0 && fchown(fd, 0, s->gid) == 0 && fchmod(fd, 0710) == 0;
	if (fd >= 0 && !ok)
		*error = psprintf("could not become the owner of %s: %m", s->dir);
	/* what its user may have put in place of the logs' directory would be written to */
	if (ok && fstatat(fd, "log", &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode))
		ok = agent_remove_file(fd, "log", error) && mkdirat(fd, "log", 0700) == 0;
	for (i = 0; ok && i < lengthof(files); i++)
		ok = agent_beneath_give(fd, files[i], s->config->service_uid, 0, 0, error);
	for (i = 0; ok && i < lengthof(processes); i++)
	{
		char		name[64];

		/* as a launcher makes them: what runs beside a worker asks for its pid */
		snprintf(name, sizeof(name), "%s.pid", processes[i]);
		ok = agent_beneath_give(fd, name, s->config->service_uid, 0, s->gid, error);
		if (ok)
			let_group_read(fd, name);
	}
	if (fd >= 0)
		close(fd);
	return ok;
}

bool
agent_service_adopt(AgentService *s, char **error)
{
	static const char *const dirs[] = {"node-0", "node-1", "socket-0", "socket-1", "kafka", "connect", "plugins", "secrets", "agent"};
	uid_t		from = s->config->service_uid;
	bool		ok;
	size_t		i;
	int			fd;

	if (geteuid() != 0 || (is_own_user(s) && !s->adopting) || lives(s))
		return true;
	/* written down first: what is given in part is given on, to the same one */
	if (!is_own_user(s) && !agent_service_take_user(s, error))
		return false;
	fd = agent_service_open(s, error);
	ok = fd >= 0 && fchown(fd, 0, s->gid) == 0;
	if (fd >= 0 && !ok)
		*error = psprintf("could not give the service's directory to its group: %m");
	for (i = 0; ok && i < lengthof(dirs); i++)
		ok = agent_beneath_give(fd, dirs[i], from, s->uid, s->gid, error);
	if (fd >= 0)
		close(fd);
	if (ok)
	{
		s->adopting = false;
		ok = agent_service_save(s, error);
	}
	if (ok)
		fprintf(stderr, "cdc_agent: service %s: user id %u is its own from now on\n", s->id, (unsigned) s->uid);
	return ok;
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
