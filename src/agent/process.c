/*
 * process.c
 *	  See process.h.
 *
 * The agent starts itself as "cdc_agent --launch" (launch.c), which takes the lock,
 * writes who it is, gives up root and becomes the program.  So the lock is there
 * before the program is, and a killed agent leaves either nothing or a process
 * that is found again.
 */
#include "agent/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/files.h"
#include "agent/service_user.h"
#include "common/clock.h"
#include "common/redact.h"
#include "common/text.h"

#define PROGRAM "/proc/self/exe"
#define POLL_MS 20
#define MAX_WORDS 300
#define LOG_TAIL 4096
#define TAIL_LINES 15
#define START_SECONDS 10

extern char **environ;

void
agent_process_path(char *path, size_t size, const char *dir, const char *name)
{
	snprintf(path, size, "%s/%s.pid", dir, name);
}

unsigned long long
agent_process_start_of(pid_t pid)
{
	char		path[64];
	char		words[1024];
	unsigned long long started = 0;
	ssize_t		n;
	char	   *p;
	int			fd;
	int			field;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, words, sizeof(words) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	words[n] = '\0';
	/* field 2 is in parentheses and may have spaces; the time is field 22 */
	p = strrchr(words, ')');
	for (field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (p)
		started = strtoull(p + 1, NULL, 10);
	return started;
}

/* Is there a lock on the file that is not ours? */
static bool
is_locked(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

bool
agent_process_lives(const char *dir, const char *name, pid_t *pid)
{
	char		path[MAXPGPATH];
	char		words[64];
	unsigned long long started;
	ssize_t		n;
	int			number;
	int			fd;
	bool		lives;

	*pid = 0;
	agent_process_path(path, sizeof(path), dir, name);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	lives = is_locked(fd);
	n = lives ? read(fd, words, sizeof(words) - 1) : 0;
	close(fd);
	if (n > 0)
	{
		words[n] = '\0';
		if (sscanf(words, "%d %llu", &number, &started) == 2 && number > 1 && agent_process_start_of(number) == started)
			*pid = number;
	}
	return lives;
}

/* -- starting it ------------------------------------------------------------ */

/* Variables that a program needs; none of the agent's own, none of libpq's. */
static char **
clean_environment(void)
{
	static const char *const kept[] = {"PATH=", "JAVA_HOME=", "TZ=", "ASAN_OPTIONS=", "UBSAN_OPTIONS="};
	char	  **list = palloc0(sizeof(char *) * (lengthof(kept) + 2));
	int			n = 0;
	int			i;
	size_t		j;

	for (i = 0; environ[i]; i++)
	{
		for (j = 0; j < lengthof(kept); j++)
		{
			if (n < (int) lengthof(kept) && strncmp(environ[i], kept[j], strlen(kept[j])) == 0)
				list[n++] = environ[i];
		}
	}
	list[n] = "LC_ALL=C.UTF-8";
	return list;
}

/*
 * Starts the launcher; what it says before the program runs is the fault.  *pid
 * is the launcher's, to be waited for.
 */
static bool
spawn_launcher(const AgentLaunch *launch, const char *mode, pid_t *pid, char **error)
{
	const char **argv;
	char	  **environment;
	char		uid[32];
	char		gid[32];
	char		processes[32];
	char		words[512];
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t	none;
	sigset_t	all;
	int			ends[2];
	int			n = 0;
	int			i;
	int			rc;
	ssize_t		got;
	size_t		length = 0;

	while (launch->argv[n])
		n++;
	argv = palloc0(sizeof(char *) * (n + AGENT_LAUNCH_ARGS + 3));
	snprintf(uid, sizeof(uid), "%ld", (long) launch->uid);
	snprintf(gid, sizeof(gid), "%ld", (long) launch->gid);
	argv[0] = "cdc_agent";
	argv[1] = "--launch";
	argv[2] = mode;
	argv[3] = launch->dir;
	argv[4] = launch->name;
	argv[5] = launch->cwd;
	argv[6] = uid;
	argv[7] = gid;
	snprintf(processes, sizeof(processes), "%d", launch->processes);
	argv[8] = launch->cgroups ? launch->cgroups : "";
	argv[9] = processes;
	argv[10] = launch->named ? "named" : "plain";
	argv[11] = "--";
	for (i = 0; i < n; i++)
		argv[AGENT_LAUNCH_ARGS + 1 + i] = launch->argv[i];
	if (pipe2(ends, O_CLOEXEC) != 0)
	{
		pfree(argv);
		*error = psprintf("no pipe: %m");
		return false;
	}
	environment = clean_environment();
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	rc = posix_spawn(pid, PROGRAM, &actions, &attributes, (char *const *) argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	pfree(argv);
	pfree(environment);
	close(ends[1]);
	if (rc != 0)
	{
		close(ends[0]);
		*error = psprintf("could not start a process: %s", strerror(rc));
		return false;
	}
	/* ends when the program runs */
	while (length < sizeof(words) - 1)
	{
		struct pollfd wait = {ends[0], POLLIN, 0};

		if (poll(&wait, 1, START_SECONDS * 1000) <= 0)
			break;
		got = read(ends[0], words + length, sizeof(words) - 1 - length);
		if (got <= 0)
			break;
		length += (size_t) got;
	}
	close(ends[0]);
	words[length] = '\0';
	if (length > 0)
	{
		waitpid(*pid, NULL, 0);
		*error = psprintf("%s does not start: %s", launch->name, words);
		return false;
	}
	return true;
}

bool
agent_process_start(const AgentLaunch *launch, char **error)
{
	pid_t		pid;

	if (!spawn_launcher(launch, "detach", &pid, error))
		return false;
	waitpid(pid, NULL, 0);
	return true;
}

bool
agent_process_run(const AgentLaunch *launch, int seconds, char **error)
{
	pid_t		pid;
	int			status = 0;
	int64		left = (int64) seconds * 1000;
	char	   *words;

	if (!spawn_launcher(launch, "stay", &pid, error))
		return false;
	while (waitpid(pid, &status, WNOHANG) != pid)
	{
		if ((left -= POLL_MS) < 0)
		{
			kill(-pid, SIGKILL);
			waitpid(pid, &status, 0);
			*error = psprintf("%s has not ended within %d s", launch->name, seconds);
			return false;
		}
		cdc_clock_pause(POLL_MS);
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	words = agent_process_last_words(launch->dir, launch->name);
	*error = psprintf("%s failed with %s %d%s%s", launch->name, WIFEXITED(status) ? "exit code" : "signal",
					  WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), words[0] ? ": " : "", words);
	pfree(words);
	return false;
}

/*
 * A signal to one process, if it is that user's (and works in cwd, where one is
 * given).  It is held by a descriptor while that is looked at, so that its number
 * does not become another's.
 */
static void
signal_one(pid_t pid, uid_t uid, const char *cwd, int sig)
{
	int			handle = (int) syscall(SYS_pidfd_open, pid, 0);
	char		path[64];
	char		where[MAXPGPATH];
	ssize_t		n = 0;

	if (handle < 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/cwd", (int) pid);
	if (cwd)
		n = readlink(path, where, sizeof(where) - 1);
	where[n > 0 ? n : 0] = '\0';
	if ((cwd == NULL || strcmp(where, cwd) == 0) && agent_user_has(uid, pid))
		syscall(SYS_pidfd_send_signal, handle, sig, NULL, 0);
	close(handle);
}

/* SIGKILL to every process of a user whose working directory is this one. */
static void
kill_in(uid_t uid, const char *cwd)
{
	DIR		   *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc)) != NULL)
	{
		pid_t		pid = (pid_t) atol(entry->d_name);

		if (pid > 1 && pid != getpid())
			signal_one(pid, uid, cwd, SIGKILL);
	}
	if (proc)
		closedir(proc);
}

bool
agent_process_end(const char *dir, const char *name, uid_t uid, const char *cwd, int sig, int seconds)
{
	int64		left = (int64) seconds * 1000;
	pid_t		pid;

	if (!agent_process_lives(dir, name, &pid))
		return true;
	if (pid && sig)
		signal_one(pid, uid, cwd, sig);
	for (; left > 0; left -= POLL_MS)
	{
		if (!agent_process_lives(dir, name, &pid))
			return true;
		cdc_clock_pause(POLL_MS);
	}
	for (left = 5000; left > 0; left -= POLL_MS)
	{
		if (!agent_process_lives(dir, name, &pid))
			return true;
		if (pid)
			signal_one(pid, uid, cwd, SIGKILL);
		if (cwd)
			kill_in(uid, cwd);
		cdc_clock_pause(POLL_MS);
	}
	return !agent_process_lives(dir, name, &pid);
}

static bool
tells_of_a_fault(const char *line)
{
	static const char *const marks[] = {"FATAL", "PANIC", "ERROR", "error:", "Exception", "could not"};
	size_t		i;

	for (i = 0; line[0] != '\t' && i < lengthof(marks); i++)
	{
		if (strstr(line, marks[i]))
			return true;
	}
	return false;
}

char *
agent_process_last_words(const char *dir, const char *name)
{
	char		path[MAXPGPATH];
	char		words[LOG_TAIL + 1];
	char		last[LOG_TAIL + 1] = "";
	char		clean[MAX_WORDS + 1];
	char	   *line;
	char	   *end;
	struct stat st;
	ssize_t		n = 0;
	int			lines;
	int			fd;

	snprintf(path, sizeof(path), "%s/log/%s", dir, name);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
	{
		if (fstat(fd, &st) == 0)
			n = pread(fd, words, LOG_TAIL, st.st_size > LOG_TAIL ? st.st_size - LOG_TAIL : 0);
		close(fd);
	}
	words[n > 0 ? n : 0] = '\0';
	/* from the end: the last line that tells of a fault, else the last that is no stack trace */
	for (lines = 0; lines < TAIL_LINES; lines++)
	{
		end = words + strlen(words);
		while (end > words && (end[-1] == '\n' || end[-1] == ' '))
			*--end = '\0';
		line = strrchr(words, '\n');
		line = line ? line + 1 : words;
		if (tells_of_a_fault(line))
		{
			strlcpy(last, line, sizeof(last));
			break;
		}
		if (last[0] == '\0' && line[0] != '\t' && line[0] != ' ')
			strlcpy(last, line, sizeof(last));
		if (line == words)
			break;
		line[-1] = '\0';
	}
	/* a process writes what it likes, and this gets into JSON and a terminal */
	return cdc_redact(cdc_text_line(clean, sizeof(clean), last), NULL, 0);
}

/*
 * cdc_agent --restart DIR NAME: ends a process of a service and waits until the
 * agent that watches over it has started it again.
 */
int
agent_restart_main(int argc, char **argv)
{
	int64		left = 60000;
	pid_t		pid;

	if (argc != 4)
		return 2;
	if (!agent_process_end(argv[2], argv[3], geteuid(), NULL, SIGTERM, 30))
	{
		fprintf(stderr, "%s does not end\n", argv[3]);
		return 1;
	}
	for (; left > 0; left -= POLL_MS)
	{
		if (agent_process_lives(argv[2], argv[3], &pid) && pid)
			return 0;
		cdc_clock_pause(POLL_MS);
	}
	fprintf(stderr, "%s is not started again: does the agent that made the service run?\n", argv[3]);
	return 1;
}
